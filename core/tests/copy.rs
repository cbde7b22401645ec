//! Copies between volumes: any chunks, encodings and shards on either side.

#![expect(clippy::unwrap_used, reason = "test helpers may fail a test")]

use bigarrays_core::array::{Copier, CopyOptions, CopyWay, OnAbsent, Unaligned};
use bigarrays_core::backend::{ByteRange, KeyValueBackend, KeyValueBackendExt, wait};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array4, ShapeBuilder};
use bigarrays_core::wrap::Trace;
use bigarrays_core::{
    BigArray, BoundingBox, DataType, Encoding, Error, Key, Prefix, Transport, VolumeInfo,
};
use bigarrays_info::{ShardEncoding, ShardHash, Sharding};
use proptest::prelude::*;

const SHARDING: Sharding = Sharding {
    preshift_bits: 1,
    hash: ShardHash::Identity,
    minishard_bits: 1,
    shard_bits: 8,
    minishard_index_encoding: ShardEncoding::Gzip,
    data_encoding: ShardEncoding::Gzip,
};

#[derive(Debug, Clone, Copy)]
struct Form {
    chunk: [u64; 3],
    encoding: Encoding,
    sharding: Option<Sharding>,
    transport: Transport,
}

const PLAIN: Form =
    Form { chunk: [8; 3], encoding: Encoding::Raw, sharding: None, transport: Transport::None };

fn info(form: &Form, offset: [i64; 3], size: [u64; 3]) -> VolumeInfo {
    let info = VolumeInfo::builder(DataType::Uint32, size)
        .voxel_offset(offset)
        .chunk_size(form.chunk)
        .encoding(form.encoding);
    let info = match form.sharding {
        Some(sharding) => info.sharding(sharding),
        None => info,
    };
    info.build().unwrap()
}

fn volume(form: &Form, offset: [i64; 3], size: [u64; 3]) -> BigArray<MemoryBackend> {
    let builder = BigArray::builder(MemoryBackend::new()).transport(form.transport);
    builder.create(info(form, offset, size)).unwrap()
}

fn pattern(shape: [u64; 3], seed: u32) -> Array4<u32> {
    let [x, y, z] = shape.map(|axis| usize::try_from(axis).unwrap());
    Array4::from_shape_fn((x, y, z, 1).f(), |(x, y, z, _)| {
        let cell = (x / 3 * 31 + y / 2 * 17 + z) % 11;
        u32::try_from(cell).unwrap().wrapping_mul(seed.wrapping_add(7))
    })
}

/// Fills a volume but for every third chunk.
fn fill(array: &BigArray<MemoryBackend>, seed: u32) {
    let cells: Vec<_> = array.grid().cover(&array.bounds()).map(|part| part.chunk).collect();
    for (_, chunk) in cells.iter().enumerate().filter(|(n, _)| n % 3 != 2) {
        array.write(chunk.min, pattern(chunk.shape(), seed).view()).unwrap();
    }
}

fn stored<B: KeyValueBackend>(array: &BigArray<B>) -> Vec<(String, Vec<u8>)> {
    let metas = wait(array.backend().list_all(&Prefix::root())).unwrap();
    let chunks = metas.into_iter().filter(|meta| meta.key.as_str() != "info");
    let get = |key: &Key| wait(array.backend().get(key, ByteRange::Full)).unwrap().unwrap();
    chunks
        .map(|meta| {
            let blob = get(&meta.key);
            (format!("{} {}", meta.key, blob.content_encoding), blob.bytes.to_vec())
        })
        .collect()
}

