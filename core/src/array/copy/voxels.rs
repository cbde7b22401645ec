//! Voxels that are cut into other chunks, or encoded otherwise.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use ndarray::{Array4, ArrayView4, Axis};

use super::Copier;
use crate::array::plan;
use crate::array::put::{Copied, Made};
use crate::backend::KeyValueBackend;
use crate::element::{Element, zeros};
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart};

/// Cells of the source's grid that have no chunk.
type Absent = HashSet<[u64; 3]>;

impl<S: KeyValueBackend, D: KeyValueBackend> Copier<S, D> {
    pub(super) fn copy_voxels<T: Element>(&self, task: &BoundingBox) -> Result<Copied> {
        let (voxels, absent) = self.voxels::<T>(task)?;
        let target = &self.target;
        let cover = target.grid().cover(task);
        if cover.clone().any(|part| !part.is_whole()) {
            // Read, changed and written back, which the target's options allow.
            target.write(task.min, voxels.view())?;
            return Ok(Copied { written: cover.count_chunks(), absent: 0 });
        }
        let windows = plan::windows(&cover, &voxels.view());
        let made = Mutex::new(Vec::<Made>::new());
        target.inner.driver.in_waves(cover.zip(windows), 1, target.chunk_cost(), |wave| {
            for (part, window) in wave {
                let value = match self.is_absent(&part, &absent) {
                    true => None,
                    false => Some(target.encode(&part, window)?.value),
                };
                made.lock().unwrap_or_else(PoisonError::into_inner).push((part, value));
            }
            Ok(())
        })?;
        drop(voxels);
        let made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.target.put_all(task, made, self.absent)
    }

    /// The voxels of the source in a box, and which of its chunks there are not.
    fn voxels<T: Element>(&self, bbox: &BoundingBox) -> Result<(Array4<T>, Absent)> {
        let mut voxels = room::<T>(bbox, self.source.channels())?;
        let absent = Mutex::new(Absent::new());
        self.source.read_noting(bbox, voxels.view_mut(), |part| {
            absent.lock().unwrap_or_else(PoisonError::into_inner).insert(part.cell);
        })?;
        Ok((voxels, absent.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Whether the source has no voxel of a chunk stored.
    fn is_absent(&self, part: &ChunkPart, absent: &Absent) -> bool {
        !absent.is_empty()
            && self.source.grid().cover(&part.part).all(|part| absent.contains(&part.cell))
    }

    pub(super) fn differences<T: Element>(&self, task: &BoundingBox) -> Result<Vec<BoundingBox>> {
        let mut found = Vec::new();
        // Both volumes' voxels are in memory, of a task that may be larger.
        let steps = self.steps(task);
        for step in (0..steps.tasks()).map(|step| steps.task(step)) {
            let channels = self.target.channels();
            let (mut wanted, mut stored) =
                (room::<T>(&step, channels)?, room::<T>(&step, channels)?);
            self.source.read_into(step, wanted.view_mut())?;
            self.target.read_into(step, stored.view_mut())?;
            let cover = self.target.grid().cover(&step);
            let (wanted, stored) =
                (plan::windows(&cover, &wanted.view()), plan::windows(&cover, &stored.view()));
            for (part, (wanted, stored)) in cover.zip(wanted.into_iter().zip(stored)) {
                if !is_same(&wanted, &stored) {
                    found.push(part.part);
                }
                self.target.report_chunk(&part.part);
            }
        }
        Ok(found)
    }
}

/// Bit for bit: a NaN equals itself.
fn is_same<T: Element>(one: &ArrayView4<'_, T>, other: &ArrayView4<'_, T>) -> bool {
    let rows = one.lanes(Axis(0)).into_iter().zip(other.lanes(Axis(0)));
    rows.into_iter().all(|(one, other)| match (one.as_slice(), other.as_slice()) {
        (Some(one), Some(other)) => {
            bytemuck::cast_slice::<T, u8>(one) == bytemuck::cast_slice::<T, u8>(other)
        }
        _ => one
            .iter()
            .zip(other)
            .all(|(one, other)| bytemuck::bytes_of(one) == bytemuck::bytes_of(other)),
    })
}

fn room<T: Element>(bbox: &BoundingBox, channels: usize) -> Result<Array4<T>> {
    let too_large = || {
        let bytes = bbox.voxels().saturating_mul((channels * size_of::<T>()) as u128);
        Error::TooLarge { requested: *bbox, bytes: u64::try_from(bytes).unwrap_or(u64::MAX) }
    };
    let [x, y, z] = bbox.shape().map(usize::try_from);
    let (Ok(x), Ok(y), Ok(z)) = (x, y, z) else { return Err(too_large()) };
    zeros::<T>([x, y, z, channels], false).ok_or_else(too_large)
}
