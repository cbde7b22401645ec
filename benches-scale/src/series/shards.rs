//! What a read costs by the shape of shards.

use super::size::operations;
use super::{CHUNK, Mean, Result};
use crate::model::Network;
use crate::store::PAGE;
use crate::table::{Table, short};
use crate::volume::Volume;

/// 2^30 chunks in shards of different shapes: first so many chunks a shard, then so many of them a
/// minishard.
///
/// # Errors
/// If a read fails.
pub fn table() -> Result<Table> {
    let mut table = Table::new(&[
        "varied",
        "chunks_a_shard",
        "minishards",
        "shard_index_bytes",
        "minishard_index_bytes",
        "files",
        "pages_of_listing",
        "first_voxel_seconds",
        "first_voxel_bytes",
        "voxel_beside_it_seconds",
        "first_cutout_seconds",
        "first_cutout_requests",
        "first_cutout_bytes",
    ]);
    // As `Sharding::choose` does it: up to 512 chunks a minishard.
    let by_size = [6, 8, 10, 12, 14, 16, 18].map(|inside: u32| ("shard", inside, inside.min(9)));
    let by_minishard = [0, 2, 4, 6, 8, 9, 10, 12, 14].map(|preshift| ("minishard", 14, preshift));
    for (varied, inside, preshift) in by_size.into_iter().chain(by_minishard) {
        let volume = Volume::new(30, CHUNK).sharded(inside - preshift, preshift);
        let costs = operations(volume, Network::s3(), 100)?;
        let [_, first, beside, cutout, _] = costs.map(|costs| Mean::of(&costs));
        table.push(&[
            &varied,
            &(1_u64 << inside),
            &(1_u64 << (inside - preshift)),
            &(16_u64 << (inside - preshift)),
            &(24_u64 << preshift),
            &volume.keys(),
            &volume.keys().div_ceil(PAGE),
            &short(first.seconds),
            &short(first.bytes),
            &short(beside.seconds),
            &short(cutout.seconds),
            &short(cutout.requests),
            &short(cutout.bytes),
        ]);
    }
    Ok(table)
}
