//! How a database is opened.

use std::path::PathBuf;
use std::time::Duration;

use bigarrays_core::backend::BackendResult;

use super::store::SqliteBackend;

/// What a put that was reported done survives. A put is whole at every level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Synchronous {
    /// A killed process, but a power cut can damage the whole file: for scratch data only.
    Off,
    /// A killed process. A power cut can lose the last puts, but damages nothing.
    Normal,
    /// A power cut. Costs one sync for a put, or for a whole batch.
    ///
    /// The default: it promises what a store must promise.
    #[default]
    Full,
}

impl Synchronous {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Normal => "NORMAL",
            Self::Full => "FULL",
        }
    }
}

/// How to open a database; see [`SqliteBackend::builder`].
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `open`"]
pub struct SqliteOptions {
    pub(super) path: PathBuf,
    pub(super) create: bool,
    pub(super) read_only: bool,
    pub(super) busy_timeout: Duration,
    pub(super) synchronous: Synchronous,
    pub(super) checksums: bool,
}

impl SqliteOptions {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            create: true,
            read_only: false,
            busy_timeout: Duration::from_secs(60),
            synchronous: Synchronous::Full,
            checksums: true,
        }
    }

    /// Whether the file is made if it does not exist; true by default. Its directory is not.
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether puts and deletes are refused; false by default. The file must exist then.
    ///
    /// A file that nobody has open can also be read where it cannot be written, and where no
    /// file can be made beside it.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How long to wait for writers of other processes: 60 seconds by default, 24 days at most.
    pub fn busy_timeout(mut self, busy_timeout: Duration) -> Self {
        // SQLite counts milliseconds in 32 bits.
        self.busy_timeout = busy_timeout.min(Duration::from_secs(24 * 24 * 3600));
        self
    }

    /// What a finished put survives; [`Synchronous::Full`] by default.
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Whether new values get checksums, and those of stored ones are checked; true by default.
    pub const fn checksums(mut self, checksums: bool) -> Self {
        self.checksums = checksums;
        self
    }

    /// Opens the database.
    ///
    /// # Errors
    /// Kind `NotFound` if the file does not exist and is not to be made; `InvalidConfig` if it is no
    /// SQLite database, or is one of another program (which is not changed); `ReadOnly` if it
    /// cannot be written; `Corrupt` if it is damaged; `Transient` if another process keeps it
    /// locked; and what the file system says.
    pub fn open(self) -> BackendResult<SqliteBackend> {
        SqliteBackend::with_options(self)
    }
}
