//! The hot rooms of the engine, one by one, so that a slower one has an address.
//!
//! ```sh
//! cargo bench --bench rooms              # all of them; a word after -- chooses
//! cargo bench --bench rooms -- --save-baseline before
//! ```

#![expect(clippy::unwrap_used, reason = "a bench that cannot run says so")]

use std::hint::black_box;
use std::num::NonZeroUsize;

use bigarrays::codec::{ChunkSpec, codec_for};
use bigarrays::info::{ShardEncoding, ShardHash, Sharding};
use bigarrays::memory::MemoryBackend;
use bigarrays::ndarray::{Array4, ShapeBuilder};
use bigarrays::wrap::Freshness;
use bigarrays::{BigArray, BoundingBox, ChunkCache, DataType, Encoding, MemoryOrder, VolumeInfo};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SHARDING: Sharding = Sharding {
    preshift_bits: 3,
    hash: ShardHash::Identity,
    minishard_bits: 3,
    shard_bits: 3,
    minishard_index_encoding: ShardEncoding::Gzip,
    data_encoding: ShardEncoding::Raw,
};

/// Labels as they are: cells of some thousand voxels.
fn labels(side: usize) -> Array4<u32> {
    Array4::from_shape_fn((side, side, side, 1).f(), |(x, y, z, _)| {
        let cell = (x + y / 3) / 23 + 31 * ((y + z / 2) / 29) + 997 * (z / 31);
        u32::try_from(cell).unwrap().wrapping_mul(2_654_435_761) >> 8
    })
}

fn volume(side: u64, chunk: u64, encoding: Encoding, sharded: bool) -> BigArray<MemoryBackend> {
    let info =
        VolumeInfo::builder(DataType::Uint32, [side; 3]).chunk_size([chunk; 3]).encoding(encoding);
    let info = if sharded { info.sharding(SHARDING) } else { info };
    let builder = BigArray::builder(MemoryBackend::new()).threads(NonZeroUsize::MIN);
    let array = builder.create(info.build().unwrap()).unwrap();
    array.write([0; 3], labels(usize::try_from(side).unwrap()).view()).unwrap();
    array
}

/// Which parts of which chunks make up a box: no bytes move.
fn plan(c: &mut Criterion) {
    let array = volume(64, 16, Encoding::Raw, false);
    let bbox = BoundingBox::new([3; 3], [61; 3]);
    c.bench_function("plan/cover of 64 chunks", |b| {
        b.iter(|| array.grid().cover(black_box(&bbox)).map(|part| part.part.min[0]).sum::<i64>());
    });
    c.bench_function("plan/one voxel", |b| {
        b.iter(|| array.read::<u32>(black_box([5..6, 6..7, 7..8])).unwrap());
    });
}

/// Rows of raw chunks to their places.
fn scatter(c: &mut Criterion) {
    let array = volume(128, 64, Encoding::Raw, false);
    let mut group = c.benchmark_group("scatter");
    group.throughput(Throughput::Bytes(100 * 100 * 100 * 4));
    let bbox = [14..114, 14..114, 14..114];
    group.bench_function("fortran", |b| b.iter(|| array.read::<u32>(bbox.clone()).unwrap()));
    let across = array.to_builder().order(MemoryOrder::C).open().unwrap();
    group.bench_function("c", |b| b.iter(|| across.read::<u32>(bbox.clone()).unwrap()));
    group.finish();
}

/// Many chunks of few voxels: what a chunk costs beside its voxels.
fn drive(c: &mut Criterion) {
    let array = volume(64, 4, Encoding::Raw, false);
    let mut group = c.benchmark_group("drive");
    group.throughput(Throughput::Elements(4096));
    group.bench_function("4096 chunks", |b| b.iter(|| array.read::<u32>(array.bounds()).unwrap()));
    group.finish();
}

fn shards(c: &mut Criterion) {
    let array = volume(128, 16, Encoding::Raw, true);
    c.bench_function("shard/whole volume", |b| {
        b.iter(|| array.read::<u32>(array.bounds()).unwrap());
    });
    c.bench_function("shard/one chunk", |b| {
        b.iter(|| array.read::<u32>(black_box([32..48, 32..48, 32..48])).unwrap());
    });
}

fn cache(c: &mut Criterion) {
    let cache = ChunkCache::new(64 << 20).freshness(Freshness::Forever);
    let array = volume(128, 32, Encoding::CompressedSegmentation, false);
    let array = array.to_builder().chunk_cache(cache).open().unwrap();
    array.read::<u32>(array.bounds()).unwrap();
    c.bench_function("cache/hit of 64 chunks", |b| {
        b.iter(|| array.read::<u32>(array.bounds()).unwrap());
    });
}

fn codecs(c: &mut Criterion) {
    const SIDE: usize = 64;
    let mut group = c.benchmark_group("codec");
    for encoding in Encoding::ALL {
        let data_type = encoding.data_types()[0];
        let Ok(info) = VolumeInfo::builder(data_type, [64; 3]).encoding(encoding).build() else {
            continue;
        };
        let Ok(codec) = codec_for(&info.scales[0]) else { continue };
        let spec = ChunkSpec { data_type, shape: [SIDE, SIDE, SIDE, 1] };
        // Smooth, small numbers: what every encoding takes.
        let label =
            |n: usize| u8::try_from((n % SIDE / 7 + n / SIDE % SIDE / 9 * 3) % 251).unwrap();
        let size = data_type.size();
        let voxels: Vec<u8> = (0..SIDE.pow(3))
            .flat_map(|n| {
                let mut voxel = vec![0; size];
                voxel[0] = label(n);
                voxel
            })
            .collect();
        let Ok(encoded) = codec.encode(voxels.clone(), &spec) else { continue };
        group.throughput(Throughput::Bytes(voxels.len() as u64));
        let mut scratch = Vec::new();
        group.bench_function(format!("{encoding}/decode"), |b| {
            b.iter(|| codec.decode(&encoded, &spec, &mut scratch).unwrap().len());
        });
        group.bench_function(format!("{encoding}/encode"), |b| {
            b.iter(|| codec.encode(voxels.clone(), &spec).unwrap());
        });
    }
    group.finish();
}

criterion_group! {
    name = rooms;
    config = Criterion::default().sample_size(20);
    targets = plan, scatter, drive, shards, cache, codecs
}
criterion_main!(rooms);
