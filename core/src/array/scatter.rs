//! Moving voxels between a chunk's bytes and windows of an array.
//!
//! A chunk is a dense block of bytes, x fastest; a window may have any strides. Where x is
//! contiguous on both sides whole rows are copied (and whole planes where they allow it); where
//! the window has another contiguous axis planes are transposed; otherwise it goes voxel by voxel.

use ndarray::{ArrayView2, ArrayView4, ArrayViewMut2, ArrayViewMut4, Axis};

use super::transpose::transpose;
use crate::element::Element;
use crate::geometry::BoundingBox;

/// A dense block of voxels and the place in it where a window begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) shape: [usize; 4],
    pub(crate) start: [usize; 3],
}

impl Block {
    /// The block of `chunk`'s voxels and where `part` begins in it. Both are in memory, so the
    /// differences fit.
    pub(crate) fn new(shape: [usize; 4], chunk: &BoundingBox, part: &BoundingBox) -> Self {
        let start = std::array::from_fn(|axis| {
            let distance = part.min[axis].abs_diff(chunk.min[axis]);
            usize::try_from(distance).unwrap_or(usize::MAX)
        });
        Self { shape, start }
    }
}

/// Copies voxels of a chunk into a window of the result.
pub(crate) fn scatter<T: Element>(chunk: &[u8], block: Block, window: ArrayViewMut4<'_, T>) {
    let order = inner_axis_first(window.strides(), window.shape());
    let walk = Walk::new::<T>(block, order);
    let whole_planes = order[0] == 0 && window.dim().0 == block.shape[0];
    let mut window = window.permuted_axes(order);
    for (l, mut cube) in window.axis_iter_mut(Axis(3)).enumerate() {
        for (k, mut plane) in cube.axis_iter_mut(Axis(2)).enumerate() {
            if whole_planes && let Some(plane) = plane.view_mut().reversed_axes().into_slice() {
                copy_in(chunk, walk.at(0, k, l), plane);
                continue;
            }
            if walk.is_across(plane.dim())
                && turn_in(chunk, &walk, walk.at(0, k, l), plane.view_mut())
            {
                continue;
            }
            for (j, mut row) in plane.axis_iter_mut(Axis(1)).enumerate() {
                let first = walk.at(j, k, l);
                match row.as_slice_mut() {
                    Some(row) if walk.is_dense() => copy_in(chunk, first, row),
                    _ => {
                        for (i, voxel) in row.iter_mut().enumerate() {
                            let at = first + i * walk.steps[0];
                            *voxel = bytemuck::pod_read_unaligned(&chunk[at..at + size_of::<T>()]);
                        }
                    }
                }
            }
        }
    }
}

/// The bytes of a window's rows along x, in the order of y, then z, then channel; `None` if
/// voxels of a row are not neighbours in memory.
pub(crate) fn rows<'a, T: Element>(
    window: &'a mut ArrayViewMut4<'_, T>,
) -> Option<Vec<&'a mut [u8]>> {
    let mut rows = Vec::with_capacity(window.len() / window.dim().0.max(1));
    for cube in window.view_mut().reversed_axes().into_outer_iter_mut() {
        for plane in cube.into_outer_iter_mut() {
            for row in plane.into_outer_iter_mut() {
                rows.push(bytemuck::cast_slice_mut(row.into_slice()?));
            }
        }
    }
    Some(rows)
}

/// Copies voxels of a window of the caller's array into a chunk.
pub(crate) fn gather<T: Element>(window: &ArrayView4<'_, T>, block: Block, chunk: &mut [u8]) {
    let order = inner_axis_first(window.strides(), window.shape());
    let walk = Walk::new::<T>(block, order);
    let whole_planes = order[0] == 0 && window.dim().0 == block.shape[0];
    let window = window.view().permuted_axes(order);
    for (l, cube) in window.axis_iter(Axis(3)).enumerate() {
        for (k, plane) in cube.axis_iter(Axis(2)).enumerate() {
            if whole_planes && let Some(plane) = plane.reversed_axes().to_slice() {
                copy_out(plane, chunk, walk.at(0, k, l));
                continue;
            }
            if walk.is_across(plane.dim()) && turn_out(plane, chunk, &walk, walk.at(0, k, l)) {
                continue;
            }
            for (j, row) in plane.axis_iter(Axis(1)).enumerate() {
                let first = walk.at(j, k, l);
                match row.to_slice() {
                    Some(row) if walk.is_dense() => copy_out(row, chunk, first),
                    _ => {
                        for (i, voxel) in row.iter().enumerate() {
                            let at = first + i * walk.steps[0];
                            chunk[at..at + size_of::<T>()]
                                .copy_from_slice(bytemuck::bytes_of(voxel));
                        }
                    }
                }
            }
        }
    }
}

