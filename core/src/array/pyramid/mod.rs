//! Coarser scales of a volume, made from a finer one.
//!
//! | room | what it does |
//! |---|---|
//! | `pool` | windows of voxels become one voxel each |
//! | `numbers` | sums and means of each voxel type |
//! | this one | which voxels belong together, several scales in one pass |

mod numbers;
mod pool;

use std::fmt;
use std::ops::Range;

use ndarray::{Array4, ArrayView4, Axis, ShapeBuilder};

use super::big_array::BigArray;
use super::options::DEFAULT_MEMORY;
use super::put::{Copied, OnAbsent};
use super::tasks::{Plan, Shapes, fits, greatest_common_divisor, task_room};
use crate::backend::KeyValueBackend;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart};

pub use numbers::Mean;
pub use pool::{Method, Pooling, pool};

/// Voxels that a window may have, so that sums are exact.
pub const LARGEST_WINDOW: u64 = 1 << 16;

/// How a pyramid is made.
#[derive(Debug, Clone, Copy)]
pub struct PyramidOptions {
    pooling: Pooling,
    memory: usize,
    shares: u64,
    absent: OnAbsent,
}

impl PyramidOptions {
    /// With this pooling.
    #[must_use]
    pub fn new(pooling: impl Into<Pooling>) -> Self {
        let (memory, absent) = (DEFAULT_MEMORY, OnAbsent::default());
        Self { pooling: pooling.into(), memory, shares: 1, absent }
    }

    /// Bytes of voxels of the finer scale that a task may have in memory. The coarser ones take at
    /// most as much again, and chunks on their way what the array's options say. Default:
    /// [`DEFAULT_MEMORY`].
    #[must_use]
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Into how many shares the work will be divided; every share must be told the same number.
    /// Default: 1.
    #[must_use]
    pub const fn shares(mut self, shares: u64) -> Self {
        self.shares = shares;
        self
    }

    /// What becomes of chunks all of whose voxels the finer scale does not have stored. Default:
    /// they are deleted.
    #[must_use]
    pub const fn on_absent(mut self, absent: OnAbsent) -> Self {
        self.absent = absent;
        self
    }
}

/// Coarser scales in the making; made by [`BigArray::downsample_to`].
///
/// Tasks are numbered, always in the same way for the same scales and options; they may be done in
/// any order, again, and by several processes at once: as those of [`Copier`](super::Copier).
pub struct Downsampler<B> {
    source: BigArray<B>,
    targets: Vec<Target<B>>,
    plan: Plan,
    options: PyramidOptions,
}

/// A coarser scale, and how many voxels of the one before make one of its.
struct Target<B> {
    array: BigArray<B>,
    step: [u64; 3],
    /// The same, of the source.
    whole: [u64; 3],
}

impl<B: fmt::Debug> fmt::Debug for Downsampler<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Downsampler")
            .field("plan", &self.plan)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<B: KeyValueBackend> BigArray<B> {
    /// Plans to make coarser scales of this one, each of the one before it, in one pass over this
    /// one's voxels. As many of `targets` are made as fit in memory:
    /// [`Downsampler::scales`] says how many. The others are made of the last of these, by another
    /// call.
    ///
    /// A window of voxels is counted from the scale's first voxel, as CloudVolume does; at the far
    /// end it has the voxels that there are.
    ///
    /// # Errors
    /// [`Error::WrongScale`] for one that is no coarser scale of the one before it, with whole
    /// factors; [`Error::WrongDataType`]; [`Error::WrongShape`] for another number of channels;
    /// [`Error::ScaleLocked`].
    pub fn downsample_to(
        &self,
        targets: &[Self],
        options: PyramidOptions,
    ) -> Result<Downsampler<B>> {
        let mut made: Vec<Target<B>> = Vec::new();
        for target in targets {
            let before = made.last().map_or(self, |target| &target.array);
            target.require_unlocked()?;
            target.require_same_voxels(before)?;
            let step = factor(before, target)?;
            let whole = made.last().map_or([1; 3], |target| target.whole);
            let whole = std::array::from_fn(|axis| whole[axis].saturating_mul(step[axis]));
            made.push(Target { array: target.clone(), step, whole });
        }
        let room = self.voxels_in(options.memory);
        let extent = self.bounds().shape();
        let mut unit = unit(&made, Self::write_unit);
        while made.len() > 1 && !fits(unit, extent, room) {
            made.pop();
            unit = self::unit(&made, Self::write_unit);
        }
        if !fits(unit, extent, room) {
            // A shard that does not fit is written in parts, each of which reads it again.
            unit = self::unit(&made, |array| array.grid().chunk_size());
        }
        let chunk = self.grid().chunk_size();
        let room = task_room(self.bounds().voxels(), options.shares, room);
        let shapes = Shapes { unit, chunk, extent, room };
        let plan = match made.is_empty() {
            true => Plan::new(BoundingBox { min: [0; 3], max: [0; 3] }, [0; 3], [1; 3]),
            false => Plan::new(self.bounds(), self.bounds().min, shapes.block()),
        };
        Ok(Downsampler { source: self.clone(), targets: made, plan, options })
    }
}

impl<B: KeyValueBackend> Downsampler<B> {
    /// How many scales are made.
    #[must_use]
    pub fn scales(&self) -> usize {
        self.targets.len()
    }

