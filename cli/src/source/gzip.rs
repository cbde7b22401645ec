//! Gzip files: forwards only, of one member or several.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::SourceError;
use super::window::Stream;

/// The unpacked bytes of a gzip file.
pub(super) type Unpacked = MultiGzDecoder<BufReader<File>>;

/// Begins to unpack a file.
pub(super) fn unpack(path: &Path) -> Result<Unpacked, SourceError> {
    let file = File::open(path).map_err(SourceError::io("open", path))?;
    Ok(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)))
}

/// What may come after the voxels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Anything; it is not looked at.
    Ignored,
    /// Nothing: the length is all that says what the file is.
    Refused,
}

/// The voxels in a gzip file, after a header.
pub(super) struct GzipStream {
    path: PathBuf,
    unpacked: Unpacked,
    /// Bytes before the first voxel.
    start: u64,
    /// Bytes of all voxels.
    len: u64,
    /// Bytes of voxels that were read.
    position: u64,
    rest: Rest,
}

impl GzipStream {
    pub(super) fn new(path: &Path, start: u64, len: u64, rest: Rest) -> Result<Self, SourceError> {
        let unpacked = unpack(path)?;
        let mut stream = Self { path: path.to_owned(), unpacked, start, len, position: 0, rest };
        stream.skip_header()?;
        Ok(stream)
    }

    fn skip_header(&mut self) -> Result<(), SourceError> {
        self.position = 0;
        let skipped = io::copy(&mut (&mut self.unpacked).take(self.start), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == self.start => Ok(()),
            Ok(_) => Err(self.truncated()),
            Err(error) => Err(self.damaged(error)),
        }
    }

    fn truncated(&self) -> SourceError {
        SourceError::Truncated { path: self.path.clone(), expected: self.len, found: self.position }
    }

    fn damaged(&self, error: io::Error) -> SourceError {
        if error.kind() == io::ErrorKind::UnexpectedEof && self.position < self.len {
            return self.truncated();
        }
        SourceError::Corrupt {
            path: self.path.clone(),
            expected: self.len,
            found: self.position,
            source: error,
        }
    }
}

impl Stream for GzipStream {
    fn read(&mut self, out: &mut [u8]) -> Result<(), SourceError> {
        let mut filled = 0;
        while filled < out.len() {
            match self.unpacked.read(&mut out[filled..]) {
                Ok(0) => return Err(self.truncated()),
                Ok(count) => {
                    filled += count;
                    self.position += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.damaged(error)),
            }
        }
        Ok(())
    }

    fn skip(&mut self, count: u64) -> Result<(), SourceError> {
        match io::copy(&mut (&mut self.unpacked).take(count), &mut io::sink()) {
            Ok(skipped) => {
                self.position += skipped;
                if skipped == count { Ok(()) } else { Err(self.truncated()) }
            }
            Err(error) => Err(self.damaged(error)),
        }
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        // The checksum of the last member is looked at when its end is reached, not before.
        match self.unpacked.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) if self.rest == Rest::Ignored => Ok(()),
            Ok(_) => Err(SourceError::malformed(
                &self.path,
                "raw",
                format!("there is more than the {} bytes of --size and --dtype", self.len),
            )),
            Err(error) => Err(self.damaged(error)),
        }
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.unpacked = unpack(&self.path)?;
        self.skip_header()
    }
}
