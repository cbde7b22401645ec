//! Reading files and parts of them.

use std::fs::Metadata;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bigarrays_core::backend::{Blob, ByteRange, ContentEncoding, ErrorKind};
use bytes::Bytes;

use super::failure::{Failure, is_absence};
use super::io::{self as calls, Handle};
use super::lock::{DirectoryLock, Flock};
use super::options::CompressedNames;
use super::version::version_of;

/// A directory that did not change for so long did not change during a lookup. Covers the ticks
/// of the clock that the kernel stamps changes with.
const SETTLED: Duration = Duration::from_secs(3);

/// Opening a pipe to read waits for its writer, unless it is told not to. Files do not care.
const NONBLOCK: i32 = if cfg!(all(
    any(target_os = "linux", target_os = "android"),
    not(any(target_arch = "mips", target_arch = "mips64", target_arch = "sparc64"))
)) {
    0o4000
} else if cfg!(any(target_vendor = "apple", target_os = "freebsd", target_os = "openbsd")) {
    4
} else {
    0
};

/// An open value: it stays as it is, whatever happens to its name.
#[derive(Debug)]
pub(super) struct OpenValue {
    file: Handle,
    metadata: Metadata,
}

/// Opens a value. `None` if there is none.
pub(super) fn open(path: &Path) -> Result<Option<OpenValue>, Failure> {
    if NONBLOCK == 0 && stat(path)?.is_none() {
        return Ok(None);
    }
    let file = match Handle::open(path, NONBLOCK) {
        Ok(file) => file,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    Ok(is_value(&metadata)?.then_some(OpenValue { file, metadata }))
}

/// Looks at a value. `None` if there is none.
pub(super) fn stat(path: &Path) -> Result<Option<Metadata>, Failure> {
    match calls::metadata(path) {
        Ok(metadata) => Ok(is_value(&metadata)?.then_some(metadata)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_value(metadata: &Metadata) -> Result<bool, Failure> {
    if metadata.is_file() || metadata.is_dir() {
        return Ok(metadata.is_file());
    }
    let note = "it is a pipe, a socket or a device, and not a file";
    Err(Failure::new(ErrorKind::Unsupported, note))
}

/// Finds a value under the names that it may have, as [`open`] or [`stat`].
///
/// While a put changes a value's encoding, its name changes: who looks for the new name before
/// it is there and for the old one when it is gone finds neither. So a value is only said to be
/// missing if its directory had rest, or when nobody could write.
pub(super) fn find<T>(
    names: CompressedNames,
    bare: &Path,
    flock: Flock,
    probe: fn(&Path) -> Result<Option<T>, Failure>,
) -> Result<Option<(T, ContentEncoding)>, Failure> {
    let found = names.find(bare, probe)?;
    let Some(directory) = bare.parent() else { return Ok(found) };
    if found.is_some() || names == CompressedNames::Literal || is_settled(directory) {
        return Ok(found);
    }
    match DirectoryLock::take(directory, flock) {
        Ok(None) => Ok(None),
        // A directory that may not be read has no lock, but can be looked into again.
        Ok(Some(_)) | Err(_) => names.find(bare, probe),
    }
}

fn is_settled(directory: &Path) -> bool {
    let metadata = match calls::metadata(directory) {
        Ok(metadata) => metadata,
        // Without a directory there was nothing; of one that cannot be looked at nothing is known.
        Err(error) => return is_absence(&error),
    };
    // The time of the last change cannot be set back, unlike that of the last modification.
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    let rest = SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_secs(seconds));
    rest.is_ok_and(|rest| rest > SETTLED + Duration::from_secs(1))
}

impl OpenValue {
    pub(super) fn blob(
        &self,
        range: &ByteRange,
        encoding: ContentEncoding,
    ) -> Result<Blob, Failure> {
        let bytes = match range {
            ByteRange::Full => self.whole()?,
            _ => self.part(&range.resolve(self.metadata.len()))?,
        };
        let version = Some(version_of(&self.metadata));
        Ok(Blob { bytes, version, content_encoding: encoding })
    }

    pub(super) fn parts(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Failure> {
        let len = self.metadata.len();
        let part = |range: &Range<u64>| self.part(&ByteRange::Bounded(range.clone()).resolve(len));
        ranges.iter().map(part).collect()
    }

    fn whole(&self) -> Result<Bytes, Failure> {
        let len = self.metadata.len();
        // One byte more, so that the same call tells that the file has become longer.
        self.read(0, len, len.saturating_add(1))
    }

    fn part(&self, range: &Range<u64>) -> Result<Bytes, Failure> {
        let len = range.end.saturating_sub(range.start);
        if len == 0 {
            return Ok(Bytes::new());
        }
        self.read(range.start, len, len)
    }

    /// `len` bytes from `start` on, read into `room` for so many.
    fn read(&self, start: u64, len: u64, room: u64) -> Result<Bytes, Failure> {
        let (mut bytes, enough) = self::room(room, len)?;
        self.file.read_from(start, enough, &mut bytes)?;
        let got = bytes.len() as u64;
        if got == len {
            return Ok(bytes.into());
        }
        let note = format!("{got} of {len} bytes could be read: the file was changed in its place");
        Err(Failure::new(ErrorKind::Transient, note))
    }
}

/// Empty memory for so many bytes, of which `len` are to be read.
fn room(room: u64, len: u64) -> Result<(Vec<u8>, usize), Failure> {
    let mut bytes = Vec::new();
    let reserved = usize::try_from(room).is_ok_and(|room| bytes.try_reserve_exact(room).is_ok());
    match usize::try_from(len) {
        Ok(len) if reserved => Ok((bytes, len)),
        _ => {
            let note = format!("there is no memory for {len} bytes at once");
            Err(Failure::new(ErrorKind::Other, note))
        }
    }
}
