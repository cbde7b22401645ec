//! How a directory is opened.

use std::path::PathBuf;

use bigarrays_core::backend::BackendResult;

use super::store::FsBackend;

/// What a put that was reported done survives.
///
/// | level | survives | synced for N values in D directories |
/// |---|---|---|
/// | [`None`](Self::None) | a killed process | nothing |
/// | [`Batch`](Self::Batch) | a power cut | N files, eight at a time; D directories |
/// | [`Each`](Self::Each) | a power cut, value by value | N files and N directories, in turn |
///
/// Without a power cut there is no difference: a put is whole at every level. A crash of the
/// machine at level `None` can leave values empty or torn, on some file systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// Nothing is synced: for scratch data, and for what can be made again.
    None,
    /// A put, or a batch of puts as a whole, is on the disk when it is reported done.
    ///
    /// The default: it promises what a store must promise, and a batch syncs each directory once
    /// instead of once a value.
    #[default]
    Batch,
    /// In a batch, too, each value is on the disk before the next one is written.
    Each,
}

/// What the names of compressed values look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CompressedNames {
    /// As CloudVolume does: a value that is compressed as a whole is the file `KEY.gz`, `KEY.br`,
    /// `KEY.zstd`, `KEY.xz` or `KEY.bz2`, and its encoding is told by that suffix.
    ///
    /// Where several of these files exist, the bare name counts first and the suffixes count in
    /// the order above. A put removes the others. Keys that end in such a suffix are refused.
    ///
    /// A lookup costs one system call for a bare file, two for `.gz`, and six or more for a missing
    /// key; a put tries to remove five files more. Remembering which suffix a store uses would
    /// spare nothing: what counts more has to be looked for in any case, or two handles could see
    /// different values.
    #[default]
    Resolve,
    /// A suffix means nothing: a key is the file of that name. Puts with a content encoding
    /// answer `Unsupported`, for there is no place to keep it.
    Literal,
}

/// How to open a directory; see [`FsBackend::builder`].
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `open`"]
pub struct FsOptions {
    pub(super) root: PathBuf,
    pub(super) durability: Durability,
    pub(super) create: bool,
    pub(super) read_only: bool,
    pub(super) names: CompressedNames,
}

impl FsOptions {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            durability: Durability::default(),
            create: true,
            read_only: false,
            names: CompressedNames::default(),
        }
    }

    /// What a finished put survives; [`Durability::Batch`] by default.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Whether the directory may be made, which happens at the first put; true by default.
    /// Otherwise [`open`](Self::open) fails if it does not exist.
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether puts and deletes are refused; false by default. The directory must exist then.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// What the names of compressed values look like; [`CompressedNames::Resolve`] by default.
    pub const fn names(mut self, names: CompressedNames) -> Self {
        self.names = names;
        self
    }

    /// Opens the directory. Changes nothing on the disk.
    ///
    /// # Errors
    /// Kind `InvalidConfig` if the root is not a directory; `NotFound` if it does not exist and is
    /// not to be made; `PermissionDenied` if it cannot be looked at.
    pub fn open(self) -> BackendResult<FsBackend> {
        FsBackend::with_options(self)
    }
}
