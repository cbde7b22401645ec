//! What `docs/performance.md` says of growth, held by counts and simulated time: nothing here
//! depends on the machine.

use std::time::Duration;

use benches_scale::model::Network;
use benches_scale::series::clients::{self, Cache, Way};
use benches_scale::series::size::operations;
use benches_scale::series::{CHUNK, Cost, concurrency, listing, planning, simulation};
use benches_scale::store::PAGE;
use benches_scale::volume::Volume;
use bigarrays::array::DEFAULT_MEMORY;

const SMALL: u32 = 10;
const HUGE: u32 = 30;
const PLACES: u64 = 4;

fn most(costs: &[Cost], value: fn(&Cost) -> u64) -> u64 {
    costs.iter().map(value).max().unwrap_or(0)
}

#[test]
fn no_read_costs_more_requests_in_a_larger_volume() {
    for bits in [SMALL, HUGE] {
        let plain = Volume::new(bits, CHUNK);
        let costs = operations(plain, Network::round_trips(), PLACES).unwrap();
        let requests = costs.each_ref().map(|costs| most(costs, |cost| cost.counts.requests));
        // A cutout of 128^3 touches 27 chunks at the most.
        assert_eq!(requests[..3], [1, 1, 1], "2^{bits} chunks");
        assert!(requests[3] <= 27 && requests[4] <= 27, "2^{bits} chunks: {requests:?}");
        let sharded = plain.sharded(3, 9);
        let costs = operations(sharded, Network::round_trips(), PLACES).unwrap();
        let requests = costs.each_ref().map(|costs| most(costs, |cost| cost.counts.requests));
        assert_eq!(requests[..3], [1, 3, 1], "2^{bits} chunks");
        // Of each of up to 8 shards an index and those of its minishards, and the chunks.
        assert!(requests[3] <= 2 * 8 + 27, "2^{bits} chunks: {requests:?}");
    }
}

#[test]
fn a_shard_takes_three_round_trips_and_then_one() {
    for bits in [SMALL, 20, HUGE] {
        let volume = Volume::new(bits, CHUNK).sharded(3, 9);
        let costs = operations(volume, Network::round_trips(), PLACES).unwrap();
        for (costs, trips) in costs.iter().zip([1, 3, 1, 3, 1]) {
            assert_eq!(most(costs, |cost| cost.time.as_secs()), trips, "2^{bits} chunks");
        }
    }
}

#[test]
fn many_chunks_take_as_long_as_a_few_round_trips() {
    let volume = Volume::new(12, 32);
    let read = |network, in_flight, memory| {
        let model = simulation(volume, network);
        concurrency::one(model, [256, 256, 128], in_flight, memory).unwrap()
    };
    let network = Network::round_trips();
    let cost = read(network, 256, DEFAULT_MEMORY);
    assert_eq!((cost.counts.requests, cost.time), (256, Duration::from_secs(1)));
    // No more are in flight than fit in memory, each twice, and their places are taken at once.
    let cost = read(network, 256, 64 * 2 * 32 * 32 * 32);
    assert_eq!((cost.counts.in_flight, cost.time), (64, Duration::from_secs(4)));
    let cost = read(Network::s3(), 16, DEFAULT_MEMORY);
    let rate = cost.counts.bytes as f64 / cost.time.as_secs_f64();
    let limit = Network::s3().limit(16, volume.chunk_bytes());
    assert!(rate > 0.9 * limit, "{rate} of {limit} bytes a second");
}

#[test]
fn planning_does_not_know_how_large_the_volume_is() {
    for edge in [1, 4] {
        let [small, huge] = [SMALL, HUGE].map(|bits| planning::count(bits, edge).unwrap());
        assert_eq!(small, huge);
        assert!(small.allocations < 16 * small.chunks + 16, "{small:?}");
    }
}

#[test]
fn a_listing_takes_its_pages_and_no_memory() {
    let [small, large] = [13, 17].map(|bits| listing::list(Volume::new(bits, CHUNK)).unwrap());
    for listed in [small, large] {
        assert_eq!(listed.cost.counts.requests, listed.keys.div_ceil(PAGE));
        assert!(listed.memory < 4096, "{listed:?}");
    }
    // The shards of a volume are listed, not its chunks.
    let shards = listing::list(Volume::new(20, CHUNK).sharded(3, 9)).unwrap();
    assert_eq!((shards.keys, shards.cost.counts.requests), (256, 1));
}

#[test]
fn clients_add_up_and_a_trusted_cache_asks_for_each_chunk_once() {
    let read = |clients, cache| clients::read(320, Way { clients, cache }).unwrap();
    let one = read(1, Cache::None);
    let many = read(64, Cache::None);
    assert_eq!((one.requests, one.bytes), (many.requests, many.bytes));
    assert!(many.time * 32 < one.time, "{many:?}, {one:?}");
    let (checked, trusted) = (read(64, Cache::Checked), read(64, Cache::Trusted));
    assert_eq!(checked.requests, one.requests, "one question for each chunk");
    assert_eq!(checked.bytes, trusted.bytes);
    assert_eq!(trusted.requests * CHUNK * CHUNK * CHUNK, trusted.bytes);
    assert!(trusted.requests < one.requests, "{trusted:?}, {one:?}");
}

#[test]
fn a_simulation_is_the_same_every_time() {
    let run = || {
        let read = clients::read(100, Way { clients: 64, cache: Cache::None }).unwrap();
        (read.time, read.requests, concurrency::many(100, 2).unwrap().time)
    };
    assert_eq!(run(), run());
}
