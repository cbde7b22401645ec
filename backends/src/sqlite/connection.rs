//! Connections: one that writes, and as many that read as are used at once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bigarrays_core::backend::{BackendResult, ErrorKind, Operation};
use rusqlite::{Connection, OpenFlags};

use super::error::Failed;
use super::options::SqliteBuilder;
use super::schema::{self, Kind};

/// Idle readers that are kept.
const MAX_IDLE: usize = 64;

pub(super) struct Connections {
    pub(super) options: SqliteBuilder,
    /// Whether the medium is read-only, so that not even WAL's shared memory can be made.
    immutable: bool,
    writer: Mutex<Option<Connection>>,
    idle: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.options.fmt(f)
    }
}

/// A reading connection; goes back to the idle ones when dropped.
pub(super) struct Reader<'a> {
    connection: Option<Connection>,
    home: &'a Connections,
}

impl std::ops::Deref for Reader<'_> {
    type Target = Option<Connection>;
    fn deref(&self) -> &Option<Connection> {
        &self.connection
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.extend(self.connection.take());
        }
    }
}

impl Connections {
    pub(super) fn open(options: SqliteBuilder) -> BackendResult<Self> {
        let mut connections = Self {
            options,
            immutable: false,
            writer: Mutex::default(),
            idle: Mutex::default(),
        };
        let failed = connections.failed(Operation::Open);
        let path = &connections.options.path;
        if !path.exists() && (connections.options.read_only || !connections.options.create) {
            return Err(failed.of(ErrorKind::InvalidConfig).with_note("there is no such file"));
        }
        if connections.options.read_only {
            let mut first = connections.connect(true);
            if first.is_err() && medium_is_read_only(path) {
                connections.immutable = true;
                first = connections.connect(true);
            }
            let first = first.map_err(|error| failed.sqlite(error))?;
            connections.require_ours(&first, &failed)?;
            connections.idle.lock().unwrap_or_else(PoisonError::into_inner).push(first);
            return Ok(connections);
        }
        let mut writer = connections.connect(false).map_err(|error| failed.sqlite(error))?;
        if schema::kind(&writer).map_err(|error| failed.sqlite(error))? == Kind::Empty {
            schema::create(&mut writer).map_err(|error| failed.sqlite(error))?;
        }
        connections.require_ours(&writer, &failed)?;
        writer
            .pragma_update(None, "synchronous", "FULL")
            .map_err(|error| failed.sqlite(error))?;
        connections.writer = Mutex::new(Some(writer));
        Ok(connections)
    }

    fn require_ours(&self, connection: &Connection, failed: &Failed) -> BackendResult<()> {
        let refuse = |note: String| Err(failed.of(ErrorKind::InvalidConfig).with_note(note));
        match schema::kind(connection).map_err(|error| failed.sqlite(error))? {
            Kind::Ours => Ok(()),
            Kind::Newer(version) => refuse(format!(
                "the file has the format {version} of a later version of bigarrays"
            )),
            Kind::Empty => refuse("the database is empty".into()),
            Kind::Foreign => refuse(
                "it is a database of another program; give a file of its own for bigarrays".into(),
            ),
        }
    }

    fn connect(&self, read_only: bool) -> rusqlite::Result<Connection> {
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags |= if read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else if self.options.create {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        let connection = if self.immutable {
            let uri = immutable_uri(&self.options.path);
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
        } else {
            Connection::open_with_flags(&self.options.path, flags)?
        };
        connection.busy_timeout(self.options.busy_timeout)?;
        // Values pass through once; the file itself is in the system's cache.
        connection.pragma_update(None, "cache_size", -4096)?;
        connection.pragma_update(None, "mmap_size", 1_i64 << 40)?;
        connection.set_prepared_statement_cache_capacity(16);
        // A file that is no database is found out here and not at the first use.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    }

    /// A connection to read with.
    pub(super) fn reader(&self, op: Operation) -> BackendResult<Reader<'_>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let opened = self.connect(true);
                opened.map_err(|error| self.failed(op).sqlite(error))?
            }
        };
        Ok(Reader { connection: Some(connection), home: self })
    }

    /// The connection to write with; others of this process wait.
    pub(super) fn writer(&self) -> MutexGuard<'_, Option<Connection>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn failed(&self, op: Operation) -> Failed {
        Failed { place: self.place(), op }
    }

    pub(super) fn place(&self) -> String {
        format!("sqlite://{}", self.options.path.display())
    }
}

/// Whether nothing can be made beside the file, as WAL would have to.
fn medium_is_read_only(path: &Path) -> bool {
    let beside = path.parent().unwrap_or(path).join(format!(".bigarrays-{}", std::process::id()));
    match std::fs::File::options().write(true).create_new(true).open(&beside) {
        Ok(_) => {
            // It was only a question.
            let _ = std::fs::remove_file(&beside);
            false
        }
        Err(_) => true,
    }
}

fn immutable_uri(path: &Path) -> PathBuf {
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{escaped}?immutable=1").into()
}
