//! Why stored bytes are not the chunk that they should be.

use std::borrow::Cow;

use crate::backend::ContentEncoding;

/// A chunk that cannot be decoded or encoded. The array adds which chunk it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The chunk's length is not that of its shape.
    #[error("it has {found} bytes, but a chunk of its shape has {expected}")]
    WrongLength {
        /// Bytes of a whole chunk.
        expected: usize,
        /// Bytes found (after decompression).
        found: usize,
    },
    /// The chunk decompresses to more than any chunk of its shape may have.
    #[error("it decompresses to more than {limit} bytes, the most that a chunk of its shape has")]
    TooLong {
        /// The most bytes that it may have.
        limit: usize,
    },
    /// The stored value is compressed and cannot be decompressed.
    #[error("its {encoding} compression is damaged or cut short")]
    Transport {
        /// How it is compressed.
        encoding: ContentEncoding,
        /// What the decompressor says.
        source: std::io::Error,
    },
    /// This build cannot read or write it.
    #[error("{what} is not supported by this version")]
    Unsupported {
        /// What is not supported.
        what: Cow<'static, str>,
    },
}
