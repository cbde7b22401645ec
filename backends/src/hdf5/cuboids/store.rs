//! The trait over a directory of cuboid files.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, ContentEncoding,
    DeleteOutcome, ErrorKind, KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome,
    Value, Version,
};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::blocks::Blocks;
use super::change::Changed;
use super::describe::Stamp;
use super::options::H5CuboidOptions;
use super::route::Route;
use super::volume::{Place, Volume};
use crate::fs::FsBackend;
use crate::hdf5::direct::H5Error;

const CONFIG: &str = "config.json";
const INFO: &str = "info";

/// A directory of HDF5 cuboid files as a store; see the [module](super).
pub struct H5CuboidBackend {
    options: H5CuboidOptions,
    /// Everything that is not a chunk of the first scale.
    pub(super) plain: FsBackend,
    pub(super) blocks: Blocks,
    pub(super) config_key: Key,
    pub(super) info_key: Key,
    current: Mutex<Option<(Stamp, Arc<Volume>)>>,
}

impl H5CuboidBackend {
    /// Opens a directory, or the configuration in it, with the options of
    /// [`builder`](Self::builder) as they are by default. It need not exist: putting its `info`
    /// makes it.
    ///
    /// # Errors
    /// As [`H5CuboidOptions::open`].
    pub fn open(path: impl Into<PathBuf>) -> BackendResult<Self> {
        Self::builder(path).open()
    }

    /// How to open a directory otherwise.
    pub fn builder(path: impl Into<PathBuf>) -> H5CuboidOptions {
        H5CuboidOptions::new(path.into())
    }

    /// The directory: absolute, but with its symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.plain.root()
    }

    /// Removes the temporary files of writers that were killed, as
    /// [`FsBackend::clean`](crate::fs::FsBackend::clean).
    ///
    /// # Errors
    /// Kind `ReadOnly` if the store was opened for reading only, and what the file system says.
    pub fn clean(&self, older_than: std::time::Duration) -> BackendResult<u64> {
        self.plain.clean(older_than)
    }

    pub(super) fn with_options(options: H5CuboidOptions) -> BackendResult<Self> {
        let name = |path: &Path| Name(path).to_string();
        let path = &options.path;
        let is_config = path.extension().is_some_and(|end| end == "json") && !path.is_dir();
        let file = path.file_name().and_then(|file| file.to_str()).filter(|_| is_config);
        let (root, config) = match (file, path.parent()) {
            (Some(file), Some(parent)) if parent.as_os_str().is_empty() => (Path::new("."), file),
            (Some(file), Some(parent)) => (parent, file),
            _ => (path.as_path(), CONFIG),
        };
        let plain = FsBackend::builder(root)
            .durability(options.durability)
            .create(options.create)
            .read_only(options.read_only)
            .open()?;
        let invalid = |error: H5Error| error.into_backend(name(root), Operation::Open);
        let config_key = Self::key_of(config).map_err(invalid)?;
        let info_key = Self::key_of(INFO).map_err(invalid)?;
        let blocks = Blocks::new(plain.root().to_owned());
        let current = Mutex::default();
        let may_be_made = options.create && !options.read_only;
        let store = Self { options, plain, blocks, config_key, info_key, current };
        let opened = |error: H5Error| error.into_backend(&store, Operation::Open);
        if store.volume().map_err(opened)?.is_none() && !may_be_made {
            let note =
                format!("it has no {}, so it is no volume of cuboid files", store.config_key);
            let error = BackendError::new(ErrorKind::NotFound, &store, Operation::Open);
            return Err(error.with_note(note));
        }
        Ok(store)
    }

    pub(super) const fn options(&self) -> &H5CuboidOptions {
        &self.options
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.root().join(self.config_key.as_str())
    }

    // Each change is one assignment: it is right after a panic, too.
    pub(super) fn current(&self) -> MutexGuard<'_, Option<(Stamp, Arc<Volume>)>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn error(&self, op: Operation, key: &Key, error: H5Error) -> BackendError {
        error.into_backend(self, op).with_key(key)
    }

    fn refuse(&self, kind: ErrorKind, op: Operation, note: &str) -> BackendError {
        BackendError::new(kind, self, op).with_note(note)
    }

    fn refuse_if_read_only(&self, op: Operation) -> BackendResult<()> {
        if self.options.read_only {
            return Err(BackendError::new(ErrorKind::ReadOnly, self, op));
        }
        Ok(())
    }

    fn read_chunk(
        &self,
        volume: &Volume,
        key: &Key,
        place: &Place,
        voxels: bool,
    ) -> BackendResult<Option<(Bytes, Version)>> {
        let op = if voxels { Operation::Get } else { Operation::Head };
        let Some(cuboids) = &volume.cuboids else { return Ok(None) };
        let read = cuboids.read(&self.blocks, place, voxels);
        let read = read.map_err(|error| self.error(op, key, error))?;
        Ok(read.map(|chunk| (Bytes::from(chunk.voxels), chunk.version)))
    }
}

