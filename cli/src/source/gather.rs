//! A box out of a row of bytes, turned to Fortran order, little-endian.
//!
//! If the file's order is Fortran's, the bytes go straight to where they belong. Otherwise the
//! box is cut into bricks that fit the processor's cache: a brick is read in the file's order, in
//! runs as long as they are, and then turned. Turning the box as a whole would touch a new line
//! of the cache, and often a new page, for every single voxel.

use bigarrays::info::DataType;

use super::SourceError;
use super::bytes::Bytes;
use super::layout::Layout;

/// A box of the volume, `[x, y, z, c]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) min: [u64; 4],
    pub(super) shape: [u64; 4],
}

/// Voxels along x that are turned together: a cache line of bytes.
const LANE: usize = 64;

/// Reads a box into `out`, which is exactly as long, with bricks of about `brick_bytes`.
pub(super) fn gather(
    bytes: &mut dyn Bytes,
    layout: &Layout,
    part: Part,
    brick_bytes: u64,
    out: &mut [u8],
) -> Result<(), SourceError> {
    if layout.is_fortran() {
        read_runs(bytes, layout, part, out)?;
        normalise(layout, out);
        return Ok(());
    }
    let order = layout.order();
    let step = brick_shape(layout, part.shape, brick_bytes);
    let longest = in_memory(step).iter().product::<usize>() * layout.item();
    let mut brick = vec![0; longest];
    for corner in Corners::new(part.shape, step, order) {
        let shape = std::array::from_fn(|axis| step[axis].min(part.shape[axis] - corner[axis]));
        let len = in_memory(shape).iter().product::<usize>() * layout.item();
        let min = std::array::from_fn(|axis| part.min[axis] + corner[axis]);
        read_runs(bytes, layout, Part { min, shape }, &mut brick[..len])?;
        normalise(layout, &mut brick[..len]);
        let turn = Turn {
            order,
            shape: in_memory(shape),
            at: in_memory(corner),
            out_shape: in_memory(part.shape),
        };
        match layout.item() {
            1 => turn.scatter::<1>(&brick[..len], out),
            2 => turn.scatter::<2>(&brick[..len], out),
            4 => turn.scatter::<4>(&brick[..len], out),
            _ => turn.scatter::<8>(&brick[..len], out),
        }
    }
    Ok(())
}

/// Extents within a box that is in memory.
fn in_memory(extents: [u64; 4]) -> [usize; 4] {
    extents.map(|extent| usize::try_from(extent).unwrap_or(usize::MAX))
}

/// The shape of a brick: some voxels along x, so that whole lines of the result are filled, and
/// for the rest as much as fits of what lies together in the file, so that runs are long.
fn brick_shape(layout: &Layout, shape: [u64; 4], brick_bytes: u64) -> [u64; 4] {
    let budget = brick_bytes / layout.item() as u64;
    let mut brick = [1; 4];
    brick[0] = shape[0].min(LANE as u64);
    for axis in layout.order().into_iter().rev() {
        let others: u64 = brick.iter().product::<u64>() / brick[axis];
        let mut room = budget / others;
        if axis == 0 && room < shape[0] {
            room -= room % LANE as u64;
        }
        brick[axis] = room.clamp(brick[axis], shape[axis]);
    }
    brick
}

/// Reads a box in the file's order, dense, as few and long runs.
fn read_runs(
    bytes: &mut dyn Bytes,
    layout: &Layout,
    part: Part,
    out: &mut [u8],
) -> Result<(), SourceError> {
    let order = layout.order();
    let mut run = layout.item() as u64;
    let mut step = [1; 4];
    for axis in order.into_iter().rev() {
        if part.shape[axis] == 1 {
            continue;
        }
        // Neighbours along this axis touch only if all the faster axes are covered in full.
        if layout.stride[axis] != run {
            break;
        }
        run *= part.shape[axis];
        step[axis] = part.shape[axis];
    }
    let run = usize::try_from(run).unwrap_or(usize::MAX);
    let first = layout.offset(part.min);
    for (corner, out) in Corners::new(part.shape, step, order).zip(out.chunks_exact_mut(run)) {
        bytes.read_at(first + layout.offset(corner), out)?;
    }
    Ok(())
}

/// Makes values little-endian, and booleans 0 or 1.
fn normalise(layout: &Layout, voxels: &mut [u8]) {
    if layout.big_endian && layout.item() > 1 {
        for voxel in voxels.chunks_exact_mut(layout.item()) {
            voxel.reverse();
        }
    }
    if layout.data_type == DataType::Bool {
        for voxel in voxels {
            *voxel = u8::from(*voxel != 0);
        }
    }
}

/// How a brick, in the file's order, lies in the result, in Fortran order. All in voxels.
struct Turn {
    /// The axes of the brick, the slowest first.
    order: [usize; 4],
    shape: [usize; 4],
    /// The first voxel of the brick in the result.
    at: [usize; 4],
    out_shape: [usize; 4],
}

impl Turn {
    /// Copies voxels of `N` bytes.
    fn scatter<const N: usize>(&self, brick: &[u8], out: &mut [u8]) {
        let from = strides(self.shape, self.order);
        let to = strides(self.out_shape, [3, 2, 1, 0]);
        // The two fastest axes, the result's (x) and the brick's, make planes that are turned.
        let turned = |&axis: &usize| axis != 0 && self.shape[axis] > 1;
        let fast = self.order.into_iter().rev().find(turned).unwrap_or(1);
        let slow = [1, 2, 3].into_iter().filter(|&axis| axis != fast);
        let slow: Vec<usize> = slow.collect();
        let corner: usize = self.at.iter().zip(to).map(|(at, stride)| at * stride).sum();
        for outer in 0..self.shape[slow[0]] {
            for inner in 0..self.shape[slow[1]] {
                let source = outer * from[slow[0]] + inner * from[slow[1]];
                let target = corner + outer * to[slow[0]] + inner * to[slow[1]];
                for lane in (0..self.shape[0]).step_by(LANE) {
                    let lane_len = LANE.min(self.shape[0] - lane);
                    for step in 0..self.shape[fast] {
                        let target = (target + step * to[fast] + lane) * N;
                        let source = source + step * from[fast] + lane * from[0];
                        let line = &mut out[target..target + lane_len * N];
                        copy_line::<N>(brick, source, from[0], line);
                    }
                }
            }
        }
    }
}

