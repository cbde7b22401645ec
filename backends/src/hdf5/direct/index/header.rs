//! The data layout message of a dataset's object header.
//!
//! ```text
//! version 1: u8 1, u8 -, u16 messages, u32 links, u32 bytes, 4 bytes -; messages from byte 16:
//!            u16 type, u16 bytes, u8 flags, 3 bytes -, content
//! version 2: "OHDR", u8 2, u8 flags, [4 times u32], [2 times u16], u8..u64 bytes; messages:
//!            u8 type, u16 bytes, u8 flags, [u16], content; a checksum ends each piece
//! ```
//! A continuation message (type 16) is the address and length of a further piece.

use super::super::error::H5Error;
use super::Chunked;
use super::bytes::{Cursor, Source, UNDEFINED, in_memory};

const LAYOUT: u64 = 0x0008;
const CONTINUATION: u64 = 0x0010;
/// Pieces of one header. A sound header of a dataset with thousands of attributes has fewer.
const MOST_PIECES: usize = 1 << 12;
/// Bytes of one piece.
const LONGEST_PIECE: u64 = 1 << 24;
const CHUNKED: u8 = 2;

/// What leads to the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    /// No chunk was written.
    Empty,
    /// A version 1 B-tree.
    Btree { root: u64 },
    /// The dataset is one chunk.
    Single { address: u64, size: Option<u64>, filter_mask: u32 },
    /// All chunks lie one behind the other.
    Implicit { address: u64 },
    /// A fixed array.
    FixedArray { header: u64 },
    /// An extensible array, which only the library reads.
    Extensible,
    /// A kind that is not read here.
    Other,
}

/// Follows the object header at an address to the index of its chunks.
pub(super) fn find_index(
    source: &Source<'_>,
    header: u64,
    about: &Chunked<'_>,
) -> Result<Index, H5Error> {
    let start = source.piece_up_to(header, 64)?;
    let mut pieces = Vec::new();
    let version_2 = start.starts_with(b"OHDR");
    pieces.push(if version_2 {
        first_piece_2(&start, header)?
    } else {
        first_piece_1(&start, header)?
    });
    let tracked = version_2 && start.get(5).is_some_and(|flags| flags & (1 << 2) != 0);
    let mut at = 0;
    while let Some(&(address, len)) = pieces.get(at) {
        at += 1;
        if at > MOST_PIECES || len > LONGEST_PIECE {
            return Err(H5Error::corrupt("its header has no end"));
        }
        let piece = source.piece(address, in_memory(len)?)?;
        let mut messages = Cursor(&piece);
        while let Some((kind, content)) = message(&mut messages, version_2, tracked)? {
            match kind {
                LAYOUT => return layout(content, about),
                CONTINUATION => pieces.push(continuation(content, version_2)?),
                _ => {}
            }
        }
    }
    Err(H5Error::corrupt("its header does not tell how it is stored"))
}

fn first_piece_1(start: &[u8], address: u64) -> Result<(u64, u64), H5Error> {
    let mut start = Cursor(start);
    if start.byte()? != 1 {
        return Err(H5Error::corrupt("it has no object header"));
    }
    start.skip(7)?;
    Ok((address.saturating_add(16), u64::from(start.word()?)))
}

fn first_piece_2(start: &[u8], address: u64) -> Result<(u64, u64), H5Error> {
    let whole = start.len();
    let mut start = Cursor(start);
    start.skip(4)?;
    if start.byte()? != 2 {
        return Err(H5Error::corrupt("it has an object header of an unknown version"));
    }
    let flags = start.byte()?;
    start.skip(if flags & (1 << 5) == 0 { 0 } else { 16 })?;
    start.skip(if flags & (1 << 4) == 0 { 0 } else { 4 })?;
    let len = start.number(1 << (flags & 3))?;
    let behind = (whole - start.0.len()) as u64;
    Ok((address.saturating_add(behind), len))
}

