//! How chunks are numbered in the indices that know no coordinates (implicit, fixed and extensible
//! arrays): row-major in the grid of the *largest* shape that the dataset may have; if one axis may
//! grow without end, that axis comes first.
//!
//! The library's own walk over an extensible array (`H5Dget_chunk_info`, up to release 2.1 at least)
//! forgets the second rule: it counts row-major, and where the axis that grows is not the first, the
//! axes before it stay 0. What it tells is led back to the number here.

/// The grid of the largest shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbering {
    /// Chunks along each axis, at most. Of the axis that grows it means nothing.
    grid: Vec<u64>,
    growing: Option<usize>,
}

impl Numbering {
    /// `largest` is the shape that the dataset may have at most, `None` where it has no end.
    pub(super) fn new(largest: &[Option<u64>], chunk: &[u64]) -> Self {
        let most = |(largest, chunk): (&Option<u64>, &u64)| {
            largest.map_or(u64::MAX, |axis| axis.div_ceil((*chunk).max(1)))
        };
        let grid = largest.iter().zip(chunk).map(most).collect();
        Self { grid, growing: largest.iter().position(Option::is_none) }
    }

    /// How many numbers there are; `None` if they have no end.
    pub(super) fn count(&self) -> Option<u64> {
        match self.growing {
            Some(_) => None,
            None => self.grid.iter().try_fold(1_u64, |product, &n| product.checked_mul(n)),
        }
    }

    /// The place of a chunk in the grid by its number.
    pub(super) fn chunk(&self, number: u64) -> Vec<u64> {
        let mut chunk = vec![0; self.grid.len()];
        let mut rest = number;
        let others = (0..self.grid.len()).rev().filter(|axis| Some(*axis) != self.growing);
        for axis in others {
            let count = self.grid[axis].max(1);
            chunk[axis] = rest % count;
            rest /= count;
        }
        // Without an axis that grows, a number beyond the grid must not come back into it.
        match self.growing {
            Some(axis) => chunk[axis] = rest,
            None if rest > 0 => chunk.fill(u64::MAX),
            None => {}
        }
        chunk
    }

    /// Where a chunk is that the library's walk over an extensible array places at `told`.
    pub(super) fn corrected(&self, told: &[u64]) -> Option<Vec<u64>> {
        let growing = self.growing.filter(|&axis| axis > 0)?;
        if told.iter().take(growing).any(|&at| at != 0) {
            // This library does not forget.
            return None;
        }
        let digits = self.grid.iter().zip(told).skip(growing + 1);
        let number = digits.fold(told.get(growing).copied(), |number, (&count, &at)| {
            number?.checked_mul(count)?.checked_add(at)
        })?;
        Some(self.chunk(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_largest_grid() {
        let fixed = Numbering::new(&[Some(10), Some(9)], &[4, 3]);
        assert_eq!(fixed.count(), Some(9));
        assert_eq!(fixed.chunk(0), [0, 0]);
        assert_eq!(fixed.chunk(5), [1, 2]);
        assert_eq!(fixed.chunk(9), [u64::MAX; 2]);
        let first = Numbering::new(&[None, Some(9)], &[4, 3]);
        assert_eq!((first.count(), first.chunk(10)), (None, vec![3, 1]));
        assert_eq!(first.corrected(&[3, 1]), None);
    }

    #[test]
    fn an_axis_that_grows_comes_first() {
        // Two axes of at most 5 and 2 chunks, and one without an end between them.
        let middle = Numbering::new(&[Some(5), None, Some(2)], &[1, 1, 1]);
        assert_eq!(middle.chunk(0), [0, 0, 0]);
        assert_eq!(middle.chunk(3), [1, 0, 1]);
        assert_eq!(middle.chunk(10), [0, 1, 0]);
        // Number 13 is told as the seventh pair, its second.
        assert_eq!(middle.corrected(&[0, 6, 1]), Some(vec![1, 1, 1]));
        assert_eq!(middle.corrected(&[1, 0, 0]), None);
    }
}
