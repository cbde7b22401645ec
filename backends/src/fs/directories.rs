//! Making, removing and syncing directories.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bigarrays_core::backend::ErrorKind;

use super::failure::{Failure, is_absence};
use super::io as calls;
use super::lock::{DirectoryLock, Flock};

/// How many directories are remembered as durable: a bound of memory, not of correctness.
const REMEMBERED: usize = 10_000;

/// The directories of a store, from its root down.
#[derive(Debug)]
pub(super) struct Directories {
    root: PathBuf,
    create: bool,
    /// The deepest directory whose own existence is not this store's business.
    anchor: PathBuf,
    /// Directories below the anchor that are known to survive a power cut.
    durable: Mutex<HashMap<PathBuf, Identity>>,
}

/// What tells a directory from another one that had its path before: its inode number, and when it
/// was made, where the file system says that.
type Identity = (u64, Option<SystemTime>);

impl Directories {
    /// Those below `root`, of which is known whether it exists.
    pub(super) fn new(root: PathBuf, exists: bool, create: bool) -> Self {
        // The root's parent is synced once even if the root exists: another process may have
        // made it just now.
        let mut above = root.ancestors().skip(1);
        let anchor = above.find(|path| exists || path.is_dir()).unwrap_or(&root).to_owned();
        Self { root, create, anchor, durable: Mutex::default() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a directory and those above it. Another thread may remove it at once, for it is
    /// empty.
    pub(super) fn make(&self, directory: &Path) -> Result<(), Failure> {
        if directory == self.root && !self.create && !directory.exists() {
            let note = format!("the directory {} does not exist", self.root.display());
            return Err(Failure::new(ErrorKind::NotFound, note));
        }
        let made = match calls::make_directory(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = directory.parent().ok_or(error)?;
                self.make(parent)?;
                calls::make_directory(directory)
            }
            made => made,
        };
        match made {
            Ok(()) => {
                self.durable().remove(directory);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // It was there a moment ago: whoever called will try again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(self.blocked(directory, error))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Why nothing can be stored in `directory`: something on its path is not a directory.
    pub(super) fn blocked(&self, directory: &Path, error: io::Error) -> Failure {
        let mut path = self.root.clone();
        if path.exists() && !path.is_dir() {
            let note = format!("{} is not a directory", path.display());
            return Failure::new(ErrorKind::InvalidConfig, note).because(error);
        }
        let below = directory.strip_prefix(&self.root).unwrap_or(Path::new(""));
        for component in below.components() {
            path.push(component);
            if path.exists() && !path.is_dir() {
                let value = path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy();
                let note = format!("{value:?} is a value, so that nothing can be stored below it");
                return Failure::new(ErrorKind::InvalidKey, note).because(error);
            }
        }
        error.into()
    }

    /// Removes a directory of which this thread has the lock, and those above it, as long as
    /// they are empty. Gives the deepest that stays.
    pub(super) fn prune(&self, directory: &Path, held: DirectoryLock, flock: Flock) -> PathBuf {
        let mut directory = directory.to_owned();
        let mut lock = held;
        while directory != self.root && calls::remove_directory(&directory).is_ok() {
            self.durable().remove(&directory);
            drop(lock);
            if !directory.pop() {
                return directory;
            }
            match DirectoryLock::take(&directory, flock) {
                Ok(Some(taken)) => lock = taken,
                // An empty directory too many is no reason to fail.
                _ => return directory,
            }
        }
        directory
    }

    /// Makes what was renamed or removed in `directory` survive a power cut, and the directory
    /// itself.
    pub(super) fn sync(&self, directory: &Path) -> io::Result<()> {
        sync_directory(directory)?;
        let mut directory = directory;
        while directory != self.anchor {
            // Another process may have removed the one that was remembered, and made this one.
            let identity = identity(directory)?;
            if identity.is_some() && self.durable().get(directory) == identity.as_ref() {
                break;
            }
            let Some(parent) = directory.parent() else { break };
            match sync_directory(parent) {
                // Who may not read the parent has not made the directory in it.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                synced => synced?,
            }
            let mut durable = self.durable();
            if durable.len() >= REMEMBERED {
                durable.clear();
            }
            if let Some(identity) = identity {
                durable.insert(directory.to_owned(), identity);
            }
            drop(durable);
            directory = parent;
        }
        Ok(())
    }

    // Each change of the set is one insert or remove: it is right after a panic, too.
    fn durable(&self) -> MutexGuard<'_, HashMap<PathBuf, Identity>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` if there is no such directory any more.
fn identity(directory: &Path) -> io::Result<Option<Identity>> {
    match calls::metadata(directory) {
        Ok(metadata) => Ok(Some((metadata.ino(), metadata.created().ok()))),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, NotFound, Unsupported};
    match calls::sync_directory(directory) {
        // It was emptied and removed since: whoever did that syncs what is above it.
        Err(error) if error.kind() == NotFound => Ok(()),
        // Some file systems cannot sync directories, and have no other way to be durable.
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
        synced => synced,
    }
}
