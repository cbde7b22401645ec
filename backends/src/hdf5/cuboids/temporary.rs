//! Block files on their way to their names.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fs::version::unique_now;
use crate::fs::{io as calls, names};

/// A file with a temporary name, removed unless it is renamed. Its name is one that a directory
/// store removes when it cleans up after killed writers.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    /// A name in a directory that no file has.
    pub(super) fn new(directory: &Path) -> Self {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let number = RandomState::new().hash_one((process::id(), call));
        Self { path: directory.join(names::temporary(number)), renamed: false }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file a time of change that no file of this process had, and syncs it.
    pub(super) fn finish(&self, sync: bool) -> io::Result<()> {
        calls::adopt(&self.path)?;
        stamp(&self.path, sync)
    }

    /// Gives the file its name, in place of what has it now.
    pub(super) fn rename(mut self, to: &Path) -> io::Result<()> {
        calls::rename(&self.path, to)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // On the way out of a failure, which is what gets told.
            let _ = calls::unlink(&self.path);
        }
    }
}

/// Gives a file a time of change of its own, and syncs it.
pub(super) fn stamp(path: &Path, sync: bool) -> io::Result<()> {
    calls::stamp(path, unique_now(), sync)
}

/// Makes renames and removals in a directory survive a power cut.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, Unsupported};
    match calls::sync_directory(directory) {
        // Some file systems cannot sync directories, and have no other way to be durable.
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
        synced => synced,
    }
}
