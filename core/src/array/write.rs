//! Writing boxes.

use bytes::Bytes;
use ndarray::{ArrayView, ArrayView4, Axis, Dimension, Slice};

use super::big_array::BigArray;
use super::options::{OutOfBounds, Unaligned};
use super::plan;
use super::scatter::gather;
use crate::backend::{KeyValueBackend, Put};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart};

/// At most so many chunks go to the store in one batch: enough to share one transaction or one
/// directory sync, few enough for threads to stay busy.
pub(super) const MAX_WAVE: usize = 64;

/// What else a writer can do about a box that is not aligned.
pub(super) const OR_UPDATE: &str = "; or ask for read-modify-write";

impl<B: KeyValueBackend> BigArray<B> {
    /// Writes an array `[x, y, z, c]` (or `[x, y, z]` into a volume of one channel) at a voxel.
    ///
    /// The box must consist of whole chunks; the volume's end counts as a chunk border. Each
    /// chunk is replaced whole, so readers see old or new ones; the box as a whole is not one
    /// transaction. The options may allow a box that runs past the volume's end
    /// ([`OutOfBounds::Crop`] drops what is outside) and one that is not aligned
    /// ([`Unaligned::ReadModifyWrite`]).
    ///
    /// # Errors
    /// [`Error::WrongDataType`], [`Error::WrongShape`], [`Error::OutOfBounds`],
    /// [`Error::Unaligned`] (which names the nearest aligned box), [`Error::ScaleLocked`],
    /// [`Error::NeedsCompareAndSwap`]: nothing is written then. [`Error::Backend`],
    /// [`Error::Conflict`], [`Error::BadChunk`]: some chunks may be written; repeat the call.
    pub fn write<T: Element, D: Dimension>(
        &self,
        at: [i64; 3],
        array: ArrayView<'_, T, D>,
    ) -> Result<()> {
        self.require_type::<T>()?;
        self.require_unlocked()?;
        let shape = array.shape().to_vec();
        let view = self.four_axes(array).ok_or_else(|| Error::WrongShape {
            expected: match self.channels() {
                1 => "[x, y, z] or [x, y, z, 1]".to_owned(),
                channels => format!("[x, y, z, {channels}]"),
            },
            found: shape.clone(),
        })?;
        let [x, y, z, _] = <[usize; 4]>::from(view.dim()).map(|axis| axis as u64);
        let bbox = BoundingBox::at(at, [x, y, z]).ok_or(Error::OutOfRange { at, shape })?;
        if bbox.is_empty() {
            return Ok(());
        }
        let (bbox, view) = self.within_bounds(&bbox, view)?;
        match self.inner.options.unaligned {
            Unaligned::Reject => {
                plan::require_aligned(self.grid(), &bbox, OR_UPDATE)?;
                self.write_whole(&bbox, view)
            }
            _ if self.grid().is_aligned(&bbox) => self.write_whole(&bbox, view),
            _ => self.update(&bbox, view),
        }
    }

    /// Whether [`write`](Self::write) would take an array of `shape` voxels at a voxel, without
    /// writing; for callers that write a large box in parts and want all or nothing of an error.
    /// Returns the box that would be written.
    ///
    /// # Errors
    /// As [`write`](Self::write) says of calls that write nothing.
    pub fn check_write(&self, at: [i64; 3], shape: [u64; 3]) -> Result<BoundingBox> {
        self.require_unlocked()?;
        let bbox = BoundingBox::at(at, shape).ok_or_else(|| Error::OutOfRange {
            at,
            shape: shape.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect(),
        })?;
        if bbox.is_empty() {
            return Ok(bbox);
        }
        let inside = self.writable_part(&bbox)?;
        if self.inner.options.unaligned == Unaligned::Reject {
            plan::require_aligned(self.grid(), &inside, OR_UPDATE)?;
        }
        Ok(inside)
    }

