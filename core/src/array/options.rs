//! The options of an array, with their defaults.

use std::fmt;
use std::num::NonZeroUsize;

use super::chunk_cache::{ChunkCache, Identity};
use crate::element::Number;
use crate::transport::Transport;

/// Bytes of encoded and decoded chunks that one call may have in memory beside its result:
/// 256 MiB.
pub const DEFAULT_MEMORY: usize = 256 << 20;

/// Which scale of a volume.
#[derive(Debug, Clone, PartialEq)]
pub enum ScaleSelector {
    /// By position in `scales`; 0 is the finest. The default is 0.
    Index(usize),
    /// By its key, such as `8_8_40`.
    Key(String),
    /// By its resolution in nanometres per voxel, compared as numbers.
    Resolution([f64; 3]),
}

impl Default for ScaleSelector {
    fn default() -> Self {
        Self::Index(0)
    }
}

impl fmt::Display for ScaleSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Key(key) => write!(f, "with the key {key:?}"),
            Self::Resolution([x, y, z]) => write!(f, "of {x} × {y} × {z} nm"),
        }
    }
}

impl From<usize> for ScaleSelector {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl From<&str> for ScaleSelector {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<String> for ScaleSelector {
    fn from(key: String) -> Self {
        Self::Key(key)
    }
}

impl From<[f64; 3]> for ScaleSelector {
    fn from(resolution: [f64; 3]) -> Self {
        Self::Resolution(resolution)
    }
}

/// What a missing chunk means to a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMissing {
    /// Voxels of the fill value.
    #[default]
    Fill,
    /// [`MissingChunk`](crate::Error::MissingChunk).
    Error,
}

/// What the part of a box outside the volume means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutOfBounds {
    /// A read has the fill value there; a write is refused.
    #[default]
    Fill,
    /// [`OutOfBounds`](crate::Error::OutOfBounds).
    Error,
    /// It is cut off: a read returns a smaller array, a write drops those voxels.
    Crop,
}

/// What becomes of a write that begins or ends inside a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unaligned {
    /// It is refused, and the error names the nearest aligned box.
    #[default]
    Reject,
    /// Chunks written in part are read, changed and written back under compare-and-swap, so that
    /// no other writer's voxels are lost. Refused on a store that has no compare-and-swap.
    ReadModifyWrite,
    /// The same without compare-and-swap, for a store that has none: the caller promises that
    /// nobody else writes meanwhile.
    SingleWriter,
}

/// The memory order of arrays that a read makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryOrder {
    /// x fastest, as chunks are stored.
    #[default]
    Fortran,
    /// The last axis fastest.
    C,
}

/// Is told how a long call comes along, and may stop it; from any of its threads.
pub trait Progress: Send + Sync {
    /// Another `chunks` chunks are done, with `bytes` bytes of voxels.
    fn advance(&self, chunks: u64, bytes: u64);

    /// Whether the call is to end before it is done. Asked before each chunk; once it says so, no
    /// further chunk is begun, those under way are finished, and the call answers
    /// [`Cancelled`](crate::Error::Cancelled). Default: never.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// All options of an open array.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) ignore_redirect: bool,
    pub(crate) scale: ScaleSelector,
    pub(crate) on_missing: OnMissing,
    pub(crate) fill: Number,
    pub(crate) bounds: OutOfBounds,
    pub(crate) unaligned: Unaligned,
    pub(crate) order: MemoryOrder,
    pub(crate) transport: Transport,
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) memory: Option<usize>,
    pub(crate) index_cache: Option<usize>,
    pub(crate) chunk_cache: Option<ChunkCache>,
    /// Which store it is, to the chunk cache.
    pub(crate) identity: Identity,
}
