//! The data layout message of a chunked dataset: it leads to the index.

use super::Chunked;
use crate::hdf5::direct::error::H5Error;
use crate::hdf5::direct::format::bytes::{Cursor, UNDEFINED};

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

/// Reads the message. Its shape of a chunk must be the one that is known.
pub(super) fn layout(content: &[u8], about: &Chunked<'_>) -> Result<Index, H5Error> {
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

/// The shape of the chunks as the message tells it, and whether chunks at the edge go without
/// filters.
pub(in crate::hdf5::direct) fn chunk_shape(content: &[u8]) -> Result<(Vec<u64>, bool), H5Error> {
    let mut content = Cursor(content);
    let version = content.byte()?;
    expect_chunked(content.byte()?)?;
    let (axes, width, raw_edges) = if version == 3 {
        let axes = usize::from(content.byte()?);
        content.skip(8)?;
        (axes, 4, false)
    } else {
        let (flags, axes, width) = (content.byte()?, content.byte()?, content.byte()?);
        (usize::from(axes), usize::from(width), flags & 1 != 0)
    };
    // The last one is the size of a value.
    let chunk = (1..axes).map(|_| content.number(width)).collect::<Result<_, _>>()?;
    Ok((chunk, raw_edges))
}
