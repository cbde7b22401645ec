//! Stored values, as RocksDB has them in memory.
//!
//! A value that RocksDB has read from a file is handed out as it lies there: the bytes keep the
//! database open as long as they are held. Copying 256 KiB costs about as much as reading them
//! from the cache of the system. Short values lie in blocks of the cache with others; they are
//! copied, as are short parts of long values, so that a few bytes do not keep many in memory.

use std::ops::Range;
use std::sync::Arc;

use bigarrays_core::backend::{Blob, ByteRange};
use bigarrays_core::key::Key;
use bytes::Bytes;
use rocksdb::DBPinnableSlice;

use super::database::Database;
use super::failure::Failure;
use super::layout::VALUES;
use super::record::{HEADER, Header};

/// Parts shorter than this are copied.
const SHARED: usize = 16 << 10;

self_cell::self_cell! {
    /// A record and the database that it lies in.
    struct Pinned {
        owner: Arc<Database>,
        #[covariant]
        dependent: DBPinnableSlice,
    }
}

/// A stored value.
pub(super) struct StoredValue {
    header: Header,
    record: Pinned,
}

impl AsRef<[u8]> for Pinned {
    fn as_ref(&self) -> &[u8] {
        self.borrow_dependent()
    }
}

impl StoredValue {
    /// The value of a key, in the state in which the database is.
    pub(super) fn get(database: &Arc<Database>, key: &Key) -> Result<Option<Self>, Failure> {
        let found = Pinned::try_new(Arc::clone(database), |database| {
            database.get(VALUES, key).map_err(Some)?.ok_or(None)
        });
        match found {
            Ok(record) => Ok(Some(Self { header: Header::of(record.as_ref())?, record })),
            Err(None) => Ok(None),
            Err(Some(failure)) => Err(failure),
        }
    }

    /// The value or a part of it.
    pub(super) fn into_blob(self, range: &ByteRange) -> Blob {
        let header = self.header;
        let part = self.resolve(range);
        let bytes = match self.is_worth_sharing(part.len()) {
            true => Bytes::from_owner(self.record).slice(part),
            false => Bytes::copy_from_slice(&self.record.as_ref()[part]),
        };
        blob(header, bytes)
    }

    /// Several parts of the value.
    pub(super) fn into_parts(self, ranges: &[Range<u64>]) -> Vec<Bytes> {
        let resolve = |range: &Range<u64>| self.resolve(&ByteRange::Bounded(range.clone()));
        let parts: Vec<Range<usize>> = ranges.iter().map(resolve).collect();
        let len = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        if self.is_worth_sharing(len) {
            let record = Bytes::from_owner(self.record);
            return parts.into_iter().map(|part| record.slice(part)).collect();
        }
        let record = self.record.as_ref();
        parts.into_iter().map(|part| Bytes::copy_from_slice(&record[part])).collect()
    }

    fn is_worth_sharing(&self, len: usize) -> bool {
        len >= SHARED && len >= self.record.as_ref().len() / 2
    }

    /// Where a range of the value lies in its record.
    fn resolve(&self, range: &ByteRange) -> Range<usize> {
        let len = self.record.as_ref().len();
        let value = range.resolve((len - HEADER) as u64);
        // Both ends are at most `len`, so they fit.
        let at = |position| usize::try_from(position).map_or(len, |position| HEADER + position);
        at(value.start)..at(value.end)
    }
}

/// A whole value, copied out of its record.
pub(super) fn copied(record: &[u8]) -> Result<Blob, Failure> {
    let header = Header::of(record)?;
    Ok(blob(header, Bytes::copy_from_slice(&record[HEADER..])))
}

fn blob(header: Header, bytes: Bytes) -> Blob {
    let version = Some(header.version());
    Blob { bytes, version, content_encoding: header.content_encoding }
}