/// How a block is walked along the permuted axes of a window, in bytes.
struct Walk {
    base: usize,
    steps: [usize; 4],
    item: usize,
}

impl Walk {
    fn new<T>(block: Block, order: [usize; 4]) -> Self {
        let item = size_of::<T>();
        let [nx, ny, nz, _] = block.shape;
        let strides = [1, nx, nx * ny, nx * ny * nz];
        let [x, y, z] = block.start;
        let base = (x + nx * (y + ny * z)) * item;
        Self { base, steps: order.map(|axis| strides[axis] * item), item }
    }

    fn at(&self, j: usize, k: usize, l: usize) -> usize {
        self.base + j * self.steps[1] + k * self.steps[2] + l * self.steps[3]
    }

    /// Whether neighbours on the innermost axis are neighbours in the block.
    fn is_dense(&self) -> bool {
        self.steps[0] == self.item
    }

    /// Whether neighbours on the second axis are neighbours in the block, and those on the
    /// innermost are not; of a plane that is wide enough for a tile.
    fn is_across(&self, (inner, second): (usize, usize)) -> bool {
        self.steps[1] == self.item && !self.is_dense() && inner.min(second) >= THIN
    }
}

/// Planes that are thinner in voxels are not worth a tile.
const THIN: usize = 4;

/// Copies a plane that begins at `first` of a chunk into one of a window, if it has whole columns.
fn turn_in<T: Element>(
    chunk: &[u8],
    walk: &Walk,
    first: usize,
    plane: ArrayViewMut2<'_, T>,
) -> bool {
    let shape = [plane.dim().0, plane.dim().1];
    let columns = plane.reversed_axes().into_outer_iter_mut();
    let columns = columns.map(|column| column.into_slice().map(bytemuck::cast_slice_mut::<T, u8>));
    let Some(mut columns) = columns.collect::<Option<Vec<_>>>() else { return false };
    turn::<T>(
        shape,
        |row, column, count| {
            &chunk[first + row * walk.steps[0] + column * walk.item..][..count * walk.item]
        },
        |column, row, bytes| {
            columns[column][row * walk.item..][..bytes.len()].copy_from_slice(bytes);
        },
    )
}

/// Copies a plane of a window into a chunk, from `first` on, if it has whole columns.
fn turn_out<T: Element>(
    plane: ArrayView2<'_, T>,
    chunk: &mut [u8],
    walk: &Walk,
    first: usize,
) -> bool {
    let shape = [plane.dim().1, plane.dim().0];
    let columns = plane.reversed_axes().into_outer_iter();
    let columns = columns.map(|column| column.to_slice().map(bytemuck::cast_slice::<T, u8>));
    let Some(columns) = columns.collect::<Option<Vec<_>>>() else { return false };
    turn::<T>(
        shape,
        |column, row, count| &columns[column][row * walk.item..][..count * walk.item],
        |row, column, bytes| {
            let at = first + row * walk.steps[0] + column * walk.item;
            chunk[at..at + bytes.len()].copy_from_slice(bytes);
        },
    )
}

fn turn<'a, T: Element>(
    shape: [usize; 2],
    load: impl Fn(usize, usize, usize) -> &'a [u8],
    store: impl FnMut(usize, usize, &[u8]),
) -> bool {
    match size_of::<T>() {
        1 => transpose::<1>(shape, load, store),
        2 => transpose::<2>(shape, load, store),
        4 => transpose::<4>(shape, load, store),
        8 => transpose::<8>(shape, load, store),
        _ => return false,
    }
    true
}

