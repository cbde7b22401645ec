//! The grid of chunks over a volume.
//!
//! Source: the neuroglancer *precomputed* volume specification. The grid begins at the volume's
//! `voxel_offset` (not at 0); chunks at its far edge are clipped, never padded.

use std::fmt;

use super::bbox::BoundingBox;

/// The chunks of one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkGrid {
    bounds: BoundingBox,
    chunk: [u64; 3],
    cells: [u64; 3],
}

/// Numbers that do not make a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidGrid;

impl fmt::Display for InvalidGrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chunk size is 0, or offset + size leaves the range of 64-bit coordinates")
    }
}

impl std::error::Error for InvalidGrid {}

/// One chunk and the part of it that a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkPart {
    /// Position in the grid, from 0.
    pub cell: [u64; 3],
    /// All voxels of the chunk (clipped to the volume).
    pub chunk: BoundingBox,
    /// The wanted voxels; inside `chunk`, never empty.
    pub part: BoundingBox,
}

impl ChunkPart {
    /// Whether the whole chunk is wanted.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.chunk == self.part
    }
}

/// What [`cell_range`] subtracts never leaves `u64`, because both ends lie inside the bounds.
fn cell_range(min: i64, max: i64, origin: i64, chunk: u64) -> (u64, u64) {
    if max <= min {
        return (0, 0);
    }
    (min.abs_diff(origin) / chunk, (max.abs_diff(origin) - 1) / chunk + 1)
}

impl ChunkGrid {
    /// The grid of `chunk`-sized cells over `size` voxels from `voxel_offset` on.
    ///
    /// # Errors
    /// [`InvalidGrid`] if a chunk axis is 0 or the volume leaves 64-bit coordinates.
    pub fn new(
        voxel_offset: [i64; 3],
        size: [u64; 3],
        chunk: [u64; 3],
    ) -> Result<Self, InvalidGrid> {
        let bounds = BoundingBox::at(voxel_offset, size).ok_or(InvalidGrid)?;
        if chunk.contains(&0) {
            return Err(InvalidGrid);
        }
        let cells = std::array::from_fn(|axis| size[axis].div_ceil(chunk[axis]));
        Ok(Self { bounds, chunk, cells })
    }

    /// The whole volume.
    #[must_use]
    pub const fn bounds(&self) -> BoundingBox {
        self.bounds
    }

    /// Voxels of an unclipped chunk.
    #[must_use]
    pub const fn chunk_size(&self) -> [u64; 3] {
        self.chunk
    }

    /// Chunks per axis.
    #[must_use]
    pub const fn cells(&self) -> [u64; 3] {
        self.cells
    }

    /// The first voxel of a cell on one axis; the volume's end for cells beyond it.
    fn border(&self, axis: usize, cell: u64) -> i64 {
        self.chunk[axis]
            .checked_mul(cell)
            .and_then(|voxels| self.bounds.min[axis].checked_add_unsigned(voxels))
            .map_or(self.bounds.max[axis], |border| border.min(self.bounds.max[axis]))
    }

    /// The voxels of a cell, clipped to the volume; empty for a cell outside the grid.
    #[must_use]
    pub fn chunk_box(&self, cell: [u64; 3]) -> BoundingBox {
        BoundingBox {
            min: std::array::from_fn(|axis| self.border(axis, cell[axis])),
            max: std::array::from_fn(|axis| self.border(axis, cell[axis].saturating_add(1))),
        }
    }

    /// The cell that holds a voxel, or `None` outside the volume.
    #[must_use]
    pub fn cell_of(&self, point: [i64; 3]) -> Option<[u64; 3]> {
        self.bounds.contains_point(point).then(|| {
            std::array::from_fn(|axis| {
                point[axis].abs_diff(self.bounds.min[axis]) / self.chunk[axis]
            })
        })
    }

