//! The description of a dataset, read without the library.
//!
//! The library crashes on some damaged files. So files are read here as far as they are of the usual
//! kind, which is what HDF5 writes by default and with `libver="v110"`: superblocks of version 0 to
//! 3, groups whose names are in a symbol table or in link messages, types, shapes, fill values and
//! filters in the header itself. What is unusual but allowed (dense groups, soft links, committed
//! types, virtual datasets, ...) is left to the library; what is damaged is an error.

pub(super) mod bytes;
mod datatype;
mod group;
pub(super) mod header;
mod message;
mod superblock;

use std::fs::File;

use super::error::H5Error;
use super::map::DatasetMap;

/// What was found, or that it is left to the library.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// It was read.
    Known(T),
    /// It is of a kind that is not read here.
    Unusual,
}

use Found::{Known, Unusual};

/// Reads what a dataset is.
pub(super) fn describe(file: &File, len: u64, name: &str) -> Result<Found<DatasetMap>, H5Error> {
    let Known((source, root)) = superblock::open(file, len)? else { return Ok(Unusual) };
    let mut header = root;
    for part in name.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match group::find(&source, header, part)? {
            Known(Some(found)) => header = found,
            // The library has the better words for it.
            Known(None) | Unusual => return Ok(Unusual),
        }
    }
    message::dataset(&source, header)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn is_known(file: &str, dataset: &str) -> bool {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hdf5");
        let file = File::open(folder.join(file)).unwrap();
        let len = file.metadata().unwrap().len();
        matches!(describe(&file, len, dataset).unwrap(), Known(_))
    }

    #[test]
    fn the_usual_files_need_no_library() {
        for (file, dataset) in [
            ("filters_1.h5", "gzip"),
            ("filters_3.h5", "lzf_shuffle_fletcher32"),
            ("types_1.h5", "/i16_big"),
            ("types_2.h5", "bool"),
            ("user_block.h5", "chunked"),
            ("sparse.h5", "compact"),
            ("latest_1.h5", "fixed_array_gzip"),
            ("implicit.h5", "early"),
            ("cuboids/v0.0.1/block_11-20_21-30_6-10.h5", "img"),
        ] {
            assert!(is_known(file, dataset), "{file} {dataset}");
        }
    }

    #[test]
    fn the_unusual_is_left_to_the_library() {
        for (file, dataset) in [
            ("latest_2.h5", "extensible_array"),
            ("refused.h5", "virtual"),
            ("refused.h5", "text"),
            ("filters_1.h5", "missing"),
        ] {
            assert!(!is_known(file, dataset), "{file} {dataset}");
        }
    }
}
