//! Prefix codes, as JPEG XL has them from Brotli (RFC 7932, sections 3.2 to 3.5).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bits::BitWriter;

/// No code is longer.
const MAX_LENGTH: u8 = 15;

/// Codes of the lengths of codes are at most this long.
const MAX_LENGTH_LENGTH: u8 = 5;

/// Lengths 0 to 15, and two symbols for repeated ones, which are never written here.
const LENGTH_SYMBOLS: usize = 18;

/// In which order the lengths of the lengths' codes stand.
const LENGTH_ORDER: [usize; LENGTH_SYMBOLS] =
    [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The fixed code, bits and value, of a length's length.
const LENGTH_LENGTH_CODES: [(u32, u64); 6] =
    [(2, 0b00), (4, 0b0111), (3, 0b011), (2, 0b10), (2, 0b01), (4, 0b1111)];

/// A prefix code for the symbols of a histogram.
#[derive(Debug)]
pub(super) struct PrefixCode {
    /// Code and its length for each symbol up to the last that occurs, ready to be written.
    codes: Vec<(u8, u16)>,
    /// How many symbols occur.
    used: usize,
}

impl PrefixCode {
    /// The best code for symbols that occur so often.
    pub(super) fn new(counts: &[u32]) -> Self {
        Self::with_max_length(counts, MAX_LENGTH)
    }

    fn with_max_length(counts: &[u32], max_length: u8) -> Self {
        let end = counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
        let counts = &counts[..end];
        let lengths = limited_lengths(counts, max_length);
        let used = counts.iter().filter(|&&count| count > 0).count();
        Self { codes: canonical_codes(&lengths), used }
    }

    /// Length and bits of a symbol's code. A symbol that does not occur has none, and nor has the
    /// only one that does.
    pub(super) fn code(&self, symbol: usize) -> (u32, u64) {
        let (length, bits) = self.codes.get(symbol).copied().unwrap_or_default();
        (length.into(), bits.into())
    }

    /// Writes the number of symbols.
    pub(super) fn write_size(&self, to: &mut BitWriter) {
        let last = u64::try_from(self.codes.len()).unwrap_or(u64::MAX).saturating_sub(1);
        match last.checked_ilog2() {
            None => to.put(1, 0),
            Some(bits) => to.put_all(&[(1, 1), (4, bits.into()), (bits, last - (1 << bits))]),
        }
    }

    /// Writes the code itself, which one of a single symbol does not need.
    pub(super) fn write(&self, to: &mut BitWriter) {
        let Some(last @ 1..) = self.codes.len().checked_sub(1) else { return };
        if self.used == 1 {
            let last = u64::try_from(last).unwrap_or(u64::MAX);
            // A simple code, of one symbol.
            to.put_all(&[(2, 1), (2, 0), (last.ilog2() + 1, last)]);
            return;
        }
        // Two lengths count as occurring even if they do not, since a code of one symbol would
        // have to be told otherwise.
        let mut counts = [0; LENGTH_SYMBOLS];
        counts[..2].fill(1);
        for &(length, _) in &self.codes {
            counts[usize::from(length)] += 1;
        }
        let lengths = Self::with_max_length(&counts, MAX_LENGTH_LENGTH);
        let length_of = |symbol: usize| lengths.codes.get(symbol).map_or(0, |&(length, _)| length);
        let end = LENGTH_ORDER.iter().rposition(|&symbol| length_of(symbol) > 0);
        // No length is skipped.
        to.put(2, 0);
        for &symbol in LENGTH_ORDER.iter().take(end.map_or(0, |last| last + 1)) {
            let (count, bits) = LENGTH_LENGTH_CODES[usize::from(length_of(symbol))];
            to.put(count, bits);
        }
        for &(length, _) in &self.codes {
            let (count, bits) = lengths.code(length.into());
            to.put(count, bits);
        }
    }
}

/// Lengths of Huffman codes, where the histogram is made flatter until none is too long. That is
/// less than optimal only for symbols so rare that it does not matter.
fn limited_lengths(counts: &[u32], max_length: u8) -> Vec<u8> {
    let mut counts = counts.to_vec();
    loop {
        let lengths = huffman_lengths(&counts);
        if lengths.iter().all(|&length| length <= max_length) {
            return lengths;
        }
        for count in &mut counts {
            *count = count.div_ceil(2);
        }
    }
}

/// Lengths of Huffman codes; 0 for symbols that do not occur, and for one that alone does.
fn huffman_lengths(counts: &[u32]) -> Vec<u8> {
    let leaves = counts.len();
    let mut heap: BinaryHeap<_> = counts
        .iter()
        .enumerate()
        .filter(|&(_, &count)| count > 0)
        .map(|(symbol, &count)| Reverse((u64::from(count), symbol)))
        .collect();
    // Nodes after the leaves, each made after its children; a parent stands for its children.
    let mut parents = vec![0; leaves];
    while let (Some(Reverse((count, first))), Some(Reverse((other, second)))) =
        (heap.pop(), heap.pop())
    {
        let node = parents.len();
        parents.push(node);
        parents[first] = node;
        parents[second] = node;
        heap.push(Reverse((count + other, node)));
        if heap.len() == 1 {
            break;
        }
    }
    let mut depths = vec![0_u8; parents.len()];
    for node in (0..parents.len().saturating_sub(1)).rev() {
        let is_part = node >= leaves || counts[node] > 0;
        if is_part && parents[node] > node {
            depths[node] = depths[parents[node]].saturating_add(1);
        }
    }
    depths.truncate(leaves);
    depths
}

/// Codes in order of length, then symbol; the first bit of a code is the lowest.
fn canonical_codes(lengths: &[u8]) -> Vec<(u8, u16)> {
    let mut codes: Vec<_> = lengths.iter().map(|&length| (length, 0)).collect();
    let mut next = 0_u16;
    for length in 1..=MAX_LENGTH {
        next <<= 1;
        for (_, code) in codes.iter_mut().filter(|(own, _)| *own == length) {
            *code = next.reverse_bits() >> (16 - length);
            next += 1;
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_are_those_of_the_brotli_rfc() {
        // RFC 7932, section 3.2: lengths (3, 3, 3, 3, 3, 2, 4, 4) for A to H.
        let codes = canonical_codes(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let forward: Vec<_> =
            codes.iter().map(|&(length, code)| code.reverse_bits() >> (16 - length)).collect();
        assert_eq!(forward, [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111]);
    }

    #[test]
    fn lone_symbol_has_no_bits() {
        assert_eq!(PrefixCode::new(&[7]).code(0), (0, 0));
        assert_eq!(PrefixCode::new(&[0, 0, 7]).code(2), (0, 0));
        assert_eq!(PrefixCode::new(&[1, 7]).code(0).0, 1);
    }

    #[test]
    fn steep_histogram_keeps_within_the_longest_code() {
        // Fibonacci numbers make the deepest tree.
        let mut counts = vec![1_u32, 1];
        for index in 2..40 {
            counts.push(counts[index - 1] + counts[index - 2]);
        }
        assert!(huffman_lengths(&counts).iter().any(|&length| length > MAX_LENGTH));
        assert!(limited_lengths(&counts, MAX_LENGTH).iter().all(|&length| length <= MAX_LENGTH));
    }

    proptest! {
        #[test]
        fn codes_use_the_whole_space(
            counts in prop::collection::vec(0_u32..1000, 2..96),
            limit in 7_u8..=15,
        ) {
            let lengths = limited_lengths(&counts, limit);
            let used = counts.iter().filter(|&&count| count > 0).count();
            let space: u32 =
                lengths.iter().filter(|&&length| length > 0).map(|&length| 1 << (15 - length)).sum();
            prop_assert!(lengths.iter().all(|&length| length <= limit));
            prop_assert_eq!(space, if used < 2 { 0 } else { 1 << 15 });
        }
    }
}
