//! Throughput by the requests in flight, beside what the model can give at most.

use bigarrays::BoundingBox;
use bigarrays::array::DEFAULT_MEMORY;
use bigarrays::ndarray::{Array4, ShapeBuilder};

use super::{CHUNK, Cost, Result, builder, check, cost, simulation, somewhere};
use crate::clock::Clock;
use crate::model::Network;
use crate::store::Model;
use crate::table::{Table, short};
use crate::volume::Volume;

/// The large cutout of the table.
const BOX: [u64; 3] = [1024, 1024, 512];
/// Cutouts that each client reads.
const CUTOUTS: u64 = 16;
/// Voxels along each axis of them.
const EDGE: u64 = 128;
const CLIENTS: usize = 64;

/// One cutout of a shape, with so many requests in flight and so much memory.
///
/// # Errors
/// If it fails.
pub fn one(
    (clock, model): (Clock, Model),
    shape: [u64; 3],
    in_flight: usize,
    memory: usize,
) -> Result<Cost> {
    let model = model.concurrency(in_flight);
    let array = builder(&model).memory(memory).open()?;
    let bbox = BoundingBox::at([0; 3], shape).ok_or("no such box")?;
    let [x, y, z] = shape.map(|axis| usize::try_from(axis).unwrap_or(0));
    let mut voxels = Array4::<u8>::zeros((x, y, z, 1).f());
    let ((), cost) = cost(&model, &clock, || array.read_into(bbox, voxels.view_mut()))?;
    check(&array, &bbox, &voxels)?;
    Ok(cost)
}

/// 64 clients, each with so many cutouts one after another, of a store that does so many requests at
/// once.
///
/// # Errors
/// If one fails.
pub fn many(at_once: usize, cutouts: u64) -> Result<Cost> {
    let volume = Volume::new(20, CHUNK);
    let (clock, model) = simulation(volume, Network::s3().at_once(at_once));
    let opened: bigarrays::Result<Vec<_>> = (0..CLIENTS).map(|_| builder(&model).open()).collect();
    let arrays = opened?;
    let (answers, cost) = cost(&model, &clock, || {
        Ok(clock.clients(CLIENTS, |client| -> Result<()> {
            for number in 0..cutouts {
                let near = somewhere(&volume, [EDGE; 3], client as u64 * cutouts + number)?;
                // On the grid: every byte that is read is wanted.
                let chunk = i64::try_from(CHUNK)?;
                let min = near.min.map(|axis| axis / chunk * chunk);
                let bbox = BoundingBox::at(min, [EDGE; 3]).ok_or("no such box")?;
                check(&arrays[client], &bbox, &arrays[client].read::<u8>(bbox)?)?;
            }
            Ok(())
        }))
    })?;
    answers.into_iter().collect::<Result<()>>()?;
    Ok(cost)
}

/// The table of all ways.
///
/// # Errors
/// As [`one`] and [`many`].
pub fn table() -> Result<Table> {
    let mut table = Table::new(&[
        "way",
        "in_flight",
        "most_in_flight_seen",
        "seconds",
        "megabytes_a_second",
        "limit_megabytes_a_second",
        "share_of_limit",
    ]);
    let mut push = |way: &str, in_flight: usize, cost: Cost, limit: f64| {
        let rate = cost.counts.bytes as f64 / cost.time.as_secs_f64();
        table.push(&[
            &way,
            &in_flight,
            &cost.counts.in_flight,
            &short(cost.time.as_secs_f64()),
            &short(rate / 1e6),
            &short(limit / 1e6),
            &short(rate / limit),
        ]);
    };
    let network = Network::s3();
    let small = Volume::new(20, CHUNK);
    let large = Volume::new(17, 2 * CHUNK);
    let ways = [
        ("64^3 chunks", small, DEFAULT_MEMORY),
        ("128^3 chunks", large, DEFAULT_MEMORY),
        ("128^3 chunks, memory 2 GiB", large, 8 * DEFAULT_MEMORY),
    ];
    for (way, volume, memory) in ways {
        for in_flight in (0..=8).map(|log| 1_usize << log) {
            let cost = one(simulation(volume, network), BOX, in_flight, memory)?;
            push(way, in_flight, cost, network.limit(in_flight, volume.chunk_bytes()));
        }
    }
    for in_flight in (0..=9).map(|log| 1_usize << log) {
        let limit = network.limit(in_flight, small.chunk_bytes());
        push("64 clients", in_flight, many(in_flight, CUTOUTS)?, limit);
    }
    Ok(table)
}