#[async_trait]
impl KeyValueBackend for H5CuboidBackend {
    fn capabilities(&self) -> Capabilities {
        let read_only = self.options.read_only;
        Capabilities {
            // More would need more open files than a process may have by default.
            concurrency: NonZeroUsize::new(128).unwrap_or(NonZeroUsize::MIN),
            writable: !read_only,
            // A chunk is decoded as a whole.
            range_reads: false,
            conditional_put: if read_only {
                ConditionalPut::Unsupported
            } else {
                ConditionalPut::CompareAndSwap
            },
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let (volume, route) = self.find(Operation::Head, key)?;
        match (route, volume) {
            (Route::Chunk(place), Some(volume)) => {
                let found = self.read_chunk(&volume, key, &place, false)?;
                let size = volume.cuboids.as_ref().map_or(0, |c| c.value_len(&place)) as u64;
                Ok(found.map(|(_, version)| Meta {
                    key: key.clone(),
                    size,
                    version: Some(version),
                    content_encoding: Some(ContentEncoding::Identity),
                }))
            }
            (Route::OffGrid, _) => Ok(None),
            (Route::Info, Some(volume)) => match self.plain.head(key).await? {
                Some(meta) => Ok(Some(meta)),
                None => Ok(self.made_up_meta(&volume)),
            },
            _ => self.plain.head(key).await,
        }
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let (volume, route) = self.find(Operation::Get, key)?;
        let blob = |bytes: &Bytes, version: Version| Blob {
            bytes: range.slice(bytes),
            version: Some(version),
            content_encoding: ContentEncoding::Identity,
        };
        match (route, volume) {
            (Route::Chunk(place), Some(volume)) => {
                let found = self.read_chunk(&volume, key, &place, true)?;
                Ok(found.map(|(bytes, version)| blob(&bytes, version)))
            }
            (Route::OffGrid, _) => Ok(None),
            (Route::Info, Some(volume)) => match self.plain.get(key, range.clone()).await? {
                Some(stored) => Ok(Some(stored)),
                None => {
                    let made_up = volume.made_up.as_ref().zip(volume.made_up_version());
                    Ok(made_up.map(|(bytes, version)| blob(bytes, version)))
                }
            },
            _ => self.plain.get(key, range).await,
        }
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.refuse_if_read_only(Operation::Put).map_err(|error| error.with_key(key))?;
        let (volume, route) = self.find(Operation::Put, key)?;
        let failed = |error| self.error(Operation::Put, key, error);
        match (route, volume) {
            (Route::Info, volume) => self.put_info(volume.as_deref(), value, &when),
            (Route::Chunk(place), Some(volume)) => {
                let Some(cuboids) = &volume.cuboids else { return Ok(PutOutcome::Conflict) };
                let edit = self.take_apart(cuboids, &place, &value).map_err(failed)?;
                match self.change(&volume, edit, &when).map_err(failed)? {
                    Changed::Done(version) => Ok(PutOutcome::Written { version }),
                    Changed::Conflict => Ok(PutOutcome::Conflict),
                }
            }
            (Route::OffGrid, _) => {
                let note = "it is not the name of a chunk of this volume";
                Err(self.refuse(ErrorKind::InvalidKey, Operation::Put, note).with_key(key))
            }
            _ => self.plain.put(key, value, when).await,
        }
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.refuse_if_read_only(Operation::Delete).map_err(|error| error.with_key(key))?;
        let (volume, route) = self.find(Operation::Delete, key)?;
        let failed = |error| self.error(Operation::Delete, key, error);
        match (route, volume) {
            (Route::Chunk(place), Some(volume)) => {
                let Some(cuboids) = &volume.cuboids else { return Ok(DeleteOutcome::Conflict) };
                let edit = Self::removal(cuboids, &place).map_err(failed)?;
                match self.change(&volume, edit, &when).map_err(failed)? {
                    Changed::Done(_) => Ok(DeleteOutcome::Deleted),
                    Changed::Conflict => Ok(DeleteOutcome::Conflict),
                }
            }
            (Route::OffGrid, _) => {
                Ok(if when.holds(None) { DeleteOutcome::Deleted } else { DeleteOutcome::Conflict })
            }
            (Route::Info, Some(volume)) if self.made_up_meta(&volume).is_some() => {
                let note = "its info is made up of its files";
                Err(self.refuse(ErrorKind::Unsupported, Operation::Delete, note).with_key(key))
            }
            _ => self.plain.delete(key, when).await,
        }
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        match self.volume() {
            Ok(volume) => self.all_keys(prefix, volume),
            Err(error) => {
                let error = error.into_backend(self, Operation::List).with_prefix(prefix);
                stream::iter([Err(error)]).boxed()
            }
        }
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let (_, route) = self.find(Operation::Get, key)?;
        if route == Route::Plain {
            return self.plain.get_ranges(key, ranges).await;
        }
        let Some(whole) = self.get(key, ByteRange::Full).await? else { return Ok(None) };
        let cut = |range: &Range<u64>| ByteRange::Bounded(range.clone()).slice(&whole.bytes);
        Ok(Some(ranges.iter().map(cut).collect()))
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        self.refuse_if_read_only(Operation::Put)?;
        let (described, puts): (Vec<_>, Vec<_>) =
            puts.into_iter().partition(|put| put.key == self.info_key);
        // The others may be chunks because of it.
        for Put { key, value } in described {
            let _always_written = self.put(&key, value, Precondition::Always).await?;
        }
        let (mut plain, mut edits, mut volume) = (Vec::new(), Vec::new(), None);
        for put in puts {
            let (now, route) = self.find(Operation::Put, &put.key)?;
            match (route, now) {
                (Route::Chunk(place), Some(now)) => {
                    let Some(cuboids) = &now.cuboids else { continue };
                    let edit = self.take_apart(cuboids, &place, &put.value);
                    let edit = edit.map_err(|error| self.error(Operation::Put, &put.key, error))?;
                    edits.push((put.key, edit));
                    volume = Some(now);
                }
                (Route::Plain, _) => plain.push(put),
                _ => {
                    let Put { key, value } = put;
                    let _refused = self.put(&key, value, Precondition::Always).await?;
                }
            }
        }
        self.plain.put_batch(plain).await?;
        match volume {
            Some(volume) => self.change_all(&volume, edits, Operation::Put),
            None => Ok(()),
        }
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        self.refuse_if_read_only(Operation::Delete)?;
        let (mut plain, mut edits, mut volume) = (Vec::new(), Vec::new(), None);
        for key in keys {
            let (now, route) = self.find(Operation::Delete, key)?;
            match (route, now) {
                (Route::Chunk(place), Some(now)) => {
                    let Some(cuboids) = &now.cuboids else { continue };
                    let edit = Self::removal(cuboids, &place);
                    let edit = edit.map_err(|error| self.error(Operation::Delete, key, error))?;
                    edits.push((key.clone(), edit));
                    volume = Some(now);
                }
                (Route::Plain, _) => plain.push(key.clone()),
                _ => {
                    let _always_deleted = self.delete(key, Precondition::Always).await?;
                }
            }
        }
        self.plain.delete_batch(&plain).await?;
        match volume {
            Some(volume) => self.change_all(&volume, edits, Operation::Delete),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for H5CuboidBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("H5CuboidBackend")
            .field("root", &self.root())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for H5CuboidBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Name(self.root()).fmt(f)
    }
}

/// A directory as the URL that errors quote: one line, whatever the path is.
struct Name<'a>(&'a Path);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.to_string_lossy();
        write!(f, "h5://{}", path.replace(char::is_control, "\u{fffd}"))
    }
}
