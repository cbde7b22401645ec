//! Location codes: where a boundary voxel has its label from, if no neighbour before it decides.

use super::super::CodecError;
use super::boundaries::{Boundaries, places};
use super::header::{Layout, Version};
use super::number;

/// The label follows as a number of its own.
const FOLLOWS: u64 = 6;
/// What is added to a label that is written as one number.
const FIRST_LABEL: u64 = 7;

/// Reads locations in order.
#[derive(Debug)]
pub(super) struct Reader<'a, const N: usize> {
    codes: std::slice::Iter<'a, [u8; N]>,
    all: usize,
    /// Whether a location may lead to another slice.
    across: bool,
}

impl<'a, const N: usize> Reader<'a, N> {
    /// `across`: a location may lead to another slice. In a stream whose slices can be decoded one
    /// by one none may.
    pub(super) fn new(codes: &'a [[u8; N]], across: bool) -> Self {
        Self { codes: codes.iter(), all: codes.len(), across }
    }

    /// How many numbers were read.
    pub(super) fn read(&self) -> usize {
        self.all - self.codes.len()
    }

    /// The label of a voxel. The labels before it are there, and those of all that are no boundary.
    ///
    /// # Errors
    /// [`CodecError::Corrupt`] if there is no location for it, or one that leads nowhere.
    pub(super) fn label(
        &mut self,
        [x, y, z]: [usize; 3],
        boundaries: &Boundaries,
        labels: &[[u8; N]],
    ) -> Result<[u8; N], CodecError> {
        let Some(code) = self.codes.next().map(number) else { return Err(too_few()) };
        if code == FOLLOWS {
            return self.codes.next().copied().ok_or_else(too_few);
        }
        if code >= FIRST_LABEL {
            return Ok(low_bytes(code - FIRST_LABEL));
        }
        let [sx, sy, _] = boundaries.shape();
        Some(code)
            .filter(|code| self.across || *code < 4)
            .and_then(|code| neighbour(code, [x, y, z], boundaries))
            .and_then(|[x, y, z]| labels.get(x + sx * (y + sy * z)).copied())
            .ok_or_else(|| {
                let what = format!("location {code} at {x},{y},{z} leads to no decoded voxel");
                CodecError::corrupt(what)
            })
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`CodecError::Corrupt`] if there are locations left.
    pub(super) fn finish(self) -> Result<(), CodecError> {
        match self.codes.len() {
            0 => Ok(()),
            left => Err(CodecError::corrupt(format!("{left} of its locations belong to no voxel"))),
        }
    }
}

fn too_few() -> CodecError {
    CodecError::corrupt("it has fewer locations than voxels that need one")
}

/// The voxel that codes 0 to 5 refer to, if its label is known by then.
fn neighbour(code: u64, [x, y, z]: [usize; 3], boundaries: &Boundaries) -> Option<[usize; 3]> {
    let shape = boundaries.shape();
    let after = |place: [usize; 3]| {
        let inside = (0..3).all(|axis| place[axis] < shape[axis]);
        (inside && !boundaries.contains(place)).then_some(place)
    };
    match code {
        0 => Some([x.checked_sub(1)?, y, z]),
        1 => after([x + 1, y, z]),
        2 => Some([x, y.checked_sub(1)?, z]),
        3 => after([x, y + 1, z]),
        4 => Some([x, y, z.checked_sub(1)?]),
        5 => after([x, y, z + 1]),
        _ => None,
    }
}

/// The locations of a chunk.
#[derive(Debug)]
pub(super) struct Encoded<const N: usize> {
    pub(super) codes: Vec<[u8; N]>,
    /// The first code of each slice.
    pub(super) starts: Vec<usize>,
}

impl<const N: usize> Encoded<N> {
    pub(super) fn new(labels: &[[u8; N]], boundaries: &Boundaries, layout: &Layout) -> Self {
        let [_, sy, sz] = boundaries.shape();
        let mut encoded = Self { codes: Vec::new(), starts: Vec::with_capacity(sz) };
        for z in 0..sz {
            encoded.starts.push(encoded.codes.len());
            for (y, word) in (0..sy).flat_map(|y| (0..boundaries.row_words()).map(move |w| (y, w)))
            {
                let classes = boundaries.classes([word, y, z], layout.connectivity);
                for place in places(classes.located) {
                    encoded.add([word * 64 + place, y, z], labels, boundaries, layout);
                }
            }
        }
        encoded
    }

    fn add(
        &mut self,
        place: [usize; 3],
        labels: &[[u8; N]],
        boundaries: &Boundaries,
        layout: &Layout,
    ) {
        let [sx, sy, _] = boundaries.shape();
        let label_at = |[x, y, z]: [usize; 3]| labels[x + sx * (y + sy * z)];
        let label = label_at(place);
        // At 0 and 2 there is a boundary or no voxel, or the voxel would need no location.
        let codes: &[u64] = match layout.version {
            Version::V0 => &[1, 3, 4, 5],
            Version::V1 => &[1, 3],
        };
        let same = |code: u64| {
            neighbour(code, place, boundaries)
                .is_some_and(|other| !boundaries.contains(other) && label_at(other) == label)
        };
        if let Some(code) = codes.iter().copied().find(|&code| same(code)) {
            return self.codes.push(low_bytes(code));
        }
        let value = number(&label);
        if value > (u64::MAX >> (64 - 8 * N)) - FIRST_LABEL {
            self.codes.extend([low_bytes(FOLLOWS), label]);
        } else {
            self.codes.push(low_bytes(value + FIRST_LABEL));
        }
    }
}

/// A number that fits N bytes.
fn low_bytes<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&number.to_le_bytes()[..N]);
    bytes
}
