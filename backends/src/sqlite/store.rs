//! The trait over a database.

use std::fmt;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    ErrorKind, KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome, Value,
};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use rusqlite::{Connection, TransactionBehavior};

use super::failure::Failure;
use super::options::SqliteOptions;
use super::pool::{READERS, Readers, Settings, Writer};
use super::read;
use super::sums::Sums;
use super::write;

/// A database file as a store; see the [module](super).
#[derive(Debug)]
pub struct SqliteBackend {
    path: PathBuf,
    // Closed before the writer: the last connection tidies up the log, and must be one that can.
    readers: Readers,
    /// `None` if the store only reads.
    writer: Option<Mutex<Writer>>,
}

impl SqliteBackend {
    /// Opens a database for reading and writing, and makes it if it does not exist.
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    pub fn open(path: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(path).open()
    }

    /// Opens a database that exists, for reading.
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    pub fn open_read_only(path: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(path).read_only(true).open()
    }

    /// How to open a database otherwise.
    pub fn builder(path: impl Into<PathBuf>) -> SqliteOptions {
        SqliteOptions::new(path.into())
    }

    /// The file: absolute, but with its symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn with_options(options: SqliteOptions) -> BackendResult<Self> {
        let SqliteOptions { path, create, read_only, busy_timeout, synchronous, checksums } =
            options;
        let path = std::path::absolute(&path).map_err(|error| {
            let invalid = ErrorKind::InvalidConfig;
            BackendError::new(invalid, Name(&path), Operation::Open).with_source(error)
        })?;
        let fail = |failure: Failure| failure.of(Name(&path), Operation::Open);
        look(&path, create && !read_only).map_err(fail)?;
        let file = path.clone();
        let settings = Settings { path: file, read_only, busy_timeout, synchronous, checksums };
        let writer = match read_only {
            true => None,
            false => {
                let writer = settings.writer(create);
                let writer = writer.map_err(|failure| fail(explained(failure, &path)))?;
                Some(Mutex::new(writer))
            }
        };
        let readers = Readers::open(settings).map_err(fail)?;
        Ok(Self { path, readers, writer })
    }

    /// Runs `work` in one transaction, which is undone if it fails.
    fn write<T>(
        &self,
        work: impl FnOnce(&Connection, Sums) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(writer) = &self.writer else {
            return Err(Failure::new(ErrorKind::ReadOnly, "it was opened for reading only"));
        };
        // A panic undoes its transaction while it leaves.
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Writer { connection, sums } = &mut *writer;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction, *sums)?;
        transaction.commit()?;
        Ok(done)
    }
}

/// On a medium that is read-only SQLite only says that it cannot open the file: its log cannot be
/// made.
fn explained(failure: Failure, path: &Path) -> Failure {
    if failure.kind() != ErrorKind::Other {
        return failure;
    }
    // To rename a file to itself changes nothing, but is refused where nothing can be changed. To
    // open it for a try would be wrong: closing it ends the locks that other stores of this
    // process have on it, for such are the locks of POSIX.
    match fs::rename(path, path) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            Failure::new(ErrorKind::ReadOnly, "its file system is read-only").because(error)
        }
        _ => failure,
    }
}

