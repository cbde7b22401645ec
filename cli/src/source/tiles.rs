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
    let [x, y, z, channels] = source.size();
    let size = [x, y, z];
    let chunk = chunk.map(|extent| extent.max(1));
    // Channels are never cut, so they have no place among the axes.
    let order: Vec<usize> = source.order().into_iter().filter(|&axis| axis < 3).collect();
    let item = channels.saturating_mul(source.data_type().size() as u64);
    let budget = (memory / 2 / item).max(1);

    let mut extent: [u64; 3] = std::array::from_fn(|axis| chunk[axis].min(size[axis]));
    for &axis in order.iter().rev() {
        let others = (0..3).filter(|&other| other != axis).map(|other| extent[other]);
        let room = budget / others.fold(1, u64::saturating_mul);
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

/// The boxes of [`tiles`].
#[derive(Debug, Clone)]
pub(crate) struct Tiles {
    cuts: [Cuts; 3],
    /// The slowest axis first.
    order: Vec<usize>,
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
        let cut =
            if at == 0 && self.first > 0 { self.first } else { at.saturating_add(self.step) };
        cut.min(self.size)
    }
}
