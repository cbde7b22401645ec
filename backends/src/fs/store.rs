//! The store.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, ContentEncoding,
    DeleteOutcome, ErrorKind, KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome,
    Value, Version,
};
use bigarrays_core::{Key, Prefix};
use futures::stream::{self, BoxStream, StreamExt};

use super::lock::DirectoryLock;
use super::options::{CompressedNames, Durability, FsBuilder};
use super::path::{self, RESERVED};
use super::put::Staged;
use super::version;
use super::walk::{Walk, is_absent};

/// Values of a batch that are written before the first of them is synced and renamed: bounds
/// open files.
const WAVE: usize = 64;

/// Opening a pipe must not wait for its other end.
#[cfg(target_os = "linux")]
const O_NONBLOCK: i32 = 0o4000;
#[cfg(not(target_os = "linux"))]
const O_NONBLOCK: i32 = 0;

/// A directory tree. Cloning is cheap.
#[derive(Clone)]
pub struct FsBackend {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    durability: Durability,
    names: CompressedNames,
    read_only: bool,
    /// Which suffix was found last, as a place in `ContentEncoding::COMPRESSED`: chunks of one
    /// volume are mostly compressed alike.
    likely: AtomicUsize,
    /// Directories whose own names are known to be durable.
    durable: Mutex<HashSet<PathBuf>>,
}

impl fmt::Debug for FsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FsBackend")
            .field("root", &self.inner.root)
            .field("durability", &self.inner.durability)
            .field("names", &self.inner.names)
            .field("read_only", &self.inner.read_only)
            .finish()
    }
}

impl fmt::Display for FsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file://{}", self.inner.root.display())
    }
}

impl FsBackend {
    /// The tree below `root`, which need not exist yet, with the default options.
    ///
    /// # Errors
    /// As [`FsBuilder::open`].
    pub fn open(root: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(root).open()
    }

    /// Options of the tree below `root`.
    pub fn builder(root: impl Into<PathBuf>) -> FsBuilder {
        FsBuilder {
            root: root.into(),
            durability: Durability::default(),
            names: CompressedNames::default(),
            read_only: false,
        }
    }

    pub(super) fn from_builder(options: FsBuilder) -> BackendResult<Self> {
        let FsBuilder { root, durability, names, read_only } = options;
        let root = std::path::absolute(&root).map_err(|error| {
            let place = format!("file://{}", root.display());
            BackendError::new(ErrorKind::InvalidConfig, place, Operation::Open).with_source(error)
        })?;
        let (likely, durable) = (AtomicUsize::new(0), Mutex::default());
        let inner = Inner { root, durability, names, read_only, likely, durable };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Removes what killed writers left behind, if it is older than `age`, and says how much it
    /// was. Such files are never listed and never read.
    ///
    /// # Errors
    /// [`BackendError`] if the tree cannot be walked or a file not removed.
    pub fn clean(&self, age: Duration) -> BackendResult<u64> {
        let failed = |error| BackendError::io(self, Operation::Clean, error);
        self.writable(Operation::Clean)?;
        let before = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let (mut removed, mut places) = (0, vec![self.inner.root.clone()]);
        while let Some(place) = places.pop() {
            let entries = match fs::read_dir(&place) {
                Err(error) if is_absent(&error) => continue,
                entries => entries.map_err(failed)?,
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    places.push(entry.path());
                } else if entry.file_name().to_string_lossy().starts_with(RESERVED) {
                    match entry.metadata().and_then(|metadata| metadata.modified()) {
                        Ok(written) if written <= before => {
                            fs::remove_file(entry.path()).map_err(failed)?;
                            removed += 1;
                        }
                        // Its writer was faster.
                        Err(error) if !is_absent(&error) => return Err(failed(error)),
                        _ => {}
                    }
                }
            }
        }
        Ok(removed)
    }

