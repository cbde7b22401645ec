//! Moves of a crack code written under a Markov model.
//!
//! The model has a row for each sequence of `order` moves (as differences, the oldest in the lowest
//! two bits of the row's number): in it the four moves that may follow, the likeliest first. A row
//! is stored in 5 bits, from the low bits of the bytes: its place among the 24 orders of 0, 1, 2, 3.
//! A slice's first move is stored in 2 bits; each one after it by its place in the row of the moves
//! before it: bits 0, 10, 110 or 111, the first the lowest.

use crate::codec::CodecError;

const ROW_BITS: usize = 5;

/// Bytes of the packed model of an order.
pub(super) const fn packed_len(order: u32) -> usize {
    if order == 0 { 0 } else { ((ROW_BITS << (2 * order)) + 4) / 8 }
}

/// The moves that may follow each sequence of moves.
#[derive(Debug)]
pub(super) struct Model {
    order: u32,
    /// A row's moves, 2 bits each, the likeliest lowest.
    rows: Vec<u8>,
}

impl Model {
    /// Unpacks the model, if the order has one.
    pub(super) fn read(packed: &[u8], order: u32) -> Result<Option<Self>, CodecError> {
        if order == 0 {
            return Ok(None);
        }
        let permutations = permutations();
        let mut rows = Vec::with_capacity(1 << (2 * order));
        // Five bytes hold eight rows; only order 1 has less.
        for bytes in packed.chunks(ROW_BITS) {
            let bits = bytes.iter().rev().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
            for row in 0..(8 * bytes.len() / ROW_BITS) {
                let [place, ..] = (bits >> (ROW_BITS * row)).to_le_bytes();
                let Some(&moves) = permutations.get(usize::from(place & 0x1f)) else {
                    let what = "a row of its Markov model is not one of the 24 orders of moves";
                    return Err(CodecError::corrupt(what));
                };
                rows.push(moves);
            }
        }
        Ok(Some(Self { order, rows }))
    }
}

/// The 24 orders of the four moves as lexicographic order has them, packed like a row.
fn permutations() -> Vec<u8> {
    let all = 0..4_u8;
    let mut packed = Vec::with_capacity(24);
    for a in all.clone() {
        for b in all.clone().filter(|&b| b != a) {
            for c in all.clone().filter(|&c| c != a && c != b) {
                packed.push(a | b << 2 | c << 4 | (6 - a - b - c) << 6);
            }
        }
    }
    packed
}

/// The differences of the moves of one slice.
#[derive(Debug)]
pub(super) struct MarkovMoves<'a> {
    bytes: &'a [u8],
    /// The next bit of `bytes`.
    bit: usize,
    model: &'a Model,
    /// The row of the moves before.
    row: usize,
}

impl<'a> MarkovMoves<'a> {
    pub(super) const fn new(bytes: &'a [u8], model: &'a Model) -> Self {
        Self { bytes, bit: 0, model, row: 0 }
    }
}

impl Iterator for MarkovMoves<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let at = self.bit / 8;
        let bytes = [*self.bytes.get(at)?, self.bytes.get(at + 1).copied().unwrap_or(0)];
        let [bits, _] = (u16::from_le_bytes(bytes) >> (self.bit % 8)).to_le_bytes();
        let difference = if self.bit == 0 {
            self.bit = 2;
            bits & 3
        } else {
            let place = bits.trailing_ones().min(3);
            self.bit += if place < 2 { place as usize + 1 } else { 3 };
            self.model.rows[self.row] >> (2 * place) & 3
        };
        self.row = self.row >> 2 | usize::from(difference) << (2 * (self.model.order - 1));
        Some(difference)
    }
}
