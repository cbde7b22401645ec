//! Which boxes of a source to ask for.

use super::Source;

/// A box of a source, `min..max`, in voxels from its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    /// The first voxel.
    pub(crate) min: [u64; 3],
    /// The voxel after the last.
    pub(crate) max: [u64; 3],
}

impl Tile {
    /// Voxels per axis.
    pub(crate) fn shape(&self) -> [u64; 3] {
        std::array::from_fn(|axis| self.max[axis] - self.min[axis])
    }
}

/// Covers a source with boxes whose borders are chunk borders (but for the source's own), in the
/// order that is best for it.
///
/// Chunk borders lie at `phase + n * chunk`. A box takes at most half of `memory`, all channels
/// together, unless a single chunk takes more: then it is that chunk. Boxes are as long as can be
/// along the axis that is fastest in the file, and follow one another along the slowest, where a
/// box of less than the whole slab is one chunk thick. So what a source has to hold is one slab.
pub(crate) fn tiles(source: &dyn Source, chunk: [u64; 3], phase: [u64; 3], memory: u64) -> Tiles {
    // Channels are never cut, so they have no place among the axes.
    let mut axes = source.order().into_iter().filter(|&axis| axis < 3);
    let order = std::array::from_fn(|slowness| axes.next().unwrap_or(2 - slowness));
    let item = source.data_type().size() as u64;
    tiles_of(Shape { size: source.size(), item, order }, chunk, phase, memory)
}

/// A row of voxels, in a file that is read or written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// `[x, y, z, c]`.
    pub(crate) size: [u64; 4],
    /// Bytes of a value.
    pub(crate) item: u64,
    /// The axes, the slowest first.
    pub(crate) order: [usize; 3],
}

/// The same for what is no source.
pub(crate) fn tiles_of(shape: Shape, chunk: [u64; 3], phase: [u64; 3], memory: u64) -> Tiles {
    let Shape { size: [x, y, z, channels], item, order } = shape;
    let size = [x, y, z];
    let chunk = chunk.map(|extent| extent.max(1));
    let budget = (memory / 2 / channels.saturating_mul(item).max(1)).max(1);

    let mut extent: [u64; 3] = std::array::from_fn(|axis| chunk[axis].min(size[axis]));
    for &axis in order.iter().rev() {
        let others = (0..3).filter(|&other| other != axis).map(|other| extent[other]);
        let room = budget / others.fold(1, u64::saturating_mul).max(1);
        let chunks = (room / chunk[axis]).max(1);
        extent[axis] = chunks.saturating_mul(chunk[axis]);
        let whole = extent[axis] >= size[axis];
        extent[axis] = extent[axis].min(size[axis]);
        // All axes that are slower stay one chunk thick: see above.
        if !whole {
            break;
        }
    }
    let cuts = std::array::from_fn(|axis| {
        let step = extent[axis].next_multiple_of(chunk[axis]);
        Cuts { size: size[axis], step, first: phase[axis] % chunk[axis] }
    });
    Tiles { cuts, order, next: Some([0; 3]) }
}

/// The boxes of [`tiles()`].
#[derive(Debug, Clone)]
pub(crate) struct Tiles {
    cuts: [Cuts; 3],
    /// The slowest axis first.
    order: [usize; 3],
    next: Option<[u64; 3]>,
}

impl Iterator for Tiles {
    type Item = Tile;

    fn next(&mut self) -> Option<Tile> {
        let min = self.next?;
        let max = std::array::from_fn(|axis| self.cuts[axis].after(min[axis]));
        let mut next = min;
        self.next = None;
        for &axis in self.order.iter().rev() {
            next[axis] = max[axis];
            if next[axis] < self.cuts[axis].size {
                self.next = Some(next);
                break;
            }
            next[axis] = 0;
        }
        Some(Tile { min, max })
    }
}

/// Where an axis of `size` voxels is cut: at `first`, and every `step` from there.
#[derive(Debug, Clone, Copy)]
struct Cuts {
    size: u64,
    step: u64,
    first: u64,
}

impl Cuts {
    /// The cut after `at`, which is itself one.
    fn after(&self, at: u64) -> u64 {
        let cut = if at == 0 && self.first > 0 { self.first } else { at.saturating_add(self.step) };
        cut.min(self.size)
    }
}

#[cfg(test)]
mod tests {
    use bigarrays::info::DataType;

    use super::super::SourceError;
    use super::*;

    struct Shape {
        size: [u64; 4],
        order: [usize; 4],
    }

