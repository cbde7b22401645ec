//! The system calls of the store: all of them go through here.
//!
//! Tests let the n-th one fail, or write down what was done to see what a power cut would leave of
//! it (`tests`). In other builds nothing of that exists.

use std::fs::{self, DirEntry, File, Metadata, OpenOptions, ReadDir};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
#[cfg(test)]
use std::path::PathBuf;
use std::time::SystemTime;

use rustix::buffer::spare_capacity;

/// A system call about to be made.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests look at it"))]
pub(super) enum Call<'a> {
    Create(&'a Path),
    Write { path: &'a Path, content: &'a [u8] },
    Stamp(&'a Path),
    SyncFile(&'a Path),
    Rename { from: &'a Path, to: &'a Path },
    Unlink(&'a Path),
    MakeDirectory(&'a Path),
    RemoveDirectory(&'a Path),
    SyncDirectory(&'a Path),
    Open(&'a Path),
    Look(&'a Path),
    Read(&'a Path),
    List(&'a Path),
    Lock(&'a Path),
}

#[cfg(not(test))]
#[inline]
fn make<T>(_: Call<'_>, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    call()
}

#[cfg(test)]
use super::tests::watch::make;

/// An open file.
#[derive(Debug)]
pub(super) struct Handle {
    file: File,
    #[cfg(test)]
    path: PathBuf,
}

impl Handle {
    fn new(file: File, path: &Path) -> Self {
        #[cfg(not(test))]
        let _ = path;
        Self {
            file,
            #[cfg(test)]
            path: path.to_owned(),
        }
    }

    /// A new file, which must not exist.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let open = || OpenOptions::new().write(true).create_new(true).open(path);
        Ok(Self::new(make(Call::Create(path), open)?, path))
    }

    /// A file to be read. `flags` are given to the system.
    pub(super) fn open(path: &Path, flags: i32) -> io::Result<Self> {
        let open = || OpenOptions::new().read(true).custom_flags(flags).open(path);
        Ok(Self::new(make(Call::Open(path), open)?, path))
    }

    pub(super) fn write_all(&mut self, content: &[u8]) -> io::Result<()> {
        let Self { file, .. } = self;
        #[cfg(test)]
        let call = Call::Write { path: &self.path, content };
        #[cfg(not(test))]
        let call = Call::Write { path: Path::new(""), content };
        make(call, || file.write_all(content))
    }

    pub(super) fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        make(Call::Stamp(self.path()), || self.file.set_modified(time))
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        make(Call::Look(self.path()), || self.file.metadata())
    }

    /// Makes content and times survive a power cut, but not the name.
    pub(super) fn sync(&self) -> io::Result<()> {
        make(Call::SyncFile(self.path()), || self.file.sync_all())
    }

    pub(super) fn read_to_end(&self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        make(Call::Read(self.path()), || (&self.file).read_to_end(bytes))
    }

    /// Reads up to `len` bytes from `start` on, behind those that are there. What has room for them
    /// is not written to before.
    pub(super) fn read_at(&self, start: u64, len: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        make(Call::Read(self.path()), || {
            let end = bytes.len().saturating_add(len);
            bytes.reserve_exact(len);
            let mut at = start;
            while bytes.len() < end {
                match rustix::io::pread(&self.file, spare_capacity(bytes), at) {
                    Ok(0) => break,
                    Ok(read) => at = at.saturating_add(read as u64),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            // There may have been room for more.
            bytes.truncate(end);
            Ok(())
        })
    }

    #[cfg(test)]
    fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests have paths")]
    fn path(&self) -> &'static Path {
        Path::new("")
    }
}

/// A file that a library wrote under this name: tests take it for written now.
#[cfg(feature = "hdf5")]
pub(crate) fn adopt(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    {
        make(Call::Create(path), || Ok(()))?;
        make(Call::Write { path, content: &fs::read(path)? }, || Ok(()))?;
    }
    #[cfg(not(test))]
    let _ = path;
    Ok(())
}

/// Gives a file a time of change of its own; and syncs it, if that is wanted.
#[cfg(feature = "hdf5")]
pub(crate) fn stamp(path: &Path, time: SystemTime, sync: bool) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    match make(Call::Stamp(path), || file.set_modified(time)) {
        // Some mounted volumes do not let us (FAT of another user): inode numbers must do.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        set => set?,
    }
    if sync { make(Call::SyncFile(path), || file.sync_all()) } else { Ok(()) }
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    make(Call::Rename { from, to }, || fs::rename(from, to))
}

pub(crate) fn unlink(path: &Path) -> io::Result<()> {
    make(Call::Unlink(path), || fs::remove_file(path))
}

pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    make(Call::MakeDirectory(path), || fs::create_dir(path))
}

pub(super) fn remove_directory(path: &Path) -> io::Result<()> {
    make(Call::RemoveDirectory(path), || fs::remove_dir(path))
}

/// Makes what was made, renamed and removed in a directory survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    // With a slash at its end the path of a pipe is an error, and opening does not block.
    make(Call::SyncDirectory(path), || File::open(path.join(""))?.sync_all())
}

/// A directory, to be locked.
pub(super) fn open_directory(path: &Path) -> io::Result<File> {
    make(Call::Lock(path), || File::open(path))
}

pub(super) fn metadata(path: &Path) -> io::Result<Metadata> {
    make(Call::Look(path), || fs::metadata(path))
}

/// What is at a path, be it a link.
pub(super) fn link_metadata(path: &Path) -> io::Result<Metadata> {
    make(Call::Look(path), || fs::symlink_metadata(path))
}

/// What an entry itself is, also if it is a link.
pub(super) fn entry_metadata(entry: &DirEntry) -> io::Result<Metadata> {
    #[cfg(test)]
    return make(Call::Look(&entry.path()), || entry.metadata());
    // Without making its path.
    #[cfg(not(test))]
    entry.metadata()
}

pub(super) fn list(path: &Path) -> io::Result<ReadDir> {
    make(Call::List(path), || fs::read_dir(path))
}
