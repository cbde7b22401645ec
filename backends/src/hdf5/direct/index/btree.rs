//! Version 1 B-trees of chunks: what every version of HDF5 writes by default.
//!
//! ```text
//! "TREE", u8 1, u8 level, u16 entries, u64 left, u64 right, then for each entry a key and a child,
//! and one more key. Key: u32 bytes, u32 filter mask, u64 first value along each axis, u64 0.
//! ```
//! The children of level 0 are the chunks.

use super::{ChunkPlace, Collector};
use crate::hdf5::direct::error::H5Error;
use crate::hdf5::direct::format::bytes::{Cursor, Source};

const HEAD: usize = 24;
const CHUNKS: u8 = 1;

/// Reads all chunks below a node.
pub(super) fn read(
    source: &Source<'_>,
    root: u64,
    found: &mut Collector<'_>,
) -> Result<(), H5Error> {
    // No more nodes than the file has room for, so that one that is named twice is no trap.
    let mut budget = source.len / HEAD as u64 + 1;
    let mut waiting = vec![(root, None)];
    while let Some((address, level)) = waiting.pop() {
        budget = budget.checked_sub(1).ok_or_else(|| H5Error::corrupt("its index has no end"))?;
        node(source, address, level, found, &mut waiting)?;
    }
    Ok(())
}

fn node(
    source: &Source<'_>,
    address: u64,
    expected: Option<u8>,
    found: &mut Collector<'_>,
    waiting: &mut Vec<(u64, Option<u8>)>,
) -> Result<(), H5Error> {
    let axes = found.about.chunk.len();
    let entry = 8 + 8 * (axes + 1) + 8;
    let head = source.piece(address, HEAD)?;
    let mut head = Cursor(&head);
    let (magic, kind, level) = (head.take(4)?, head.byte()?, head.byte()?);
    let entries = head.short()?;
    if magic != b"TREE" || kind != CHUNKS || expected.is_some_and(|expected| level != expected) {
        return Err(H5Error::corrupt(format!("its index has no node at {address}")));
    }
    let body = source.piece(address.saturating_add(HEAD as u64), entries * entry)?;
    let mut body = Cursor(&body);
    let mut start = vec![0; axes];
    for _ in 0..entries {
        let (size, filter_mask) = (body.word()?, body.word()?);
        for axis in &mut start {
            *axis = body.number(8)?;
        }
        body.skip(8)?;
        let child = body.number(8)?;
        if let Some(below) = level.checked_sub(1) {
            waiting.push((child, Some(below)));
        } else {
            let offset = source.offset(child)?;
            found.add(&start, ChunkPlace { offset, size, filter_mask })?;
        }
    }
    Ok(())
}
