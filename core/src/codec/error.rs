//! Why stored bytes are not the chunk that they should be.

use std::borrow::Cow;

use crate::backend::ContentEncoding;

/// What a library says of a failure of its own.
pub type LibraryError = Box<dyn std::error::Error + Send + Sync>;

/// A chunk that cannot be decoded or encoded. The array adds which chunk it was and how it is
/// encoded.
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
    /// The bytes do not follow the encoding's layout, or tell another shape or type than the
    /// volume's.
    #[error("{what}")]
    Corrupt {
        /// What was found and what was expected, as a clause: "it ends after 12 of 36 bytes".
        what: Cow<'static, str>,
    },
    /// The library that decodes the encoding refuses the bytes.
    #[error("its bytes are damaged")]
    Undecodable {
        /// What the library says.
        source: LibraryError,
    },
    /// These voxels have no form in this encoding.
    #[error("{what}")]
    Unencodable {
        /// What does not fit and what to do, as a clause.
        what: Cow<'static, str>,
    },
    /// The library that encodes failed.
    #[error("it cannot be encoded")]
    EncoderFailed {
        /// What the library says.
        source: LibraryError,
    },
    /// This build cannot read or write it.
    #[error("{what} is not supported by this build")]
    Unsupported {
        /// What is not supported.
        what: Cow<'static, str>,
    },
}

impl CodecError {
    /// [`Corrupt`](Self::Corrupt), with what was found and expected.
    pub(crate) fn corrupt(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    /// [`Unencodable`](Self::Unencodable), with what does not fit.
    pub(crate) fn unencodable(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Unencodable { what: what.into() }
    }
}
