//! Asking the library for every chunk: for the kinds of index that are not read here (datasets of a
//! file of the newest format that can grow). It takes longer the more chunks there are, by their
//! square.

use super::{ChunkPlace, Collector};
use crate::hdf5::direct::error::H5Error;

/// Releases before this one count a chunk's address without the user block.
const WITH_USER_BLOCK: (u8, u8, u8) = (1, 14, 4);

/// Up to this release the walk over an extensible array is known to be wrong as
/// [`slots`](super::slots) says. What later ones do is not known.
const FORGETFUL: (u8, u8, u8) = (2, 1, u8::MAX);

pub(super) fn read(
    dataset: &hdf5::Dataset,
    found: &mut Collector<'_>,
    extensible: bool,
) -> Result<(), H5Error> {
    let told = hdf5::library_version() >= WITH_USER_BLOCK;
    let base = if told { 0 } else { found.about.source.base };
    let refused = || H5Error::corrupt("the HDF5 library cannot read its index of chunks");
    let count = dataset.num_chunks().ok_or_else(refused)?;
    for n in 0..count {
        let info = dataset.chunk_info(n).ok_or_else(refused)?;
        let size = u32::try_from(info.size).map_err(|_| refused())?;
        let offset = info.addr.checked_add(base).ok_or_else(refused)?;
        let place = ChunkPlace { offset, size, filter_mask: info.filter_mask };
        let told: Vec<u64> =
            info.offset.iter().zip(found.about.chunk).map(|(at, len)| at / len).collect();
        let corrected = if extensible { found.numbering.corrected(&told) } else { None };
        let Some(chunk) = corrected else {
            found.add(&info.offset, place)?;
            continue;
        };
        if hdf5::library_version() > FORGETFUL {
            return Err(H5Error::unsupported(
                "an axis that is not its first can grow, and how this release of the HDF5 library \
                 tells the places of its chunks is not known; repack it with h5repack",
            ));
        }
        let start: Vec<u64> =
            chunk.iter().zip(found.about.chunk).map(|(at, len)| at.saturating_mul(*len)).collect();
        found.add(&start, place)?;
    }
    Ok(())
}
