//! What tells whether a file is still the same.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bigarrays_core::backend::Version;

/// Times of files advance in ticks of some milliseconds: a change within the tick of the one before
/// does not show. What is this old has no such change before it.
const TICK: Duration = Duration::from_millis(50);

/// One state of a file: device, inode, times and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileState {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    len: u64,
}

impl FileState {
    /// The state of an open file.
    #[must_use]
    pub fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            len: file.len(),
        }
    }

    /// The state of the file at a path, `None` if there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(error) if matches!(error.kind(), NotFound | NotADirectory | InvalidFilename) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The file's length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the content is that of `other`, given that both are states of one open file. (Its
    /// link may be gone since, which is another state, but no other content.)
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        (self.modified, self.len) == (other.modified, other.len)
    }

    /// Whether a change from now on is sure to show.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let (Ok(seconds), Ok(nanos)) =
            (u64::try_from(self.modified.0), u32::try_from(self.modified.1))
        else {
            return true;
        };
        let modified = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        // A time in the future says nothing; it is not that of a clock's tick.
        modified.elapsed().is_ok_and(|age| age > TICK)
    }

    /// This state as the version of what is in the file.
    #[must_use]
    pub fn version(&self) -> Version {
        let mut bytes = [0; 28];
        let (inode, rest) = bytes.split_at_mut(8);
        let (seconds, rest) = rest.split_at_mut(8);
        let (nanos, len) = rest.split_at_mut(4);
        inode.copy_from_slice(&self.inode.to_le_bytes());
        seconds.copy_from_slice(&self.modified.0.to_le_bytes());
        // Nanoseconds of a second: they fit.
        let of_second = u32::try_from(self.modified.1).unwrap_or(u32::MAX);
        nanos.copy_from_slice(&of_second.to_le_bytes());
        len.copy_from_slice(&self.len.to_le_bytes());
        Version::new(&bytes)
    }
}
