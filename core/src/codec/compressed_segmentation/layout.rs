//! How blocks lie in a chunk, and which parts of them a window has.

use crate::codec::Window;

/// The shape of a block, small enough that the place of every bit of its indices can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockShape {
    shape: [usize; 3],
    volume: usize,
}

impl BlockShape {
    /// `None` for a block without voxels, or with 2^32 or more.
    pub(super) fn new(size: [u64; 3]) -> Option<Self> {
        let voxels = size.into_iter().try_fold(1, u64::checked_mul)?;
        let volume = usize::try_from(u32::try_from(voxels).ok()?).ok()?;
        if volume == 0 || volume.checked_mul(32).is_none() {
            return None;
        }
        let [x, y, z] = size.map(usize::try_from);
        Some(Self { shape: [x.ok()?, y.ok()?, z.ok()?], volume })
    }

    /// Voxels of a whole block.
    pub(super) const fn volume(&self) -> usize {
        self.volume
    }

    /// Voxels of a whole block along x.
    pub(super) const fn width(&self) -> usize {
        self.shape[0]
    }

    /// The words that the indices of a block take.
    pub(super) fn index_words(&self, bits: u8) -> usize {
        (self.volume * usize::from(bits)).div_ceil(32)
    }

    /// Blocks along each axis of a chunk.
    pub(super) fn grid(&self, chunk: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|axis| chunk[axis].div_ceil(self.shape[axis]))
    }

    /// The place of a voxel of a block among its indices.
    pub(super) const fn place(&self, [x, y, z]: [usize; 3]) -> usize {
        x + self.shape[0] * (y + self.shape[1] * z)
    }

    /// The parts of blocks that make up a window of a chunk, in the order of the blocks' headers.
    pub(super) fn parts(&self, chunk: [usize; 3], window: &Window) -> impl Iterator<Item = Part> {
        let [grid_x, grid_y, _] = self.grid(chunk);
        let [x, y, z] =
            [0, 1, 2].map(|axis| spans(self.shape[axis], window.start[axis], window.end[axis]));
        z.flat_map(move |z| {
            let x = x.clone();
            y.clone().flat_map(move |y| {
                x.clone().map(move |x| Part {
                    block: x.block + grid_x * (y.block + grid_y * z.block),
                    start: [x.start, y.start, z.start],
                    shape: [x.len, y.len, z.len],
                    offset: [x.at, y.at, z.at],
                })
            })
        })
    }
}

/// The part of one block that lies in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The number of the block.
    pub(super) block: usize,
    /// Its first voxel, from the block's first.
    pub(super) start: [usize; 3],
    /// Its extent in voxels.
    pub(super) shape: [usize; 3],
    /// Its first voxel, from the window's first.
    pub(super) offset: [usize; 3],
}

impl Part {
    /// The first voxels, from the block's first, of its rows along x, and where the rows begin in
    /// a window of these strides.
    pub(super) fn rows(&self, strides: Strides) -> impl Iterator<Item = ([usize; 3], usize)> {
        let ([x, y, z], [_, height, depth]) = (self.start, self.shape);
        let at = self.offset[0] + strides.y * self.offset[1] + strides.z * self.offset[2];
        (0..depth).flat_map(move |k| {
            let plane = at + k * strides.z;
            (0..height).map(move |j| ([x, y + j, z + k], plane + j * strides.y))
        })
    }
}

/// How far neighbours along y and z lie apart in a window; along x it is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strides {
    pub(super) y: usize,
    pub(super) z: usize,
}

impl Strides {
    pub(super) const fn of(window: &Window) -> Self {
        let width = window.end[0] - window.start[0];
        Self { y: width, z: width * (window.end[1] - window.start[1]) }
    }
}

/// What a window has of one block along one axis.
#[derive(Debug, Clone, Copy)]
struct Span {
    block: usize,
    /// From the block's first voxel.
    start: usize,
    len: usize,
    /// From the window's first voxel.
    at: usize,
}

fn spans(block: usize, start: usize, end: usize) -> impl Iterator<Item = Span> + Clone {
    let blocks = if start < end { start / block..end.div_ceil(block) } else { 0..0 };
    blocks.map(move |index| {
        let first = index * block;
        let from = first.max(start);
        let to = first.saturating_add(block).min(end);
        Span { block: index, start: from - first, len: to - from, at: from - start }
    })
}
