//! Checksums of the pieces of a value.

use super::failure::{Failure, corrupt};
use super::record::PIECE;
use crate::sum;

/// What a store does about checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sums {
    /// New values get none, and none is checked.
    Ignored,
    /// New values get them, and they are checked.
    Used,
}

/// The checksums of the pieces of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PieceSums(Vec<u32>);

impl PieceSums {
    /// Those of a value that is to be stored.
    pub(super) fn of(value: &[u8]) -> Self {
        let piece = usize::try_from(PIECE).unwrap_or(usize::MAX);
        Self(value.chunks(piece).map(sum::of).collect())
    }

    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self(bytes.as_chunks::<4>().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect())
    }

    pub(super) fn to_bytes(&self) -> impl Iterator<Item = u8> {
        self.0.iter().flat_map(|sum| sum.to_le_bytes())
    }

    /// Fails unless a whole piece is the one that was stored.
    pub(super) fn check(&self, n: u64, piece: &[u8]) -> Result<(), Failure> {
        let stored = usize::try_from(n).ok().and_then(|n| self.0.get(n));
        sum::check(n * PIECE, piece, stored.copied()).map_err(corrupt)
    }
}
