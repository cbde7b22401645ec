//! Files on their way to become values.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use bigarrays_core::backend::{ErrorKind, Version};

use super::directories::Directories;
use super::failure::Failure;
use super::io::{self as calls, Handle};
use super::names;
use super::version::{unique_now, version_of};

/// How often a directory is made again that other threads find empty and remove.
const ATTEMPTS: u32 = 1000;

/// A file with a temporary name, removed unless it is renamed.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    /// A new file in `directory`, which is made if it does not exist. As long as the file is
    /// there, nobody can remove the directory.
    fn create(directories: &Directories, directory: &Path) -> Result<(Self, Handle), Failure> {
        for _ in 0..ATTEMPTS {
            let path = directory.join(names::temporary(random()));
            match Handle::create(&path) {
                Ok(file) => return Ok((Self { path, renamed: false }, file)),
                Err(error) => match error.kind() {
                    io::ErrorKind::AlreadyExists => {}
                    io::ErrorKind::NotFound => directories.make(directory)?,
                    io::ErrorKind::NotADirectory => {
                        return Err(directories.blocked(directory, error));
                    }
                    _ => return Err(error.into()),
                },
            }
        }
        let note = "its directory cannot be made, or is removed again and again";
        Err(Failure::new(ErrorKind::Transient, note))
    }

    /// A new file with this content and a version that no value had before.
    pub(super) fn write(
        directories: &Directories,
        directory: &Path,
        content: &[u8],
    ) -> Result<(Self, Handle, Version), Failure> {
        let (temporary, mut file) = Self::create(directories, directory)?;
        file.write_all(content)?;
        match file.set_modified(unique_now()) {
            // Some mounted volumes do not let us (FAT of another user): inode numbers must do.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            set => set?,
        }
        let version = version_of(&file.metadata()?);
        Ok((temporary, file, version))
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

/// A number that no other writer has, as far as chance can promise it; `create_new` does not
/// depend on it.
fn random() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one((process::id(), CALLS.fetch_add(1, Ordering::Relaxed)))
}
