//! Stored values: pieces of 1 MiB, as RocksDB has them in memory.
//!
//! A piece that RocksDB has read from a file is handed out as it lies there, without a copy; such
//! bytes keep the database open as long as they are held. Short parts are copied, so that a few
//! bytes do not keep many in memory.

use std::ops::Range;
use std::sync::Arc;

use bigarrays_core::backend::{Blob, ByteRange, ErrorKind};
use bigarrays_core::key::Key;
use bytes::Bytes;
use rocksdb::{DBPinnableSlice, ReadOptions};

use super::database::Database;
use super::failure::{Failure, corrupt};
use super::record::{PIECE, Record};
use super::sums::{PieceSums, Sums};

/// Parts shorter than this are copied.
const SHARED: u64 = 16 << 10;
/// How often a value is looked for that others overwrite meanwhile.
const ATTEMPTS: u32 = 1000;

self_cell::self_cell! {
    /// A piece and the database that it lies in.
    struct Pinned {
        owner: Arc<Database>,
        #[covariant]
        dependent: DBPinnableSlice,
    }
}

impl AsRef<[u8]> for Pinned {
    fn as_ref(&self) -> &[u8] {
        self.borrow_dependent()
    }
}

/// Reads a value, or what `read` takes of it, in one state.
pub(super) fn read<T>(
    database: &Database,
    key: &Key,
    sums: Sums,
    mut read: impl FnMut(&StoredValue) -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    let mut missed = None;
    for _ in 0..ATTEMPTS {
        let Some((record, sums)) = database.record_of_value(key, sums)? else { return Ok(None) };
        // Numbers are never used twice: what is found belongs to this record.
        if let Some(done) = read(&StoredValue { record, sums })? {
            return Ok(Some(done));
        }
        // Its pieces are gone because it was overwritten; or else they are lost.
        if missed == Some(record.version) {
            return Err(corrupt("a key has no value").stale());
        }
        missed = Some(record.version);
    }
    let note = "the value is being overwritten all the time";
    Err(Failure::new(ErrorKind::Transient, note))
}

/// A value of which the record is known.
pub(super) struct StoredValue {
    pub(super) record: Record,
    /// What its pieces are checked by.
    pub(super) sums: Option<PieceSums>,
}

impl StoredValue {
    /// A part of the value; `None` if a piece is missing.
    pub(super) fn blob(
        &self,
        database: &Arc<Database>,
        range: &ByteRange,
    ) -> Result<Option<Blob>, Failure> {
        let bytes = self.bytes(database, &range.resolve(self.record.size))?;
        Ok(bytes.map(|bytes| self.with(bytes)))
    }

    pub(super) fn with(&self, bytes: Bytes) -> Blob {
        let Record { content_encoding, .. } = self.record;
        Blob { bytes, version: Some(self.record.version()), content_encoding }
    }

    /// The bytes of a range within the value; `None` if a piece is missing.
    pub(super) fn bytes(
        &self,
        database: &Arc<Database>,
        range: &Range<u64>,
    ) -> Result<Option<Bytes>, Failure> {
        if range.is_empty() {
            return Ok(Some(Bytes::new()));
        }
        let (first, last) = (range.start / PIECE, (range.end - 1) / PIECE);
        if first == last {
            let Some(piece) = self.piece(database, first)? else { return Ok(None) };
            let part = inside(range, first);
            self.check_sum(first, piece.as_ref())?;
            return Ok(Some(cut(piece, &part)));
        }
        // The size may be one that nobody stored: memory is used for pieces that are there.
        let mut bytes = Vec::new();
        for n in first..=last {
            let Some(piece) = self.piece(database, n)? else { return Ok(None) };
            if n == first {
                let len = range.end - range.start;
                if !usize::try_from(len).is_ok_and(|len| bytes.try_reserve_exact(len).is_ok()) {
                    let note = format!("there is no memory for {len} bytes at once");
                    return Err(Failure::new(ErrorKind::Other, note));
                }
            }
            let part = inside(range, n);
            self.check_sum(n, piece.as_ref())?;
            bytes.extend_from_slice(&piece.as_ref()[part]);
        }
        Ok(Some(bytes.into()))
    }

    /// A piece of the length that it must have; `None` if it is missing.
    fn piece(&self, database: &Arc<Database>, n: u64) -> Result<Option<Pinned>, Failure> {
        let key = self.record.piece_key(n);
        // Through the cache, little as it keeps of long pieces: RocksDB copies what is not in it.
        let found = Pinned::try_new(Arc::clone(database), |database| {
            database.piece(key, &ReadOptions::default()).map_err(Some)?.ok_or(None)
        });
        match found {
            Ok(piece) => self.check(n, piece.as_ref()).map(|()| Some(piece)),
            Err(None) => Ok(None),
            Err(Some(failure)) => Err(failure),
        }
    }

    fn piece_len(&self, n: u64) -> u64 {
        self.record.size.saturating_sub(n.saturating_mul(PIECE)).min(PIECE)
    }

    /// Fails unless a piece has the length that follows from the value's size.
    pub(super) fn check(&self, n: u64, piece: &[u8]) -> Result<(), Failure> {
        let (want, got) = (self.piece_len(n), piece.len() as u64);
        if got == want {
            return Ok(());
        }
        Err(corrupt(format!("a value has {got} bytes where {want} should be")))
    }
}

impl StoredValue {
    /// Fails if a piece is not the one that was stored.
    pub(super) fn check_sum(&self, n: u64, piece: &[u8]) -> Result<(), Failure> {
        self.sums.as_ref().map_or(Ok(()), |sums| sums.check(n, piece))
    }
}

/// Which part of a piece belongs to a range of the value.
fn inside(range: &Range<u64>, n: u64) -> Range<usize> {
    let begin = n * PIECE;
    // Both ends are at most the length of a piece, so they fit.
    let at = |position: u64| usize::try_from(position.clamp(begin, begin + PIECE) - begin);
    at(range.start).unwrap_or(0)..at(range.end).unwrap_or(0)
}

fn cut(piece: Pinned, part: &Range<usize>) -> Bytes {
    let whole = piece.as_ref().len();
    match part.len() as u64 >= SHARED && part.len() >= whole / 2 {
        true => Bytes::from_owner(piece).slice(part.clone()),
        false => Bytes::copy_from_slice(&piece.as_ref()[part.clone()]),
    }
}
