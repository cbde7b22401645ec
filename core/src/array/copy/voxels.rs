//! Voxels that are cut into other chunks, or encoded otherwise.

use ndarray::{ArrayView4, Axis};

use super::Copier;
use crate::array::options::MemoryOrder;
use crate::array::plan;
use crate::array::put::Copied;
use crate::backend::KeyValueBackend;
use crate::element::Element;
use crate::error::Result;
use crate::geometry::BoundingBox;

impl<S: KeyValueBackend, D: KeyValueBackend> Copier<S, D> {
    pub(super) fn copy_voxels<T: Element>(&self, task: &BoundingBox) -> Result<Copied> {
        let (voxels, absent) = self.source.read_with_absent::<T>(task)?;
        let target = &self.target;
        let cover = target.grid().cover(task);
        if cover.clone().any(|part| !part.is_whole()) {
            // Read, changed and written back, which the target's options allow.
            target.write(task.min, voxels.view())?;
            return Ok(Copied { written: cover.count_chunks(), absent: 0 });
        }
        let grid = self.source.grid();
        let made = target.made_of(task, &voxels.view(), |part| absent.are_all(grid, &part.part))?;
        drop(voxels);
        target.put_all(task, made, self.absent)
    }

    pub(super) fn differences<T: Element>(&self, task: &BoundingBox) -> Result<Vec<BoundingBox>> {
        let mut found = Vec::new();
        // Both volumes' voxels are in memory, of a task that may be larger.
        let steps = self.steps(task);
        for step in (0..steps.tasks()).map(|step| steps.task(step)) {
            let room = || self.target.room_for::<T>(&step, MemoryOrder::Fortran);
            let (mut wanted, mut stored) = (room()?, room()?);
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
