//! Bits, least significant first.

/// Writes numbers of up to 56 bits one after another.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl BitWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Appends the `count` low bits of `value`, which has no others.
    pub(super) fn put(&mut self, count: u32, value: u64) {
        debug_assert!(count <= 56 && value >> count == 0, "{value} in {count} bits");
        if self.pending_bits + count >= 64 {
            self.drain();
        }
        self.pending |= value << self.pending_bits;
        self.pending_bits += count;
    }

    /// Appends several numbers of a fixed number of bits.
    pub(super) fn put_all(&mut self, fields: &[(u32, u64)]) {
        for &(count, value) in fields {
            self.put(count, value);
        }
    }

    /// Moves whole bytes out, of which there are at most eight.
    fn drain(&mut self) {
        let whole = self.pending_bits / 8;
        let bytes = self.pending.to_le_bytes();
        self.bytes.extend(bytes.iter().take(usize::try_from(whole).unwrap_or(bytes.len())));
        self.pending = self.pending.checked_shr(8 * whole).unwrap_or(0);
        self.pending_bits -= 8 * whole;
    }

    /// Fills the last byte with zeros.
    pub(super) fn pad_to_byte(&mut self) {
        self.pending_bits = self.pending_bits.next_multiple_of(8);
        self.drain();
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
        bits.put(56, 0x0011_2233_4455_66);
        bits.put(56, 1);
        bits.put(4, 0xa);
        let expected =
            [0xf5, 0x01, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 1, 0, 0, 0, 0, 0, 0, 0x0a];
        assert_eq!(bits.finish(), expected);
    }
}
