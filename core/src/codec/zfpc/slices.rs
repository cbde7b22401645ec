//! The parts of a chunk that become streams, and the blocks of a part.

use super::ffi::{BLOCK, Scalar};

/// Values of a block along each axis.
const SIDE: usize = 4;

/// A chunk cut along the axes that are not correlated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slices {
    /// Values of the chunk along each axis, 1 where a slice goes along it.
    cuts: [usize; 4],
    strides: [usize; 4],
    /// Length and stride of a slice's axes in the order of zfp; 1 and 0 for those it has not.
    axes: [(usize, usize); 4],
    dims: usize,
}

impl Slices {
    /// Cuts a chunk.
    pub(super) fn new(shape: [usize; 4], correlated: [bool; 4]) -> Self {
        let [x, y, z, _] = shape;
        let strides = [1, x, x * y, x * y * z];
        let mut slices = Self { cuts: shape, strides, axes: [(1, 0); 4], dims: 0 };
        for axis in (0..4).rev().filter(|&axis| correlated[axis]) {
            slices.axes[slices.dims] = (shape[axis], strides[axis]);
            slices.cuts[axis] = 1;
            slices.dims += 1;
        }
        slices
    }

    /// The number of slices.
    pub(super) fn count(&self) -> usize {
        self.cuts.iter().product()
    }

    /// The shape of a slice, in the order of zfp.
    pub(super) fn dims(&self) -> Vec<usize> {
        self.axes[..self.dims].iter().map(|&(len, _)| len).collect()
    }

    /// The number of blocks of a slice.
    pub(super) fn block_count(&self) -> usize {
        self.axes.iter().map(|&(len, _)| len.div_ceil(SIDE)).product()
    }

    /// The first value of each slice, counted in values of the chunk.
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> {
        let (cuts, strides) = (self.cuts, self.strides);
        places(cuts).map(move |place| offset(place, strides))
    }

    /// Length and stride of a slice's axes, in the order of zfp.
    pub(super) fn axes(&self) -> &[(usize, usize)] {
        &self.axes[..self.dims]
    }

    /// The blocks of a slice as zfp orders them.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block> {
        let axes = self.axes;
        places(axes.map(|(len, _)| len.div_ceil(SIDE))).map(move |place| {
            let first: [usize; 4] = std::array::from_fn(|axis| place[axis] * SIDE);
            let strides = axes.map(|(_, stride)| stride);
            Block {
                start: offset(first, strides),
                lens: std::array::from_fn(|axis| (axes[axis].0 - first[axis]).min(SIDE)),
                strides,
            }
        })
    }
}

/// Where the values of a block go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    start: usize,
    lens: [usize; 4],
    strides: [usize; 4],
}

impl Block {
    /// Writes the values that are inside the chunk.
    pub(super) fn scatter<T: Scalar>(&self, block: &[T; BLOCK], start: usize, out: &mut [u8]) {
        let start = start + self.start;
        let [s0, s1, s2, s3] = self.strides;
        let [n0, n1, n2, n3] = self.lens;
        for l in 0..n3 {
            for k in 0..n2 {
                for j in 0..n1 {
                    let row = &block[(l * SIDE + k) * SIDE * SIDE + j * SIDE..][..SIDE];
                    let first = start + l * s3 + k * s2 + j * s1;
                    for (i, value) in row[..n0].iter().enumerate() {
                        let at = (first + i * s0) * T::SIZE;
                        value.to_le(&mut out[at..at + T::SIZE]);
                    }
                }
            }
        }
    }
}

/// All places of a box, the first axis fastest.
fn places(lens: [usize; 4]) -> impl Iterator<Item = [usize; 4]> {
    let [n0, n1, n2, n3] = lens;
    (0..n3).flat_map(move |l| {
        (0..n2).flat_map(move |k| (0..n1).flat_map(move |j| (0..n0).map(move |i| [i, j, k, l])))
    })
}

fn offset(place: [usize; 4], strides: [usize; 4]) -> usize {
    place.iter().zip(strides).map(|(at, stride)| at * stride).sum()
}
