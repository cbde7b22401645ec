//! Reading boxes.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use ndarray::{Array4, ArrayViewMut4};

use super::big_array::BigArray;
use super::options::{MemoryOrder, OnMissing, OutOfBounds};
use super::plan;
use super::scatter::{Block, rows, scatter};
use crate::backend::{Blob, KeyValueBackend};
use crate::chunk_store::{Fetched, Found, Scratch, shape_in_memory};
use crate::dispatch;
use crate::element::{DynArray, Element, zeros};
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkGrid, ChunkPart};
use crate::key::Key;

/// An array of the volume's own type and the box that it really is: the one asked for, or what
/// [`OutOfBounds::Crop`] left of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cutout {
    /// The voxels that were read.
    pub bbox: BoundingBox,
    /// `[x, y, z, c]`.
    pub array: DynArray,
}

/// Cells of a grid that have no chunk, among those that were read.
pub(super) struct AbsentCells(HashSet<[u64; 3]>);

impl AbsentCells {
    /// Whether no voxel of a box is stored.
    pub(super) fn are_all(&self, grid: &ChunkGrid, bbox: &BoundingBox) -> bool {
        !self.0.is_empty() && grid.cover(bbox).all(|part| self.0.contains(&part.cell))
    }
}

/// What a target holds before it is read into.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Zeroed,
    Anything,
}

impl<B: KeyValueBackend> BigArray<B> {
    /// Reads a box into a new array `[x, y, z, c]`.
    ///
    /// With [`OutOfBounds::Crop`] the array is smaller where the box leaves the volume:
    /// [`clip`](Self::clip) says which box it is.
    ///
    /// # Errors
    /// [`Error::WrongDataType`], [`Error::InvertedBox`], [`Error::OutOfBounds`],
    /// [`Error::TooLarge`] for calls that cannot be met; [`Error::Backend`],
    /// [`Error::MissingChunk`], [`Error::BadChunk`] for what the store holds.
    pub fn read<T: Element>(&self, bbox: impl Into<BoundingBox>) -> Result<Array4<T>> {
        self.require_type::<T>()?;
        let bbox = self.clip(bbox)?;
        let mut array = self.room_for::<T>(&bbox, self.inner.options.order)?;
        self.fill_view(&bbox, array.view_mut(), Target::Zeroed, |_| {})?;
        Ok(array)
    }

