//! How a database is opened.

use std::path::PathBuf;

use bigarrays_core::backend::BackendResult;

use super::bulk;
use super::store::RocksDbBackend;

/// What a put that was reported done survives. A put is whole at every level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// A killed process. A power cut can lose the last puts, but damages nothing.
    None,
    /// A power cut. Costs one sync of the log for a put, or for a whole batch; threads that put at
    /// the same time share it.
    ///
    /// The default: it promises what a store must promise.
    #[default]
    Batch,
}

/// How values are compressed on the disk, unseen by who reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not at all.
    ///
    /// The default: chunks are mostly compressed by their encoding or as a whole already, and
    /// compressing them once more costs time on every read.
    #[default]
    None,
    /// LZ4, fast: for raw chunks of labels.
    Lz4,
    /// Zstandard, smaller.
    Zstd,
}

/// How a database is read by a store that does not write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Reading {
    /// Through the database that this process writes, if it does; otherwise as
    /// [`Follow`](Self::Follow).
    #[default]
    Auto,
    /// As a secondary of whoever writes: each read first catches up with the writer, so that it
    /// sees every put that was reported done before. RocksDB needs a directory for its messages,
    /// which is made in the system's temporary directory and removed at the end.
    Follow,
    /// The state at the time of opening. Nothing is made anywhere. Only for databases that nobody
    /// writes meanwhile: a writer is not seen, and takes away files that are still needed; and
    /// RocksDB 11.1 to 11.5 has an error by which such a reader can take away those of the writer.
    Frozen,
}

/// How to open a database; see [`RocksDbBackend::builder`].
///
/// In one process a directory is open once, and shared by all stores on it: cache, buffers and
/// compression are those of the first that opened it. Durability and checksums are each store's own.
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `open`"]
pub struct RocksDbOptions {
    pub(super) path: PathBuf,
    pub(super) create: bool,
    pub(super) read_only: bool,
    pub(super) reading: Reading,
    pub(super) durability: Durability,
    pub(super) compression: Compression,
    pub(super) cache: usize,
    pub(super) write_buffer: usize,
    pub(super) max_open_files: u16,
    pub(super) checksums: bool,
    pub(super) bulk: u64,
}

impl RocksDbOptions {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            create: true,
            read_only: false,
            reading: Reading::Auto,
            durability: Durability::Batch,
            compression: Compression::None,
            cache: 64 << 20,
            write_buffer: 64 << 20,
            max_open_files: 512,
            checksums: true,
            bulk: bulk::LEAST,
        }
    }

    /// Whether the directory and its database are made if they do not exist; true by default.
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether puts and deletes are refused; false by default. The database must exist then. A
    /// writer, of this process or another one, is not disturbed.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How to read, with [`read_only`](Self::read_only); [`Reading::Auto`] by default.
    pub const fn reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }

    /// What a finished put survives; [`Durability::Batch`] by default.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How new values are compressed on the disk; [`Compression::None`] by default. What is stored
    /// otherwise stays readable. A value that does not get smaller by an eighth, because it is
    /// compressed already, is stored as it is.
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Bytes of the caches: 64 MiB by default. Three quarters are for keys, the rest for values and
    /// the indices of their files; what does not fit is cached by the operating system.
    pub const fn cache(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// Bytes of values that are gathered in memory before they are moved into files: 64 MiB by
    /// default, 1 MiB at least. Up to three such buffers exist at once; their log is as long on
    /// the disk, and who reads beside the writer holds it in memory.
    pub fn write_buffer(mut self, bytes: usize) -> Self {
        self.write_buffer = bytes.max(1 << 20);
        self
    }

    /// Files that are kept open: 512 by default, 20 at least.
    pub fn max_open_files(mut self, files: u16) -> Self {
        self.max_open_files = files.max(20);
        self
    }

    /// Whether new values get checksums, and those of stored ones are checked; true by default.
    pub const fn checksums(mut self, checksums: bool) -> Self {
        self.checksums = checksums;
        self
    }

    /// Bytes of a put, or of a batch, from which on its values are moved into a file before they
    /// are seen, and only their keys go through the log; 8 MiB by default. Of less the log has all,
    /// as it has with [`Durability::None`]: each such put makes a file.
    pub const fn bulk(mut self, bytes: u64) -> Self {
        self.bulk = bytes;
        self
    }

    /// Opens the database.
    ///
    /// # Errors
    /// Kind `NotFound` if there is no database and none is to be made; `InvalidConfig` if the path
    /// is no directory, or holds other files, the database of another program (which is not
    /// changed) or one of a newer RocksDB; `Transient` if another process writes to it;
    /// `ReadOnly` if it cannot be written; `Corrupt` if it is damaged; and what the file system
    /// says.
    pub fn open(self) -> BackendResult<RocksDbBackend> {
        RocksDbBackend::with_options(self)
    }
}
