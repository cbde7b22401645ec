//! The two words in front of a block.

/// Table offsets have 24 bits, and some readers take no more of the others.
pub(super) const MAX_OFFSET: usize = (1 << 24) - 1;

/// Where a block's table and indices are, in words from the beginning of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Bits for each index, as read: not yet known to be one of the seven.
    pub(super) bits: u8,
    /// The first word of the table.
    pub(super) table: u32,
    /// The first word of the indices.
    pub(super) indices: u32,
}

impl Header {
    pub(super) fn from_words([first, second]: [[u8; 4]; 2]) -> Self {
        let [a, b, c, bits] = first;
        let table = u32::from_le_bytes([a, b, c, 0]);
        Self { bits, table, indices: u32::from_le_bytes(second) }
    }

    /// The header of offsets that [`MAX_OFFSET`] allows.
    pub(super) const fn to_words(self) -> [[u8; 4]; 2] {
        let [a, b, c, _] = self.table.to_le_bytes();
        [[a, b, c, self.bits], self.indices.to_le_bytes()]
    }
}
