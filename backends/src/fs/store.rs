//! The trait over a directory.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, ContentEncoding,
    DeleteOutcome, ErrorKind, KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome,
    Value,
};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::directories::Directories;
use super::failure::Failure;
use super::options::{CompressedNames, Durability, FsOptions};
use super::read::{self, OpenValue};
use super::version::version_of;
use super::walk::Walk;
use super::write::{Place, Writer};

/// A directory as a store; see the [module](super).
#[derive(Debug)]
pub struct FsBackend {
    /// Absolute, so that it stays the same when the process changes its directory.
    root: PathBuf,
    read_only: bool,
    writer: Writer,
}

impl FsBackend {
    /// Opens a directory with the options of [`builder`](Self::builder) as they are by default.
    /// It need not exist: the first put makes it.
    ///
    /// # Errors
    /// As [`FsOptions::open`].
    pub fn open(root: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(root).open()
    }

    /// How to open a directory otherwise.
    pub fn builder(root: impl Into<PathBuf>) -> FsOptions {
        FsOptions::new(root.into())
    }

    /// The directory: absolute, but with its symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn with_options(options: FsOptions) -> BackendResult<Self> {
        let FsOptions { root, durability, create, read_only, names } = options;
        let refuse = |kind, root: &Path, note: &str| {
            BackendError::new(kind, Name(root), Operation::Open).with_note(note)
        };
        let invalid = |root: &Path, note: &str| refuse(ErrorKind::InvalidConfig, root, note);
        let absolute = std::path::absolute(&root)
            .map_err(|error| invalid(&root, "it is not a path").with_source(error))?;
        let exists = match fs::metadata(&absolute) {
            Ok(metadata) if metadata.is_dir() => true,
            Ok(_) => return Err(invalid(&absolute, "it is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if read_only || !create {
                    let note = "the directory does not exist";
                    return Err(refuse(ErrorKind::NotFound, &absolute, note).with_source(error));
                }
                false
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(invalid(&absolute, "its path leads through a file").with_source(error));
            }
            Err(error) => return Err(BackendError::io(Name(&absolute), Operation::Open, error)),
        };
        let directories = Directories::new(absolute.clone(), exists, create);
        let writer = Writer { directories, durability, names, flock: File::lock };
        Ok(Self { root: absolute, read_only, writer })
    }

    pub(super) const fn is_read_only(&self) -> bool {
        self.read_only
    }

    pub(super) const fn writer(&self) -> &Writer {
        &self.writer
    }

    fn place(&self, key: &Key) -> Result<Place, Failure> {
        self.writer.names.check(key)?;
        let bare = self.root.join(key.as_str());
        let directory = bare.parent().unwrap_or(&self.root).to_owned();
        Ok(Place { directory, bare })
    }

    /// Where to put a value, if it can be put.
    fn place_for(&self, key: &Key, value: &Value) -> Result<Place, Failure> {
        let literal = self.writer.names == CompressedNames::Literal;
        if literal && value.content_encoding != ContentEncoding::Identity {
            let note = "under `CompressedNames::Literal` there is no place for an encoding";
            return Err(Failure::new(ErrorKind::Unsupported, note));
        }
        self.place(key)
    }

    fn find<T>(
        &self,
        key: &Key,
        probe: fn(&Path) -> Result<Option<T>, Failure>,
    ) -> Result<Option<(T, ContentEncoding)>, Failure> {
        let place = self.place(key)?;
        read::find(self.writer.names, &place.bare, self.writer.flock, probe)
    }

    fn open_value(&self, key: &Key) -> Result<Option<(OpenValue, ContentEncoding)>, Failure> {
        self.find(key, read::open)
    }

    fn refuse_if_read_only(&self, op: Operation, key: Option<&Key>) -> BackendResult<()> {
        if !self.read_only {
            return Ok(());
        }
        let error = BackendError::new(ErrorKind::ReadOnly, self, op);
        Err(match key {
            Some(key) => error.with_key(key),
            None => error,
        })
    }

    fn error(&self, op: Operation, key: Option<&Key>, failure: Failure) -> BackendError {
        match key {
            Some(key) => failure.at(self, op, key),
            None => failure.of(self, op),
        }
    }
}

