//! Does the cost of a read grow with the volume?

use super::{CHUNK, Cost, Mean, Result, SIZES, builder, check, cost, simulation, somewhere};
use crate::model::Network;
use crate::table::{Table, short};
use crate::volume::Volume;

/// A voxel and a cutout of this edge are read.
const EDGE: u64 = 128;

/// How the volume is stored.
const LAYOUTS: [(&str, bool); 2] = [("plain", false), ("sharded", true)];

/// What is done, in this order: the second read of each kind finds what the first one kept.
pub const OPERATIONS: [&str; 5] =
    ["open", "first voxel", "voxel beside it", "first cutout", "same cutout"];

/// The costs of the operations in one volume at so many places: each place is read through a volume
/// that was opened for it alone.
///
/// # Errors
/// If a read fails or has wrong voxels.
pub fn operations(volume: Volume, network: Network, places: u64) -> Result<[Vec<Cost>; 5]> {
    let mut costs: [Vec<Cost>; 5] = Default::default();
    let (clock, model) = simulation(volume, network);
    for place in 0..places {
        let (array, opened) = cost(&model, &clock, || builder(&model).open())?;
        costs[0].push(opened);
        // Two voxels of one chunk: a box of them may lie across two.
        let voxel = somewhere(&volume, [1; 3], place)?;
        for costs in &mut costs[1..3] {
            let (voxels, cost) = cost(&model, &clock, || array.read::<u8>(voxel))?;
            check(&array, &voxel, &voxels)?;
            costs.push(cost);
        }
        let array = builder(&model).open()?;
        let cutout = somewhere(&volume, [EDGE; 3], places + place)?;
        for costs in &mut costs[3..] {
            let (voxels, cost) = cost(&model, &clock, || array.read::<u8>(cutout))?;
            check(&array, &cutout, &voxels)?;
            costs.push(cost);
        }
    }
    Ok(costs)
}

/// The table of all sizes.
///
/// # Errors
/// As [`operations`].
pub fn table() -> Result<Table> {
    let mut table = Table::new(&[
        "layout",
        "operation",
        "chunks",
        "seconds",
        "requests",
        "bytes",
        "most_round_trips",
    ]);
    for (layout, is_sharded) in LAYOUTS {
        for bits in SIZES {
            let volume = Volume::new(bits, CHUNK);
            let volume = if is_sharded { volume.sharded(3, 9) } else { volume };
            let timed = operations(volume, Network::s3(), 30)?;
            let counted = operations(volume, Network::round_trips(), 30)?;
            for (n, operation) in OPERATIONS.iter().enumerate() {
                let mean = Mean::of(&timed[n]);
                let trips = counted[n].iter().map(|cost| cost.time.as_secs()).max().unwrap_or(0);
                table.push(&[
                    &layout,
                    operation,
                    &volume.chunks(),
                    &short(mean.seconds),
                    &short(mean.requests),
                    &short(mean.bytes),
                    &trips,
                ]);
            }
        }
    }
    Ok(table)
}
