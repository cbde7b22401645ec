//! Many small cutouts: one after another and by many clients, with and without a chunk cache.

use std::time::Duration;

use bigarrays::{BoundingBox, ChunkCache};

use super::{CHUNK, Result, builder, check, simulation};
use crate::model::{Network, random};
use crate::table::{Table, short};
use crate::volume::Volume;

/// Clients, and neighbourhoods that the cutouts lie in.
const CLIENTS: usize = 64;
/// Voxels along each axis of a neighbourhood and of a cutout.
const NEIGHBOURHOOD: u64 = 128;
const EDGE: u64 = 32;
/// Room for every chunk of all neighbourhoods.
const CACHE: u64 = 256 << 20;

/// How cutouts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// How many read at once; each has every so many-th cutout.
    pub clients: usize,
    /// Whether each keeps chunks.
    pub is_cached: bool,
}

/// What reading so many cutouts cost.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// Simulated, until the last one was there.
    pub time: Duration,
    /// Requests of all clients.
    pub requests: u64,
    /// Bytes of all clients.
    pub bytes: u64,
}

/// The how many-th cutout: they go round 64 neighbourhoods.
fn cutout(volume: &Volume, number: u64) -> Result<BoundingBox> {
    let neighbourhood = number % CLIENTS as u64;
    let mut min = [0; 3];
    for axis in 0..3 {
        let begin = random(neighbourhood * 3 + axis as u64 + (1 << 40));
        let begin = begin % (volume.size()[axis] - NEIGHBOURHOOD);
        let inside = random(number * 3 + axis as u64) % (NEIGHBOURHOOD - EDGE);
        min[axis] = i64::try_from(begin + inside)?;
    }
    BoundingBox::at(min, [EDGE; 3]).ok_or_else(|| "no such box".into())
}

/// Reads so many cutouts of a volume of 2^20 chunks.
///
/// # Errors
/// If one cannot be read.
pub fn read(cutouts: u64, way: Way) -> Result<Read> {
    let volume = Volume::new(20, CHUNK);
    let (clock, model) = simulation(volume, Network::s3());
    let mut arrays = Vec::new();
    for _ in 0..way.clients {
        let builder = builder(&model);
        arrays.push(match way.is_cached {
            true => builder.chunk_cache(ChunkCache::new(CACHE)).open()?,
            false => builder.open()?,
        });
    }
    model.reset();
    let begun = clock.now();
    let answers = clock.clients(way.clients, |client| -> Result<()> {
        let array = &arrays[client];
        for number in (client as u64..cutouts).step_by(way.clients) {
            let bbox = cutout(&volume, number)?;
            check(array, &bbox, &array.read::<u8>(bbox)?)?;
        }
        Ok(())
    });
    answers.into_iter().collect::<Result<()>>()?;
    let counts = model.counts();
    Ok(Read { time: clock.now() - begun, requests: counts.requests, bytes: counts.bytes })
}

/// The table of all ways.
///
/// # Errors
/// As [`read`].
pub fn table() -> Result<Table> {
    let mut table = Table::new(&[
        "clients",
        "cache",
        "cutouts",
        "seconds",
        "milliseconds_a_cutout",
        "requests_a_cutout",
        "bytes_a_cutout",
    ]);
    for clients in [1, CLIENTS] {
        for is_cached in [false, true] {
            for cutouts in [1, 10, 100, 1000, 10_000] {
                let read = read(cutouts, Way { clients, is_cached })?;
                let each = |sum: f64| short(sum / cutouts as f64);
                table.push(&[
                    &clients,
                    &if is_cached { "yes" } else { "no" },
                    &cutouts,
                    &short(read.time.as_secs_f64()),
                    &each(read.time.as_secs_f64() * 1e3),
                    &each(read.requests as f64),
                    &each(read.bytes as f64),
                ]);
            }
        }
    }
    Ok(table)
}
