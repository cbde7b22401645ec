//! Ids of chunks in a sharded volume: the compressed Morton code of the grid cell.
//!
//! Source: the neuroglancer *precomputed* sharded format. The bits of x, y and z are interleaved,
//! lowest first, and a bit is left out on an axis whose grid does not need it: bit `i` of an axis
//! is there if 2^i is less than the axis's number of cells.

/// The code of the cells of one grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MortonCode {
    bits: [u32; 3],
}

impl MortonCode {
    /// The code of a grid of so many cells, or `None` if its cells need more than 64 bits.
    #[must_use]
    pub fn new(cells: [u64; 3]) -> Option<Self> {
        let bits = cells.map(|cells| u64::BITS - cells.saturating_sub(1).leading_zeros());
        (bits.iter().sum::<u32>() <= u64::BITS).then_some(Self { bits })
    }

    /// Bits that an axis takes.
    #[must_use]
    pub const fn bits(&self) -> [u32; 3] {
        self.bits
    }

    /// Bits of all axes.
    #[must_use]
    pub const fn total_bits(&self) -> u32 {
        self.bits[0] + self.bits[1] + self.bits[2]
    }

    /// The axis and the bit of the cell that each bit of a code is, lowest first.
    fn walk(self) -> impl Iterator<Item = (usize, u32)> {
        let most = self.bits.into_iter().max().unwrap_or(0);
        (0..most).flat_map(move |bit| {
            (0..3).filter(move |&axis| bit < self.bits[axis]).map(move |axis| (axis, bit))
        })
    }

    /// The code of a cell inside the grid.
    #[must_use]
    pub fn encode(&self, cell: [u64; 3]) -> u64 {
        self.walk()
            .zip(0..)
            .fold(0, |code, ((axis, bit), place)| code | ((cell[axis] >> bit) & 1) << place)
    }

    /// The cell of a code; higher bits than the grid needs are left out.
    #[must_use]
    pub fn decode(&self, code: u64) -> [u64; 3] {
        let mut cell = [0; 3];
        for ((axis, bit), place) in self.walk().zip(0..) {
            cell[axis] |= ((code >> place) & 1) << bit;
        }
        cell
    }

    /// The box of cells, from a corner of its own size on, whose codes agree in all but the
    /// lowest `low_bits` bits: cells along each axis.
    #[must_use]
    pub fn block(&self, low_bits: u32) -> [u64; 3] {
        let mut block = [1; 3];
        for (axis, _) in self.walk().zip(0..low_bits).map(|(place, _)| place) {
            block[axis] <<= 1;
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Worked out with the reference's formula; also in the notes on the format.
    #[test]
    fn codes_are_those_of_the_reference() {
        let code = |grid, cell| MortonCode::new(grid).unwrap().encode(cell);
        assert_eq!(code([5, 4, 3], [4, 3, 2]), 114);
        assert_eq!(code([5, 4, 3], [2, 1, 1]), 14);
        assert_eq!(code([100, 7, 1], [99, 6, 0]), 813);
        assert_eq!(code([100, 7, 1], [12, 2, 0]), 88);
        assert_eq!(code([16384, 9, 1025], [16383, 8, 1024]), 525_686_345);
    }

    /// By hand: x takes 4 bits, y 2 and z 1, so a code is x3 x2 y1 x1 z0 y0 x0 from the top.
    #[test]
    fn bits_an_axis_does_not_need_are_left_out() {
        let code = MortonCode::new([16, 4, 2]).unwrap();
        assert_eq!(code.bits(), [4, 2, 1]);
        assert_eq!(code.encode([9, 2, 1]), 0b101_0101);
        // Shape 79 × 80 × 144 in chunks of 20 × 20 × 12.
        assert_eq!(MortonCode::new([4, 4, 12]).unwrap().bits(), [2, 2, 4]);
    }

    #[test]
    fn a_grid_of_more_than_64_bits_has_no_code() {
        assert!(MortonCode::new([1 << 22, 1 << 21, 1 << 21]).is_some());
        assert!(MortonCode::new([1 << 22, 1 << 22, 1 << 21]).is_none());
        assert_eq!(MortonCode::new([0, 1, 1]).unwrap().total_bits(), 0);
        assert!(MortonCode::new([u64::MAX, 1, 1]).unwrap().encode([u64::MAX - 1, 0, 0]) > 1 << 63);
    }

    #[test]
    fn a_block_doubles_one_axis_after_another() {
        let code = MortonCode::new([16, 15, 2]).unwrap();
        assert_eq!(code.block(0), [1, 1, 1]);
        assert_eq!(code.block(5), [4, 4, 2]);
        assert_eq!(code.block(64), [16, 16, 2]);
    }

    proptest! {
        #[test]
        fn codes_and_cells_are_each_others_inverse(
            cells in prop::array::uniform3(1_u64..1 << 21),
            at in prop::array::uniform3(any::<prop::sample::Index>()),
        ) {
            let code = MortonCode::new(cells).unwrap();
            let cell: [u64; 3] = std::array::from_fn(|axis| at[axis].index(usize::try_from(cells[axis]).unwrap()) as u64);
            prop_assert_eq!(code.decode(code.encode(cell)), cell);
            prop_assert!(code.total_bits() == 64 || code.encode(cell) >> code.total_bits() == 0);
        }

        #[test]
        fn codes_of_a_block_differ_only_in_its_low_bits(
            cells in prop::array::uniform3(1_u64..40),
            at in prop::array::uniform3(0_u64..40),
            low_bits in 0_u32..18,
        ) {
            let code = MortonCode::new(cells).unwrap();
            let cell: [u64; 3] = std::array::from_fn(|axis| at[axis] % cells[axis]);
            let block = code.block(low_bits);
            let first = code.decode(code.encode(cell) >> low_bits << low_bits);
            for axis in 0..3 {
                prop_assert_eq!(first[axis] % block[axis], 0);
                prop_assert!(cell[axis] >= first[axis] && cell[axis] < first[axis] + block[axis]);
            }
        }
    }
}