    /// Reads a box into an array of the volume's own type.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_dyn(&self, bbox: impl Into<BoundingBox>) -> Result<Cutout> {
        let bbox = self.clip(bbox)?;
        let array = dispatch!(self.data_type(), T => T::into_dyn(self.read::<T>(bbox)?));
        Ok(Cutout { bbox, array })
    }

    /// Reads a box into a view of the caller's, of any strides and order.
    ///
    /// After an error the view holds anything.
    ///
    /// # Errors
    /// [`Error::WrongShape`] if the view does not have the box's shape; else as
    /// [`read`](Self::read).
    pub fn read_into<T: Element>(
        &self,
        bbox: impl Into<BoundingBox>,
        view: ArrayViewMut4<'_, T>,
    ) -> Result<()> {
        self.require_type::<T>()?;
        let bbox = self.clip(bbox)?;
        let [x, y, z] = bbox.shape();
        let expected = [x, y, z, self.channels() as u64];
        if view.shape().iter().zip(expected).any(|(&found, wanted)| found as u64 != wanted) {
            return Err(Error::WrongShape {
                expected: format!("{expected:?}"),
                found: view.shape().to_vec(),
            });
        }
        self.fill_view(&bbox, view, Target::Anything, |_| {})
    }

    /// A zeroed array for the voxels of a box.
    pub(super) fn room_for<T: Element>(
        &self,
        bbox: &BoundingBox,
        order: MemoryOrder,
    ) -> Result<Array4<T>> {
        let [x, y, z] = bbox.shape();
        let too_large = || {
            let voxel = self.channels().saturating_mul(size_of::<T>()) as u128;
            let bytes = bbox.voxels().saturating_mul(voxel);
            Error::TooLarge { requested: *bbox, bytes: u64::try_from(bytes).unwrap_or(u64::MAX) }
        };
        let len = |axis: u64| usize::try_from(axis).map_err(|_| too_large());
        let shape = [len(x)?, len(y)?, len(z)?, self.channels()];
        zeros::<T>(shape, order == MemoryOrder::C).ok_or_else(too_large)
    }

    /// Reads a box into a new array in Fortran order, and tells which chunks are not stored.
    pub(super) fn read_with_absent<T: Element>(
        &self,
        bbox: &BoundingBox,
    ) -> Result<(Array4<T>, AbsentCells)> {
        let mut array = self.room_for::<T>(bbox, MemoryOrder::Fortran)?;
        let absent = Mutex::new(HashSet::new());
        self.fill_view(bbox, array.view_mut(), Target::Zeroed, |part| {
            absent.lock().unwrap_or_else(PoisonError::into_inner).insert(part.cell);
        })?;
        let absent = absent.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((array, AbsentCells(absent)))
    }

    /// The box that a read of `bbox` returns: itself, or under [`OutOfBounds::Crop`] its part
    /// inside the volume.
    ///
    /// # Errors
    /// [`Error::InvertedBox`], and [`Error::OutOfBounds`] if that is what the options ask for.
    pub fn clip(&self, bbox: impl Into<BoundingBox>) -> Result<BoundingBox> {
        let bbox = bbox.into();
        if bbox.is_inverted() {
            return Err(Error::InvertedBox { requested: bbox });
        }
        let bounds = self.bounds();
        match self.inner.options.bounds {
            OutOfBounds::Fill => Ok(bbox),
            OutOfBounds::Crop => Ok(bounds.intersection(&bbox)),
            OutOfBounds::Error if bbox.is_empty() || bounds.contains(&bbox) => Ok(bbox),
            OutOfBounds::Error => Err(Error::OutOfBounds {
                requested: bbox,
                bounds,
                hint: "; fill or crop what lies outside, or ask for less",
            }),
        }
    }

    fn fill_view<T: Element>(
        &self,
        bbox: &BoundingBox,
        view: ArrayViewMut4<'_, T>,
        target: Target,
        missing: impl Fn(&ChunkPart) + Sync,
    ) -> Result<()> {
        let cover = self.grid().cover(bbox);
        let fill = self.fill::<T>();
        let needs_fill = target == Target::Anything || fill != T::zeroed();
        let inner = if cover.wanted() == *bbox {
            view
        } else if cover.wanted().is_empty() {
            fill_window(view, fill, needs_fill);
            return Ok(());
        } else {
            let (inner, around) = plan::split_inner(view, bbox, &cover.wanted());
            for slab in around {
                fill_window(slab, fill, needs_fill);
            }
            inner
        };
        let bytes =
            cover.wanted().voxels().saturating_mul((inner.dim().3 * size_of::<T>()) as u128);
        let windows = plan::windows_mut(&cover, inner);
        self.with_parts(
            bytes,
            cover.zip(windows),
            |Fetched { part, key, found }, window, scratch| {
                self.go_on()?;
                match found {
                    Found::Decoded(voxels) => scatter(&voxels, self.block(part), window),
                    Found::Span(voxels) => {
                        scatter(&voxels, Block { start: [0; 3], ..self.block(part) }, window);
                    }
                    Found::Stored(blob) => self.decode_into(part, key, &blob, scratch, window)?,
                    Found::Absent => {
                        self.allow_missing(part, key)?;
                        missing(part);
                        fill_window(window, fill, needs_fill);
                    }
                }
                self.report_chunk(&part.part);
                Ok(())
            },
        )
    }

    fn decode_into<T: Element>(
        &self,
        part: &ChunkPart,
        key: &Key,
        blob: &Blob,
        scratch: &mut Scratch,
        mut window: ArrayViewMut4<'_, T>,
    ) -> Result<()> {
        let store = &self.inner.store;
        if store.decodes_rows()
            && let Some(mut rows) = rows(&mut window)
        {
            return store.decode_rows(key, part, blob, scratch, &mut rows);
        }
        let decoded = store.decode_part(key, part, blob, scratch)?;
        scatter(decoded.voxels, Block { shape: decoded.shape, start: decoded.start }, window);
        Ok(())
    }

    /// Where a part lies among the voxels of its chunk.
    pub(super) fn block(&self, part: &ChunkPart) -> Block {
        let [x, y, z] = shape_in_memory(&part.chunk);
        Block::new([x, y, z, self.channels()], &part.chunk, &part.part)
    }

    /// Refuses a missing chunk if the options say so.
    pub(super) fn allow_missing(&self, part: &ChunkPart, key: &Key) -> Result<()> {
        match self.inner.options.on_missing {
            OnMissing::Fill => Ok(()),
            OnMissing::Error => Err(Error::MissingChunk { key: key.clone(), chunk: part.chunk }),
        }
    }
}

fn fill_window<T: Element>(mut window: ArrayViewMut4<'_, T>, fill: T, needed: bool) {
    if needed {
        window.fill(fill);
    }
}
