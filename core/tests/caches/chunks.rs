//! Decoded chunks.

use std::thread;
use std::time::Duration;

use bigarrays_core::array::{OnMissing, Unaligned};
use bigarrays_core::backend::{IoModel, KeyValueBackend};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array4, ShapeBuilder};
use bigarrays_core::wrap::{Counts, Freshness, Trace};
use bigarrays_core::{BigArray, BoundingBox, ChunkCache, DataType, Encoding, VolumeInfo};
use bigarrays_info::{ShardEncoding, ShardHash, Sharding};
use proptest::prelude::*;

use crate::gate::Gate;
use crate::{Hands, counting};

/// Grid 4 × 4 × 4 in shards of 2 × 2 × 2 chunks.
const SHARDING: Sharding = Sharding {
    preshift_bits: 1,
    hash: ShardHash::Identity,
    minishard_bits: 2,
    shard_bits: 3,
    minishard_index_encoding: ShardEncoding::Gzip,
    data_encoding: ShardEncoding::Raw,
};

const FIRST: [std::ops::Range<i64>; 3] = [0..8, 0..8, 0..8];

fn info(sharded: bool) -> VolumeInfo {
    let info = VolumeInfo::builder(DataType::Uint8, [32; 3]).chunk_size([8; 3]);
    let info = if sharded { info.sharding(SHARDING) } else { info };
    info.build().unwrap()
}

fn filled_with(shape: [usize; 3], value: u8) -> Array4<u8> {
    Array4::from_elem((shape[0], shape[1], shape[2], 1).f(), value)
}

fn create<B: KeyValueBackend>(store: B, sharded: bool, cache: &ChunkCache) -> BigArray<B> {
    let builder = BigArray::builder(store).chunk_cache(cache.clone());
    let array = builder.unaligned(Unaligned::ReadModifyWrite).create(info(sharded)).unwrap();
    array.write([0; 3], filled_with([32; 3], 1).view()).unwrap();
    array
}

fn forever() -> ChunkCache {
    ChunkCache::new(1 << 20).freshness(Freshness::Forever)
}

fn voxel<B: KeyValueBackend>(array: &BigArray<B>) -> u8 {
    array.read::<u8>([0..1, 0..1, 0..1]).unwrap()[[0, 0, 0, 0]]
}

fn counted<T>(array: &BigArray<Trace<MemoryBackend>>, call: impl FnOnce() -> T) -> (T, Counts) {
    let before = array.backend().counts();
    let result = call();
    (result, array.backend().counts().since(&before))
}

#[test]
fn a_kept_chunk_is_neither_fetched_nor_decoded() {
    for sharded in [false, true] {
        let cache = forever();
        let array = create(Trace::new(MemoryBackend::new()), sharded, &cache);
        array.read::<u8>([0..32, 0..32, 0..8]).unwrap();
        assert_eq!((cache.len(), cache.hits_and_misses()), (16, (0, 16)));
        let again = || array.read::<u8>([3..30, 2..32, 1..5]).unwrap();
        let (read, asked) = counted(&array, again);
        assert!(read.iter().all(|&voxel| voxel == 1));
        assert_eq!((asked.get, asked.head), (0, 0), "sharded: {sharded}");
        let points: Vec<[i64; 3]> = (0..32).map(|n| [n, n, 7]).collect();
        let (_, asked) = counted(&array, || array.read_points::<u8>(&points).unwrap());
        assert_eq!((asked.get, asked.head), (0, 0));
        // Points bring their chunks in, too.
        let deep: Vec<[i64; 3]> = (0..32).map(|n| [n, n, 20]).collect();
        for expected in [false, true] {
            let (_, asked) = counted(&array, || array.read_points::<u8>(&deep).unwrap());
            assert_eq!(asked.get == 0, expected);
        }
    }
}

#[test]
fn a_cache_that_validates_asks_once_a_chunk_or_shard() {
    for (sharded, heads) in [(false, 16), (true, 4)] {
        let cache = ChunkCache::new(1 << 20);
        let array = create(Trace::new(MemoryBackend::new()), sharded, &cache);
        let read = || array.read::<u8>([0..32, 0..32, 0..8]).unwrap();
        read();
        let (_, asked) = counted(&array, read);
        assert_eq!((asked.get, asked.head), (0, heads));
    }
}

#[test]
fn concurrent_reads_of_one_missing_chunk_fetch_it_once() {
    for io in [IoModel::Blocking, IoModel::Async] {
        for sharded in [false, true] {
            let gate = Gate::new(io);
            let cache = forever();
            let array = create(gate.clone(), sharded, &cache);
            // A neighbour in the same minishard: its indices are known then.
            array.read::<u8>([8..16, 0..8, 0..8]).unwrap();
            let before = gate.asked().0;
            gate.close();
            thread::scope(|scope| {
                let readers: Vec<_> = (0..6).map(|_| scope.spawn(|| voxel(&array))).collect();
                gate.until_held(1);
                gate.open();
                assert!(readers.into_iter().all(|reader| reader.join().unwrap() == 1));
            });
            assert_eq!(gate.asked().0 - before, 1, "{io:?}, sharded: {sharded}");
        }
    }
}

