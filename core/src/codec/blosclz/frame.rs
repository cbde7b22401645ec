//! The outside of a Blosc-1 frame, read before the C library gets it.
//!
//! ```text
//! u8 version (2)   u8 version of the compressor   u8 flags   u8 typesize
//! u32 bytes of the content   u32 bytes of a block   u32 bytes of the frame
//! u32 where each block begins            (not if bit 1 of the flags tells stored content)
//! the pieces of each block: u32 length, compressed bytes
//! ```
//! Flags: bit 1 stored, bit 4 one piece a block, bits 5 to 7 the compressor. A block without bit 4
//! has a piece for each byte of a value, as c-blosc rules in [`Frame::pieces`].

use std::borrow::Cow;

use crate::codec::CodecError;

const HEADER: usize = 16;
const VERSION: u8 = 2;
const STORED: u8 = 1 << 1;
const ONE_PIECE: u8 = 1 << 4;
const BLOSCLZ: u8 = 0;
const SNAPPY: u8 = 2;
/// c-blosc cuts no block of values wider than this, and none that gives shorter pieces.
const WIDEST_CUT: usize = 16;
const SHORTEST_PIECE: usize = 128;
/// For blosclz, c-blosc sums up the length of a match in 32 bits, at most 255 for each compressed
/// byte, and does not look for overflow. No encoder makes blocks of this length unless told to.
const LONGEST_PIECE: usize = 8 << 20;

/// A frame whose lengths were found sound.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    bytes: &'a [u8],
    flags: u8,
    typesize: usize,
    content_len: usize,
    block_len: usize,
}

impl<'a> Frame<'a> {
    /// Takes a frame whose content has `expected` bytes.
    pub(super) fn check(bytes: &'a [u8], expected: usize) -> Result<Self, CodecError> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Err(corrupt(format!(
                "it has {} bytes, fewer than a Blosc header",
                bytes.len()
            )));
        };
        let [version, _, flags, typesize, ..] = *header;
        if version != VERSION {
            return Err(corrupt(format!("it is no Blosc frame of version 2: it begins {version}")));
        }
        if flags >> 5 == SNAPPY {
            return Err(CodecError::Unsupported {
                what: "a Blosc frame compressed by snappy".into(),
            });
        }
        let frame = Self {
            bytes,
            flags,
            typesize: usize::from(typesize),
            content_len: word(bytes, 4)?,
            block_len: word(bytes, 8)?,
        };
        if frame.content_len != expected {
            return Err(CodecError::WrongLength { expected, found: frame.content_len });
        }
        let told = word(bytes, 12)?;
        if told != bytes.len() {
            return Err(corrupt(format!(
                "its Blosc frame tells {told} bytes, and {} are there",
                bytes.len()
            )));
        }
        if frame.typesize == 0 || frame.block_len == 0 || frame.block_len > expected {
            return Err(corrupt("its Blosc header tells an impossible length of values or blocks"));
        }
        if flags & STORED == 0 {
            frame.check_blocks()?;
        }
        Ok(frame)
    }

    /// The whole frame.
    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn check_blocks(&self) -> Result<(), CodecError> {
        let longest = if self.flags >> 5 == BLOSCLZ { LONGEST_PIECE } else { usize::MAX };
        for block in 0..self.content_len.div_ceil(self.block_len) {
            let len = self.block_len.min(self.content_len - block * self.block_len);
            let pieces = self.pieces(len);
            let mut at = word(self.bytes, HEADER + block * 4)?;
            for _ in 0..pieces {
                let piece = word(self.bytes, at)?;
                // What does not become shorter is stored, in exactly its length.
                let most = longest.min(len / pieces);
                if piece > most {
                    return Err(corrupt(format!(
                        "a piece of block {block} of its Blosc frame has {piece} bytes, and it may \
                         have {most}"
                    )));
                }
                at = at.saturating_add(4).saturating_add(piece);
            }
        }
        Ok(())
    }

    /// Into how many pieces a block of this length is cut.
    fn pieces(&self, len: usize) -> usize {
        let cut = self.flags & ONE_PIECE == 0
            && len == self.block_len
            && self.typesize <= WIDEST_CUT
            && len / self.typesize >= SHORTEST_PIECE;
        if cut { self.typesize } else { 1 }
    }
}

fn word(bytes: &[u8], at: usize) -> Result<usize, CodecError> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    let Some(word) = word else {
        return Err(corrupt("its Blosc frame points past its end"));
    };
    usize::try_from(u32::from_le_bytes(*word))
        .map_err(|_| corrupt("its Blosc frame tells a length beyond memory"))
}

fn corrupt(what: impl Into<Cow<'static, str>>) -> CodecError {
    CodecError::corrupt(what)
}