    /// The parts of chunks that make up `bbox`; what lies outside the volume is left out.
    #[must_use]
    pub fn cover(&self, bbox: &BoundingBox) -> Cover {
        let wanted = self.bounds.intersection(bbox);
        let mut cells = [(0, 0); 3];
        if !wanted.is_empty() {
            cells = std::array::from_fn(|axis| {
                let (min, max) = (wanted.min[axis], wanted.max[axis]);
                cell_range(min, max, self.bounds.min[axis], self.chunk[axis])
            });
        }
        Cover { grid: *self, wanted, cells, next: cells.map(|(first, _)| first) }
    }

    /// How many chunks `bbox` touches.
    #[must_use]
    pub fn chunk_count(&self, bbox: &BoundingBox) -> u64 {
        self.cover(bbox).count_chunks()
    }

    /// Whether `bbox` (inside the volume) begins and ends on chunk borders, the volume's end
    /// counting as one. The empty box is aligned.
    #[must_use]
    pub fn is_aligned(&self, bbox: &BoundingBox) -> bool {
        bbox.is_empty() || self.align_outward(bbox) == *bbox
    }

    /// The smallest aligned box around the part of `bbox` inside the volume.
    #[must_use]
    pub fn align_outward(&self, bbox: &BoundingBox) -> BoundingBox {
        let cover = self.cover(bbox);
        if cover.wanted.is_empty() {
            return cover.wanted;
        }
        BoundingBox {
            min: std::array::from_fn(|axis| self.border(axis, cover.cells[axis].0)),
            max: std::array::from_fn(|axis| self.border(axis, cover.cells[axis].1)),
        }
    }

    /// The largest aligned box inside `bbox`, or `None` if it holds no whole chunk.
    #[must_use]
    pub fn align_inward(&self, bbox: &BoundingBox) -> Option<BoundingBox> {
        let cover = self.cover(bbox);
        let mut inner = cover.wanted;
        for axis in 0..3 {
            let (first, end) = cover.cells[axis];
            let at_min = self.border(axis, first) == inner.min[axis];
            let at_max = self.border(axis, end) == inner.max[axis];
            inner.min[axis] =
                self.border(axis, if at_min { first } else { first.saturating_add(1) });
            inner.max[axis] = self.border(axis, if at_max { end } else { end.saturating_sub(1) });
        }
        (!inner.is_empty()).then_some(inner)
    }
}

/// Iterates over the [`ChunkPart`]s of a box, x fastest. They partition the box's part inside the
/// volume exactly.
#[derive(Debug, Clone)]
pub struct Cover {
    grid: ChunkGrid,
    wanted: BoundingBox,
    cells: [(u64, u64); 3],
    next: [u64; 3],
}

impl Cover {
    /// The part of the requested box inside the volume.
    #[must_use]
    pub const fn wanted(&self) -> BoundingBox {
        self.wanted
    }

    /// The number of all chunks of the cover, also those already yielded; saturates at `u64::MAX`.
    #[must_use]
    pub fn count_chunks(&self) -> u64 {
        self.cells.iter().fold(1_u64, |count, (first, end)| count.saturating_mul(end - first))
    }

    /// On each axis, where the wanted box is cut: the lengths of the parts in order.
    pub(crate) fn lengths(&self, axis: usize) -> impl Iterator<Item = u64> + use<> {
        let (grid, wanted, (first, end)) = (self.grid, self.wanted, self.cells[axis]);
        (first..end).map(move |cell| {
            let min = grid.border(axis, cell).max(wanted.min[axis]);
            let max = grid.border(axis, cell.saturating_add(1)).min(wanted.max[axis]);
            max.abs_diff(min)
        })
    }
}

impl Iterator for Cover {
    type Item = ChunkPart;

    fn next(&mut self) -> Option<ChunkPart> {
        if self.next[2] >= self.cells[2].1 {
            return None;
        }
        let cell = self.next;
        for axis in 0..3 {
            self.next[axis] += 1;
            if axis == 2 || self.next[axis] < self.cells[axis].1 {
                break;
            }
            self.next[axis] = self.cells[axis].0;
        }
        let chunk = self.grid.chunk_box(cell);
        Some(ChunkPart { cell, chunk, part: chunk.intersection(&self.wanted) })
    }