#[test]
fn what_a_read_fetched_before_a_write_is_not_found_after_it() {
    for io in [IoModel::Blocking, IoModel::Async] {
        for sharded in [false, true] {
            let gate = Gate::new(io);
            let array = create(gate.clone(), sharded, &forever());
            array.read::<u8>([8..16, 0..8, 0..8]).unwrap();
            gate.close();
            thread::scope(|scope| {
                let reader = scope.spawn(|| voxel(&array));
                gate.until_held(1);
                // A whole shard, which is not read for it.
                array.write([0; 3], filled_with([16; 3], 2).view()).unwrap();
                gate.open();
                let seen = reader.join().unwrap();
                assert!(seen == 1 || seen == 2);
            });
            assert_eq!(voxel(&array), 2, "{io:?}, sharded: {sharded}");
        }
    }
}

#[test]
fn every_write_and_delete_is_seen_by_the_next_read() {
    for sharded in [false, true] {
        let cache = forever();
        let array = create(MemoryBackend::new(), sharded, &cache);
        let other = array.to_builder().open().unwrap();
        for (n, size) in [(2, 8), (3, 3), (4, 16), (5, 9)] {
            assert_ne!(voxel(&other), n);
            array.write([0; 3], filled_with([size; 3], n).view()).unwrap();
            assert_eq!((voxel(&array), voxel(&other)), (n, n), "a box of {size}³");
        }
        array.delete(FIRST).unwrap();
        assert_eq!(voxel(&other), 0);
        array.write([0; 3], filled_with([32; 3], 9).view()).unwrap();
        assert_eq!(voxel(&other), 9);
        array.delete_all().unwrap();
        assert_eq!(voxel(&other), 0);
        array.write([0; 3], filled_with([32; 3], 8).view()).unwrap();
        assert_eq!(voxel(&other), 8);
        array.to_builder().remove().unwrap();
        assert_eq!(voxel(&other), 0);
        let strict = other.to_builder().on_missing(OnMissing::Error);
        let strict = { strict.create(info(sharded)).unwrap() };
        strict.read::<u8>(FIRST).unwrap_err();
        strict.read::<u8>(FIRST).unwrap_err();
    }
}

#[test]
fn the_staleness_policy_holds_between_two_handles_with_a_cache_each() {
    for sharded in [false, true] {
        let store = MemoryBackend::new();
        let writer = create(store.clone(), sharded, &ChunkCache::new(1 << 20));
        let clock = Hands::default();
        let handle = |freshness| {
            let cache = ChunkCache::new(1 << 20).freshness(freshness).clock(clock.clone());
            BigArray::builder(store.clone()).chunk_cache(cache).open().unwrap()
        };
        let validating = handle(Freshness::Validate);
        let aged = handle(Freshness::Age(Duration::from_secs(60)));
        let lasting = handle(Freshness::Forever);
        for array in [&validating, &aged, &lasting] {
            assert_eq!(voxel(array), 1);
        }
        writer.write([0; 3], filled_with([5; 3], 2).view()).unwrap();
        assert_eq!([voxel(&validating), voxel(&aged), voxel(&lasting)], [2, 1, 1]);
        clock.advance(Duration::from_secs(61));
        assert_eq!([voxel(&validating), voxel(&aged), voxel(&lasting)], [2, 2, 1]);
        writer.delete(FIRST).unwrap();
        clock.advance(Duration::from_secs(61));
        assert_eq!([voxel(&validating), voxel(&aged), voxel(&lasting)], [0, 0, 1]);
    }
}

#[test]
fn one_cache_holds_many_arrays_apart_and_its_bound() {
    let cache = ChunkCache::new(20_000).freshness(Freshness::Forever);
    let arrays: Vec<_> = (0..4)
        .map(|n| {
            let array = create(MemoryBackend::named("same"), n % 2 == 0, &cache);
            array.write([0; 3], filled_with([32; 3], n + 10).view()).unwrap();
            array
        })
        .collect();
    for _ in 0..3 {
        for (n, array) in (10..).zip(&arrays) {
            let whole = array.read::<u8>(array.bounds()).unwrap();
            assert!(whole.iter().all(|&voxel| voxel == n));
            assert!(cache.bytes() <= 20_000);
        }
    }
    assert!(cache.len() > 10);
    // Two that say they are the same share.
    let store = Trace::new(MemoryBackend::new());
    let cache = forever();
    create(store.clone(), false, &ChunkCache::new(0));
    let open = || {
        let builder = BigArray::builder(store.clone()).chunk_cache(cache.clone());
        builder.cache_identity("lab").open().unwrap()
    };
    assert_eq!((voxel(&open()), voxel(&open())), (1, 1));
    assert_eq!(cache.hits_and_misses(), (1, 1));
}

