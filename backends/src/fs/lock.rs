//! One writer at a time in a directory, across threads and processes.
//!
//! The lock is `flock` on the directory itself, so nothing litters the tree. Each locker opens
//! the directory anew: `flock` belongs to the opening, so threads exclude each other too.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A locked directory; unlocked when dropped.
pub(super) struct DirectoryLock {
    handle: File,
    /// Whether other processes honour the lock.
    pub(super) is_shared: bool,
}

impl DirectoryLock {
    /// Locks a directory. It may vanish and come back meanwhile, so what was locked is compared
    /// with what has the name now.
    pub(super) fn take(directory: &Path) -> io::Result<Self> {
        loop {
            let handle = File::open(directory)?;
            let is_shared = match handle.lock() {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::Unsupported => false,
                // ENOLCK: a network file system without a lock service.
                Err(error) if error.raw_os_error() == Some(37) => false,
                Err(error) => return Err(error),
            };
            let (locked, named) = (handle.metadata()?, std::fs::metadata(directory)?);
            if (locked.dev(), locked.ino()) == (named.dev(), named.ino()) {
                return Ok(Self { handle, is_shared });
            }
        }
    }

    /// Makes renames and removals in this directory durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}
