//! How the store is opened.

use std::path::PathBuf;

use bigarrays_core::backend::BackendResult;

use super::store::FsBackend;

/// What "written" means when a power cut follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing is synced: a value survives a killed process, but perhaps not a power cut. It is
    /// never torn in sight of a running system.
    None,
    /// What a put or a batch of puts reported written survives a power cut. A batch syncs each
    /// file and then each directory once: N + directories syncs, not 2 N. The default, because a
    /// store of terabytes must not lose what it said it had, and because in a batch it costs
    /// little.
    #[default]
    Batch,
    /// Each value of a batch is synced, with its directory, before the next.
    Each,
}

/// Where compressed values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompressedNames {
    /// Under the key with CloudVolume's suffix: `.gz`, `.br`, `.zstd`, `.xz`, `.bz2`. Keys that
    /// end in one of these are refused, for nobody could tell them from a compressed value.
    #[default]
    Resolve,
    /// Nowhere: a suffix has no meaning, and a compressed value is refused.
    Literal,
}

/// Options of a directory tree; made by [`FsBackend::builder`].
#[derive(Debug, Clone)]
pub struct FsBuilder {
    pub(super) root: PathBuf,
    pub(super) durability: Durability,
    pub(super) names: CompressedNames,
    pub(super) read_only: bool,
}

impl FsBuilder {
    /// What "written" means when a power cut follows. Default: [`Durability::Batch`].
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Where compressed values lie. Default: [`CompressedNames::Resolve`].
    #[must_use]
    pub const fn names(mut self, names: CompressedNames) -> Self {
        self.names = names;
        self
    }

    /// Whether puts and deletes are refused. Default: no.
    #[must_use]
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Opens the tree. Touches nothing: the root is made at the first put.
    ///
    /// # Errors
    /// [`InvalidConfig`](bigarrays_core::backend::ErrorKind::InvalidConfig) if the root cannot be
    /// made an absolute path.
    pub fn open(self) -> BackendResult<FsBackend> {
        FsBackend::from_builder(self)
    }
}
