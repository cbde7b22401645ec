//! Checksums of stored values: what the column `sums` holds, and who uses it.

use rusqlite::Connection;

use super::failure::{Failure, corrupt};
use super::value::PIECE;
use crate::sum;

/// What a connection does about checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sums {
    /// There is no column for them: the file was made by an older version.
    Absent,
    /// New values get none, and none is checked.
    Ignored,
    /// New values get one, and it is checked.
    Used,
}

impl Sums {
    /// What there is to be done in a file, if checksums are wanted or not.
    pub(super) fn look(connection: &Connection, wanted: bool) -> Result<Self, Failure> {
        let select = "SELECT count(*) FROM pragma_table_info('bigarrays_keys') WHERE name = 'sums'";
        let columns: u32 = connection.query_row(select, [], |row| row.get(0))?;
        Ok(match (columns, wanted) {
            (0, _) => Self::Absent,
            (_, false) => Self::Ignored,
            (_, true) => Self::Used,
        })
    }
}

/// The checksums of the pieces of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PieceSums(Vec<u32>);

impl PieceSums {
    /// Those of a value that is to be stored.
    pub(super) fn of(value: &[u8]) -> Self {
        let (head, rest) = value.split_at(value.len().min(piece_len()));
        // An empty value is one empty piece.
        Self([head].into_iter().chain(rest.chunks(piece_len())).map(sum::of).collect())
    }

    /// The column, for the value whose first piece is the row `version`.
    pub(super) fn to_column(&self, version: i64) -> Vec<u8> {
        let sums = self.0.iter().flat_map(|sum| sum.to_le_bytes());
        version.to_le_bytes().into_iter().chain(sums).collect()
    }

    /// Reads the column; `None` if it belongs to another value. An older version of this program
    /// replaces values and leaves the column as it was.
    pub(super) fn parse(column: &[u8], version: i64, size: u64) -> Result<Option<Self>, Failure> {
        let damaged = || corrupt(format!("the checksums of a value have {} bytes", column.len()));
        let (owner, sums) = column.split_first_chunk::<8>().ok_or_else(damaged)?;
        if i64::from_le_bytes(*owner) != version {
            return Ok(None);
        }
        let (sums, rest) = sums.as_chunks::<4>();
        if !rest.is_empty() || sums.len() as u64 != size.div_ceil(PIECE).max(1) {
            return Err(damaged());
        }
        Ok(Some(Self(sums.iter().map(|sum| u32::from_le_bytes(*sum)).collect())))
    }

    /// Fails unless a whole piece is the one that was stored.
    pub(super) fn check(&self, piece: u64, bytes: &[u8]) -> Result<(), Failure> {
        let stored = usize::try_from(piece).ok().and_then(|piece| self.0.get(piece));
        sum::check(piece * PIECE, bytes, stored.copied()).map_err(corrupt)
    }
}

fn piece_len() -> usize {
    usize::try_from(PIECE).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back_and_those_of_other_values_are_left_alone() {
        for len in [0, 1, piece_len(), piece_len() + 1] {
            let sums = PieceSums::of(&vec![7; len]);
            let column = sums.to_column(5);
            let parsed = |version| PieceSums::parse(&column, version, len as u64).unwrap();
            assert_eq!(parsed(5), Some(sums));
            assert_eq!(parsed(6), None);
            assert!(PieceSums::parse(&column[..column.len() - 1], 5, len as u64).is_err());
            assert!(PieceSums::parse(&column, 5, 9 * PIECE).is_err());
        }
        assert!(PieceSums::parse(b"", 5, 1).is_err());
    }
}