#[async_trait]
impl KeyValueBackend for FsBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // More would need more open files than a process may have by default.
            concurrency: NonZeroUsize::new(128).unwrap_or(NonZeroUsize::MIN),
            writable: !self.read_only,
            batch_bytes: match self.writer.durability {
                // Nothing is done once for a batch but a lock.
                Durability::None => 1 << 20,
                _ => Capabilities::BATCH_BYTES,
            },
            conditional_delete: !self.read_only,
            conditional_put: if self.read_only {
                ConditionalPut::Unsupported
            } else {
                ConditionalPut::CompareAndSwap
            },
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let found = self.find(key, read::stat);
        let found = found.map_err(|failure| failure.at(self, Operation::Head, key))?;
        Ok(found.map(|(metadata, content_encoding)| Meta {
            key: key.clone(),
            size: metadata.len(),
            version: Some(version_of(&metadata)),
            content_encoding: Some(content_encoding),
        }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let read = || {
            let Some((value, encoding)) = self.open_value(key)? else { return Ok(None) };
            value.blob(&range, encoding).map(Some)
        };
        read().map_err(|failure: Failure| failure.at(self, Operation::Get, key))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.refuse_if_read_only(Operation::Put, Some(key))?;
        let place = self.place_for(key, &value);
        let put = place.and_then(|place| self.writer.put(place, &value, &when));
        put.map_err(|failure| failure.at(self, Operation::Put, key))
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.refuse_if_read_only(Operation::Delete, Some(key))?;
        let delete = self.place(key).and_then(|place| self.writer.delete(&place, &when));
        delete.map_err(|failure| failure.at(self, Operation::Delete, key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let walk = Walk::new(&self.root, prefix, self.writer.names);
        let told = move |failure: Failure| failure.of(self, Operation::List).with_prefix(prefix);
        stream::iter(walk).map(move |step| step.map_err(told)).boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let read = || {
            let Some((value, _)) = self.open_value(key)? else { return Ok(None) };
            value.parts(ranges).map(Some)
        };
        read().map_err(|failure: Failure| failure.at(self, Operation::Get, key))
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        self.refuse_if_read_only(Operation::Put, None)?;
        if self.writer.durability == Durability::Each {
            for Put { key, value } in puts {
                let _always_written = self.put(&key, value, Precondition::Always).await?;
            }
            return Ok(());
        }
        let puts = puts.into_iter().map(|Put { key, value }| {
            let place = self.place_for(&key, &value);
            (key, place, value)
        });
        let put = self.writer.put_batch(puts);
        put.map_err(|(key, failure)| self.error(Operation::Put, key.as_ref(), failure))
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        self.refuse_if_read_only(Operation::Delete, None)?;
        let places = keys.iter().map(|key| match self.place(key) {
            Ok(place) => Ok((key, place)),
            Err(failure) => Err((key, failure)),
        });
        let delete = self.writer.delete_batch(places);
        delete.map_err(|(key, failure)| self.error(Operation::Delete, key, failure))
    }
}

impl fmt::Display for FsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Name(&self.root).fmt(f)
    }
}

/// A directory as the URL that errors quote: one line, whatever the path is.
struct Name<'a>(&'a Path);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.to_string_lossy();
        write!(f, "file://{}", path.replace(char::is_control, "\u{fffd}"))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use bigarrays_core::backend::{KeyValueBackendExt, wait};

    use super::*;

    /// A store on a file system that has no locks, as NFS for directories.
    fn without_locks(root: &Path) -> FsBackend {
        let mut store = FsBackend::open(root).unwrap();
        store.writer.durability = Durability::None;
        store.writer.flock = |_| Err(io::Error::from_raw_os_error(9));
        store
    }

    #[test]
    fn without_locks_only_conditions_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = without_locks(dir.path());
        let key = Key::new("d/a").unwrap();
        wait(store.put_always(&key, "x")).unwrap();
        let version = wait(store.head(&key)).unwrap().unwrap().version.unwrap();
        let when = Precondition::IfVersion(version);
        let error = wait(store.put(&key, "y".into(), when.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(std::error::Error::source(&error).is_some());
        let error = wait(store.delete(&key, when)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let other = Key::new("d/b").unwrap();
        let error = wait(store.put(&other, "y".into(), Precondition::IfAbsent)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(wait(store.get_bytes(&key)).unwrap().unwrap(), "x");
        assert_eq!(wait(store.get_bytes(&other)).unwrap(), None);
        let _always = wait(store.delete(&key, Precondition::Always)).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn without_locks_threads_do_not_lose_values_of_vanishing_directories() {
        let dir = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for n in 0..4 {
                let store = without_locks(dir.path());
                scope.spawn(move || {
                    let key = Key::new(format!("deep/er/{n}")).unwrap();
                    for round in 0..200 {
                        wait(store.put_always(&key, round.to_string())).unwrap();
                        let got = wait(store.get_bytes(&key)).unwrap().unwrap();
                        assert_eq!(got, round.to_string());
                        let _always = wait(store.delete(&key, Precondition::Always)).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
