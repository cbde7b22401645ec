//! The indices of files of the newest format (`libver="latest"`) whose datasets cannot grow: one
//! chunk, chunks one behind the other, and fixed arrays.
//!
//! ```text
//! header: "FAHD", u8 0, u8 client, u8 bytes of an entry, u8 page bits, u64 entries, u64 data block
//! block:  "FADB", u8 0, u8 client, u64 header, [page bitmap], entries, u32 checksum
//! ```
//! With more entries than a page has, the block ends behind bitmap and checksum, and pages follow:
//! entries and a checksum each; a page whose bit is not set was never written. An entry is the
//! address of a chunk, and in client 1 (with filters) its length and filter mask behind it.

use super::{ChunkPlace, Collector};
use crate::hdf5::direct::error::H5Error;
use crate::hdf5::direct::format::bytes::{Cursor, Source, UNDEFINED, in_memory};

const HEADER: usize = 4 + 4 + 8 + 8;
const BLOCK_HEAD: usize = 4 + 2 + 8;
const CHECKSUM: usize = 4;

/// The dataset is one chunk.
pub(super) fn read_single(
    source: &Source<'_>,
    address: u64,
    size: Option<u64>,
    filter_mask: u32,
    found: &mut Collector<'_>,
) -> Result<(), H5Error> {
    let size = size.map_or(Ok(found.about.chunk_bytes), in_memory)?;
    let place = ChunkPlace { offset: source.offset(address)?, size: narrow(size)?, filter_mask };
    found.add_at(0, place)
}

/// All chunks, in row-major order, none with filters.
pub(super) fn read_implicit(
    source: &Source<'_>,
    address: u64,
    found: &mut Collector<'_>,
) -> Result<(), H5Error> {
    let size = narrow(found.about.chunk_bytes)?;
    let start = source.offset(address)?;
    let Some(count) = found.numbering.count() else {
        return Err(H5Error::corrupt("it can grow, which its index cannot"));
    };
    let bytes = count.checked_mul(u64::from(size)).and_then(|len| len.checked_add(start));
    if bytes.is_none_or(|end| end > source.len) {
        return Err(H5Error::corrupt("its chunks do not fit in the file"));
    }
    for number in 0..count {
        let offset = start + number * u64::from(size);
        found.add_number(number, ChunkPlace { offset, size, filter_mask: 0 })?;
    }
    Ok(())
}

/// What the header of a fixed array tells.
#[derive(Debug)]
struct FixedArray {
    filtered: bool,
    entry: usize,
    entries: usize,
    per_page: usize,
    block: u64,
}

/// Reads a fixed array.
pub(super) fn read_fixed(
    source: &Source<'_>,
    header: u64,
    found: &mut Collector<'_>,
) -> Result<(), H5Error> {
    let array = fixed_header(source, header, found)?;
    if array.block == UNDEFINED {
        return Ok(());
    }
    let pages = array.entries.div_ceil(array.per_page);
    let paged = pages > 1;
    let bitmap_len = if paged { pages.div_ceil(8) } else { 0 };
    let head = source.piece(array.block, BLOCK_HEAD + bitmap_len)?;
    if !head.starts_with(b"FADB") {
        return Err(H5Error::corrupt("its index has no block of chunks"));
    }
    let bitmap = head.get(BLOCK_HEAD..).unwrap_or_default();
    let mut at = array.block.saturating_add(head.len() as u64);
    at = at.saturating_add(if paged { CHECKSUM as u64 } else { 0 });
    for page in 0..pages {
        let first = page * array.per_page;
        let count = array.per_page.min(array.entries - first);
        // The bits begin with the highest one.
        let written = bitmap.get(page / 8).is_none_or(|bits| bits & (0x80 >> (page % 8)) != 0);
        if written {
            let entries = source.piece(at, count * array.entry)?;
            fixed_entries(source, &array, first, &entries, found)?;
        }
        at = at.saturating_add((array.per_page * array.entry + CHECKSUM) as u64);
    }
    Ok(())
}

fn fixed_header(
    source: &Source<'_>,
    header: u64,
    found: &Collector<'_>,
) -> Result<FixedArray, H5Error> {
    let header = source.piece(header, HEADER)?;
    let mut header = Cursor(&header);
    let bad = || H5Error::corrupt("its index is no fixed array of its chunks");
    let (magic, version) = (header.take(4)?, header.byte()?);
    let (client, entry, page_bits) = (header.byte()?, header.byte()?, header.byte()?);
    let (entries, block) = (header.number(8)?, header.number(8)?);
    let filtered = client == 1;
    let sound = magic == b"FAHD" && version == 0 && client <= 1 && page_bits < 32;
    let entry = usize::from(entry);
    let wide_enough = if filtered { (8 + 1 + 4..=8 + 8 + 4).contains(&entry) } else { entry == 8 };
    // There is an entry for each chunk, and each is in the file.
    let fit = found.numbering.count() == Some(entries)
        && entries.saturating_mul(entry as u64) <= source.len
        && filtered == found.about.filtered;
    if !(sound && wide_enough && (block == UNDEFINED || fit)) {
        return Err(bad());
    }
    let entries = usize::try_from(entries).map_err(|_| bad())?;
    Ok(FixedArray { filtered, entry, entries, per_page: 1 << page_bits, block })
}

fn fixed_entries(
    source: &Source<'_>,
    array: &FixedArray,
    first: usize,
    entries: &[u8],
    found: &mut Collector<'_>,
) -> Result<(), H5Error> {
    for (n, entry) in entries.chunks_exact(array.entry).enumerate() {
        let mut entry = Cursor(entry);
        let address = entry.number(8)?;
        if address == UNDEFINED {
            continue;
        }
        let (size, filter_mask) = if array.filtered {
            let size = entry.number(array.entry - 8 - 4)?;
            (in_memory(size)?, entry.word()?)
        } else {
            (found.about.chunk_bytes, 0)
        };
        let place =
            ChunkPlace { offset: source.offset(address)?, size: narrow(size)?, filter_mask };
        found.add_number((first + n) as u64, place)?;
    }
    Ok(())
}

fn narrow(size: usize) -> Result<u32, H5Error> {
    u32::try_from(size).map_err(|_| H5Error::corrupt("it has a chunk of more than 4 GiB"))
}
