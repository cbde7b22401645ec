//! One script on every store: the same voxels and the same stored bytes out.

#![expect(clippy::expect_used, reason = "test helpers may fail a test")]

use std::path::Path;

use bigarrays::array::{OutOfBounds, Unaligned};
use bigarrays::backend::{ByteRange, KeyValueBackend, KeyValueBackendExt, wait};
use bigarrays::ndarray::Array4;
use bigarrays::{
    BigArray, BigArrayBuilder, DataType, DynBackend, OpenOptions, Prefix, Transport, VolumeInfo,
};
use bigarrays_tests::keys::has_keys;
use bigarrays_tests::skipped;

/// Every store of this build, and every server that runs. Tests that use them have keys.
fn urls(dir: &Path, name: &str) -> Vec<String> {
    let dir = dir.display();
    let place = format!("parity-{}-{name}", std::process::id());
    let mut urls = vec![
        format!("mem://{place}"),
        format!("file://{dir}/tree"),
        format!("file://{dir}/fast?durability=none&prefix=a/b"),
        format!("sqlite://{dir}/one.db"),
        format!("sqlite://{dir}/one.db?prefix=second/volume"),
        format!("file://{dir}/cached?cache={dir}/cache"),
    ];
    if cfg!(feature = "hdf5") {
        urls.push(format!("h5://{dir}/cuboids?block=32,16,16"));
    }
    if cfg!(feature = "rocksdb") {
        urls.push(format!("rocksdb://{dir}/rocks"));
        urls.push(format!("rocksdb://{dir}/rocks?prefix=second/volume"));
    }
    let mut server =
        |built: bool, variable: &str, url: &dyn Fn(&str) -> String| match std::env::var(variable) {
            Ok(server) if built => urls.push(url(&server)),
            Ok(_) => {}
            Err(_) => skipped(&format!("no server for it is running ({variable}); run ./test.sh")),
        };
    server(cfg!(feature = "s3"), "BIGARRAYS_TEST_S3", &|server| {
        format!("s3://{server}/vol/{place}?region=us-east-1")
    });
    server(cfg!(feature = "gcs"), "BIGARRAYS_TEST_GCS", &|server| {
        format!("gs://vol/{place}?endpoint={server}&anonymous=true")
    });
    server(cfg!(feature = "azure"), "BIGARRAYS_TEST_AZURE", &|server| {
        format!("az://vol/{place}?endpoint={server}")
    });
    urls
}

/// HDF5 files compress voxels in a way of their own.
fn takes(url: &str, transport: Transport) -> bool {
    !url.starts_with("h5") || transport == Transport::None
}

fn info() -> VolumeInfo {
    VolumeInfo::builder(DataType::Uint16, [50, 40, 30])
        .voxel_offset([-7, 3, -100])
        .chunk_size([16, 8, 8])
        .channels(2)
        .build()
        .expect("valid")
}

/// Numbers that depend on nothing but their place.
fn pattern(shape: (usize, usize, usize, usize), seed: usize) -> Array4<u16> {
    Array4::from_shape_fn(shape, |(x, y, z, c)| {
        u16::try_from((x * 7 + y * 131 + z * 1009 + c * 31 + seed) % 65_521).unwrap_or(0)
    })
}

/// Opens or creates with the options of the script.
fn options(transport: Transport) -> OpenOptions {
    OpenOptions::new().array(move |builder: BigArrayBuilder<DynBackend>| {
        builder.unaligned(Unaligned::ReadModifyWrite).bounds(OutOfBounds::Crop).transport(transport)
    })
}