/// Looks at what the path leads to, for what SQLite would not tell in words.
fn look(path: &Path, create: bool) -> Result<(), Failure> {
    let invalid = |note: &str| Failure::new(ErrorKind::InvalidConfig, note);
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(invalid("it is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !create {
                let note = "the file does not exist";
                return Err(Failure::new(ErrorKind::NotFound, note).because(error));
            }
            match path.parent().map(Path::is_dir) {
                Some(false) => Err(invalid("its directory does not exist").because(error)),
                _ => Ok(()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

#[async_trait]
impl KeyValueBackend for SqliteBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            concurrency: NonZeroUsize::new(READERS).unwrap_or(NonZeroUsize::MIN),
            writable: self.writer.is_some(),
            conditional_delete: self.writer.is_some(),
            conditional_put: match self.writer {
                Some(_) => ConditionalPut::CompareAndSwap,
                None => ConditionalPut::Unsupported,
            },
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let head = self.readers.read(|connection, _| read::head(connection, key));
        head.map_err(|failure| failure.at(self, Operation::Head, key))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let get = self.readers.read(|connection, sums| read::get(connection, sums, key, &range));
        get.map_err(|failure| failure.at(self, Operation::Get, key))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let put = self.write(|connection, sums| write::put(connection, sums, key, &value, &when));
        let version = put.map_err(|failure| failure.at(self, Operation::Put, key))?;
        Ok(match version {
            Some(version) => PutOutcome::Written { version: Some(version) },
            None => PutOutcome::Conflict,
        })
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let delete = self.write(|connection, _| write::delete(connection, key, &when));
        let deleted = delete.map_err(|failure| failure.at(self, Operation::Delete, key))?;
        Ok(if deleted { DeleteOutcome::Deleted } else { DeleteOutcome::Conflict })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        // Between two pages nothing is held: a slow reader of the listing is in nobody's way.
        let pages = stream::unfold(Some(None), move |after: Option<Option<Key>>| async move {
            let after = after?;
            let page =
                self.readers.read(|connection, _| read::page(connection, prefix, after.as_ref()));
            let told =
                page.map_err(|failure| failure.of(self, Operation::List).with_prefix(prefix));
            Some(match told {
                Ok(metas) => {
                    let is_last = metas.len() < usize::from(read::PAGE);
                    let last = metas.last().map(|meta| meta.key.clone());
                    let next = last.filter(|_| !is_last).map(Some);
                    (metas.into_iter().map(Ok).collect::<Vec<_>>(), next)
                }
                Err(error) => (vec![Err(error)], None),
            })
        });
        pages.flat_map(stream::iter).boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let get =
            self.readers.read(|connection, sums| read::get_ranges(connection, sums, key, ranges));
        get.map_err(|failure| failure.at(self, Operation::Get, key))
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let all = |connection: &Connection, sums: Sums| {
            let get = |key: &Key| {
                read::get(connection, sums, key, &ByteRange::Full)
                    .map_err(|failure| failure.at(self, Operation::Get, key))
            };
            Ok(keys.iter().map(get).collect::<Vec<_>>())
        };
        match self.readers.read(all) {
            Ok(answers) => answers,
            Err(failure) => {
                // There is no connection: each key is told so, the cause once.
                let error = failure.of(self, Operation::Get);
                let kind = error.kind();
                let told = |key| BackendError::new(kind, self, Operation::Get).with_key(key);
                let mut answers: Vec<_> = keys.iter().map(|key| Err(told(key))).collect();
                if let (Some(first), Some(key)) = (answers.first_mut(), keys.first()) {
                    *first = Err(error.with_key(key));
                }
                answers
            }
        }
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let mut at = None;
        let put = self.write(|connection, sums| {
            for put in &puts {
                at = Some(&put.key);
                write::put(connection, sums, &put.key, &put.value, &Precondition::Always)?;
            }
            at = None;
            Ok(())
        });
        put.map_err(|failure| self.error(Operation::Put, at, failure))
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let mut at = None;
        let delete = self.write(|connection, _| {
            for key in keys {
                at = Some(key);
                write::delete(connection, key, &Precondition::Always)?;
            }
            at = None;
            Ok(())
        });
        delete.map_err(|failure| self.error(Operation::Delete, at, failure))
    }
}

impl SqliteBackend {
    fn error(&self, op: Operation, key: Option<&Key>, failure: Failure) -> BackendError {
        match key {
            Some(key) => failure.at(self, op, key),
            None => failure.of(self, op),
        }
    }
}

impl fmt::Display for SqliteBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Name(&self.path).fmt(f)
    }
}

/// A file as the URL that errors quote: one line, whatever the path is.
struct Name<'a>(&'a Path);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.to_string_lossy();
        write!(f, "sqlite://{}", path.replace(char::is_control, "\u{fffd}"))
    }
}