    /// How many tasks there are.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.plan.tasks()
    }

    /// The voxels of the finer scale that a task reads; an empty box for a number that is too high.
    #[must_use]
    pub fn task(&self, number: u64) -> BoundingBox {
        self.plan.task(number)
    }

    /// The tasks of one of so many shares. The shares together are all tasks.
    #[must_use]
    pub fn share(&self, index: u64, of: u64) -> Range<u64> {
        self.plan.share(index, of)
    }

    /// Does a task, in all scales. Their progress is told of each of their chunks. What was
    /// written, scale by scale, is counted together.
    ///
    /// # Errors
    /// [`Error::Backend`], [`Error::BadChunk`], [`Error::BadShard`], [`Error::MissingChunk`] if
    /// the options say so. Some chunks of the task may be written then; do it again.
    pub fn run(&self, number: u64) -> Result<Copied> {
        let task = self.plan.task(number);
        if task.is_empty() {
            return Ok(Copied::default());
        }
        dispatch!(self.source.data_type(), T => self.make::<T>(&task))
    }

    fn make<T: Mean>(&self, task: &BoundingBox) -> Result<Copied> {
        let (mut voxels, absent) = self.source.read_with_absent::<T>(task)?;
        let mut total = Copied::default();
        for target in &self.targets {
            voxels = self.pooled(&voxels.view(), target)?;
            let bbox = self.within(task, target);
            // Chunks of which nothing is stored in the source are not made.
            let is_absent = |part: &ChunkPart| {
                absent.are_all(self.source.grid(), &self.finer(target, &part.chunk))
            };
            let made = target.array.made_of(&bbox, &voxels.view(), is_absent)?;
            total += target.array.put_all(&bbox, made, self.options.absent)?;
        }
        Ok(total)
    }

    /// The voxels of a coarser scale, by all threads.
    fn pooled<T: Mean>(&self, view: &ArrayView4<'_, T>, target: &Target<B>) -> Result<Array4<T>> {
        let step = target.step.map(|step| usize::try_from(step).unwrap_or(usize::MAX));
        let (x, y, z, channels) = view.dim();
        let [x, y, z] = [x.div_ceil(step[0]), y.div_ceil(step[1]), z.div_ceil(step[2])];
        let mut out = Array4::from_elem((x, y, z, channels).f(), T::zeroed());
        let planes = out.axis_iter_mut(Axis(2)).enumerate();
        self.source.inner.driver.in_waves(planes, 1, 1, |wave| {
            for (place, plane) in wave {
                pool::pool_plane(view, place, step, self.options.pooling, plane);
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// What a task is in a coarser scale.
    fn within(&self, task: &BoundingBox, target: &Target<B>) -> BoundingBox {
        let (from, to) = (self.source.bounds().min, target.array.bounds().min);
        let place = |at: i64, axis: usize| at.abs_diff(from[axis]);
        BoundingBox {
            min: std::array::from_fn(|axis| {
                let distance = place(task.min[axis], axis) / target.whole[axis];
                to[axis].saturating_add_unsigned(distance)
            }),
            max: std::array::from_fn(|axis| {
                let distance = place(task.max[axis], axis).div_ceil(target.whole[axis]);
                to[axis].saturating_add_unsigned(distance)
            }),
        }
    }

    /// What a box of a coarser scale is in the source.
    fn finer(&self, target: &Target<B>, bbox: &BoundingBox) -> BoundingBox {
        let (from, to) = (self.source.bounds().min, target.array.bounds().min);
        let scaled = |at: i64, axis: usize| {
            let distance = at.abs_diff(to[axis]).saturating_mul(target.whole[axis]);
            from[axis].saturating_add_unsigned(distance)
        };
        BoundingBox {
            min: std::array::from_fn(|axis| scaled(bbox.min[axis], axis)),
            max: std::array::from_fn(|axis| scaled(bbox.max[axis], axis)),
        }
    }
}

/// What is written at once, in voxels of the source: whole units of every scale.
fn unit<B: KeyValueBackend>(
    targets: &[Target<B>],
    of: impl Fn(&BigArray<B>) -> [u64; 3],
) -> [u64; 3] {
    let units = targets.iter().map(|target| {
        let (unit, whole) = (of(&target.array), target.whole);
        std::array::from_fn::<u64, 3, _>(|axis| unit[axis].saturating_mul(whole[axis]))
    });
    units.reduce(least_common).unwrap_or([1; 3])
}

/// How many voxels of one scale make one of another, along each axis.
fn factor<B: KeyValueBackend>(finer: &BigArray<B>, coarser: &BigArray<B>) -> Result<[u64; 3]> {
    let wrong = |why: &str| Error::WrongScale {
        scale: coarser.scale().key.clone(),
        finer: finer.scale().key.clone(),
        why: why.to_owned(),
    };
    let factor = coarser
        .scale()
        .factor_of(finer.scale())
        .ok_or_else(|| wrong("its resolution is no whole multiple"))?;
    if factor.iter().fold(1, |all: u64, &one| all.saturating_mul(one)) > LARGEST_WINDOW {
        return Err(wrong("its voxels have more than 65536 voxels each"));
    }
    let shape = finer.bounds().shape();
    if (0..3).any(|axis| coarser.bounds().shape()[axis] != shape[axis].div_ceil(factor[axis])) {
        return Err(wrong("its size is not the other's divided by the factor, rounded up"));
    }
    Ok(factor)
}

fn least_common(one: [u64; 3], other: [u64; 3]) -> [u64; 3] {
    std::array::from_fn(|axis| {
        (one[axis] / greatest_common_divisor(one[axis], other[axis]).max(1))
            .saturating_mul(other[axis])
    })
}
