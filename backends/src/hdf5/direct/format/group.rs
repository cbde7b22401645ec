//! Finding an object by its name in a group.
//!
//! ```text
//! symbol table message (type 17): u64 B-tree of names, u64 local heap
//! B-tree:  "TREE", u8 0, u8 level, u16 entries, u64, u64; key, child, key, child, ..., key; 8 bytes
//!          each; the children of level 0 are symbol nodes
//! node:    "SNOD", u8 1, u8 -, u16 entries; each u64 place of the name in the heap, u64 header,
//!          u32 kind (2: a soft link), 20 bytes -
//! heap:    "HEAP", u8 0, 3 bytes -, u64 bytes, u64, u64 content
//! link message (type 6): u8 1, u8 flags, [u8 kind], [u64], [u8], u8..u64 bytes, name, u64 header
//! ```

use super::Found::{self, Known, Unusual};
use super::bytes::{Cursor, Source, UNDEFINED, in_memory};
use super::header::{Message, messages};
use crate::hdf5::direct::error::H5Error;

const LINK_INFO: u64 = 0x0002;
const LINK: u64 = 0x0006;
const SYMBOL_TABLE: u64 = 0x0011;
const SOFT: u32 = 2;
/// Bytes of all names of a group.
const LONGEST_HEAP: u64 = 1 << 28;

/// The header of the object `name` of a group.
pub(super) fn find(
    source: &Source<'_>,
    group: u64,
    name: &str,
) -> Result<Found<Option<u64>>, H5Error> {
    let messages = messages(source, group)?;
    for message in &messages {
        match message.kind {
            _ if message.shared => return Ok(Unusual),
            SYMBOL_TABLE => return in_table(source, &message.content, name),
            LINK_INFO if is_dense(message)? => return Ok(Unusual),
            LINK => match link(&message.content, name)? {
                Known(None) => {}
                found => return Ok(found),
            },
            _ => {}
        }
    }
    Ok(Known(None))
}

/// Whether names are in a fractal heap: of a group with many.
fn is_dense(message: &Message) -> Result<bool, H5Error> {
    let mut content = Cursor(&message.content);
    content.skip(1)?;
    let flags = content.byte()?;
    content.skip(if flags & 1 == 0 { 0 } else { 8 })?;
    Ok(content.number(8)? != UNDEFINED)
}

fn link(content: &[u8], name: &str) -> Result<Found<Option<u64>>, H5Error> {
    let mut content = Cursor(content);
    let (version, flags) = (content.byte()?, content.byte()?);
    if version != 1 {
        return Err(H5Error::corrupt("its group has a link of an unknown version"));
    }
    let kind = if flags & (1 << 3) == 0 { 0 } else { content.byte()? };
    content.skip(if flags & (1 << 2) == 0 { 0 } else { 8 })?;
    content.skip(if flags & (1 << 4) == 0 { 0 } else { 1 })?;
    let len = in_memory(content.number(1 << (flags & 3))?)?;
    if content.take(len)? != name.as_bytes() {
        return Ok(Known(None));
    }
    if kind == 0 { content.number(8).map(|header| Known(Some(header))) } else { Ok(Unusual) }
}

fn in_table(
    source: &Source<'_>,
    content: &[u8],
    name: &str,
) -> Result<Found<Option<u64>>, H5Error> {
    let mut content = Cursor(content);
    let (root, heap) = (content.number(8)?, content.number(8)?);
    let names = heap_content(source, heap)?;
    // No more nodes than the file has room for, so that one that is named twice is no trap.
    let mut budget = source.len / 24 + 1;
    let mut waiting = vec![(root, None)];
    while let Some((address, level)) = waiting.pop() {
        budget = budget.checked_sub(1).ok_or_else(|| damaged("has no end"))?;
        if level == Some(0) {
            match in_node(source, address, &names, name)? {
                Known(None) => {}
                found => return Ok(found),
            }
        } else {
            inner_node(source, address, level, &mut waiting)?;
        }
    }
    Ok(Known(None))
}

fn heap_content(source: &Source<'_>, heap: u64) -> Result<Vec<u8>, H5Error> {
    let head = source.piece(heap, 32)?;
    let mut head = Cursor(&head);
    if head.take(4)? != b"HEAP" {
        return Err(damaged("has no heap of names"));
    }
    head.skip(4)?;
    let len = head.number(8)?;
    head.skip(8)?;
    let address = head.number(8)?;
    if len > LONGEST_HEAP {
        return Err(damaged("has too long names"));
    }
    source.piece(address, in_memory(len)?)
}

/// Adds the children of a node of the B-tree. Levels count from the symbol nodes, which are 0 here.
fn inner_node(
    source: &Source<'_>,
    address: u64,
    expected: Option<u8>,
    waiting: &mut Vec<(u64, Option<u8>)>,
) -> Result<(), H5Error> {
    let head = source.piece(address, 24)?;
    let mut head = Cursor(&head);
    let (magic, kind, level) = (head.take(4)?, head.byte()?, head.byte()?);
    let entries = head.short()?;
    let right_level = expected.is_none_or(|expected| level.checked_add(1) == Some(expected));
    if magic != b"TREE" || kind != 0 || !right_level || level == u8::MAX {
        return Err(damaged("has no node of names where one should be"));
    }
    let body = source.piece(address.saturating_add(24), entries * 16)?;
    let mut body = Cursor(&body);
    for _ in 0..entries {
        body.skip(8)?;
        waiting.push((body.number(8)?, Some(level)));
    }
    Ok(())
}

fn in_node(
    source: &Source<'_>,
    address: u64,
    names: &[u8],
    name: &str,
) -> Result<Found<Option<u64>>, H5Error> {
    let head = source.piece(address, 8)?;
    let mut head = Cursor(&head);
    if head.take(4)? != b"SNOD" {
        return Err(damaged("has no names where some should be"));
    }
    head.skip(2)?;
    let entries = head.short()?;
    let body = source.piece(address.saturating_add(8), entries * 40)?;
    let mut body = Cursor(&body);
    for _ in 0..entries {
        let (place, header, kind) = (body.number(8)?, body.number(8)?, body.word()?);
        body.skip(20)?;
        let text = usize::try_from(place).ok().and_then(|place| names.get(place..));
        let text = text.ok_or_else(|| damaged("has a name that is nowhere"))?;
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        if text == name.as_bytes() {
            return Ok(if kind == SOFT { Unusual } else { Known(Some(header)) });
        }
    }
    Ok(Known(None))
}

fn damaged(what: &str) -> H5Error {
    H5Error::corrupt(format!("its group {what}"))
}
