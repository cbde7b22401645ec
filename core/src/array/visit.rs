//! Looking at every chunk of a box, in bounded memory.

use std::borrow::Cow;

use ndarray::{ArrayView4, ShapeBuilder, s};

use super::big_array::BigArray;
use super::options::OnMissing;
use crate::backend::KeyValueBackend;
use crate::chunk_store::{Fetched, Found};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart};

impl<B: KeyValueBackend> BigArray<B> {
    /// Calls `visit` for each chunk that a box touches, with the voxels `[x, y, z, c]` of its part
    /// inside the box, which is clipped to the volume; from several threads, in any order.
    ///
    /// A chunk that is not stored is `None`, unless the options make it an error. Memory is
    /// bounded by the array's option, however large the box.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// # use bigarrays_core::{BigArray, DataType, VolumeInfo, memory::MemoryBackend};
    /// # use ndarray::Array4;
    /// # let info = VolumeInfo::builder(DataType::Uint8, [100, 80, 60]).build()?;
    /// # let array = BigArray::create(MemoryBackend::new(), info)?;
    /// # array.write([0, 0, 0], Array4::<u8>::from_elem((64, 64, 60, 1), 7).view())?;
    /// let sum = AtomicU64::new(0);
    /// array.visit::<u8>(array.bounds(), |_bbox, voxels| {
    ///     if let Some(voxels) = voxels {
    ///         let here = voxels.iter().map(|&voxel| u64::from(voxel)).sum();
    ///         sum.fetch_add(here, Ordering::Relaxed);
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(sum.into_inner(), 7 * 64 * 64 * 60);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WrongDataType`], [`Error::InvertedBox`], [`Error::Backend`],
    /// [`Error::MissingChunk`], [`Error::BadChunk`], and the first that `visit` returns.
    pub fn visit<T: Element>(
        &self,
        bbox: impl Into<BoundingBox>,
        visit: impl Fn(&BoundingBox, Option<ArrayView4<'_, T>>) -> Result<()> + Sync,
    ) -> Result<()> {
        self.require_type::<T>()?;
        let bbox = bbox.into();
        if bbox.is_inverted() {
            return Err(Error::InvertedBox { requested: bbox });
        }
        let chunks = self.grid().cover(&bbox).map(|part| (part, ()));
        self.with_chunks(chunks, |Fetched { part, key, found }, (), scratch| {
            self.go_on()?;
            let stored;
            let voxels: &[u8] = match &found {
                Found::Absent if self.inner.options.on_missing == OnMissing::Error => {
                    return self.allow_missing(part, key);
                }
                Found::Absent => {
                    visit(&part.part, None)?;
                    self.report_chunk(&part.part);
                    return Ok(());
                }
                Found::Stored(blob) => {
                    stored = self.inner.store.decode(key, &part.chunk, blob, scratch)?;
                    stored
                }
                Found::Decoded(voxels) | Found::Span(voxels) => voxels,
            };
            // Bytes of a store may begin anywhere.
            let voxels: Cow<'_, [T]> = match bytemuck::try_cast_slice(voxels) {
                Ok(voxels) => voxels.into(),
                Err(_) => bytemuck::pod_collect_to_vec(voxels).into(),
            };
            visit(&part.part, Some(self.part_of(part, &voxels)?))?;
            self.report_chunk(&part.part);
            Ok(())
        })
    }

    /// A part of a chunk's voxels.
    fn part_of<'a, T: Element>(
        &self,
        part: &ChunkPart,
        voxels: &'a [T],
    ) -> Result<ArrayView4<'a, T>> {
        let block = self.block(part);
        let [x, y, z, channels] = block.shape;
        // A decoder gives exactly the voxels of a chunk.
        let view = ArrayView4::from_shape((x, y, z, channels).f(), voxels).map_err(|_| {
            let expected = format!("{:?} voxels", block.shape);
            Error::WrongShape { expected, found: vec![voxels.len()] }
        })?;
        let end = |axis: usize| {
            let len = part.part.max[axis].abs_diff(part.part.min[axis]);
            block.start[axis].saturating_add(usize::try_from(len).unwrap_or(usize::MAX))
        };
        let [i, j, k] = [block.start[0], block.start[1], block.start[2]];
        Ok(view.slice_move(s![i..end(0), j..end(1), k..end(2), ..]))
    }
}
