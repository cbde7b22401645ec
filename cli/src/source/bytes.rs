//! Bytes in the file's own order, whatever they come from.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::SourceError;

/// The voxels of a file as one row of bytes.
pub(super) trait Bytes {
    /// Gets ready for reads within `range`, a slab. What was ready before may not be any more.
    fn prepare(&mut self, range: Range<u64>) -> Result<(), SourceError>;

    /// Reads from `offset` on. It must lie within what was prepared last.
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), SourceError>;
}

/// A file of plain bytes: every read is as good as any other.
#[derive(Debug)]
pub(super) struct FileBytes {
    path: PathBuf,
    file: File,
    /// The first byte of the voxels in the file.
    start: u64,
}

impl FileBytes {
    /// The `len` bytes from `start` on; all of them must be there.
    pub(super) fn new(path: &Path, file: File, start: u64, len: u64) -> Result<Self, SourceError> {
        let found = file.metadata().map_err(SourceError::io("read", path))?.len();
        let found = found.saturating_sub(start);
        if found < len {
            return Err(SourceError::Truncated { path: path.to_owned(), expected: len, found });
        }
        Ok(Self { path: path.to_owned(), file, start })
    }
}

impl Bytes for FileBytes {
    fn prepare(&mut self, _: Range<u64>) -> Result<(), SourceError> {
        Ok(())
    }

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), SourceError> {
        self.file
            .seek(SeekFrom::Start(self.start.saturating_add(offset)))
            .and_then(|_| self.file.read_exact(out))
            .map_err(SourceError::io("read", &self.path))
    }
}
