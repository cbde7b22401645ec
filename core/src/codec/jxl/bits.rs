//! Bits, least significant first.

/// Writes numbers of up to 32 bits one after another.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    /// Fewer than 32.
    pending_bits: u32,
}

impl BitWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Appends the `count` low bits of `value`, which has no others.
    #[inline]
    pub(super) fn put(&mut self, count: u32, value: u64) {
        debug_assert!(count <= 32 && value >> count == 0, "{value} in {count} bits");
        self.pending |= value << self.pending_bits;
        self.pending_bits += count;
        if self.pending_bits >= 32 {
            let [a, b, c, d, ..] = self.pending.to_le_bytes();
            self.bytes.extend_from_slice(&[a, b, c, d]);
            self.pending >>= 32;
            self.pending_bits -= 32;
        }
    }

    /// Appends several numbers of a fixed number of bits.
    pub(super) fn put_all(&mut self, fields: &[(u32, u64)]) {
        for &(count, value) in fields {
            self.put(count, value);
        }
    }

    /// Fills the last byte with zeros.
    pub(super) fn pad_to_byte(&mut self) {
        while self.pending_bits > 0 {
            let [low, ..] = self.pending.to_le_bytes();
            self.bytes.push(low);
            self.pending >>= 8;
            self.pending_bits = self.pending_bits.saturating_sub(8);
        }
    }

    /// The bytes, the last one padded.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.pad_to_byte();
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_fill_bytes_from_the_least_significant() {
        let mut bits = BitWriter::default();
        bits.put_all(&[(1, 1), (3, 0b010), (4, 0b1111), (2, 0b01)]);
        bits.pad_to_byte();
        bits.put_all(&[(28, 0x0123_4567), (32, 1), (4, 0xa), (1, 1)]);
        let expected = [0xf5, 0x01, 0x67, 0x45, 0x23, 0x11, 0, 0, 0, 0xa0, 0x01];
        assert_eq!(bits.finish(), expected);
    }
}
