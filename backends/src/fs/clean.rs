//! Removing what killed writers left behind.

use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bigarrays_core::backend::{BackendError, BackendResult, ErrorKind, Operation};

use super::failure::{Failure, is_absence};
use super::io as calls;
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
        let cleaned = clean(self.writer(), older_than);
        cleaned.map_err(|failure| failure.of(self, Operation::Clean))
    }

    /// How many files [`clean`](Self::clean) would remove. Changes nothing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn leftovers(&self, older_than: Duration) -> BackendResult<u64> {
        let counted = count(self.writer(), older_than);
        counted.map_err(|failure| failure.of(self, Operation::Clean))
    }
}

fn clean(writer: &Writer, older_than: Duration) -> Result<u64, Failure> {
    let old = Old { now: SystemTime::now(), age: older_than };
    let mut removed = 0;
    let mut left = vec![writer.directories.root().to_owned()];
    while let Some(directory) = left.pop() {
        let (here, is_empty) = in_one(&directory, &mut left, |entry| {
            let is_old = old.includes(entry)?;
            if is_old {
                calls::unlink(&entry.path())?;
            }
            Ok(is_old)
        })?;
        if is_empty && let Some(lock) = DirectoryLock::take(&directory, writer.flock)? {
            writer.tidy(&directory, lock)?;
        }
        removed += here;
    }
    Ok(removed)
}

fn count(writer: &Writer, older_than: Duration) -> Result<u64, Failure> {
    let old = Old { now: SystemTime::now(), age: older_than };
    let mut found = 0;
    let mut left = vec![writer.directories.root().to_owned()];
    while let Some(directory) = left.pop() {
        found += in_one(&directory, &mut left, |entry| old.includes(entry))?.0;
    }
    Ok(found)
}

/// Looks for temporary files in one directory, and adds the directories in it to `left`. Says for
/// how many of them `act` answered true, and whether nothing else was there.
fn in_one(
    directory: &Path,
    left: &mut Vec<PathBuf>,
    act: impl Fn(&DirEntry) -> io::Result<bool>,
) -> Result<(u64, bool), Failure> {
    let entries = match calls::list(directory) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok((0, false)),
        Err(error) => return Err(error.into()),
    };
    let (mut acted, mut all) = (0, 0);
    for entry in entries {
        let entry = entry?;
        all += 1;
        if entry.file_type()?.is_dir() {
            left.push(entry.path());
        } else if entry.file_name().to_str().is_some_and(is_temporary) {
            match act(&entry) {
                Err(error) if is_absence(&error) => {}
                done => acted += u64::from(done?),
            }
        }
    }
    Ok((acted, acted == all))
}

/// What is old enough to be nobody's.
struct Old {
    now: SystemTime,
    age: Duration,
}

impl Old {
    fn includes(&self, entry: &DirEntry) -> io::Result<bool> {
        let age = self.now.duration_since(calls::entry_metadata(entry)?.modified()?);
        // A file of the future is young.
        Ok(age.is_ok_and(|age| age >= self.age))
    }
}
