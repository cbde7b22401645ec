//! Copying a scale of one volume into that of another, between any two stores.
//!
//! | room | what it does |
//! |---|---|
//! | `stored` | bytes as they are stored, untouched |
//! | `encoded` | encoded chunks into other shards, or otherwise compressed |
//! | `voxels` | everything else: other chunks, other encodings |

mod encoded;
mod stored;
mod voxels;

use std::fmt;

use bigarrays_info::Scale;

use super::big_array::BigArray;
use super::options::{DEFAULT_MEMORY, Unaligned};
use super::plan::require_aligned;
use super::put::{Copied, OnAbsent};
use super::tasks::{Plan, Shapes, fits, task_room};
use super::write::OR_UPDATE;
use crate::backend::KeyValueBackend;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::geometry::BoundingBox;

/// Voxels of a task whose chunks are not all in memory at once.
const STREAMED: u64 = 1 << 26;

/// How a copy gets from the source to the target, the cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CopyWay {
    /// Stored values, chunks or whole shards, are put as they are.
    #[default]
    Stored,
    /// Chunks are not decoded, but compressed otherwise or packed into other shards.
    Encoded,
    /// Chunks are decoded, cut into others and encoded.
    Voxels,
}

impl fmt::Display for CopyWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stored => "stored bytes, untouched",
            Self::Encoded => "encoded chunks, packed anew",
            Self::Voxels => "voxels, encoded anew",
        })
    }
}

/// How a copy is done.
#[derive(Debug, Clone, Copy)]
pub struct CopyOptions {
    memory: usize,
    least: CopyWay,
    absent: OnAbsent,
    shares: u64,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            memory: DEFAULT_MEMORY,
            least: CopyWay::default(),
            absent: OnAbsent::default(),
            shares: 1,
        }
    }
}

impl CopyOptions {
    /// Bytes of voxels that a task may have in memory; what chunks on their way take is bounded by
    /// the options of the two arrays. A chunk, or a shard that is written whole, may need more.
    /// Default: [`DEFAULT_MEMORY`].
    #[must_use]
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// The way is the cheapest that grids, encodings and shards allow, from this one on:
    /// [`CopyWay::Encoded`] compresses as the target's options say also what could stay as it is
    /// stored, and [`CopyWay::Voxels`] encodes all anew. Default: [`CopyWay::Stored`].
    #[must_use]
    pub const fn at_least(mut self, way: CopyWay) -> Self {
        self.least = way;
        self
    }

    /// What becomes of chunks of the target where the source has none. Default: they are deleted.
    #[must_use]
    pub const fn on_absent(mut self, absent: OnAbsent) -> Self {
        self.absent = absent;
        self
    }

    /// Into how many shares it will be divided: tasks are made small enough for that. Every share
    /// must be told the same number. Default: 1.
    #[must_use]
    pub const fn shares(mut self, shares: u64) -> Self {
        self.shares = shares;
        self
    }
}

/// A copy of a box from one volume to another, in tasks; made by [`BigArray::copy_to`].
///
/// Tasks are numbered, always in the same way for the same volumes, box and options; they may be
/// done in any order, again, and by several processes at once, for no two share a chunk of the
/// target, nor a shard unless shards are no boxes or do not fit in memory. What one has written is durable, as far as the store makes it so, when it
/// returns.
pub struct Copier<S, D> {
    source: BigArray<S>,
    target: BigArray<D>,
    plan: Plan,
    way: CopyWay,
    absent: OnAbsent,
    /// Voxels that a task may have in memory.
    room: u64,
}

impl<S: fmt::Debug, D: fmt::Debug> fmt::Debug for Copier<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copier").field("plan", &self.plan).field("way", &self.way).finish()
    }
}

impl<S: KeyValueBackend> BigArray<S> {
    /// Plans a copy of a box of this scale to the same place of another volume's.
    ///
    /// # Errors
    /// [`Error::WrongDataType`], [`Error::WrongShape`] for another number of channels,
    /// [`Error::OutOfBounds`] if one of the volumes does not have the box, [`Error::Unaligned`]
    /// unless the target takes unaligned writes, [`Error::ScaleLocked`].
    pub fn copy_to<D: KeyValueBackend>(
        &self,
        target: &BigArray<D>,
        bbox: impl Into<BoundingBox>,
        options: CopyOptions,
    ) -> Result<Copier<S, D>> {
        let bbox = bbox.into();
        target.require_same_voxels(self)?;
        if bbox.is_inverted() {
            return Err(Error::InvertedBox { requested: bbox });
        }
        for bounds in [self.bounds(), target.bounds()] {
            if !bounds.contains(&bbox) {
                let hint = ", which a copy must be in both volumes";
                return Err(Error::OutOfBounds { requested: bbox, bounds, hint });
            }
        }
        target.require_unlocked()?;
        if target.inner.options.unaligned == Unaligned::Reject {
            require_aligned(target.grid(), &bbox, OR_UPDATE)?;
        }
        let way = way(self, target, &bbox).max(options.least);
        let room = self.voxels_in(options.memory);
        let is_streamed = way == CopyWay::Stored && target.inner.store.shards().is_none();
        let task = if is_streamed { STREAMED } else { room };
        let task = task_room(bbox.voxels(), options.shares, task);
        let plan = plan(self, target, bbox, room, task);
        let (source, target) = (self.clone(), target.clone());
        Ok(Copier { source, target, plan, way, absent: options.absent, room })
    }
}

