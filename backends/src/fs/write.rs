//! Putting and deleting: what happens under the lock of a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use bigarrays_core::backend::{
    ContentEncoding, DeleteOutcome, ErrorKind, Precondition, PutOutcome, Value, Version,
};

use super::directories::Directories;
use super::failure::Failure;
use super::io::Handle;
use super::lock::{DirectoryLock, Flock};
use super::names::path_in;
use super::options::{CompressedNames, Durability};
use super::read::{find, stat};
use super::temporary::Temporary;
use super::version::version_of;

/// Files that a batch keeps open until they are synced.
const WAVE: usize = 64;
/// Threads that sync them.
const SYNCERS: usize = 8;
/// Files that are renamed under one lock, before others get their turn.
const TURN: usize = 256;

/// The writing side of a store.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) directories: Directories,
    pub(super) durability: Durability,
    pub(super) names: CompressedNames,
    pub(super) flock: Flock,
}

/// A value on the disk, but not yet in its place.
#[derive(Debug)]
struct Staged {
    temporary: Temporary,
    place: Place,
    encoding: ContentEncoding,
    version: Version,
}

/// Where a value is stored if it is not compressed.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    pub(super) bare: PathBuf,
}

impl Writer {
    /// Puts one value.
    pub(super) fn put(
        &self,
        place: Place,
        value: &Value,
        when: &Precondition,
    ) -> Result<PutOutcome, Failure> {
        if *when != Precondition::Always {
            // Writing the value can be spared if the condition does not even hold now.
            let now = find(self.names, &place.bare, self.flock, stat)?;
            if !holds(when, now) {
                return Ok(PutOutcome::Conflict);
            }
        }
        let directory = place.directory.clone();
        let put = self.put_in(place, value, when);
        if put.as_ref().is_ok_and(PutOutcome::is_written) {
            self.sync(&directory)?;
        } else {
            self.forsake(&directory);
        }
        put
    }

    fn put_in(
        &self,
        place: Place,
        value: &Value,
        when: &Precondition,
    ) -> Result<PutOutcome, Failure> {
        let (staged, file) = self.stage(place, value)?;
        if self.durability != Durability::None {
            file.sync()?;
        }
        drop(file);
        let lock = self.lock(&staged.place.directory)?;
        lock.permits(when)?;
        if *when != Precondition::Always && !holds(when, self.names.find(&staged.place.bare, stat)?)
        {
            return Ok(PutOutcome::Conflict);
        }
        let version = self.publish(staged)?;
        drop(lock);
        Ok(PutOutcome::Written { version: Some(version) })
    }

    /// Puts several values, and syncs each directory once.
    pub(super) fn put_batch<K: Clone + Send + Sync>(
        &self,
        puts: impl Iterator<Item = (K, Result<Place, Failure>, Value)>,
    ) -> Result<(), (Option<K>, Failure)> {
        let mut directories = BTreeSet::new();
        let put = self.put_all(puts, &mut directories);
        if put.is_err() {
            directories.iter().for_each(|directory| self.forsake(directory));
        }
        put
    }

    fn put_all<K: Clone + Send + Sync>(
        &self,
        puts: impl Iterator<Item = (K, Result<Place, Failure>, Value)>,
        directories: &mut BTreeSet<PathBuf>,
    ) -> Result<(), (Option<K>, Failure)> {
        let mut staged: BTreeMap<PathBuf, Vec<(K, Staged)>> = BTreeMap::new();
        let mut unsynced: Vec<(K, Handle)> = Vec::new();
        for (key, place, value) in puts {
            let place = match place {
                Ok(place) => place,
                Err(failure) => return Err((Some(key), failure)),
            };
            directories.insert(place.directory.clone());
            let (value, file) = match self.stage(place, &value) {
                Ok(staged) => staged,
                Err(failure) => return Err((Some(key), failure)),
            };
            if self.durability != Durability::None {
                unsynced.push((key.clone(), file));
            }
            if unsynced.len() >= WAVE {
                sync_files(&mut unsynced)?;
            }
            staged.entry(value.place.directory.clone()).or_default().push((key, value));
        }
        sync_files(&mut unsynced)?;
        for (directory, mut values) in staged {
            // What fails for all of them is told with the name of one.
            let first = values.first().map(|(key, _)| key.clone());
            let of_all = |failure| (first.clone(), failure);
            while !values.is_empty() {
                let turn = values.drain(..values.len().min(TURN));
                let lock = self.lock(&directory).map_err(of_all)?;
                for (key, value) in turn {
                    self.publish(value).map_err(|failure| (Some(key), failure))?;
                }
                drop(lock);
            }
            self.sync(&directory).map_err(of_all)?;
        }
        Ok(())
    }

    /// Deletes one value.
    pub(super) fn delete(
        &self,
        place: &Place,
        when: &Precondition,
    ) -> Result<DeleteOutcome, Failure> {
        let Some(lock) = DirectoryLock::take(&place.directory, self.flock)? else {
            let absent =
                if when.holds(None) { DeleteOutcome::Deleted } else { DeleteOutcome::Conflict };
            return Ok(absent);
        };
        lock.permits(when)?;
        if *when != Precondition::Always && !holds(when, self.names.find(&place.bare, stat)?) {
            return Ok(DeleteOutcome::Conflict);
        }
        if self.names.remove(&place.bare, None, || self.sync(&place.directory))? {
            self.tidy(&place.directory, lock)?;
        }
        Ok(DeleteOutcome::Deleted)
    }