/// Where a further piece has its messages.
fn continuation(content: &[u8], version_2: bool) -> Result<(u64, u64), H5Error> {
    let mut content = Cursor(content);
    let (address, len) = (content.number(8)?, content.number(8)?);
    if version_2 {
        // "OCHK" before, a checksum behind.
        return Ok((address.saturating_add(4), len.saturating_sub(8)));
    }
    Ok((address, len))
}

/// The next message: its type and content. `None` at the end of the piece.
fn message<'a>(
    piece: &mut Cursor<'a>,
    version_2: bool,
    tracked: bool,
) -> Result<Option<(u64, &'a [u8])>, H5Error> {
    let head = match (version_2, tracked) {
        (false, _) => 8,
        (true, false) => 4,
        (true, true) => 6,
    };
    // What is shorter than a message is a gap.
    if piece.0.len() < head {
        return Ok(None);
    }
    let kind = piece.number(if version_2 { 1 } else { 2 })?;
    let len = piece.short()?;
    piece.skip(head - if version_2 { 3 } else { 4 })?;
    Ok(Some((kind, piece.take(len)?)))
}

fn layout(content: &[u8], about: &Chunked<'_>) -> Result<Index, H5Error> {
    let mut content = Cursor(content);
    match content.byte()? {
        1 | 2 => {
            let axes = usize::from(content.byte()?);
            expect_chunked(content.byte()?)?;
            content.skip(5)?;
            let root = content.number(8)?;
            expect_chunk(&mut content, axes, 4, about)?;
            Ok(btree(root))
        }
        3 => {
            expect_chunked(content.byte()?)?;
            let axes = usize::from(content.byte()?);
            let root = content.number(8)?;
            expect_chunk(&mut content, axes, 4, about)?;
            Ok(btree(root))
        }
        4 | 5 => {
            expect_chunked(content.byte()?)?;
            layout_4(content, about)
        }
        version => Err(H5Error::unsupported(format!(
            "it is stored in a layout of version {version}, which is not known"
        ))),
    }
}

const fn btree(root: u64) -> Index {
    if root == UNDEFINED { Index::Empty } else { Index::Btree { root } }
}

fn layout_4(mut content: Cursor<'_>, about: &Chunked<'_>) -> Result<Index, H5Error> {
    let flags = content.byte()?;
    let axes = usize::from(content.byte()?);
    let width = usize::from(content.byte()?);
    expect_chunk(&mut content, axes, width, about)?;
    let kind = content.byte()?;
    let single_filtered = kind == 1 && flags & (1 << 1) != 0;
    let (size, filter_mask) = match kind {
        1 if single_filtered => (Some(content.number(8)?), content.word()?),
        3 => {
            content.skip(1)?;
            (None, 0)
        }
        _ => (None, 0),
    };
    match kind {
        1..=3 => {}
        4 => return Ok(Index::Extensible),
        _ => return Ok(Index::Other),
    }
    let address = content.number(8)?;
    Ok(match kind {
        _ if address == UNDEFINED => Index::Empty,
        1 => Index::Single { address, size, filter_mask },
        2 => Index::Implicit { address },
        _ => Index::FixedArray { header: address },
    })
}

fn expect_chunked(class: u8) -> Result<(), H5Error> {
    if class == CHUNKED {
        return Ok(());
    }
    Err(H5Error::corrupt("its header tells another layout than the library"))
}

/// The message has the chunk's shape once more, and behind it the bytes of a value.
fn expect_chunk(
    content: &mut Cursor<'_>,
    axes: usize,
    width: usize,
    about: &Chunked<'_>,
) -> Result<(), H5Error> {
    let mut same = axes == about.chunk.len() + 1;
    for axis in 0..axes {
        let len = content.number(width)?;
        same &= about.chunk.get(axis).is_none_or(|&chunk| chunk == len);
    }
    if same {
        return Ok(());
    }
    Err(H5Error::corrupt("its header tells another chunk shape than the library"))
}
