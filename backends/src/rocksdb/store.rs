//! The trait over a database.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    ErrorKind, KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome, Value,
};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::database::Database;
use super::failure::Failure;
use super::layout;
use super::options::{Reading, RocksDbOptions};
use super::places::{Place, Role};
use super::read;
use super::sums::Sums;
use super::temporary::Temporary;
use super::write::{self, FailureAt, Writing};

/// A RocksDB database as a store; see the [module](super).
#[derive(Debug)]
pub struct RocksDbBackend {
    path: PathBuf,
    database: Arc<Database>,
    is_writable: bool,
    writing: Writing,
}

impl RocksDbBackend {
    /// Opens a database for reading and writing, and makes it if it does not exist.
    ///
    /// # Errors
    /// As [`RocksDbOptions::open`].
    pub fn open(path: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(path).open()
    }

    /// Opens a database that exists, for reading, also while another process writes to it.
    ///
    /// # Errors
    /// As [`RocksDbOptions::open`].
    pub fn open_read_only(path: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(path).read_only(true).open()
    }

    /// How to open a database otherwise.
    pub fn builder(path: impl Into<PathBuf>) -> RocksDbOptions {
        RocksDbOptions::new(path.into())
    }

    /// The directory: absolute, but with its symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn with_options(options: RocksDbOptions) -> BackendResult<Self> {
        let path = std::path::absolute(&options.path).map_err(|error| {
            let invalid = ErrorKind::InvalidConfig;
            BackendError::new(invalid, Name(&options.path), Operation::Open).with_source(error)
        })?;
        let opened =
            if options.read_only { reader(&path, &options) } else { writer(&path, &options) };
        let database = opened.map_err(|failure| failure.of(Name(&path), Operation::Open))?;
        let sums = if options.checksums { Sums::Used } else { Sums::Ignored };
        let writing = Writing { durability: options.durability, sums, bulk: options.bulk };
        Ok(Self { path, database, is_writable: !options.read_only, writing })
    }

    /// The database, if this store may change it.
    fn to_change(&self) -> Result<&Database, Failure> {
        match self.is_writable {
            true => Ok(&self.database),
            false => Err(Failure::new(ErrorKind::ReadOnly, "it was opened for reading only")),
        }
    }
}

fn writer(path: &Path, options: &RocksDbOptions) -> Result<Arc<Database>, Failure> {
    layout::directory(path, options.create)?;
    let place = Place::of(path)?;
    place.open(Role::Writer, |claim| Database::writer(path, options, claim))
}

fn reader(path: &Path, options: &RocksDbOptions) -> Result<Arc<Database>, Failure> {
    layout::directory(path, false)?;
    let place = Place::of(path)?;
    if options.reading == Reading::Frozen {
        return Database::frozen(path, options).map(Arc::new);
    }
    // Who writes here knows all, and best.
    if options.reading == Reading::Auto
        && let Some(database) = place.opened(Role::Writer)
    {
        return Ok(database);
    }
    place.open(Role::Follower, |claim| match Temporary::new() {
        Ok(temporary) => Database::follower(path, options, temporary, claim),
        Err(error) => {
            let note = "RocksDB needs a directory for the messages of this reader, and none can \
                        be made among the temporary files: set TMPDIR to another place, or open \
                        it in the mode `readonly` if nobody writes to it";
            Err(Failure::new(ErrorKind::InvalidConfig, note).because(error))
        }
    })
}

#[async_trait]
impl KeyValueBackend for RocksDbBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            concurrency: NonZeroUsize::new(64).unwrap_or(NonZeroUsize::MIN),
            writable: self.is_writable,
            conditional_delete: self.is_writable,
            conditional_put: match self.is_writable {
                true => ConditionalPut::CompareAndSwap,
                false => ConditionalPut::Unsupported,
            },
            // A piece is read and checked whole, whatever part of it is wanted.
            prefers_whole: true,
            max_value_len: Some(write::MAX_VALUE),
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let head = read::head(&self.database, key);
        head.map_err(|failure| failure.at(self, Operation::Head, key))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let get = read::get(&self.database, self.writing.sums, key, &range);
        get.map_err(|failure| failure.at(self, Operation::Get, key))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let put = Put { key: key.clone(), value };
        let put =
            self.to_change().and_then(|database| write::put(database, self.writing, &put, &when));
        let version = put.map_err(|failure| failure.at(self, Operation::Put, key))?;
        Ok(match version {
            Some(version) => PutOutcome::Written { version: Some(version) },
            None => PutOutcome::Conflict,
        })
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let delete = self
            .to_change()
            .and_then(|database| write::delete(database, self.writing.durability, key, &when));
        let deleted = delete.map_err(|failure| failure.at(self, Operation::Delete, key))?;
        Ok(if deleted { DeleteOutcome::Deleted } else { DeleteOutcome::Conflict })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        // Between two pages nothing is held: a slow reader of the listing is in nobody's way.
        let pages = stream::unfold(Some(None), move |after: Option<Option<Key>>| async move {
            let page = read::page(&self.database, prefix, after?.as_ref());
            let told =
                page.map_err(|failure| failure.of(self, Operation::List).with_prefix(prefix));
            Some(match told {
                Ok(metas) => {
                    let last = metas.last().map(|meta| meta.key.clone());
                    let next = last.filter(|_| metas.len() == read::PAGE).map(Some);
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
        let get = read::get_ranges(&self.database, self.writing.sums, key, ranges);
        get.map_err(|failure| failure.at(self, Operation::Get, key))
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let at = |key, failure: Failure| failure.at(self, Operation::Get, key);
        match read::get_batch(&self.database, self.writing.sums, keys) {
            Ok(answers) => {
                let told = keys.iter().zip(answers);
                told.map(|(key, answer)| answer.map_err(|failure| at(key, failure))).collect()
            }
            Err(failure) => {
                // Nothing could be read: each key is told so, the cause once.
                let kind = failure.kind();
                let told = |key| BackendError::new(kind, self, Operation::Get).with_key(key);
                let mut answers: Vec<_> = keys.iter().map(|key| Err(told(key))).collect();
                if let (Some(first), Some(key)) = (answers.first_mut(), keys.first()) {
                    *first = Err(at(key, failure));
                }
                answers
            }
        }
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let database = self.to_change().map_err(|failure| failure.of(self, Operation::Put))?;
        let put = write::put_batch(database, self.writing, &puts);
        put.map_err(|failure| self.error(Operation::Put, failure))
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let database = self.to_change().map_err(|failure| failure.of(self, Operation::Delete))?;
        let delete = write::delete_batch(database, self.writing.durability, keys);
        delete.map_err(|failure| self.error(Operation::Delete, failure))
    }
}

impl RocksDbBackend {
    fn error(&self, op: Operation, (failure, key): FailureAt<'_>) -> BackendError {
        match key {
            Some(key) => failure.at(self, op, key),
            None => failure.of(self, op),
        }
    }
}

impl fmt::Display for RocksDbBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Name(&self.path).fmt(f)
    }
}

/// A directory as the URL that errors quote: one line, whatever the path is.
struct Name<'a>(&'a Path);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.to_string_lossy();
        write!(f, "rocksdb://{}", path.replace(char::is_control, "\u{fffd}"))
    }
}
