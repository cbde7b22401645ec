//! Real segmentations through every encoding that keeps labels, bit for bit.

#![expect(clippy::expect_used, clippy::panic, reason = "test helpers may fail a test")]
#![expect(clippy::print_stdout, reason = "sizes and times are of interest")]

use std::fs;
use std::time::Instant;

use bigarrays::backend::{ContentEncoding, KeyValueBackendExt, wait};
use bigarrays::info::{VolumeInfo, VolumeType};
use bigarrays::memory::MemoryBackend;
use bigarrays::{BigArray, BoundingBox, DataType, DynBackend, Encoding, Prefix, transport};
use bigarrays_tests::matrix::{Random, story};
use bigarrays_tests::npy::Voxels;
use bigarrays_tests::shared;

/// What a segmentation goes through, of the types that an encoding has.
const LOSSLESS: [Encoding; 8] = [
    Encoding::Raw,
    Encoding::CompressedSegmentation,
    Encoding::Compresso,
    Encoding::Crackle,
    Encoding::Gzip,
    Encoding::Zstd,
    #[cfg(feature = "blosc")]
    Encoding::Blosclz,
    Encoding::Png,
];

#[test]
fn labels_of_a_fly_survive_every_lossless_encoding() {
    let Some(path) = shared("data/fib25_64_u64.raw") else { return };
    let bytes = fs::read(path).expect("read");
    let labels = Voxels { data_type: DataType::Uint64, shape: [64, 64, 64, 1], bytes };
    // Chunks that fit, that are clipped, and one larger than the volume.
    for chunk in [[32, 32, 16], [27, 64, 23], [100, 100, 100]] {
        round_trips(&labels, chunk);
    }
    // Few enough labels for every smaller type.
    for data_type in [DataType::Uint32, DataType::Uint16] {
        round_trips(&renumbered(&labels, data_type), [32, 32, 16]);
    }
}

#[test]
fn labels_of_a_mouse_survive_every_lossless_encoding() {
    // Builds for debugging are ten times slower; the middle of the same labels has to do there.
    let length = if cfg!(debug_assertions) { 256 } else { 512 };
    let Some(path) = shared(&format!("data/labels_{length}_u32.npy.gz")) else { return };
    let packed = fs::read(path).expect("read").into();
    let unpacked =
        transport::decompress_document(ContentEncoding::Gzip, &packed, 1 << 30).expect("a gzip");
    let labels = Voxels::parse(&unpacked).expect("an npy");
    assert_eq!((labels.data_type, labels.shape), (DataType::Uint32, [length, length, length, 1]));
    round_trips(&labels, [128, 128, 64]);
    round_trips(&renumbered(&labels, DataType::Uint16), [128, 128, 64]);
}

/// The same cells, numbered from 0 in the order in which they come.
fn renumbered(labels: &Voxels, data_type: DataType) -> Voxels {
    let (from, to) = (labels.data_type.size(), data_type.size());
    let mut numbers = std::collections::HashMap::new();
    let mut bytes = Vec::with_capacity(labels.bytes.len() / from * to);
    let mut last: (&[u8], u64) = (&[], 0);
    for label in labels.bytes.chunks_exact(from) {
        if label != last.0 {
            let next = numbers.len() as u64;
            last = (label, *numbers.entry(label).or_insert(next));
        }
        bytes.extend(&last.1.to_le_bytes()[..to]);
    }
    assert!((numbers.len() as u128) < 1 << (8 * to), "too many labels for {data_type}");
    Voxels { data_type, shape: labels.shape, bytes }
}

fn round_trips(labels: &Voxels, chunk: [u64; 3]) {
    let fits = |encoding: &Encoding| encoding.data_types().contains(&labels.data_type);
    for encoding in LOSSLESS.into_iter().filter(fits) {
        let [x, y, z, _] = labels.shape.map(|length| length as u64);
        let info = VolumeInfo::builder(labels.data_type, [x, y, z])
            .volume_type(VolumeType::Segmentation)
            .voxel_offset([-13, 7, 1000])
            .chunk_size(chunk)
            .encoding(encoding)
            .build()
            .expect("a sound info");
        let store: DynBackend = std::sync::Arc::new(MemoryBackend::new());
        let array = BigArray::create(store, info).expect("created");
        let began = Instant::now();
        let written = labels.write_to(&array, array.bounds().min);
        written.unwrap_or_else(|error| panic!("{encoding}: {}", story(&error)));
        let wrote = began.elapsed();
        let read = Voxels::from(array.read_dyn(array.bounds()).expect("read"));
        let took = began.elapsed() - wrote;
        read.compare(labels, 0.0).unwrap_or_else(|why| panic!("{encoding}: {why}"));
        boxes_are_equal(&array, labels);
        println!(
            "{} {} {chunk:?} {encoding}: {} of {} bytes, written in {wrote:.1?}, read in {took:.1?}",
            x,
            labels.data_type,
            stored(&array),
            labels.bytes.len(),
        );
    }
}

/// Boxes that begin and end anywhere: chunks are decoded in part.
fn boxes_are_equal(array: &BigArray, labels: &Voxels) {
    let [x, y, z, _] = labels.shape;
    let mut random = Random::new(array.scale().encoding.name());
    for _ in 0..12 {
        let min = [x, y, z].map(|length| random.below(length));
        let max: [usize; 3] = std::array::from_fn(|axis| {
            min[axis] + 1 + random.below(([x, y, z][axis] - min[axis]).min(90))
        });
        let corner = |place: [usize; 3]| {
            let first = array.bounds().min;
            std::array::from_fn(|axis| first[axis].saturating_add_unsigned(place[axis] as u64))
        };
        let bbox = BoundingBox::new(corner(min), corner(max));
        let read = Voxels::from(array.read_dyn(bbox).expect("read"));
        let same = read.compare(&labels.cut(min, max), 0.0);
        same.unwrap_or_else(|why| panic!("{} {bbox}: {why}", array.scale().encoding));
    }
}

/// Bytes of all chunks.
fn stored(array: &BigArray) -> u64 {
    let directory = Prefix::new(array.directory().as_str()).expect("a prefix");
    wait(array.backend().list_all(&directory)).expect("listed").iter().map(|meta| meta.size).sum()
}