fn form() -> impl Strategy<Value = Form> {
    (
        prop::sample::select(vec![[8_u64, 8, 8], [16, 8, 4], [5, 7, 3]]),
        prop::sample::select(vec![Encoding::Raw, Encoding::CompressedSegmentation]),
        prop::option::of(prop::sample::select(vec![
            SHARDING,
            Sharding { shard_bits: 2, data_encoding: ShardEncoding::Raw, ..SHARDING },
            Sharding { hash: ShardHash::Murmurhash3X86_128, ..SHARDING },
        ])),
        prop::sample::select(vec![Transport::None, Transport::GZIP, Transport::ZSTD]),
    )
        .prop_map(|(chunk, encoding, sharding, transport)| Form {
            chunk,
            encoding,
            sharding,
            transport,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn a_copy_equals_its_source_whatever_the_two_are_like(
        (from, to) in (form(), form()),
        offset in prop::array::uniform3(-9_i64..9),
        size in prop::array::uniform3(9_u64..34),
        memory in prop::sample::select(vec![0, 20_000, 1 << 30]),
        least in prop::sample::select(vec![CopyWay::Stored, CopyWay::Encoded, CopyWay::Voxels]),
        (stale, shares) in (any::<bool>(), 1_u64..4),
    ) {
        let (source, target) = (volume(&from, offset, size), volume(&to, offset, size));
        fill(&source, 1);
        if stale {
            target.write(offset, pattern(size, 99).view()).unwrap();
        }
        let copier = source.copy_to(&target, source.bounds(), options(memory).at_least(least).shares(shares)).unwrap();
        prop_assert!(copier.way() >= least);
        let mut done = 0;
        for share in 0..shares {
            for task in copier.share(share, shares) {
                copier.run(task).unwrap();
                done += 1;
            }
        }
        prop_assert_eq!(done, copier.tasks());
        let (read, wanted) = (target.read::<u32>(target.bounds()), source.read::<u32>(source.bounds()));
        prop_assert_eq!(read.unwrap(), wanted.unwrap());
        for task in 0..copier.tasks() {
            prop_assert!(copier.compare(task).unwrap().is_empty());
        }
        // What was absent is absent, chunk by chunk, where the grids are the same.
        if from.chunk == to.chunk {
            let missing = |array: &BigArray<_>| -> Vec<BoundingBox> {
                let missing = array.missing_chunks(array.bounds()).unwrap();
                missing.into_iter().map(|missing| missing.chunk).collect()
            };
            prop_assert_eq!(missing(&source), missing(&target));
        }
    }
}

fn options(memory: usize) -> CopyOptions {
    CopyOptions::default().memory(memory)
}

fn run(copier: &Copier<MemoryBackend, MemoryBackend>) {
    for task in 0..copier.tasks() {
        copier.run(task).unwrap();
    }
}

#[test]
fn values_go_through_untouched_where_grid_and_encoding_agree() {
    let zipped = Form { transport: Transport::GZIP, ..PLAIN };
    let sharded = Form { sharding: Some(SHARDING), ..PLAIN };
    for form in [PLAIN, zipped, sharded] {
        let (source, target) =
            (volume(&form, [3, -4, 5], [30; 3]), volume(&form, [3, -4, 5], [30; 3]));
        fill(&source, 5);
        // A target that would compress otherwise is still given the bytes as they are.
        let target = target.to_builder().transport(Transport::ZSTD).open().unwrap();
        let copier = source.copy_to(&target, source.bounds(), options(1 << 20)).unwrap();
        assert_eq!(copier.way(), CopyWay::Stored);
        let copied: Vec<_> = (0..copier.tasks()).map(|task| copier.run(task).unwrap()).collect();
        assert!(!stored(&source).is_empty());
        assert_eq!(stored(&target), stored(&source));
        let chunks: u64 = copied.iter().map(|copied| copied.written + copied.absent).sum();
        assert_eq!(chunks, 64);
    }
}

#[test]
fn the_way_is_the_cheapest_that_will_do() {
    let source = volume(&PLAIN, [0; 3], [32; 3]);
    let way = |form: &Form, bbox: BoundingBox, least| {
        let offset = [bbox.min[0], 0, 0];
        let target = volume(form, offset, [32 - bbox.min[0].unsigned_abs(), 32, 32]);
        source.copy_to(&target, bbox, options(1 << 20).at_least(least)).unwrap().way()
    };
    let all = source.bounds();
    let sharded = Form { sharding: Some(SHARDING), ..PLAIN };
    let segmentation = Form { encoding: Encoding::CompressedSegmentation, ..PLAIN };
    assert_eq!(way(&PLAIN, all, CopyWay::Stored), CopyWay::Stored);
    assert_eq!(way(&PLAIN, all, CopyWay::Encoded), CopyWay::Encoded);
    assert_eq!(way(&sharded, all, CopyWay::Stored), CopyWay::Encoded);
    assert_eq!(way(&segmentation, all, CopyWay::Stored), CopyWay::Voxels);
    let part = BoundingBox::from([8..32, 0..32, 0..32]);
    assert_eq!(way(&PLAIN, part, CopyWay::Stored), CopyWay::Stored);
    let between = BoundingBox::from([4..32, 0..32, 0..32]);
    assert_eq!(way(&PLAIN, between, CopyWay::Stored), CopyWay::Voxels);
}

#[test]
fn no_chunk_of_the_source_is_read_twice_where_a_task_has_room_for_whole_ones() {
    let backend = Trace::new(MemoryBackend::new());
    let source = BigArray::create(backend, info(&PLAIN, [0; 3], [64; 3])).unwrap();
    source.write([0; 3], pattern([64; 3], 3).view()).unwrap();
    let to = Form { chunk: [16, 16, 2], sharding: Some(SHARDING), ..PLAIN };
    let target = volume(&to, [0; 3], [64; 3]);
    let copier = source.copy_to(&target, source.bounds(), options(256 << 10)).unwrap();
    assert!(copier.tasks() > 3, "{}", copier.tasks());
    let before = source.backend().counts();
    for task in 0..copier.tasks() {
        copier.run(task).unwrap();
    }
    assert_eq!(source.backend().counts().since(&before).get, 512);
}

#[test]
fn a_copy_into_an_older_volume_deletes_what_the_source_does_not_have_unless_told_otherwise() {
    for (absent, left) in [(OnAbsent::Delete, 0), (OnAbsent::Leave, 9)] {
        for sharding in [None, Some(Sharding { shard_bits: 0, minishard_bits: 9, ..SHARDING })] {
            let form = Form { sharding, ..PLAIN };
            let (source, target) =
                (volume(&PLAIN, [0; 3], [16; 3]), volume(&form, [0; 3], [32; 3]));
            target.write([0; 3], Array4::from_elem((32, 32, 32, 1).f(), 9_u32).view()).unwrap();
            source.write([8, 0, 0], pattern([8; 3], 1).view()).unwrap();
            let copier = source
                .copy_to(&target, source.bounds(), options(1 << 20).on_absent(absent))
                .unwrap();
            run(&copier);
            let first = target.read::<u32>([0..1, 0..1, 0..1]).unwrap()[[0; 4]];
            assert_eq!(first, left, "{sharding:?}");
            let beside = target.read::<u32>([31..32, 0..1, 0..1]).unwrap()[[0; 4]];
            assert_eq!(beside, 9);
        }
    }
}

#[test]
fn shares_are_about_equal_and_share_no_shard() {
    let source = volume(&PLAIN, [0; 3], [64; 3]);
    fill(&source, 4);
    for sharding in [None, Some(SHARDING)] {
        let target = volume(&Form { sharding, ..PLAIN }, [0; 3], [64; 3]);
        let copier = source.copy_to(&target, source.bounds(), options(1 << 30).shares(4)).unwrap();
        let mut shards: Vec<Vec<String>> = Vec::new();
        for share in 0..4 {
            let before = stored(&target);
            let voxels: u128 = copier.share(share, 4).map(|task| copier.task(task).voxels()).sum();
            assert!((30_000..120_000).contains(&voxels), "{voxels}");
            for task in copier.share(share, 4) {
                copier.run(task).unwrap();
            }
            let new = stored(&target).into_iter().filter(|value| !before.contains(value));
            shards.push(new.map(|(key, _)| key).collect());
        }
        let mut all: Vec<String> = shards.concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "two shares wrote the same value");
        assert_eq!(
            target.read::<u32>(target.bounds()).unwrap(),
            source.read::<u32>(source.bounds()).unwrap()
        );
    }
}

#[test]
fn what_cannot_be_copied_is_refused_before_anything_is_written() {
    let source = volume(&PLAIN, [0; 3], [32; 3]);
    let refuse = |target: &BigArray<MemoryBackend>, bbox: BoundingBox| {
        source.copy_to(target, bbox, options(1 << 20)).unwrap_err()
    };
    let all = source.bounds();
    let small = volume(&PLAIN, [0; 3], [16; 3]);
    assert!(matches!(refuse(&small, all), Error::OutOfBounds { .. }));
    let target = volume(&PLAIN, [0; 3], [32; 3]);
    let odd = BoundingBox::from([1..9, 0..8, 0..8]);
    assert!(matches!(refuse(&target, odd), Error::Unaligned(_)));
    let bytes = VolumeInfo::builder(DataType::Uint8, [32; 3]).chunk_size([8; 3]);
    let bytes = BigArray::create(MemoryBackend::new(), bytes.build().unwrap()).unwrap();
    assert!(matches!(refuse(&bytes, all), Error::WrongDataType { .. }));
    let unaligned = target.to_builder().unaligned(Unaligned::ReadModifyWrite).open().unwrap();
    fill(&source, 2);
    let copier = source.copy_to(&unaligned, odd, options(1 << 20)).unwrap();
    run(&copier);
    assert_eq!(target.read::<u32>(odd).unwrap(), source.read::<u32>(odd).unwrap());
    assert_eq!(target.read::<u32>([0..1, 0..1, 0..1]).unwrap()[[0; 4]], 0);
}
