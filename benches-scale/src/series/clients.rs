//! Many small cutouts: one after another and by many clients, with and without a chunk cache.

use std::time::Duration;

use bigarrays::wrap::Freshness;
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
/// Room for every chunk of all neighbourhoods, 27 each: what is put out of a cache is not the same in
/// every run.
const CACHE: u64 = 1 << 30;

/// What is done with chunks that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Nothing.
    None,
    /// They are kept, and the store is asked whether they are still the same: the default of a
    /// chunk cache.
    Checked,
    /// They are kept and believed.
    Trusted,
}

impl Cache {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Checked, Self::Trusted];

    /// Its word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Checked => "checked",
            Self::Trusted => "trusted",
        }
    }
}

/// How cutouts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// How many read at once; each has every so many-th cutout.
    pub clients: usize,
    /// What each does with chunks that were read.
    pub cache: Cache,
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
    for ((axis, min), size) in (0..).zip(&mut min).zip(volume.size()) {
        let begin = random(neighbourhood * 3 + axis + (1 << 40)) % (size - NEIGHBOURHOOD);
        let inside = random(number * 3 + axis) % (NEIGHBOURHOOD - EDGE);
        *min = i64::try_from(begin + inside)?;
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
        let cache = ChunkCache::new(CACHE);
        arrays.push(match way.cache {
            Cache::None => builder.open()?,
            Cache::Checked => builder.chunk_cache(cache).open()?,
            Cache::Trusted => builder.chunk_cache(cache.freshness(Freshness::Forever)).open()?,
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
        for cache in Cache::ALL {
            for cutouts in [1, 10, 100, 1000, 10_000] {
                let read = read(cutouts, Way { clients, cache })?;
                let each = |sum: f64| short(sum / cutouts as f64);
                table.push(&[
                    &clients,
                    &cache.name(),
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