/// The axes of a window, that with the smallest stride first, the others in order.
fn inner_axis_first(strides: &[isize], shape: &[usize]) -> [usize; 4] {
    let inner = (0..4)
        .filter(|&axis| shape[axis] > 1)
        .min_by_key(|&axis| strides[axis].unsigned_abs())
        .unwrap_or(0);
    match inner {
        1 => [1, 0, 2, 3],
        2 => [2, 0, 1, 3],
        3 => [3, 0, 1, 2],
        _ => [0, 1, 2, 3],
    }
}

fn copy_in<T: Element>(chunk: &[u8], at: usize, out: &mut [T]) {
    let out = bytemuck::cast_slice_mut::<T, u8>(out);
    out.copy_from_slice(&chunk[at..at + out.len()]);
}

fn copy_out<T: Element>(from: &[T], chunk: &mut [u8], at: usize) {
    let from = bytemuck::cast_slice::<T, u8>(from);
    chunk[at..at + from.len()].copy_from_slice(from);
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
mod tests {
    use super::*;
    use ndarray::{Array4, ShapeBuilder, s};
    use proptest::prelude::*;

    fn numbered(shape: [usize; 4]) -> (Vec<u8>, Array4<u16>) {
        let len: usize = shape.iter().product();
        let voxels: Vec<u16> = (0..len).map(|n| n as u16).collect();
        let bytes = voxels.iter().flat_map(|voxel| voxel.to_le_bytes()).collect();
        (bytes, Array4::from_shape_vec(shape.f(), voxels).unwrap())
    }

    proptest! {
        /// Any permutation of axes, any flips, any gaps: what is scattered is what ndarray says,
        /// and gathering it gives the chunk back.
        #[test]
        fn windows_of_any_strides_take_and_give_the_right_voxels(
            shape in prop::array::uniform4(1_usize..7),
            cut in prop::array::uniform3((0_usize..6, 0_usize..7)),
            axes in Just([0_usize, 1, 2, 3]).prop_shuffle(),
            step in prop::array::uniform4(1_isize..3),
            flip in prop::array::uniform4(any::<bool>()),
        ) {
            let (bytes, whole) = numbered(shape);
            let start: [usize; 3] = std::array::from_fn(|a| cut[a].0.min(shape[a]));
            let end: [usize; 3] = std::array::from_fn(|a| (start[a] + cut[a].1).min(shape[a]));
            let wanted = whole.slice(s![start[0]..end[0], start[1]..end[1], start[2]..end[2], ..]);
            let block = Block { shape, start };

            let steps: [isize; 4] = std::array::from_fn(|a| if flip[a] { -step[a] } else { step[a] });
            let mut room_shape = [0; 4];
            for a in 0..4 { room_shape[axes[a]] = wanted.shape()[a] * step[a] as usize; }
            let mut room = Array4::<u16>::from_elem(room_shape, 9999);
            let mut view = room.view_mut().permuted_axes(axes);
            view.slice_collapse(s![..;steps[0], ..;steps[1], ..;steps[2], ..;steps[3]]);
            prop_assert_eq!(view.shape(), wanted.shape());

            scatter(&bytes, block, view.view_mut());
            prop_assert_eq!(view.view(), wanted);

            let mut back = bytes.clone();
            for byte in &mut back { *byte ^= 0x55; }
            scatter(&back, block, view.view_mut());
            scatter(&bytes, block, view.view_mut());
            gather(&view.view(), block, &mut back);
            let restored: Vec<u16> = back.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
            let restored = Array4::from_shape_vec(shape.f(), restored).unwrap();
            prop_assert_eq!(restored.slice(s![start[0]..end[0], start[1]..end[1], start[2]..end[2], ..]), wanted);
            let touched = wanted.len();
            let changed = restored.iter().zip(&whole).filter(|(a, b)| a != b).count();
            prop_assert!(changed <= whole.len() - touched, "a voxel outside the window was overwritten");
        }
    }
}