    fn error(&self, op: Operation, key: &Key, error: io::Error) -> BackendError {
        use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory};
        let note = match error.kind() {
            IsADirectory => "there are keys below it, so it is a directory and cannot be a file",
            NotADirectory | AlreadyExists => {
                "the beginning of it is a key itself, so it is a file and cannot be a directory"
            }
            _ => return BackendError::io(self, op, error).with_key(key),
        };
        BackendError::new(ErrorKind::InvalidKey, self, op)
            .with_key(key)
            .with_note(note)
            .with_source(error)
    }

    fn check(&self, op: Operation, key: &Key) -> BackendResult<()> {
        path::refuse(key, self.inner.names).map_err(|reason| {
            BackendError::new(ErrorKind::InvalidKey, self, op).with_key(key).with_note(reason)
        })
    }

    fn writable(&self, op: Operation) -> BackendResult<()> {
        if self.inner.read_only {
            return Err(BackendError::new(ErrorKind::ReadOnly, self, op));
        }
        Ok(())
    }

    fn file(&self, key: &Key, encoding: ContentEncoding) -> PathBuf {
        path::file(&self.inner.root, key, encoding)
    }

    /// The compressions that a value may have here, in the order of trying: the bare name wins,
    /// then the suffix that was found last.
    fn candidates(&self) -> impl Iterator<Item = ContentEncoding> + use<> {
        let all = ContentEncoding::COMPRESSED;
        let suffixes = match self.inner.names {
            CompressedNames::Resolve => &all[..],
            CompressedNames::Literal => &[],
        }
        .to_vec();
        std::iter::once(ContentEncoding::Identity).chain(suffixes)
    }

    /// Opens the file that holds a value.
    fn find(&self, key: &Key) -> io::Result<Option<(File, Metadata, ContentEncoding)>> {
        let likely = ContentEncoding::COMPRESSED[self.inner.likely.load(Ordering::Relaxed)];
        for encoding in self.candidates() {
            match self.open_value(key, encoding)? {
                Some((file, metadata)) => return Ok(Some((file, metadata, encoding))),
                None if encoding == ContentEncoding::Identity => {
                    // Two suffixes of one key are nobody's order; the likely one saves calls.
                    if self.inner.names == CompressedNames::Resolve
                        && let Some((file, metadata)) = self.open_value(key, likely)?
                    {
                        return Ok(Some((file, metadata, likely)));
                    }
                }
                None => {}
            }
        }
        Ok(None)
    }

    fn open_value(
        &self,
        key: &Key,
        encoding: ContentEncoding,
    ) -> io::Result<Option<(File, Metadata)>> {
        let opened = File::options()
            .read(true)
            .custom_flags(O_NONBLOCK)
            .open(self.file(key, encoding));
        let file = match opened {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Ok(None);
        }
        if !metadata.is_file() {
            return Err(io::Error::other("it is neither a file nor a directory"));
        }
        if let Some(place) = ContentEncoding::COMPRESSED.iter().position(|known| *known == encoding) {
            self.inner.likely.store(place, Ordering::Relaxed);
        }
        Ok(Some((file, metadata)))
    }

    fn current(&self, key: &Key) -> io::Result<Option<Version>> {
        Ok(self.find(key)?.map(|(_, metadata, _)| version::of(&metadata)))
    }

    /// Whether the value may be replaced or removed. The caller holds the lock.
    fn holds(
        &self,
        op: Operation,
        key: &Key,
        when: &Precondition,
        lock: &DirectoryLock,
    ) -> BackendResult<bool> {
        if *when == Precondition::Always {
            return Ok(true);
        }
        if !lock.is_shared {
            return Err(BackendError::new(ErrorKind::Unsupported, self, op).with_key(key).with_note(
                "the file system has no file locks, so a condition cannot be honoured",
            ));
        }
        let current = self.current(key).map_err(|error| self.error(op, key, error))?;
        Ok(when.holds(current.as_ref()))
    }

    fn stage(&self, key: &Key, value: &Value) -> BackendResult<Staged> {
        if self.inner.names == CompressedNames::Literal
            && value.content_encoding != ContentEncoding::Identity
        {
            return Err(BackendError::new(ErrorKind::Unsupported, self, Operation::Put)
                .with_key(key)
                .with_note("a compressed value has no name under CompressedNames::Literal"));
        }
        Staged::write(&self.file(key, value.content_encoding), &value.bytes)
            .map_err(|error| self.error(Operation::Put, key, error))
    }

    /// Gives a staged value its name, and takes away those that it had compressed otherwise.
    fn publish(
        &self,
        key: &Key,
        encoding: ContentEncoding,
        staged: Staged,
        when: &Precondition,
    ) -> BackendResult<PutOutcome> {
        let failed = |error| self.error(Operation::Put, key, error);
        let target = self.file(key, encoding);
        let lock = DirectoryLock::take(parent(&target)).map_err(failed)?;
        if !self.holds(Operation::Put, key, when, &lock)? {
            return Ok(PutOutcome::Conflict);
        }
        let version = staged.rename(&target).map_err(failed)?;
        self.remove_files(key, Some(encoding)).map_err(failed)?;
        Ok(PutOutcome::Written { version: Some(version) })
    }

    /// Removes every file of a key but one; says whether there was any.
    fn remove_files(&self, key: &Key, keep: Option<ContentEncoding>) -> io::Result<bool> {
        let mut removed = false;
        for encoding in self.candidates().filter(|encoding| Some(*encoding) != keep) {
            match fs::remove_file(self.file(key, encoding)) {
                Ok(()) => removed = true,
                Err(error) if is_absent(&error) => {}
                // A directory of that name is not this key's.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// Makes the names in a directory durable, and the first time its own name.
    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()?;
        let mut durable = self.inner.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if !durable.contains(directory) {
            let above_root = self.inner.root.parent();
            for above in directory.ancestors().skip(1) {
                File::open(above)?.sync_all()?;
                if Some(above) == above_root {
                    break;
                }
            }
            durable.insert(directory.to_owned());
        }
        Ok(())
    }

    fn put_now(&self, key: &Key, value: &Value, when: &Precondition) -> BackendResult<PutOutcome> {
        let staged = self.stage(key, value)?;
        let failed = |error| self.error(Operation::Put, key, error);
        let durable = self.inner.durability != Durability::None;
        if durable {
            staged.sync().map_err(failed)?;
        }
        let outcome = self.publish(key, value.content_encoding, staged, when)?;
        if durable && outcome.is_written() {
            self.sync_directory(parent(&self.file(key, value.content_encoding))).map_err(failed)?;
        }
        Ok(outcome)
    }

    /// Several values with one sync a directory.
    fn put_wave(&self, wave: &[Put], directories: &mut BTreeSet<PathBuf>) -> BackendResult<()> {
        let staged: BackendResult<Vec<Staged>> =
            wave.iter().map(|put| self.stage(&put.key, &put.value)).collect();
        let staged = staged?;
        if self.inner.durability != Durability::None {
            for (put, staged) in wave.iter().zip(&staged) {
                staged.sync().map_err(|error| self.error(Operation::Put, &put.key, error))?;
            }
        }
        for (Put { key, value }, staged) in wave.iter().zip(staged) {
            let encoding = value.content_encoding;
            let _always_written = self.publish(key, encoding, staged, &Precondition::Always)?;
            directories.insert(parent(&self.file(key, encoding)).to_owned());
        }
        Ok(())
    }

    fn delete_now(
        &self,
        key: &Key,
        when: &Precondition,
        directories: &mut BTreeSet<PathBuf>,
    ) -> BackendResult<DeleteOutcome> {
        let failed = |error| self.error(Operation::Delete, key, error);
        let path = self.file(key, ContentEncoding::Identity);
        let lock = match DirectoryLock::take(parent(&path)) {
            Err(error) if is_absent(&error) => {
                return Ok(match when {
                    Precondition::IfVersion(_) => DeleteOutcome::Conflict,
                    _ => DeleteOutcome::Deleted,
                });
            }
            lock => lock.map_err(failed)?,
        };
        if !self.holds(Operation::Delete, key, when, &lock)? {
            return Ok(DeleteOutcome::Conflict);
        }
        if self.remove_files(key, None).map_err(failed)? {
            if self.inner.durability != Durability::None {
                lock.sync().map_err(failed)?;
            }
            directories.insert(parent(&path).to_owned());
        }
        Ok(DeleteOutcome::Deleted)
    }

    /// Removes directories in which nothing is left, but never the root.
    fn prune(&self, directories: BTreeSet<PathBuf>) {
        for directory in directories.into_iter().rev() {
            for directory in directory.ancestors() {
                let below = directory != self.inner.root && directory.starts_with(&self.inner.root);
                // One that is not empty stays, and so do all above it.
                if !below || fs::remove_dir(directory).is_err() {
                    break;
                }
                let mut durable = self.inner.durable.lock().unwrap_or_else(PoisonError::into_inner);
                durable.remove(directory);
            }
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn read_range(file: File, metadata: &Metadata, range: &ByteRange) -> io::Result<Vec<u8>> {
    let size = metadata.len();
    let wanted = range.resolve(size);
    let len = usize::try_from(wanted.end - wanted.start).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(io::Error::other)?;
    if *range == ByteRange::Full {
        file.take(size).read_to_end(&mut bytes)?;
        if bytes.len() != len {
            let text = format!("the file has {} bytes of the {len} that it had", bytes.len());
            return Err(io::Error::new(io::ErrorKind::Interrupted, text));
        }
    } else {
        bytes.resize(len, 0);
        file.read_exact_at(&mut bytes, wanted.start)?;
    }
    Ok(bytes)
}

#[async_trait]
impl KeyValueBackend for FsBackend {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::local();
        if self.inner.read_only {
            capabilities.writable = false;
            capabilities.conditional_put = ConditionalPut::Unsupported;
        }
        capabilities
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.check(Operation::Head, key)?;
        let found = self.find(key).map_err(|error| self.error(Operation::Head, key, error))?;
        Ok(found.map(|(_, metadata, content_encoding)| Meta {
            key: key.clone(),
            size: metadata.len(),
            version: Some(version::of(&metadata)),
            content_encoding,
        }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.check(Operation::Get, key)?;
        let failed = |error| self.error(Operation::Get, key, error);
        let Some((file, metadata, content_encoding)) = self.find(key).map_err(failed)? else {
            return Ok(None);
        };
        let bytes = read_range(file, &metadata, &range).map_err(failed)?.into();
        Ok(Some(Blob { bytes, version: Some(version::of(&metadata)), content_encoding }))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.writable(Operation::Put).map_err(|error| error.with_key(key))?;
        self.check(Operation::Put, key)?;
        self.put_now(key, &value, &when)
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.writable(Operation::Delete).map_err(|error| error.with_key(key))?;
        self.check(Operation::Delete, key)?;
        let mut directories = BTreeSet::new();
        let outcome = self.delete_now(key, &when, &mut directories)?;
        self.prune(directories);
        Ok(outcome)
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let failed =
            move |error| BackendError::io(self, Operation::List, error).with_prefix(prefix);
        match Walk::new(&self.inner.root, prefix, self.inner.names) {
            Ok(walk) => stream::iter(walk.map(move |meta| meta.map_err(failed))).boxed(),
            Err(error) => stream::iter([Err(failed(error))]).boxed(),
        }
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        for Put { key, .. } in &puts {
            self.writable(Operation::Put).map_err(|error| error.with_key(key))?;
            self.check(Operation::Put, key)?;
        }
        if self.inner.durability == Durability::Each {
            for Put { key, value } in &puts {
                let _always_written = self.put_now(key, value, &Precondition::Always)?;
            }
            return Ok(());
        }
        let mut directories = BTreeSet::new();
        for wave in puts.chunks(WAVE) {
            self.put_wave(wave, &mut directories)?;
        }
        if self.inner.durability == Durability::Batch {
            for directory in &directories {
                self.sync_directory(directory)
                    .map_err(|error| BackendError::io(self, Operation::Put, error))?;
            }
        }
        Ok(())
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let mut directories = BTreeSet::new();
        for key in keys {
            self.writable(Operation::Delete).map_err(|error| error.with_key(key))?;
            self.check(Operation::Delete, key)?;
            let _always_deleted = self.delete_now(key, &Precondition::Always, &mut directories)?;
        }
        self.prune(directories);
        Ok(())
    }
}
