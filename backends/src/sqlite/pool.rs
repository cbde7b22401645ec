//! Connections: one that writes, and as many that read as are wanted at once.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bigarrays_core::backend::ErrorKind;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use super::failure::Failure;
use super::frozen::{Frozen, immutable_uri};
use super::options::Synchronous;
use super::schema::{self, Content};
use super::sums::Sums;

/// Readers at once; more wait. Each has up to three files open.
pub(super) const READERS: usize = 64;
/// KiB of pages that a connection keeps: the upper levels of the tables, and few values.
const CACHE_KIB: i64 = 4096;
/// Bytes that the log keeps when it is emptied after a large batch.
const LOG_LIMIT: i64 = 64 << 20;
/// How often a reading is repeated that a writer spoilt.
const ATTEMPTS: u32 = 5;

/// How connections to a file are made.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) path: PathBuf,
    pub(super) read_only: bool,
    pub(super) busy_timeout: Duration,
    pub(super) synchronous: Synchronous,
    pub(super) checksums: bool,
}

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) sums: Sums,
}

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    settings: Settings,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Reader>,
    reading: usize,
}

/// The right to read, until it is dropped.
struct Turn<'a>(&'a Readers);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().reading -= 1;
        self.0.freed.notify_one();
    }
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    sums: Sums,
    frozen: Option<Frozen>,
}

impl Settings {
    /// The connection that writes: opens the file, or makes it.
    pub(super) fn writer(&self, create: bool) -> Result<Writer, Failure> {
        self.refuse_foreign()?;
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        // Until the file is known to be ours, closing it must not tidy up its log.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.busy_timeout(self.busy_timeout)?;
        if schema::recognise(&connection)? == Content::Nothing {
            if !create {
                return Err(empty());
            }
            schema::create(&mut connection)?;
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        schema::use_wal(&connection, self.busy_timeout)?;
        connection.pragma_update(None, "synchronous", self.synchronous.word())?;
        // What a sync means on macOS unless one asks for more is not a sync.
        connection.pragma_update(None, "fullfsync", self.synchronous == Synchronous::Full)?;
        connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
        adjust(&connection)?;
        if self.checksums && Sums::look(&connection, true)? == Sums::Absent {
            schema::add_sums(&mut connection)?;
        }
        let sums = Sums::look(&connection, self.checksums)?;
        Ok(Writer { connection, sums })
    }

    /// Refuses the files of others without opening them as a writer does, which may already
    /// change them. What is in doubt is left to the real opening.
    fn refuse_foreign(&self) -> Result<(), Failure> {
        let Ok(connection) = self.immutable() else { return Ok(()) };
        match schema::recognise(&connection) {
            Err(failure) if failure.kind() == ErrorKind::InvalidConfig => Err(failure),
            _ => Ok(()),
        }
    }

    fn immutable(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(immutable_uri(&self.path), flags)
    }

    /// A connection that reads.
    fn reader(&self) -> Result<Reader, Failure> {
        let (connection, frozen) = match self.locking_reader() {
            Ok(Some(connection)) => (connection, None),
            Ok(None) => self.frozen_reader(None)?,
            Err(error) if self.read_only && wants_a_writable_directory(&error) => {
                self.frozen_reader(Some(error))?
            }
            Err(error) => return Err(error.into()),
        };
        if schema::recognise(&connection)? == Content::Nothing {
            return Err(empty());
        }
        adjust(&connection)?;
        let sums = Sums::look(&connection, self.checksums)?;
        Ok(Reader { connection, sums, frozen })
    }

    /// A connection that works beside writers. `None` if it would have to make files that it
    /// cannot remove, though nobody else has the file open.
    fn locking_reader(&self) -> rusqlite::Result<Option<Connection>> {
        // Who may not write the file gets a connection that does not.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        if self.read_only && connection.is_readonly(MAIN_DB)? && Frozen::stands_alone(&self.path) {
            return Ok(None);
        }
        connection.busy_timeout(self.busy_timeout)?;
        connection.pragma_update(None, "query_only", true)?;
        // The first look at the file is where it fails, if it does.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(Some(connection))
    }

    /// A connection that needs no files beside the one that it reads.
    fn frozen_reader(
        &self,
        why: Option<rusqlite::Error>,
    ) -> Result<(Connection, Option<Frozen>), Failure> {
        match Frozen::look(&self.path)? {
            Some(frozen) => Ok((self.immutable()?, Some(frozen))),
            None => Err(unrecovered(why)),
        }
    }
}

fn adjust(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Nothing that a file brings along is run.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    Ok(())
}

fn empty() -> Failure {
    // As if there were no file: so a creation that was killed at once leaves it.
    Failure::new(ErrorKind::NotFound, "the file is empty")
}

fn wants_a_writable_directory(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn unrecovered(error: Option<rusqlite::Error>) -> Failure {
    let note = "the database was not closed by its last writer, and its log can only be read \
                where its directory can be written; open it there once";
    let failure = Failure::new(ErrorKind::InvalidConfig, note);
    match error {
        Some(error) => failure.because(error),
        None => failure,
    }
}

impl Readers {
    /// Opens the first one, so that what is wrong with the file is told at once.
    pub(super) fn open(settings: Settings) -> Result<Self, Failure> {
        if settings.read_only {
            settings.refuse_foreign()?;
        }
        let idle = vec![settings.reader()?];
        let state = Mutex::new(State { idle, reading: 0 });
        Ok(Self { settings, state, freed: Condvar::new() })
    }

    /// Reads with a connection of its own, which must not be kept waiting for another one.
    pub(super) fn read<T>(
        &self,
        work: impl Fn(&Connection, Sums) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        for _ in 0..ATTEMPTS {
            let turn = self.wait_for_turn();
            let idle = self.state().idle.pop();
            let reader = match idle {
                Some(reader) => reader,
                None => self.settings.reader()?,
            };
            let answer = work(&reader.connection, reader.sums);
            if reader.frozen.as_ref().is_none_or(Frozen::holds) {
                self.state().idle.push(reader);
                drop(turn);
                return answer;
            }
        }
        let note = "the file is being written, though it was opened as one that nobody writes";
        Err(Failure::new(ErrorKind::Transient, note))
    }

    fn wait_for_turn(&self) -> Turn<'_> {
        let mut state = self.state();
        while state.reading >= READERS {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.reading += 1;
        Turn(self)
    }

    // Each change of the state is a single one: it is right after a panic, too.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
