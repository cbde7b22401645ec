//! How a directory of cuboid files is opened.

use std::path::PathBuf;

use bigarrays_core::backend::BackendResult;

use super::config::Compression;
use super::store::H5CuboidBackend;
use crate::fs::Durability;

/// How to open a directory; see [`H5CuboidBackend::builder`].
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `open`"]
pub struct H5CuboidOptions {
    pub(super) path: PathBuf,
    pub(super) create: bool,
    pub(super) read_only: bool,
    pub(super) in_place: bool,
    pub(super) durability: Durability,
    pub(super) block: Option<[u64; 3]>,
    pub(super) compression: Compression,
}

impl H5CuboidOptions {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            create: true,
            read_only: false,
            in_place: false,
            durability: Durability::default(),
            block: None,
            compression: Compression::default(),
        }
    }

    /// Whether a directory without a configuration may become a volume, which happens when its
    /// `info` is put; true by default.
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether puts and deletes are refused; false by default.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Whether files are changed where they are; false by default. A put then writes its chunk
    /// alone, but a crash in the middle of it can leave a file that nobody can read, and what a
    /// chunk had before is not given back to the file system.
    pub const fn in_place(mut self, in_place: bool) -> Self {
        self.in_place = in_place;
        self
    }

    /// What a finished put survives; [`Durability::Batch`] by default.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Voxels along each axis of a file of a new volume: whole chunks. By default 1024 × 1024 × 128,
    /// or the next more that are whole chunks.
    pub const fn block(mut self, block: [u64; 3]) -> Self {
        self.block = Some(block);
        self
    }

    /// How chunks of a new volume are compressed; [`Compression::Deflate`] by default.
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Opens the directory. Changes nothing on the disk.
    ///
    /// # Errors
    /// Kind `NotFound` if there is no configuration and none is to be made; `InvalidConfig` if it
    /// cannot be understood, or does not go with `info`.
    pub fn open(self) -> BackendResult<H5CuboidBackend> {
        H5CuboidBackend::with_options(self)
    }
}
