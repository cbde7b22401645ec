//! Pure planning: a request becomes chunk parts, each with its own window of the result.
//!
//! The windows are cut from the result up front with `split_at`, so that threads write into
//! disjoint views and need neither locks nor `unsafe`.

use ndarray::{ArrayView4, ArrayViewMut4, Axis};

use crate::error::{Error, Result, UnalignedBox};
use crate::geometry::{BoundingBox, ChunkGrid, Cover};

/// Cuts a view of the cover's box along its chunk borders: one window a part, in its order.
pub(crate) fn windows_mut<'a, T>(
    cover: &Cover,
    view: ArrayViewMut4<'a, T>,
) -> Vec<ArrayViewMut4<'a, T>> {
    cut(cover, view, |view, axis, len| view.split_at(axis, len), ArrayViewMut4::len_of)
}

/// The same for a view that is only read.
pub(crate) fn windows<'a, T>(cover: &Cover, view: &ArrayView4<'a, T>) -> Vec<ArrayView4<'a, T>> {
    cut(cover, *view, |view, axis, len| view.split_at(axis, len), ArrayView4::len_of)
}

fn cut<V>(
    cover: &Cover,
    view: V,
    split: impl Fn(V, Axis, usize) -> (V, V),
    len_of: impl Fn(&V, Axis) -> usize,
) -> Vec<V> {
    if cover.wanted().is_empty() {
        return Vec::new();
    }
    let mut pieces = vec![view];
    // The slowest axis first leaves the pieces in the cover's order, x fastest.
    for axis in [2, 1, 0] {
        let mut finer = Vec::new();
        for piece in pieces {
            let mut rest = piece;
            for len in cover.lengths(axis) {
                let left = len_of(&rest, Axis(axis));
                let len = usize::try_from(len).map_or(left, |len| len.min(left));
                let (head, tail) = split(rest, Axis(axis), len);
                finer.push(head);
                rest = tail;
            }
        }
        pieces = finer;
    }
    pieces
}

/// Splits a view of `bbox` into the view of `inner` (inside it) and the up to six slabs around.
pub(crate) fn split_inner<'a, T>(
    view: ArrayViewMut4<'a, T>,
    bbox: &BoundingBox,
    inner: &BoundingBox,
) -> (ArrayViewMut4<'a, T>, Vec<ArrayViewMut4<'a, T>>) {
    let mut around = Vec::new();
    let mut rest = view;
    for axis in 0..3 {
        let len = rest.len_of(Axis(axis));
        let place = |at: i64| {
            usize::try_from(at.abs_diff(bbox.min[axis])).map_or(len, |place| place.min(len))
        };
        let (start, end) = (place(inner.min[axis]), place(inner.max[axis]));
        let (before, tail) = rest.split_at(Axis(axis), start);
        let (middle, after) = tail.split_at(Axis(axis), end - start);
        around.extend([before, after].into_iter().filter(|slab| !slab.is_empty()));
        rest = middle;
    }
    (rest, around)
}

/// The aligned-write rule: `bbox` (inside the volume) must consist of whole chunks.
pub(crate) fn require_aligned(
    grid: &ChunkGrid,
    bbox: &BoundingBox,
    hint: &'static str,
) -> Result<()> {
    if grid.is_aligned(bbox) {
        return Ok(());
    }
    Err(Error::Unaligned(Box::new(UnalignedBox {
        requested: *bbox,
        outer: grid.align_outward(bbox),
        inner: grid.align_inward(bbox),
        chunk: grid.chunk_size(),
        hint,
    })))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "small numbers")]
mod tests {
    use super::*;
    use ndarray::{Array4, ShapeBuilder};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_partition_the_result_in_the_order_of_the_parts(
            offset in prop::array::uniform3(-20_i64..20),
            size in prop::array::uniform3(1_u64..20),
            chunk in prop::array::uniform3(1_u64..7),
            min in prop::array::uniform3(-30_i64..30),
            shape in prop::array::uniform3(0_u64..25),
        ) {
            let grid = ChunkGrid::new(offset, size, chunk).unwrap();
            let bbox = BoundingBox::at(min, shape).unwrap();
            let wanted = grid.bounds().intersection(&bbox);
            let [x, y, z] = shape.map(|axis| usize::try_from(axis).unwrap());
            let mut result = Array4::<u32>::zeros((x, y, z, 2).f());

            let (inner, around) = if wanted.is_empty() {
                (None, vec![result.view_mut()])
            } else {
                let (inner, around) = split_inner(result.view_mut(), &bbox, &wanted);
                (Some(inner), around)
            };
            for mut slab in around { slab.fill(u32::MAX); }
            let cover = grid.cover(&bbox);
            if let Some(inner) = inner {
                let windows = windows_mut(&cover, inner);
                prop_assert_eq!(windows.len() as u64, cover.count_chunks());
                for (n, (mut window, part)) in windows.into_iter().zip(cover.clone()).enumerate() {
                    let shape = part.part.shape().map(|axis| usize::try_from(axis).unwrap());
                    prop_assert_eq!(window.shape(), [shape[0], shape[1], shape[2], 2]);
                    prop_assert!(window.iter().all(|&voxel| voxel == 0), "windows overlap");
                    window.fill(n as u32 + 1);
                }
            }
            for ((x, y, z, _), &voxel) in result.indexed_iter() {
                let at = [min[0] + x as i64, min[1] + y as i64, min[2] + z as i64];
                let expected = cover.clone().position(|part| part.part.contains_point(at));
                prop_assert_eq!(voxel, expected.map_or(u32::MAX, |n| n as u32 + 1));
            }
        }
    }
}
