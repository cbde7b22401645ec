//! What a cutout costs the processor before a byte arrives.
//!
//! Nothing is stored and every answer is there at once: what is left is finding the chunks, naming
//! them, asking for them, and the windows of the result.

use bigarrays::{BigArray, BoundingBox};

use super::{Result, SIZES, builder, simulation};
use crate::model::Network;
use crate::store::Model;
use crate::table::Table;
use crate::volume::Volume;

/// Voxels along each axis of the chunks: few, so that the zeros of the result are not what counts.
const CHUNK: u64 = 8;
/// Chunks along each axis of the cutouts.
const EDGES: [u64; 4] = [1, 2, 4, 8];

/// The cost of planning one cutout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Chunks that the cutout touches.
    pub chunks: u64,
    /// Allocations, one for each request of the store among them.
    pub allocations: u64,
}

/// A volume without chunks, and a cutout in the middle of it that touches so many along each axis.
///
/// # Errors
/// If the volume cannot be opened.
pub fn cutout(bits: u32, edge: u64) -> Result<(BigArray<Model>, BoundingBox)> {
    let volume = Volume::new(bits, CHUNK);
    let (_, model) = simulation(volume, Network::none());
    let array = builder(&model.empty()).open()?;
    let mut min = [0; 3];
    for (min, size) in min.iter_mut().zip(volume.size()) {
        // Off the grid by one voxel at both ends; the smallest volume has 8 chunks on an axis.
        *min = i64::try_from((size / 2 / CHUNK).saturating_sub(edge / 2) * CHUNK + 1)?;
    }
    let bbox = BoundingBox::at(min, [edge * CHUNK - 2; 3]).ok_or("no such box")?;
    Ok((array, bbox))
}

/// Counts what the second cutout of a volume allocates.
///
/// # Errors
/// If it fails.
pub fn count(bits: u32, edge: u64) -> Result<Planned> {
    let (array, bbox) = cutout(bits, edge)?;
    array.read::<u8>(bbox)?;
    let mut answer = Ok(());
    let counted = allocation_counter::measure(|| answer = array.read::<u8>(bbox).map(drop));
    answer?;
    Ok(Planned { chunks: array.chunk_count(bbox), allocations: counted.count_total })
}

/// The table of all sizes. `instructions.sh` counts the instructions.
///
/// # Errors
/// As [`count`].
pub fn table() -> Result<Table> {
    let mut table = Table::new(&["chunks", "chunks_of_cutout", "allocations"]);
    for edge in EDGES {
        for bits in SIZES {
            let Planned { chunks, allocations } = count(bits, edge)?;
            table.push(&[&(1_u64 << bits), &chunks, &allocations]);
        }
    }
    Ok(table)
}
