//! Removing what killed writers left behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bigarrays_core::backend::{BackendError, BackendResult, ErrorKind, Operation};

use super::failure::{Failure, is_absence};
use super::lock::DirectoryLock;
use super::names::is_temporary;
use super::store::FsBackend;
use super::write::Writer;

impl FsBackend {
    /// Removes the temporary files of writers that were killed, and empty directories; says how
    /// many files there were.
    ///
    /// Only files that were not written for `older_than` are removed, for a younger one may
    /// belong to a writer that lives; an hour is a good choice. Links to directories are not
    /// followed. Nothing needs this but the space on the disk.
    ///
    /// # Errors
    /// Kind `ReadOnly` if the store was opened for reading only, and what the file system says.
    pub fn clean(&self, older_than: Duration) -> BackendResult<u64> {
        if self.is_read_only() {
            return Err(BackendError::new(ErrorKind::ReadOnly, self, Operation::Clean));
        }
        clean(self.writer(), older_than).map_err(|failure| failure.of(self, Operation::Clean))
    }
}

fn clean(writer: &Writer, older_than: Duration) -> Result<u64, Failure> {
    let now = SystemTime::now();
    let mut removed = 0;
    let mut left = vec![writer.directories.root().to_owned()];
    while let Some(directory) = left.pop() {
        let (here, is_empty) = clean_one(&directory, &mut left, now, older_than)?;
        if is_empty && let Some(lock) = DirectoryLock::take(&directory, writer.flock)? {
            writer.tidy(&directory, lock)?;
        }
        removed += here;
    }
    Ok(removed)
}

/// Cleans one directory, and adds those in it to `left`. Says how many files it removed, and
/// whether nothing else was there.
fn clean_one(
    directory: &Path,
    left: &mut Vec<PathBuf>,
    now: SystemTime,
    older_than: Duration,
) -> Result<(u64, bool), Failure> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok((0, false)),
        Err(error) => return Err(error.into()),
    };
    let (mut removed, mut all) = (0, 0);
    for entry in entries {
        let entry = entry?;
        all += 1;
        if entry.file_type()?.is_dir() {
            left.push(entry.path());
        } else if entry.file_name().to_str().is_some_and(is_temporary) {
            match remove_if_old(&entry, now, older_than) {
                Err(error) if is_absence(&error) => {}
                done => removed += u64::from(done?),
            }
        }
    }
    Ok((removed, removed == all))
}

fn remove_if_old(entry: &fs::DirEntry, now: SystemTime, older_than: Duration) -> io::Result<bool> {
    let age = now.duration_since(entry.metadata()?.modified()?);
    // A file of the future is young.
    if age.is_ok_and(|age| age >= older_than) {
        fs::remove_file(entry.path())?;
        return Ok(true);
    }
    Ok(false)
}