/// Copies every `stride`-th voxel of `brick`, from `first` on, to a line without gaps.
fn copy_line<const N: usize>(brick: &[u8], first: usize, stride: usize, line: &mut [u8]) {
    if stride == 1 {
        line.copy_from_slice(&brick[first * N..][..line.len()]);
        return;
    }
    let voxels = brick.as_chunks::<N>().0[first..].iter().step_by(stride.max(1));
    for (to, from) in line.as_chunks_mut::<N>().0.iter_mut().zip(voxels) {
        *to = *from;
    }
}

/// Voxels from one to the next along each axis, if they lie dense, the slowest axis first.
fn strides(shape: [usize; 4], order: [usize; 4]) -> [usize; 4] {
    let mut strides = [1; 4];
    let mut len = 1;
    for axis in order.into_iter().rev() {
        strides[axis] = len;
        len *= shape[axis];
    }
    strides
}

/// The corners of the boxes of shape `step` that cover a box, the axis `order[0]` slowest.
struct Corners {
    shape: [u64; 4],
    step: [u64; 4],
    order: [usize; 4],
    next: Option<[u64; 4]>,
}

impl Corners {
    const fn new(shape: [u64; 4], step: [u64; 4], order: [usize; 4]) -> Self {
        Self { shape, step, order, next: Some([0; 4]) }
    }
}

impl Iterator for Corners {
    type Item = [u64; 4];

    fn next(&mut self) -> Option<[u64; 4]> {
        let corner = self.next?;
        let mut next = corner;
        self.next = None;
        for axis in self.order.into_iter().rev() {
            next[axis] += self.step[axis];
            if next[axis] < self.shape[axis] {
                self.next = Some(next);
                break;
            }
            next[axis] = 0;
        }
        Some(corner)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::path::Path;

    use super::super::axes::Axis;
    use super::*;

    /// Bytes in memory that count the reads.
    struct Memory(Vec<u8>, usize);

    impl Bytes for Memory {
        fn prepare(&mut self, _: Range<u64>) -> Result<(), SourceError> {
            Ok(())
        }

        fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), SourceError> {
            let at = usize::try_from(offset).unwrap();
            out.copy_from_slice(&self.0[at..at + out.len()]);
            self.1 += 1;
            Ok(())
        }
    }

    fn layout(data_type: DataType, dimensions: &[(Axis, u64)]) -> Layout {
        Layout::new(Path::new("f"), data_type, true, dimensions).unwrap()
    }

    #[test]
    fn runs_are_as_long_as_they_can_be() {
        let layout = layout(DataType::Uint8, &[(Axis::X, 4), (Axis::Y, 5), (Axis::Z, 6)]);
        let reads = |min, shape: [u64; 4]| {
            let mut memory = Memory((0..120).collect(), 0);
            let mut out = vec![0; in_memory(shape).iter().product()];
            read_runs(&mut memory, &layout, Part { min, shape }, &mut out).unwrap();
            (memory.1, out)
        };
        assert_eq!(reads([0; 4], [4, 5, 6, 1]).0, 1);
        assert_eq!(reads([1, 0, 0, 0], [2, 5, 6, 1]).0, 1);
        assert_eq!(reads([0, 1, 0, 0], [4, 2, 6, 1]).0, 4);
        assert_eq!(reads([0, 0, 1, 0], [4, 5, 5, 1]).0, 20);
        assert_eq!(reads([0, 0, 3, 0], [1, 5, 1, 1]), (5, vec![3, 9, 15, 21, 27]));
        assert_eq!(reads([3, 4, 5, 0], [1, 1, 1, 1]), (1, vec![119]));
    }

    #[test]
    fn values_become_little_endian_and_booleans_0_or_1() {
        let dimensions = [(Axis::Y, 1), (Axis::X, 3)];
        let read = |data_type, bytes: &[u8]| {
            let mut out = vec![0; bytes.len()];
            let part = Part { min: [0; 4], shape: [3, 1, 1, 1] };
            let mut memory = Memory(bytes.to_vec(), 0);
            gather(&mut memory, &layout(data_type, &dimensions), part, 100, &mut out).unwrap();
            out
        };
        assert_eq!(read(DataType::Int16, &[1, 2, 3, 4, 5, 6]), [2, 1, 4, 3, 6, 5]);
        assert_eq!(read(DataType::Bool, &[0, 1, 255]), [0, 1, 1]);
    }

    #[test]
    fn bricks_keep_to_their_budget_and_prefer_long_runs() {
        let dimensions = [(Axis::X, 1000), (Axis::Y, 1000), (Axis::Z, 1000)];
        let layout = layout(DataType::Uint16, &dimensions);
        assert_eq!(brick_shape(&layout, [500, 400, 1000, 1], 1 << 20), [64, 8, 1000, 1]);
        assert_eq!(brick_shape(&layout, [500, 400, 300, 1], 1 << 30), [500, 400, 300, 1]);
        // At least a lane, even if the budget is nothing.
        assert_eq!(brick_shape(&layout, [500, 400, 300, 1], 0), [64, 1, 1, 1]);
    }
}