    fn four_axes<'a, T: Element, D: Dimension>(
        &self,
        array: ArrayView<'a, T, D>,
    ) -> Option<ArrayView4<'a, T>> {
        let array = match array.ndim() {
            3 => array.into_dyn().insert_axis(Axis(3)),
            _ => array.into_dyn(),
        };
        let view: ArrayView4<'a, T> = array.into_dimensionality().ok()?;
        (view.dim().3 == self.channels()).then_some(view)
    }

    /// The part of a box to write that is inside the volume, if the options allow another part.
    fn writable_part(&self, bbox: &BoundingBox) -> Result<BoundingBox> {
        let bounds = self.bounds();
        if bounds.contains(bbox) || self.inner.options.bounds == OutOfBounds::Crop {
            return Ok(bounds.intersection(bbox));
        }
        Err(Error::OutOfBounds {
            requested: *bbox,
            bounds,
            hint: ", which a write must be; give less, or ask for the part outside to be dropped",
        })
    }

    /// The same with the part of the array that belongs to it.
    fn within_bounds<'a, T>(
        &self,
        bbox: &BoundingBox,
        mut view: ArrayView4<'a, T>,
    ) -> Result<(BoundingBox, ArrayView4<'a, T>)> {
        let inside = self.writable_part(bbox)?;
        for axis in 0..3 {
            // Both lie within the view, whose lengths are `usize`.
            let place =
                |at: i64| isize::try_from(at.abs_diff(bbox.min[axis])).unwrap_or(isize::MAX);
            let (start, end) = match inside.is_empty() {
                true => (0, 0),
                false => (place(inside.min[axis]), place(inside.max[axis])),
            };
            view.slice_axis_inplace(Axis(axis), Slice::new(start, Some(end), 1));
        }
        Ok((inside, view))
    }

    /// Writes an aligned box: each chunk is encoded from the caller's array and replaced, without
    /// being read.
    fn write_whole<T: Element>(&self, bbox: &BoundingBox, view: ArrayView4<'_, T>) -> Result<()> {
        if let Some(shards) = self.inner.store.shards() {
            return self.write_shards(shards, bbox, view);
        }
        let cover = self.grid().cover(bbox);
        let windows = plan::windows(&cover, &view);
        let chunks = cover.zip(windows);
        let cost = self.chunk_cost();
        let len = MAX_WAVE.min(self.backend().capabilities().batch_bytes / cost.max(1)).max(1);
        self.inner.driver.in_waves_with(chunks, len, cost, |wave, spare: &mut Spare| {
            let puts: Result<Vec<Put>> = wave
                .iter()
                .map(|(part, window)| self.encode(part, window.view(), spare.take()))
                .collect();
            let (puts, parts) = (puts?, wave.iter().map(|(part, _)| *part).collect::<Vec<_>>());
            let values: Vec<Bytes> = puts.iter().map(|put| put.value.bytes.clone()).collect();
            self.put_wave(puts, &parts)?;
            spare.keep(values, self.inner.store.largest_chunk_bytes());
            Ok(())
        })
    }

    /// Encodes a chunk, by way of `voxels`, whatever is in them.
    pub(super) fn encode<T: Element>(
        &self,
        part: &ChunkPart,
        window: ArrayView4<'_, T>,
        mut voxels: Vec<u8>,
    ) -> Result<Put> {
        self.go_on()?;
        let key = self.inner.store.key(part)?;
        voxels.resize(self.inner.store.spec(&part.chunk).voxel_bytes(), 0);
        gather(&window, self.block(part), &mut voxels);
        let value = self.inner.store.encode(&key, &part.chunk, voxels)?;
        Ok(Put { key, value })
    }
}

/// Memory of values that were put, for the next ones: fresh memory is dear.
#[derive(Default)]
struct Spare(Vec<Vec<u8>>);

impl Spare {
    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Keeps values of `len` bytes, which are those that are the voxels themselves, if nobody else
    /// holds them: a store in memory does.
    fn keep(&mut self, values: Vec<Bytes>, len: usize) {
        let long = values.into_iter().filter(|value| value.len() >= len);
        self.0.extend(long.filter_map(|value| value.try_into_mut().ok()).map(Vec::from));
    }
}
