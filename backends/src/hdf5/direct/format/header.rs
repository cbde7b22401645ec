//! Object headers: what describes a dataset or a group, as a list of messages.
//!
//! ```text
//! version 1: u8 1, u8 -, u16 messages, u32 links, u32 bytes, 4 bytes -; messages from byte 16:
//!            u16 type, u16 bytes, u8 flags, 3 bytes -, content
//! version 2: "OHDR", u8 2, u8 flags, [4 times u32], [2 times u16], u8..u64 bytes; messages:
//!            u8 type, u16 bytes, u8 flags, [u16], content; a checksum ends each piece
//! ```
//! A continuation message (type 16) is the address and length of a further piece.

use super::bytes::{Cursor, Source, in_memory};
use crate::hdf5::direct::error::H5Error;

const CONTINUATION: u64 = 0x0010;
/// Pieces of one header. A sound header of a dataset with thousands of attributes has fewer.
const MOST_PIECES: usize = 1 << 12;
/// Bytes of all pieces.
const LONGEST: u64 = 1 << 26;
/// The content of the message is elsewhere.
const SHARED: u8 = 1 << 1;

/// One message of a header.
#[derive(Debug)]
pub(in crate::hdf5::direct) struct Message {
    pub(in crate::hdf5::direct) kind: u64,
    /// Whether this is only the place of the content.
    pub(in crate::hdf5::direct) shared: bool,
    pub(in crate::hdf5::direct) content: Vec<u8>,
}

/// Type, flags and content.
type Raw<'a> = (u64, u8, &'a [u8]);

/// All messages of the header at an address.
pub(in crate::hdf5::direct) fn messages(
    source: &Source<'_>,
    header: u64,
) -> Result<Vec<Message>, H5Error> {
    let start = source.piece_up_to(header, 64)?;
    let version_2 = start.starts_with(b"OHDR");
    let first =
        if version_2 { first_piece_2(&start, header)? } else { first_piece_1(&start, header)? };
    let tracked = version_2 && start.get(5).is_some_and(|flags| flags & (1 << 2) != 0);
    let mut pieces = vec![first];
    let (mut found, mut total, mut at) = (Vec::new(), 0_u64, 0);
    while let Some(&(address, len)) = pieces.get(at) {
        at += 1;
        total = total.saturating_add(len);
        if at > MOST_PIECES || total > LONGEST {
            return Err(H5Error::corrupt("its header has no end"));
        }
        let piece = source.piece(address, in_memory(len)?)?;
        let mut rest = Cursor(&piece);
        while let Some((kind, flags, content)) = message(&mut rest, version_2, tracked)? {
            if kind == CONTINUATION {
                pieces.push(continuation(content, version_2)?);
            } else {
                let (shared, content) = (flags & SHARED != 0, content.to_vec());
                found.push(Message { kind, shared, content });
            }
        }
    }
    Ok(found)
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

/// The next message: its type, flags and content. `None` at the end of the piece.
fn message<'a>(
    piece: &mut Cursor<'a>,
    version_2: bool,
    tracked: bool,
) -> Result<Option<Raw<'a>>, H5Error> {
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
    let flags = piece.byte()?;
    piece.skip(head - if version_2 { 4 } else { 5 })?;
    Ok(Some((kind, flags, piece.take(len)?)))
}