impl<S: KeyValueBackend, D: KeyValueBackend> Copier<S, D> {
    /// What is copied from.
    #[must_use]
    pub const fn source(&self) -> &BigArray<S> {
        &self.source
    }

    /// What is copied to.
    #[must_use]
    pub const fn target(&self) -> &BigArray<D> {
        &self.target
    }

    /// How it is done.
    #[must_use]
    pub const fn way(&self) -> CopyWay {
        self.way
    }

    /// How many tasks there are.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.plan.tasks()
    }

    /// The voxels of a task; an empty box for a number that is too high.
    #[must_use]
    pub fn task(&self, number: u64) -> BoundingBox {
        self.plan.task(number)
    }

    /// All that is copied.
    #[must_use]
    pub const fn bbox(&self) -> BoundingBox {
        self.plan.bbox()
    }

    /// The tasks of one of so many shares, of which each is about as large. The shares together
    /// are all tasks.
    #[must_use]
    pub fn share(&self, index: u64, of: u64) -> std::ops::Range<u64> {
        self.plan.share(index, of)
    }

    /// Does a task. The target's progress is told of each of its chunks.
    ///
    /// # Errors
    /// [`Error::Backend`], [`Error::BadChunk`], [`Error::BadShard`], [`Error::MissingChunk`] if
    /// the source's options say so, and [`Error::Conflict`] or [`Error::ShardConflict`] where
    /// others write the same chunks. Some chunks of the task may be written then; do it again.
    pub fn run(&self, number: u64) -> Result<Copied> {
        let task = self.plan.task(number);
        if task.is_empty() {
            return Ok(Copied::default());
        }
        match self.way {
            CopyWay::Stored => self.copy_stored(&task),
            CopyWay::Encoded => self.copy_encoded(&task),
            CopyWay::Voxels => {
                dispatch!(self.source.data_type(), T => self.copy_voxels::<T>(&task))
            }
        }
    }

    /// The parts of a task whose voxels are in memory at once when they are compared.
    fn steps(&self, task: &BoundingBox) -> Plan {
        let origin = self.target.bounds().min;
        let shapes = Shapes {
            unit: self.target.grid().chunk_size(),
            chunk: self.source.grid().chunk_size(),
            extent: std::array::from_fn(|axis| task.max[axis].abs_diff(origin[axis])),
            room: self.room / 2,
        };
        Plan::new(*task, origin, shapes.block())
    }

    /// Reads a task's voxels from both volumes and gives the chunks of the target, or their parts
    /// inside the box, that differ.
    ///
    /// # Errors
    /// As [`BigArray::read`].
    pub fn compare(&self, number: u64) -> Result<Vec<BoundingBox>> {
        let task = self.plan.task(number);
        dispatch!(self.source.data_type(), T => self.differences::<T>(&task))
    }
}

/// The least that must be done.
fn way<S: KeyValueBackend, D: KeyValueBackend>(
    source: &BigArray<S>,
    target: &BigArray<D>,
    bbox: &BoundingBox,
) -> CopyWay {
    let (from, to) = (source.grid(), target.grid());
    let chunk = to.chunk_size();
    let is_in_phase = (0..3).all(|axis| {
        let distance = from.bounds().min[axis].abs_diff(to.bounds().min[axis]);
        distance.is_multiple_of(chunk[axis])
    });
    let same_chunks = from.chunk_size() == chunk
        && is_in_phase
        && from.is_aligned(bbox)
        && to.is_aligned(bbox)
        && is_same_encoding(source.scale(), target.scale());
    if !same_chunks {
        return CopyWay::Voxels;
    }
    match (source.inner.store.shards(), target.inner.store.shards()) {
        (None, None) => CopyWay::Stored,
        // A shard's chunks are told by their places in the grid.
        (Some(from_shards), Some(to_shards))
            if from_shards.store.sharding() == to_shards.store.sharding()
                && from.bounds() == to.bounds()
                && to.bounds() == *bbox =>
        {
            CopyWay::Stored
        }
        _ => CopyWay::Encoded,
    }
}

/// Whether chunks of one scale can be read as such of the other.
fn is_same_encoding(one: &Scale, other: &Scale) -> bool {
    one.encoding == other.encoding
        && one.compressed_segmentation_block_size == other.compressed_segmentation_block_size
        && one.extra == other.extra
}

fn plan<S: KeyValueBackend, D: KeyValueBackend>(
    source: &BigArray<S>,
    target: &BigArray<D>,
    bbox: BoundingBox,
    room: u64,
    task: u64,
) -> Plan {
    let origin = target.bounds().min;
    let extent = std::array::from_fn(|axis| bbox.max[axis].abs_diff(origin[axis]));
    let unit = target.write_unit();
    // A shard that does not fit is written in parts, each of which reads it again.
    let unit = if fits(unit, extent, room) { unit } else { target.grid().chunk_size() };
    let (from, chunk) = (source.bounds().min, source.grid().chunk_size());
    let chunk = std::array::from_fn(|axis| {
        let is_in_phase = from[axis].abs_diff(origin[axis]).is_multiple_of(chunk[axis]);
        if is_in_phase { chunk[axis] } else { 0 }
    });
    Plan::new(bbox, origin, Shapes { unit, chunk, extent, room: task }.block())
}
