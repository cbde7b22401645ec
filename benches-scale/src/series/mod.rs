//! What is measured: each room makes a table.

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;

use bigarrays::ndarray::Array4;
use bigarrays::{BigArray, BigArrayBuilder, BoundingBox};

use crate::clock::Clock;
use crate::model::{Network, random};
use crate::store::{Counts, Model};
use crate::volume::Volume;

pub mod clients;
pub mod concurrency;
pub mod listing;
pub mod planning;
pub mod shapes;
pub mod shards;
pub mod size;

/// What a measurement gives, or why it was none.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Voxels along each axis of the chunks, where nothing else is said.
pub const CHUNK: u64 = 64;

/// The bits of the number of chunks: from 10^3 to 10^9.
pub const SIZES: [u32; 7] = [10, 13, 17, 20, 23, 27, 30];

/// What an operation cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Simulated time.
    pub time: Duration,
    /// What the store was asked for.
    pub counts: Counts,
}

/// The cost of what is done.
///
/// # Errors
/// Those of the work.
pub fn cost<T>(
    model: &Model,
    clock: &Clock,
    work: impl FnOnce() -> bigarrays::Result<T>,
) -> bigarrays::Result<(T, Cost)> {
    model.reset();
    let begun = clock.now();
    let answer = work()?;
    Ok((answer, Cost { time: clock.now() - begun, counts: model.counts() }))
}

/// How the series open a volume: on one thread, for order is what makes a simulation repeatable.
/// The requests in flight do not depend on it.
#[must_use]
pub fn builder(model: &Model) -> BigArrayBuilder<Model> {
    BigArray::builder(model.clone()).threads(NonZeroUsize::MIN)
}

/// A box of this shape somewhere in a volume: the same for the same number.
///
/// # Errors
/// If it does not fit.
pub fn somewhere(volume: &Volume, shape: [u64; 3], number: u64) -> Result<BoundingBox> {
    let size = volume.size();
    let mut min = [0; 3];
    for axis in 0..3 {
        let room =
            size[axis].checked_sub(shape[axis]).ok_or("the box is larger than the volume")?;
        min[axis] = i64::try_from(random(number * 3 + axis as u64) % (room + 1))?;
    }
    BoundingBox::at(min, shape).ok_or_else(|| "no such box".into())
}

/// Compares the corners of a cutout with what is stored there.
///
/// # Errors
/// If they differ.
pub fn check(array: &BigArray<Model>, bbox: &BoundingBox, voxels: &Array4<u8>) -> Result<()> {
    let volume = *array.backend().volume();
    let chunk = array.scale().chunk_size()[0];
    for corner in 0..8_u32 {
        let last = |axis: usize| (corner >> axis) & 1 == 1;
        let at: [u64; 3] = std::array::from_fn(|axis| {
            let voxel = if last(axis) { bbox.max[axis] - 1 } else { bbox.min[axis] };
            voxel.unsigned_abs()
        });
        let cell = at.map(|axis| axis / chunk);
        let id = array.chunk_id(cell).unwrap_or_else(|| volume.plain_id(cell));
        let expected = Volume::voxel(id, at.map(|axis| axis % chunk), chunk);
        let [x, y, z] =
            std::array::from_fn(|axis| if last(axis) { voxels.shape()[axis] - 1 } else { 0 });
        if voxels[[x, y, z, 0]] != expected {
            return Err(
                format!("the voxel at {at:?} is {}, not {expected}", voxels[[x, y, z, 0]]).into()
            );
        }
    }
    Ok(())
}

/// A volume on a network, and the clock of both.
#[must_use]
pub fn simulation(volume: Volume, network: Network) -> (Clock, Model) {
    let clock = Clock::new();
    let model = Model::new(volume, network, &clock);
    (clock, model)
}

/// The mean of several costs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mean {
    /// Simulated seconds.
    pub seconds: f64,
    /// Requests.
    pub requests: f64,
    /// Bytes.
    pub bytes: f64,
}

impl Mean {
    /// The mean; zero of none.
    #[must_use]
    pub fn of(costs: &[Cost]) -> Self {
        let count = costs.len().max(1) as f64;
        let mean = |value: fn(&Cost) -> f64| costs.iter().map(value).sum::<f64>() / count;
        Self {
            seconds: mean(|cost| cost.time.as_secs_f64()),
            requests: mean(|cost| cost.counts.requests as f64),
            bytes: mean(|cost| cost.counts.bytes as f64),
        }
    }
}
