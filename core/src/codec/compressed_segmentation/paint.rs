//! From a block's indices to the rows of labels of a window.

use super::layout::{BlockShape, Part, Strides};
use super::lookup::{Lookup, unpack};

/// The labels of one channel of a window, x fastest.
#[derive(Debug)]
pub(super) struct Canvas<'a, const N: usize> {
    pub(super) labels: &'a mut [[u8; N]],
    pub(super) strides: Strides,
}

impl<const N: usize> Canvas<'_, N> {
    /// Gives a whole part one label.
    pub(super) fn fill(&mut self, part: &Part, label: [u8; N]) {
        for z in 0..part.shape[2] {
            for row in self.rows(part, z) {
                match row.as_mut_array::<8>() {
                    Some(row) => *row = [label; 8],
                    None => row.fill(label),
                }
            }
        }
    }

    /// The rows of one plane of a part.
    fn rows(&mut self, part: &Part, z: usize) -> impl Iterator<Item = &mut [[u8; N]]> {
        let [width, height, _] = part.shape;
        let plane = &mut self.labels[part.at + z * self.strides.z..];
        plane.chunks_mut(self.strides.y).take(height).map(move |row| &mut row[..width])
    }

    /// Looks up the labels of a part.
    pub(super) fn paint<const BITS: usize, L>(
        &mut self,
        part: &Part,
        indices: &Indices<'_, BITS>,
        lookup: &L,
    ) where
        L: Lookup<N, BITS>,
    {
        if let Some(octets) = indices.octets(part) {
            return self.paint_octets(part, octets, indices.block, lookup);
        }
        let [x, y, z] = part.start;
        let mut labels = [[0; N]; 8];
        for k in 0..part.shape[2] {
            let places = (indices.block.place([x, y, z + k])..).step_by(indices.block.width());
            for (row, mut place) in self.rows(part, k).zip(places) {
                let (octets, rest) = row.as_chunks_mut();
                for octet in octets {
                    lookup.octet(&indices.octet(place), octet);
                    place += 8;
                }
                if !rest.is_empty() {
                    lookup.octet(&indices.octet(place), &mut labels);
                    rest.copy_from_slice(&labels[..rest.len()]);
                }
            }
        }
    }

    /// Looks up the labels of rows that are whole octets.
    fn paint_octets<const BITS: usize, L>(
        &mut self,
        part: &Part,
        octets: &[[u8; BITS]],
        block: BlockShape,
        lookup: &L,
    ) where
        L: Lookup<N, BITS>,
    {
        let [x, y, z] = part.start;
        for k in 0..part.shape[2] {
            let octets = &octets[block.place([x, y, z + k]) / 8..];
            let octets = octets.chunks(block.width() / 8);
            for (row, octets) in self.rows(part, k).zip(octets) {
                let (row, _) = row.as_chunks_mut();
                for (labels, octet) in row.iter_mut().zip(octets) {
                    lookup.octet(octet, labels);
                }
            }
        }
    }
}

/// The packed indices of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Indices<'a, const BITS: usize> {
    /// All of them, and whatever comes after them in the stream.
    pub(super) bytes: &'a [u8],
    pub(super) block: BlockShape,
}

impl<'a, const BITS: usize> Indices<'a, BITS> {
    /// The largest index that a part has.
    pub(super) fn max(&self, part: &Part) -> usize {
        let mut max = 0;
        for (voxel, _) in part.rows(Strides { y: 0, z: 0 }) {
            let place = self.block.place(voxel);
            for done in (0..part.shape[0]).step_by(8) {
                let octet = unpack(&self.octet(place + done));
                max = octet.into_iter().take(part.shape[0] - done).fold(max, usize::max);
            }
        }
        max
    }

    /// All indices in octets, if every row of the part begins with one and ends with one.
    fn octets(&self, part: &Part) -> Option<&'a [[u8; BITS]]> {
        let extents = [self.block.width(), part.start[0], part.shape[0]];
        let are_whole = extents.iter().all(|extent| extent.is_multiple_of(8));
        are_whole.then_some(self.bytes.as_chunks().0)
    }

    /// The eight indices from a place on; zeros past the stream's end.
    #[inline]
    fn octet(&self, place: usize) -> [u8; BITS] {
        let bit = place * BITS;
        let bytes = self.bytes.get(bit / 8..).unwrap_or_default();
        if BITS >= 8 {
            return first(bytes);
        }
        let window = u64::from_le_bytes(first(bytes)) >> (bit % 8);
        first(&window.to_le_bytes())
    }
}

/// The first bytes, with zeros for those that are not there.
#[inline]
fn first<const LEN: usize>(bytes: &[u8]) -> [u8; LEN] {
    if let Some(bytes) = bytes.first_chunk() {
        return *bytes;
    }
    let mut padded = [0; LEN];
    padded[..bytes.len()].copy_from_slice(bytes);
    padded
}
