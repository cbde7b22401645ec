//! The beginning of a file.
//!
//! ```text
//! versions 0, 1: signature, u8 version, 4 bytes -, u8 bytes of an address, u8 bytes of a length,
//!                u8 -, 2 times u16, u32, [u16, u16 in version 1], u64 base, u64, u64 end, u64,
//!                and the root group: u64, u64 header
//! versions 2, 3: signature, u8 version, u8 and u8 as above, u8 flags, u64 base, u64, u64 end,
//!                u64 header of the root group, u32 checksum
//! ```

use std::fs::File;

use super::Found::{self, Known, Unusual};
use super::bytes::{Cursor, Source};
use crate::hdf5::direct::error::H5Error;

const SIGNATURE: [u8; 8] = [0x89, b'H', b'D', b'F', 0x0d, 0x0a, 0x1a, 0x0a];
const LONGEST: usize = 128;

/// A file and the header of its root group.
pub(super) fn open(file: &File, len: u64) -> Result<Found<(Source<'_>, u64)>, H5Error> {
    let mut base = 0_u64;
    loop {
        let source = Source { file, base, len };
        // Where a user block may end: at 0, 512 and its doubles.
        let Ok(start) = source.piece_up_to(0, LONGEST) else { break };
        if start.len() < SIGNATURE.len() {
            break;
        }
        if start.starts_with(&SIGNATURE) {
            return read(source, &start);
        }
        base = if base == 0 { 512 } else { base.saturating_mul(2) };
    }
    Err(H5Error::corrupt("it is no HDF5 file: it has no signature of one"))
}

fn read<'a>(source: Source<'a>, start: &[u8]) -> Result<Found<(Source<'a>, u64)>, H5Error> {
    let mut start = Cursor(start);
    start.skip(SIGNATURE.len())?;
    let version = start.byte()?;
    if version > 3 {
        let text = format!("its superblock has the version {version}, which is not known");
        return Err(H5Error::unsupported(text));
    }
    let old = version < 2;
    start.skip(if old { 4 } else { 0 })?;
    let (addresses, lengths) = (start.byte()?, start.byte()?);
    if !matches!(addresses, 2 | 4 | 8) || !matches!(lengths, 2 | 4 | 8) {
        return Err(H5Error::corrupt("its superblock tells impossible lengths"));
    }
    if (addresses, lengths) != (8, 8) {
        return Ok(Unusual);
    }
    start.skip(match version {
        0 => 1 + 4 + 4,
        1 => 1 + 4 + 4 + 4,
        _ => 1,
    })?;
    let told = start.number(8)?;
    start.skip(8)?;
    let end = start.number(8)?;
    start.skip(if old { 8 + 8 } else { 0 })?;
    let root = start.number(8)?;
    if told != source.base && told != 0 {
        return Ok(Unusual);
    }
    // An end that counts the user block, too, is that of some writers.
    if end > source.len {
        return Err(H5Error::corrupt(format!(
            "it is cut short: it has {} bytes of {end}",
            source.len
        )));
    }
    Ok(Known((source, root)))
}