#[test]
fn damaged_chunks_are_errors_every_time_and_nobody_waits_for_them() {
    use bigarrays_core::backend::{KeyValueBackendExt, wait};
    let store = MemoryBackend::new();
    let array = create(store.clone(), false, &forever());
    let key = array.chunk_key([0; 3]).unwrap();
    wait(store.put_always(&key, "too short")).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| array.read::<u8>(FIRST).unwrap_err());
        }
    });
    array.write([0; 3], filled_with([8; 3], 3).view()).unwrap();
    assert_eq!(voxel(&array), 3);
}

/// Writers of whole shards and of small boxes beside readers of one cache: no reader goes back in
/// time, and all see the last value.
#[test]
fn readers_never_go_back_in_time() {
    for (io, sharded, freshness) in [
        (IoModel::Blocking, false, Freshness::Forever),
        (IoModel::Blocking, true, Freshness::Forever),
        (IoModel::Async, false, Freshness::Forever),
        (IoModel::Async, true, Freshness::Forever),
        (IoModel::Blocking, true, Freshness::Validate),
        (IoModel::Async, false, Freshness::Validate),
    ] {
        let cache = ChunkCache::new(1 << 20).freshness(freshness);
        let array = create(Gate::new(io), sharded, &cache);
        array.delete(FIRST).unwrap();
        let write = |n: u64| {
            let size = if n.is_multiple_of(2) { 16 } else { 5 };
            let value = u8::try_from(n).unwrap();
            array.write([0; 3], filled_with([size; 3], value).view()).unwrap();
        };
        let points = || array.read_points::<u8>(&[[0; 3]]).unwrap()[[0, 0]].into();
        let box_of_many = || array.read::<u8>([0..20, 0..20, 0..20]).unwrap()[[0; 4]].into();
        counting(200, write, &[&points, &box_of_many, &|| voxel(&array).into()]);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Read(BoundingBox),
    Points(Vec<[i64; 3]>),
    Write([i64; 3], [usize; 3], u32),
    Delete([i64; 3]),
}

fn step() -> impl Strategy<Value = Step> {
    let corner = || prop::array::uniform3(-3_i64..20);
    let size = || prop::array::uniform3(1_u64..14);
    prop_oneof![
        4 => (corner(), size()).prop_map(|(at, size)| Step::Read(BoundingBox::at(at, size).unwrap())),
        1 => prop::collection::vec(prop::array::uniform3(0_i64..16), 1..9).prop_map(Step::Points),
        2 => (prop::array::uniform3(0_i64..16), prop::array::uniform3(1_usize..10), any::<u32>())
            .prop_map(|(at, size, value)| {
                let size = std::array::from_fn(|n| size[n].min(usize::try_from(16 - at[n]).unwrap()));
                Step::Write(at, size, value)
            }),
        1 => prop::array::uniform3(0_i64..2).prop_map(Step::Delete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever is done, an array with a cache reads what one without reads.
    #[test]
    fn a_cached_array_reads_as_one_without(
        steps in prop::collection::vec(step(), 1..25),
        sharded in any::<bool>(),
        encoding in prop::sample::select(vec![
            Encoding::Raw, Encoding::CompressedSegmentation, Encoding::Compresso,
        ]),
        (bytes, freshness) in (
            prop::sample::select(vec![0, 3000, 1 << 20]),
            prop::sample::select(vec![Freshness::Forever, Freshness::Validate]),
        ),
    ) {
        let info = VolumeInfo::builder(DataType::Uint32, [16; 3]).chunk_size([8; 3]);
        let info = info.encoding(encoding);
        let small = Sharding { shard_bits: 1, minishard_bits: 1, ..SHARDING };
        let info = if sharded { info.sharding(small) } else { info };
        let cache = ChunkCache::new(bytes).freshness(freshness);
        let builder = BigArray::builder(MemoryBackend::new()).chunk_cache(cache);
        let cached = builder.unaligned(Unaligned::ReadModifyWrite).create(info.build().unwrap()).unwrap();
        let plain = BigArray::open(cached.backend().clone()).unwrap();
        for step in steps {
            match step {
                Step::Read(bbox) => {
                    let read = cached.read::<u32>(bbox).unwrap();
                    prop_assert_eq!(read, plain.read::<u32>(bbox).unwrap());
                }
                Step::Points(points) => {
                    let read = cached.read_points::<u32>(&points).unwrap();
                    prop_assert_eq!(read, plain.read_points::<u32>(&points).unwrap());
                }
                Step::Write(at, [x, y, z], value) => {
                    let mut next = value;
                    let array = Array4::from_shape_simple_fn((x, y, z, 1), || {
                        next = next.wrapping_mul(3);
                        next % 7
                    });
                    cached.write(at, array.view()).unwrap();
                }
                Step::Delete(cell) => {
                    let at = cell.map(|n| n * 8);
                    cached.delete(BoundingBox::at(at, [8; 3]).unwrap()).unwrap();
                }
            }
        }
    }
}
