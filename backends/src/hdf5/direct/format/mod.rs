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
