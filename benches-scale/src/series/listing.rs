//! What a listing costs: in proportion to what is listed, and in how much memory.

use bigarrays::BigArray;
use bigarrays::array::{VerifyOptions, VerifyWatch};
use bigarrays::backend::{KeyValueBackend, wait};
use futures::{TryStreamExt, future};

use super::{CHUNK, Cost, Result, builder, cost, simulation};
use crate::model::Network;
use crate::store::Model;
use crate::table::{Table, short};
use crate::volume::Volume;

/// What a listing was.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Keys.
    pub keys: u64,
    /// Time and requests.
    pub cost: Cost,
    /// The most bytes that it had at once.
    pub memory: u64,
}

struct Quiet;

impl VerifyWatch for Quiet {}

/// Lists all keys of a volume, as `bigarrays du` does.
///
/// # Errors
/// If it fails.
pub fn list(volume: Volume) -> Result<Listed> {
    run(volume, |array| {
        let listing = array.backend().list(array.directory());
        Ok(wait(listing.try_fold(0, |keys, _| future::ready(Ok(keys + 1))))?)
    })
}

/// Verifies a volume, which lists it first.
///
/// # Errors
/// If it fails.
pub fn verify(volume: Volume) -> Result<Listed> {
    run(volume, |array| {
        array.verify(VerifyOptions::default(), None, &Quiet)?;
        Ok(volume.keys())
    })
}

fn run(
    volume: Volume,
    work: impl FnOnce(&BigArray<Model>) -> bigarrays::Result<u64>,
) -> Result<Listed> {
    let (clock, model) = simulation(volume, Network::s3());
    let array = builder(&model).open()?;
    let mut answer = Err("nothing was listed".into());
    let counted = allocation_counter::measure(|| {
        answer = cost(&model, &clock, || work(&array)).map_err(Into::into);
    });
    let (keys, cost) = answer.map_err(|error: Box<dyn std::error::Error + Send + Sync>| error)?;
    Ok(Listed { keys, cost, memory: counted.bytes_max })
}

/// The table of all sizes that can be listed in a minute of a processor.
///
/// # Errors
/// As [`list`] and [`verify`].
pub fn table() -> Result<Table> {
    let mut table =
        Table::new(&["layout", "operation", "chunks", "keys", "requests", "seconds", "peak_bytes"]);
    let plain = |bits| ("plain", Volume::new(bits, CHUNK));
    let sharded = |bits| ("sharded", Volume::new(bits, CHUNK).sharded(3, 9));
    let volumes = [10, 13, 17, 20, 23].map(plain);
    let volumes = volumes.into_iter().chain([17, 20, 23, 27, 30].map(sharded));
    for (layout, volume) in volumes {
        let mut push = |operation: &str, listed: Listed| {
            table.push(&[
                &layout,
                &operation,
                &volume.chunks(),
                &listed.keys,
                &listed.cost.counts.requests,
                &short(listed.cost.time.as_secs_f64()),
                &listed.memory,
            ]);
        };
        push("list", list(volume)?);
        // The indices of shards are read as well.
        if volume.keys() <= 1 << 20 && !(layout == "sharded" && volume.keys() > 1 << 15) {
            push("verify", verify(volume)?);
        }
    }
    Ok(table)
}
