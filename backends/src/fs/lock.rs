//! One writer at a time in a directory.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bigarrays_core::backend::{ErrorKind, Precondition};

use super::failure::{Failure, is_absence};
use super::io as calls;

/// How the lock of an open directory is taken; replaced by tests of systems that have none.
pub(crate) type Flock = fn(&File) -> io::Result<()>;

/// How often a directory may be replaced by another one while its lock is waited for.
const ATTEMPTS: u32 = 1000;

/// A directory that this thread has for itself, until it is dropped.
///
/// A directory is removed only by who holds its lock, so while it is held the directory stays
/// the one that its path names.
#[derive(Debug)]
pub(crate) enum DirectoryLock {
    /// Among all processes: the lock is that of the open directory, and ends with it.
    Everywhere { _directory: File },
    /// In this process only: the file system has no locks.
    InProcess { _stripe: MutexGuard<'static, ()>, why: io::Error },
}

impl DirectoryLock {
    /// Waits for the lock of a directory. `None` if it does not exist.
    pub(crate) fn take(directory: &Path, flock: Flock) -> Result<Option<Self>, Failure> {
        // With a slash at its end the path of a pipe is an error, and opening does not block.
        let inside = directory.join("");
        for _ in 0..ATTEMPTS {
            let opened = match calls::open_directory(&inside) {
                Ok(opened) => opened,
                Err(error) if is_absence(&error) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            match flock(&opened) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(why) => return Ok(Some(Self::InProcess { _stripe: stripe(directory), why })),
            }
            // While this thread waited, the directory may have been removed, and made again.
            if is_at(&opened, &inside)? {
                return Ok(Some(Self::Everywhere { _directory: opened }));
            }
        }
        Err(Failure::new(ErrorKind::Transient, "its directory is removed again and again"))
    }

    /// Refuses a condition that this lock cannot protect.
    pub(crate) fn permits(&self, when: &Precondition) -> Result<(), Failure> {
        match self {
            Self::InProcess { why, .. } if *when != Precondition::Always => {
                let note = "the file system has no locks on directories, without which a condition \
                            could be overtaken by another process";
                Err(Failure::new(ErrorKind::Unsupported, note)
                    .because(io::Error::new(why.kind(), why.to_string())))
            }
            _ => Ok(()),
        }
    }
}

fn is_at(opened: &File, path: &Path) -> io::Result<bool> {
    let opened = opened.metadata()?;
    match calls::metadata(path) {
        Ok(now) => Ok((now.dev(), now.ino()) == (opened.dev(), opened.ino())),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The process's own lock of a directory; some directories share one. No thread takes two.
fn stripe(directory: &Path) -> MutexGuard<'static, ()> {
    static STRIPES: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];
    let mut hasher = DefaultHasher::new();
    directory.hash(&mut hasher);
    // The remainder is below 64, so it fits.
    let at = usize::try_from(hasher.finish() % 64).unwrap_or(0);
    // It guards no data that a panic could have left half-changed.
    STRIPES[at].lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use super::*;

    static REPLACED: Mutex<Option<std::path::PathBuf>> = Mutex::new(None);

    /// The lock of a directory that is removed and made again while it is waited for, once.
    fn late(directory: &File) -> io::Result<()> {
        if let Some(path) = REPLACED.lock().unwrap().take() {
            // A second directory first, so that the new one has another inode number.
            fs::create_dir(path.with_extension("other"))?;
            fs::remove_dir(&path)?;
            fs::rename(path.with_extension("other"), &path)?;
        }
        directory.lock()
    }

    #[test]
    fn a_directory_replaced_meanwhile_is_locked_as_it_is_now() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d");
        fs::create_dir(&path).unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        *REPLACED.lock().unwrap() = Some(path.clone());
        let lock = DirectoryLock::take(&path, late).unwrap().unwrap();
        let DirectoryLock::Everywhere { _directory: locked } = &lock else {
            panic!("the lock is not that of the directory");
        };
        let now = fs::metadata(&path).unwrap().ino();
        assert_ne!(now, before);
        assert_eq!(locked.metadata().unwrap().ino(), now);
        let again = File::open(&path).unwrap();
        assert!(matches!(again.try_lock(), Err(fs::TryLockError::WouldBlock)));
        drop(lock);
        again.try_lock().unwrap();
    }

    #[test]
    fn what_does_not_exist_or_is_no_directory_has_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        for name in ["missing", "file", "file/below"] {
            let lock = DirectoryLock::take(&dir.path().join(name), File::lock).unwrap();
            assert!(lock.is_none(), "{name}");
        }
    }
}
