//! The store and how it is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bigarrays_core::backend::{BackendResult, ErrorKind, Operation};

use super::connection::Connections;
use super::error::Failed;

/// A store in one SQLite file. Cloning is cheap.
#[derive(Clone)]
pub struct SqliteBackend {
    pub(super) connections: Arc<Connections>,
}

/// Options of an SQLite file; made by [`SqliteBackend::builder`].
#[derive(Debug, Clone)]
pub struct SqliteBuilder {
    pub(super) path: PathBuf,
    pub(super) create: bool,
    pub(super) read_only: bool,
    pub(super) busy_timeout: Duration,
}

impl SqliteBackend {
    /// The store in the file at `path`, for reading and writing; made if it does not exist.
    ///
    /// # Errors
    /// As [`SqliteBuilder::open`].
    pub fn open(path: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(path).open()
    }

    /// The store in the file at `path`, for reading only. Works on a read-only medium.
    ///
    /// # Errors
    /// As [`SqliteBuilder::open`].
    pub fn open_read_only(path: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(path).read_only(true).open()
    }

    /// Options of the store in the file at `path`.
    pub fn builder(path: impl Into<PathBuf>) -> SqliteBuilder {
        SqliteBuilder {
            path: path.into(),
            create: true,
            read_only: false,
            busy_timeout: Duration::from_secs(60),
        }
    }
}

impl SqliteBuilder {
    /// Whether a file that does not exist is made. Default: yes.
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether puts and deletes are refused. Default: no.
    #[must_use]
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How long to wait for another process's transaction. Default: 60 s.
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Opens the file.
    ///
    /// # Errors
    /// [`InvalidConfig`](ErrorKind::InvalidConfig) if there is no file and none is to be made, or
    /// if it is a database of another program; [`Corrupt`](ErrorKind::Corrupt) if it is no
    /// database. Such a file is not changed.
    pub fn open(mut self) -> BackendResult<SqliteBackend> {
        let failed = Failed { place: format!("sqlite://{}", self.path.display()), op: Operation::Open };
        self.path = std::path::absolute(&self.path)
            .map_err(|error| failed.of(ErrorKind::InvalidConfig).with_source(error))?;
        let connections = Connections::open(self)?;
        Ok(SqliteBackend { connections: Arc::new(connections) })
    }
}

impl fmt::Debug for SqliteBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteBackend").field("options", &self.connections.options).finish()
    }
}

impl fmt::Display for SqliteBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.connections.place())
    }
}
