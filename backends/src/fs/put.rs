//! Writing: under a temporary name first, then renamed under the directory's lock.

use std::fs::{self, File, FileTimes};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bigarrays_core::backend::Version;

use super::path::RESERVED;
use super::version;

/// How often a directory that vanishes under a writer's hands is made again.
const ATTEMPTS: usize = 64;

/// A value under a temporary name in the directory where it will lie. Removed when dropped.
pub(super) struct Staged {
    file: File,
    path: PathBuf,
    renamed: bool,
}

impl Staged {
    /// Writes a value beside `target`, making directories as needed.
    pub(super) fn write(target: &Path, bytes: &[u8]) -> io::Result<Self> {
        let directory = target.parent().unwrap_or(Path::new("/"));
        let path = directory.join(temporary_name());
        let file = create(&path, directory)?;
        let mut staged = Self { file, path, renamed: false };
        staged.file.write_all(bytes)?;
        staged.file.set_times(FileTimes::new().set_modified(version::unique_time()))?;
        Ok(staged)
    }

    /// Makes the bytes durable, but not yet the name.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives the value its name. The caller holds the directory's lock.
    pub(super) fn rename(mut self, target: &Path) -> io::Result<Version> {
        let version = version::of(&self.file.metadata()?);
        match fs::rename(&self.path, target) {
            // An empty directory of that name is a leftover, and holds no value.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                fs::remove_dir(target).map_err(|_| error)?;
                fs::rename(&self.path, target)?;
            }
            result => result?,
        }
        self.renamed = true;
        Ok(version)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.renamed {
            // What cannot be removed is invisible, and `clean` finds it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A name that no other writer of any process uses.
fn temporary_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().hash_one(count);
    format!("{RESERVED}{:x}-{count:x}-{random:016x}.tmp", std::process::id())
}

fn create(path: &Path, directory: &Path) -> io::Result<File> {
    for _ in 0..ATTEMPTS {
        match File::options().write(true).create_new(true).open(path) {
            // The directory is not there yet, or the last value in it was just deleted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match fs::create_dir_all(directory) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            result => return result,
        }
    }
    Err(io::Error::other("the directory kept vanishing while a value was written"))
}
