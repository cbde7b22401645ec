//! One bit a voxel: whether it is a boundary voxel.

use super::header::Connectivity;

/// The boundary bits of some slices. A row (along x) begins at a word of its own; the bits past its
/// end are kept set, so that nothing runs out of a row.
#[derive(Debug)]
pub(super) struct Boundaries {
    words: Vec<u64>,
    shape: [usize; 3],
    row_words: usize,
    padding: u64,
}

/// The boundary voxels of 64 voxels along x, by where their label is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classes {
    /// At y-1.
    pub(super) up: u64,
    /// At z-1.
    pub(super) back: u64,
    /// At none of the neighbours before them: a location tells.
    pub(super) located: u64,
}

impl Boundaries {
    /// No boundary anywhere in `[x, y, z]` voxels.
    pub(super) fn none(shape: [usize; 3]) -> Self {
        let [sx, sy, sz] = shape;
        let row_words = sx.div_ceil(64);
        let padding = if sx % 64 == 0 { 0 } else { u64::MAX << (sx % 64) };
        let mut words = vec![0; row_words * sy * sz];
        if padding != 0 {
            for last in words.iter_mut().skip(row_words - 1).step_by(row_words) {
                *last = padding;
            }
        }
        Self { words, shape, row_words, padding }
    }

    /// `[x, y, z]` in voxels.
    pub(super) fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The bits of a row.
    pub(super) fn row(&self, y: usize, z: usize) -> &[u64] {
        let at = (y + self.shape[1] * z) * self.row_words;
        &self.words[at..at + self.row_words]
    }

    /// The bits of a row, to set more.
    pub(super) fn row_mut(&mut self, y: usize, z: usize) -> &mut [u64] {
        let at = (y + self.shape[1] * z) * self.row_words;
        &mut self.words[at..at + self.row_words]
    }

    /// Whether a voxel is a boundary voxel.
    pub(super) fn contains(&self, [x, y, z]: [usize; 3]) -> bool {
        self.row(y, z)[x / 64] >> (x % 64) & 1 == 1
    }

    /// Sorts the boundary voxels of a word of a row; those whose label is at x-1 are in no class.
    pub(super) fn classes(&self, [word, y, z]: [usize; 3], connectivity: Connectivity) -> Classes {
        let row = self.row(y, z);
        // Over the edge there is no neighbour to take a label from, as at a boundary.
        let carry = if word == 0 { 1 } else { row[word - 1] >> 63 };
        let up = if y == 0 { u64::MAX } else { self.row(y - 1, z)[word] };
        let back = match connectivity {
            Connectivity::Six if z > 0 => self.row(y, z - 1)[word],
            _ => u64::MAX,
        };
        let mut left = row[word] & (row[word] << 1 | carry);
        if word + 1 == self.row_words {
            left &= !self.padding;
        }
        Classes { up: left & !up, back: left & up & !back, located: left & up & back }
    }

    /// Words of a row.
    pub(super) fn row_words(&self) -> usize {
        self.row_words
    }
}

/// The places of the bits that are set, from the lowest.
pub(super) fn places(bits: u64) -> impl Iterator<Item = usize> {
    let mut rest = bits;
    std::iter::from_fn(move || {
        let place = usize::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
        rest &= rest - 1;
        Some(place)
    })
}
