//! Checksums of stored values: what the column `sums` holds, and who uses it.
//!
//! There is one for each block of a value, so that a part is checked with little else read.

use std::ops::Range;

use rusqlite::Connection;

use super::failure::{Failure, corrupt};
use crate::sum;

/// Bytes of a block; the last one may have less. Part of the format.
pub(super) const BLOCK: u64 = 64 << 10;

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

/// The checksums of the blocks of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlockSums(Vec<u32>);

impl BlockSums {
    /// Those of a value that is to be stored.
    pub(super) fn of(value: &[u8]) -> Self {
        let (head, rest) = value.split_at(value.len().min(block_len()));
        // An empty value is one empty block.
        Self([head].into_iter().chain(rest.chunks(block_len())).map(sum::of).collect())
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
        if !rest.is_empty() || sums.len() as u64 != size.div_ceil(BLOCK).max(1) {
            return Err(damaged());
        }
        Ok(Some(Self(sums.iter().map(|sum| u32::from_le_bytes(*sum)).collect())))
    }

    /// The blocks that a part of a value of `size` bytes lies in.
    pub(super) fn around(range: &Range<u64>, size: u64) -> Range<u64> {
        let start = range.start - range.start % BLOCK;
        start..range.end.div_ceil(BLOCK).saturating_mul(BLOCK).min(size)
    }

    /// Fails unless whole blocks, from `start` on, are those that were stored.
    pub(super) fn check(&self, start: u64, bytes: &[u8]) -> Result<(), Failure> {
        // An empty value has one block, too.
        let blocks = [bytes].into_iter().filter(|bytes| bytes.is_empty());
        for (n, block) in (start / BLOCK..).zip(blocks.chain(bytes.chunks(block_len()))) {
            let stored = usize::try_from(n).ok().and_then(|n| self.0.get(n));
            sum::check(n * BLOCK, block, stored.copied()).map_err(corrupt)?;
        }
        Ok(())
    }
}

fn block_len() -> usize {
    usize::try_from(BLOCK).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back_and_those_of_other_values_are_left_alone() {
        for len in [0, 1, block_len(), block_len() + 1] {
            let sums = BlockSums::of(&vec![7; len]);
            let column = sums.to_column(5);
            let parsed = |version| BlockSums::parse(&column, version, len as u64).unwrap();
            assert_eq!(parsed(5), Some(sums));
            assert_eq!(parsed(6), None);
            assert!(BlockSums::parse(&column[..column.len() - 1], 5, len as u64).is_err());
            assert!(BlockSums::parse(&column, 5, 9 * BLOCK).is_err());
        }
        assert!(BlockSums::parse(b"", 5, 1).is_err());
    }
}