    /// Deletes several values, and syncs each directory once.
    pub(super) fn delete_batch<K: Clone>(
        &self,
        places: impl Iterator<Item = Result<(K, Place), (K, Failure)>>,
    ) -> Result<(), (Option<K>, Failure)> {
        let mut by_directory: BTreeMap<PathBuf, Vec<(K, PathBuf)>> = BTreeMap::new();
        for place in places {
            let (key, place) = place.map_err(|(key, failure)| (Some(key), failure))?;
            by_directory.entry(place.directory).or_default().push((key, place.bare));
        }
        for (directory, mut values) in by_directory {
            let first = values.first().map(|(key, _)| key.clone());
            let of_all = |failure| (first.clone(), failure);
            while !values.is_empty() {
                let turn = values.drain(..values.len().min(TURN));
                let lock = DirectoryLock::take(&directory, self.flock);
                let Some(lock) = lock.map_err(of_all)? else { break };
                let mut removed = false;
                for (key, bare) in turn {
                    let one = self.names.remove(&bare, None, || self.sync(&directory));
                    removed |= one.map_err(|failure| (Some(key), failure))?;
                }
                if removed {
                    self.tidy(&directory, lock).map_err(of_all)?;
                }
            }
        }
        Ok(())
    }

    fn stage(&self, place: Place, value: &Value) -> Result<(Staged, Handle), Failure> {
        let (temporary, file, version) =
            Temporary::write(&self.directories, &place.directory, &value.bytes)?;
        let encoding = value.content_encoding;
        Ok((Staged { temporary, place, encoding, version }, file))
    }

    /// The lock of a directory with a staged value, which therefore exists.
    fn lock(&self, directory: &Path) -> Result<DirectoryLock, Failure> {
        let lock = DirectoryLock::take(directory, self.flock)?;
        lock.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
    }

    /// Moves a value into its place, under the lock of its directory.
    fn publish(&self, staged: Staged) -> Result<Version, Failure> {
        let Staged { temporary, place, encoding, version } = staged;
        let to = path_in(&place.bare, encoding);
        temporary.rename(&to).map_err(|error| match error.kind() {
            io::ErrorKind::IsADirectory => {
                let note = "there are values below it, so that it cannot be one itself";
                Failure::new(ErrorKind::InvalidKey, note).because(error)
            }
            _ => error.into(),
        })?;
        self.names.remove(&place.bare, Some(encoding), || self.sync(&place.directory))?;
        Ok(version)
    }

    fn sync(&self, directory: &Path) -> Result<(), Failure> {
        if self.durability != Durability::None {
            self.directories.sync(directory)?;
        }
        Ok(())
    }

    /// After a failure: removes the directories that were made for nothing, or they would be in
    /// the way of values with their names.
    fn forsake(&self, directory: &Path) {
        let below_root = |path: &&Path| path.starts_with(self.directories.root());
        for directory in directory.ancestors().take_while(below_root) {
            match DirectoryLock::take(directory, self.flock) {
                // It may have come no further than to one above it.
                Ok(None) => {}
                Ok(Some(lock)) => {
                    self.directories.prune(directory, lock, self.flock);
                    return;
                }
                // What went wrong before is what gets told.
                Err(_) => return,
            }
        }
    }

    /// After a removal: removes the directory if it is empty, and makes that durable.
    pub(super) fn tidy(&self, directory: &Path, lock: DirectoryLock) -> Result<(), Failure> {
        let stays = self.directories.prune(directory, lock, self.flock);
        self.sync(&stays)
    }
}

fn holds(when: &Precondition, now: Option<(Metadata, ContentEncoding)>) -> bool {
    when.holds(now.map(|(metadata, _)| version_of(&metadata)).as_ref())
}

/// Syncs files, several at once: file systems gather the waiting ones into one commit. Tells the
/// key of one that could not be synced.
fn sync_files<K: Clone + Send + Sync>(
    files: &mut Vec<(K, Handle)>,
) -> Result<(), (Option<K>, Failure)> {
    let files = std::mem::take(files);
    let sync = |files: &[(K, Handle)]| {
        let failed = |key: &K, error: io::Error| (Some(key.clone()), Failure::from(error));
        files.iter().try_for_each(|(key, file)| file.sync().map_err(|error| failed(key, error)))
    };
    thread::scope(|scope| {
        let mut parts = files.chunks(files.len().div_ceil(SYNCERS).max(2));
        let own = parts.next();
        let mut synced = Ok(());
        let mut others = Vec::new();
        for part in parts {
            match thread::Builder::new().spawn_scoped(scope, move || sync(part)) {
                Ok(thread) => others.push(thread),
                // Without a thread it only takes longer.
                Err(_) => synced = synced.and_then(|()| sync(part)),
            }
        }
        synced = synced.and_then(|()| own.map_or(Ok(()), sync));
        for other in others {
            let panicked = |_| Err((None, io::Error::other("a sync panicked").into()));
            synced = synced.and(other.join().unwrap_or_else(panicked));
        }
        synced
    })
}
