//! Values as rows: cut into pieces of one length, which have consecutive row numbers.
//!
//! SQLite finds a position in a row by going through all pages before it: with 16 KiB a page,
//! some 100 µs for each MiB, if all is in memory. Pieces bound that, and have no longest value.

use std::ops::Range;

use bigarrays_core::backend::ErrorKind;
use bytes::Bytes;
use rusqlite::blob::Blob as Row;
use rusqlite::{Connection, ErrorCode, MAIN_DB};

use super::failure::{Failure, corrupt};
use super::sums::BlockSums;

/// Bytes of a piece; the last one may have less. Part of the format.
pub(super) const PIECE: u64 = 1 << 20;

/// A stored value, open for reading.
///
/// It is read as a stream, not selected: that copies once instead of twice, and takes a tenth of
/// the time for 1 MiB.
pub(super) struct StoredValue<'a> {
    row: Row<'a>,
    first: i64,
    /// Which piece `row` is.
    piece: u64,
    size: u64,
    /// What its blocks are checked by.
    sums: Option<BlockSums>,
}

impl<'a> StoredValue<'a> {
    /// Opens the value of `size` bytes whose first piece is the row `first`.
    pub(super) fn open(connection: &'a Connection, first: i64, size: u64) -> Result<Self, Failure> {
        let row = connection.blob_open(MAIN_DB, "bigarrays_values", "value", first, true);
        let opened = Self { row: row.map_err(missing)?, first, piece: 0, size, sums: None };
        opened.check()?;
        Ok(opened)
    }

    /// The same, whose blocks are checked by `sums`.
    pub(super) fn with_sums(mut self, sums: Option<BlockSums>) -> Self {
        self.sums = sums;
        self
    }

    /// A part of the value, within its size.
    pub(super) fn read(&mut self, range: &Range<u64>) -> Result<Bytes, Failure> {
        if self.sums.is_none() || (range.is_empty() && self.size > 0) {
            return self.read_unchecked(range);
        }
        let blocks = BlockSums::around(range, self.size);
        let bytes = self.read_unchecked(&blocks)?;
        if let Some(sums) = &self.sums {
            sums.check(blocks.start, &bytes)?;
        }
        let start = length(range.start - blocks.start);
        let part = start..start + length(range.end - range.start);
        // A few bytes must not keep all of their block in memory.
        Ok(match part.len() < bytes.len() / 2 {
            true => Bytes::copy_from_slice(&bytes[part]),
            false => bytes.slice(part),
        })
    }

    fn read_unchecked(&mut self, range: &Range<u64>) -> Result<Bytes, Failure> {
        let mut bytes = Vec::new();
        let len = range.end.saturating_sub(range.start);
        if !usize::try_from(len).is_ok_and(|len| bytes.try_reserve_exact(len).is_ok()) {
            let note = format!("there is no memory for {len} bytes at once");
            return Err(Failure::new(ErrorKind::Other, note));
        }
        let mut position = range.start;
        while position < range.end {
            let offset = position % PIECE;
            // Memory is used for pieces that are there: the size may be one that nobody stored.
            self.go_to(position / PIECE)?;
            let count = (PIECE - offset).min(range.end - position);
            let filled = bytes.len();
            bytes.resize(filled + length(count), 0);
            self.row.read_at_exact(&mut bytes[filled..], length(offset))?;
            position += count;
        }
        Ok(bytes.into())
    }

    fn go_to(&mut self, piece: u64) -> Result<(), Failure> {
        if piece != self.piece {
            let ahead = i64::try_from(piece).unwrap_or(i64::MAX);
            self.row.reopen(self.first.saturating_add(ahead)).map_err(missing)?;
            self.piece = piece;
            self.check()?;
        }
        Ok(())
    }