fn script(url: &str, transport: Transport) -> (Array4<u16>, Vec<(String, Vec<u8>)>) {
    let array = options(transport).create(url, info()).expect("created");
    array.write([-7, 3, -100], pattern((50, 40, 30, 2), 0).view()).expect("aligned");
    array.write([0, 0, -95], pattern((20, 20, 20, 2), 5).view()).expect("unaligned");
    array.write([40, 40, -75], pattern((9, 9, 9, 2), 9).view()).expect("over the end");
    array.delete([9..25, 11..19, -92..-84]).expect("deleted");

    // Seen by another handle.
    let again: BigArray = options(transport).open(url).expect("opened");
    let read = again.read::<u16>(again.bounds()).expect("read");
    assert_eq!(again.missing_chunks(again.bounds()).expect("listed").len(), 1);
    let store = again.backend();
    let stored = wait(store.list_all(&Prefix::root())).expect("listed");
    let stored = stored
        .into_iter()
        .map(|meta| {
            let blob = wait(store.get(&meta.key, ByteRange::Full)).expect("read").expect("listed");
            assert_eq!(meta.size, blob.bytes.len() as u64, "{}", meta.key);
            assert!(meta.content_encoding.is_none_or(|told| told == blob.content_encoding));
            (format!("{} {}", meta.key, blob.content_encoding), blob.bytes.to_vec())
        })
        .collect();
    (read, stored)
}

#[test]
fn every_store_gives_the_same_voxels_and_keeps_the_same_bytes() {
    if !has_keys("every_store_gives_the_same_voxels_and_keeps_the_same_bytes") {
        return;
    }
    for transport in [Transport::None, Transport::GZIP, Transport::BROTLI, Transport::ZSTD] {
        let dir = tempfile::tempdir().expect("a folder");
        let mut first = None;
        for url in urls(dir.path(), &format!("{transport:?}")) {
            if !takes(&url, transport) {
                continue;
            }
            let (read, stored) = script(&url, transport);
            // A database itself holds the second volume, too; its own keys are compared.
            // A directory of cuboid files has a description of its own, too.
            let is_own = |name: &str| !name.starts_with("second/") && !name.starts_with("config");
            let stored: Vec<_> = stored.into_iter().filter(|(name, _)| is_own(name)).collect();
            assert_eq!(stored.len(), 4 * 5 * 4, "{url}");
            let first = first.get_or_insert_with(|| (read.clone(), stored.clone()));
            assert!(first.0 == read, "{url}: other voxels");
            assert!(first.1 == stored, "{url}: other bytes");
        }
    }
}

#[test]
fn threads_with_handles_of_their_own_lose_none_of_each_others_voxels() {
    if !has_keys("threads_with_handles_of_their_own_lose_none_of_each_others_voxels") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    for url in urls(dir.path(), "threads") {
        options(Transport::None).create(&url, info()).expect("created");
        std::thread::scope(|scope| {
            for n in 0..4_u16 {
                let url = &url;
                scope.spawn(move || {
                    let array = options(Transport::None).open(url).expect("opened");
                    for row in (i64::from(n)..40).step_by(4) {
                        let line = Array4::from_elem((50, 1, 30, 2), n + 1);
                        array.write([-7, 3 + row, -100], line.view()).expect("written");
                    }
                });
            }
        });
        let array = bigarrays::open(&url).expect("opened");
        let read = array.read::<u16>(array.bounds()).expect("read");
        for ((_, y, _, _), &voxel) in read.indexed_iter() {
            assert_eq!(usize::from(voxel), y % 4 + 1, "{url}");
        }
    }
}

#[test]
fn a_reader_during_writes_sees_whole_chunks() {
    if !has_keys("a_reader_during_writes_sees_whole_chunks") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    for url in urls(dir.path(), "reader") {
        let zstd = takes(&url, Transport::ZSTD);
        let transport = if zstd { Transport::ZSTD } else { Transport::None };
        let array = options(transport).create(&url, info()).expect("created");
        let shape = (50, 40, 30, 2);
        array.write([-7, 3, -100], Array4::from_elem(shape, 0_u16).view()).expect("written");
        let rounds = 20_u16;
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 1..=rounds {
                    let voxels = Array4::from_elem(shape, round);
                    array.write([-7, 3, -100], voxels.view()).expect("written");
                }
            });
            let reader = options(transport).open(&url).expect("opened");
            let cell = reader.grid().chunk_box([1, 1, 1]);
            while !writer.is_finished() {
                let chunk = reader.read::<u16>(cell).expect("read");
                let first = chunk[[0; 4]];
                assert!(chunk.iter().all(|&voxel| voxel == first), "{url}: a torn chunk");
            }
        });
        assert_eq!(array.read::<u16>([0..1, 5..6, -99..-98]).expect("read")[[0; 4]], rounds);
    }
}