    impl Source for Shape {
        fn data_type(&self) -> DataType {
            DataType::Uint16
        }
        fn size(&self) -> [u64; 4] {
            self.size
        }
        fn resolution(&self) -> Option<[f64; 3]> {
            None
        }
        fn describe(&self) -> String {
            String::new()
        }
        fn order(&self) -> [usize; 4] {
            self.order
        }
        fn read_box(&mut self, _: [u64; 3], _: [u64; 3], _: &mut [u8]) -> Result<(), SourceError> {
            Ok(())
        }
    }

    const Z_SLOWEST: [usize; 4] = [2, 1, 0, 3];
    const X_SLOWEST: [usize; 4] = [0, 1, 2, 3];

    fn tile(min: [u64; 3], max: [u64; 3]) -> Tile {
        Tile { min, max }
    }

    #[test]
    fn boxes_grow_along_the_fastest_axes_first() {
        let shapes = |order, memory| {
            let source = Shape { size: [1000, 1000, 1000, 1], order };
            let first = tiles(&source, [64; 3], [0; 3], memory).next().unwrap();
            first.shape()
        };
        // Half the memory holds 2, 40 and 300 chunks.
        let chunk = 64 * 64 * 64 * 2;
        assert_eq!(shapes(Z_SLOWEST, 2 * 2 * chunk), [128, 64, 64]);
        assert_eq!(shapes(Z_SLOWEST, 2 * 40 * chunk), [1000, 128, 64]);
        assert_eq!(shapes(Z_SLOWEST, 2 * 600 * chunk), [1000, 1000, 128]);
        assert_eq!(shapes(X_SLOWEST, 2 * 40 * chunk), [64, 128, 1000]);
        assert_eq!(shapes(X_SLOWEST, 1 << 40), [1000; 3]);
        // No memory is enough for less than a chunk.
        assert_eq!(shapes(X_SLOWEST, 0), [64; 3]);
    }

    #[test]
    fn borders_are_chunk_borders_and_the_slowest_axis_comes_last() {
        let source = Shape { size: [10, 1, 9, 3], order: X_SLOWEST };
        let found: Vec<Tile> = tiles(&source, [4, 4, 8], [3, 0, 5], 0).collect();
        let expected = [
            tile([0, 0, 0], [3, 1, 5]),
            tile([0, 0, 5], [3, 1, 9]),
            tile([3, 0, 0], [7, 1, 5]),
            tile([3, 0, 5], [7, 1, 9]),
            tile([7, 0, 0], [10, 1, 5]),
            tile([7, 0, 5], [10, 1, 9]),
        ];
        assert_eq!(found, expected);
        let source = Shape { size: [10, 1, 9, 3], order: Z_SLOWEST };
        let found: Vec<Tile> = tiles(&source, [4, 4, 8], [3, 0, 5], 0).collect();
        assert_eq!(found[..2], [expected[0], expected[2]]);
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn every_voxel_is_in_one_box_that_keeps_to_the_memory() {
        for memory in [0, 500, 3000, 1 << 20] {
            for chunk in [[1; 3], [3, 5, 2], [100; 3], [0; 3]] {
                for phase in [[0; 3], [2, 1, 1], [99; 3]] {
                    for order in [Z_SLOWEST, X_SLOWEST, [1, 3, 2, 0]] {
                        let source = Shape { size: [7, 11, 5, 2], order };
                        let mut seen = vec![false; 7 * 11 * 5];
                        for tile in tiles(&source, chunk, phase, memory) {
                            let chunk = chunk.map(|extent: u64| extent.max(1));
                            let bytes = tile.shape().iter().product::<u64>() * 4;
                            let one = (0..3).all(|axis| tile.shape()[axis] <= chunk[axis]);
                            assert!(bytes <= memory / 2 || one, "{tile:?} {memory}");
                            for axis in 0..3 {
                                let cut = tile.min[axis];
                                let phase = phase[axis] % chunk[axis];
                                assert!(cut == 0 || cut % chunk[axis] == phase, "{tile:?}");
                            }
                            for z in tile.min[2]..tile.max[2] {
                                for y in tile.min[1]..tile.max[1] {
                                    for x in tile.min[0]..tile.max[0] {
                                        let at = usize::try_from(x + 7 * (y + 11 * z)).unwrap();
                                        assert!(!std::mem::replace(&mut seen[at], true));
                                    }
                                }
                            }
                        }
                        assert!(seen.iter().all(|&seen| seen));
                    }
                }
            }
        }
    }
}