    /// At the most as many as there were in the beginning.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.count_chunks()).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grids() -> impl Strategy<Value = ChunkGrid> {
        (
            prop::array::uniform3(-40_i64..40),
            prop::array::uniform3(0_u64..30),
            prop::array::uniform3(1_u64..9),
        )
            .prop_map(|(offset, size, chunk)| ChunkGrid::new(offset, size, chunk).unwrap())
    }

    fn boxes() -> impl Strategy<Value = BoundingBox> {
        (prop::array::uniform3(-60_i64..60), prop::array::uniform3(0_u64..50))
            .prop_map(|(min, shape)| BoundingBox::at(min, shape).unwrap())
    }

    proptest! {
        #[test]
        fn a_cover_partitions_the_box_exactly(grid in grids(), bbox in boxes()) {
            let wanted = grid.bounds().intersection(&bbox);
            let parts: Vec<_> = grid.cover(&bbox).collect();
            prop_assert_eq!(parts.len() as u64, grid.chunk_count(&bbox));
            prop_assert_eq!(parts.iter().map(|p| p.part.voxels()).sum::<u128>(), wanted.voxels());
            for (n, part) in parts.iter().enumerate() {
                prop_assert!(!part.part.is_empty());
                prop_assert!(part.chunk.contains(&part.part) && wanted.contains(&part.part));
                prop_assert_eq!(part.chunk, grid.chunk_box(part.cell));
                for other in &parts[..n] {
                    prop_assert!(part.part.intersection(&other.part).is_empty());
                }
            }
        }

        #[test]
        fn cuts_and_parts_agree(grid in grids(), bbox in boxes()) {
            let cover = grid.cover(&bbox);
            let parts: Vec<_> = cover.clone().map(|part| part.part.shape()).collect();
            let mut cut = Vec::new();
            for z in cover.lengths(2) {
                for y in cover.lengths(1) {
                    cut.extend(cover.lengths(0).map(|x| [x, y, z]));
                }
            }
            prop_assert_eq!(cut, parts);
        }

        #[test]
        fn aligned_boxes_are_those_made_of_whole_chunks(grid in grids(), bbox in boxes()) {
            let inside = grid.bounds().intersection(&bbox);
            let whole = grid.cover(&inside).all(|part| part.is_whole());
            prop_assert_eq!(grid.is_aligned(&inside), whole);
            let outer = grid.align_outward(&bbox);
            prop_assert!(grid.is_aligned(&outer) && (inside.is_empty() || outer.contains(&inside)));
            prop_assert_eq!(grid.chunk_count(&outer), grid.chunk_count(&bbox));
            if let Some(inner) = grid.align_inward(&bbox) {
                prop_assert!(grid.is_aligned(&inner) && inside.contains(&inner));
            } else {
                prop_assert!(!grid.cover(&inside).any(|part| part.is_whole()));
            }
        }

        #[test]
        fn every_voxel_is_in_the_cell_that_is_said_to_hold_it(grid in grids(), point in prop::array::uniform3(-60_i64..60)) {
            match grid.cell_of(point) {
                Some(cell) => prop_assert!(grid.chunk_box(cell).contains_point(point)),
                None => prop_assert!(!grid.bounds().contains_point(point)),
            }
        }
    }

    #[test]
    fn a_grid_over_all_coordinates_neither_overflows_nor_allocates() {
        let grid = ChunkGrid::new([i64::MIN; 3], [u64::MAX; 3], [64; 3]).unwrap();
        assert_eq!(grid.chunk_count(&grid.bounds()), u64::MAX);
        assert_eq!(grid.cover(&grid.bounds()).next().unwrap().cell, [0; 3]);
        assert_eq!(grid.chunk_box([u64::MAX; 3]).shape(), [0; 3]);
        let far = BoundingBox::new([i64::MAX - 1; 3], [i64::MAX; 3]);
        assert_eq!(grid.cover(&far).count(), 1);
        assert!(ChunkGrid::new([1; 3], [u64::MAX; 3], [1; 3]).is_err());
        assert!(ChunkGrid::new([0; 3], [1; 3], [1, 0, 1]).is_err());
    }
}