    /// Fails unless the piece has the length that follows from the value's size.
    fn check(&self) -> Result<(), Failure> {
        let want = self.size.saturating_sub(self.piece.saturating_mul(PIECE)).min(PIECE);
        let got = self.row.len() as u64;
        if got == want {
            return Ok(());
        }
        Err(corrupt(format!("a value has {got} bytes where {want} should be")))
    }
}

fn missing(error: rusqlite::Error) -> Failure {
    // SQLite has no number of its own for a row that is not there.
    if error.sqlite_error_code() == Some(ErrorCode::Unknown) {
        return corrupt("a key has no value").because(error);
    }
    error.into()
}

/// Stores a value, and gives the row of its first piece.
pub(super) fn insert(connection: &Connection, value: &[u8]) -> Result<i64, Failure> {
    let insert = "INSERT INTO bigarrays_values (value) VALUES (?1)";
    let mut insert = connection.prepare_cached(insert)?;
    let (head, rest) = value.split_at(value.len().min(length(PIECE)));
    // An empty value is one empty piece. Nobody else inserts, so that the numbers have no gaps.
    insert.execute([head])?;
    let first = connection.last_insert_rowid();
    for piece in rest.chunks(length(PIECE)) {
        insert.execute([piece])?;
    }
    Ok(first)
}

/// Removes a value of `size` bytes.
pub(super) fn remove(connection: &Connection, first: i64, size: u64) -> Result<(), Failure> {
    let delete = "DELETE FROM bigarrays_values WHERE version BETWEEN ?1 AND ?2";
    let more = i64::try_from(size.saturating_sub(1) / PIECE).unwrap_or(i64::MAX);
    connection.prepare_cached(delete)?.execute((first, first.saturating_add(more)))?;
    Ok(())
}

/// A length in memory: of what is in memory, or is to be.
fn length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE bigarrays_values (version INTEGER PRIMARY KEY AUTOINCREMENT, \
                     value BLOB NOT NULL) STRICT";
        connection.execute(table, []).unwrap();
        connection
    }

    #[test]
    fn values_are_cut_at_pieces_and_come_back_in_parts() {
        let connection = database();
        let mut after = Vec::new();
        for len in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let value: Vec<u8> = (0..len).map(|n| u8::try_from(n * 7 / 5 % 251).unwrap()).collect();
            let first = insert(&connection, &value).unwrap();
            let mut stored = StoredValue::open(&connection, first, len).unwrap();
            assert_eq!(stored.read(&(0..len)).unwrap(), value);
            for start in [0, PIECE - 3, 2 * PIECE, 3 * PIECE + 6] {
                let range = start.min(len)..(start + PIECE + 9).min(len);
                let want = &value[length(range.start)..length(range.end)];
                assert_eq!(stored.read(&range).unwrap(), want, "{range:?} of {len}");
            }
            after.push((first, len));
        }
        let rows = || -> i64 {
            connection.query_row("SELECT count(*) FROM bigarrays_values", [], |r| r.get(0)).unwrap()
        };
        assert_eq!(rows(), 1 + 1 + 1 + 1 + 2 + 3 + 4);
        for (first, len) in after {
            remove(&connection, first, len).unwrap();
        }
        assert_eq!(rows(), 0);
    }

    #[test]
    fn pieces_that_are_missing_or_short_are_told() {
        let connection = database();
        let len = 2 * PIECE + 5;
        let first = insert(&connection, &vec![1; length(len)]).unwrap();
        let delete = "DELETE FROM bigarrays_values WHERE version = ?1";
        connection.execute(delete, [first + 2]).unwrap();
        let mut stored = StoredValue::open(&connection, first, len).unwrap();
        assert!(stored.read(&(0..PIECE)).is_ok());
        let error =
            stored.read(&(0..len)).unwrap_err().of("x", bigarrays_core::backend::Operation::Get);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(StoredValue::open(&connection, first, 99).is_err());
        assert!(StoredValue::open(&connection, first + 9, 99).is_err());
    }
}
