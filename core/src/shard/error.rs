//! Why a file is not the shard that it should be.

use std::borrow::Cow;

use crate::codec::CodecError;

/// A shard file that cannot be used. The array adds which file it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// Its indices do not follow the format.
    #[error("{what}")]
    Corrupt {
        /// What was found and what was expected.
        what: Cow<'static, str>,
    },
    /// One of its pieces cannot be decompressed or compressed.
    #[error("the index of its minishard {minishard} is damaged")]
    Index {
        /// Which minishard.
        minishard: u64,
        /// What is wrong with it.
        source: CodecError,
    },
    /// A value cannot be compressed for it.
    #[error("a value cannot be compressed for it")]
    Value {
        /// What the compression library says.
        source: CodecError,
    },
}

impl ShardError {
    pub(super) fn corrupt(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}
