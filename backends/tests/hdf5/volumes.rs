//! New volumes, written through arrays and read by others.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use bigarrays_backends::fs::Durability;
use bigarrays_backends::hdf5::cuboids::{Compression, H5CuboidBackend, H5CuboidOptions};
use bigarrays_core::backend::{
    ErrorKind, KeyValueBackend, KeyValueBackendExt, Precondition, Put, PutOutcome, Value, wait,
};
use bigarrays_core::{BigArray, DataType, Element, Encoding, Key, Unaligned, VolumeInfo};
use ndarray::Array4;

use crate::common::{files, key, keys, put, refused, skip};

fn info(data_type: DataType, size: [u64; 3], offset: [i64; 3], channels: u64) -> VolumeInfo {
    VolumeInfo::builder(data_type, size)
        .channels(channels)
        .chunk_size([8, 4, 2])
        .voxel_offset(offset)
        .resolution([4.0, 4.0, 40.0])
        .encoding(Encoding::Raw)
        .build()
        .unwrap()
}

fn options(place: &Path) -> H5CuboidOptions {
    H5CuboidBackend::builder(place).durability(Durability::None).block([16, 16, 8])
}

/// Voxels that differ from their neighbours.
fn voxels<T: Element>(shape: [usize; 4]) -> Array4<T> {
    Array4::from_shape_fn(shape, |(x, y, z, c)| {
        let number = (x + 3 * y + 7 * z + 11 * c) % 100;
        T::from_number(bigarrays_core::Number::Int(i128::try_from(number).unwrap())).unwrap()
    })
}

fn round_trip<T: Element>(data_type: DataType, compression: Compression, channels: u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = options(dir.path()).compression(compression).open().unwrap();
    let info = info(data_type, [37, 18, 9], [-5, 3, 0], channels);
    let array = BigArray::create(store, info).unwrap();
    let shape = [37, 18, 9, usize::try_from(channels).unwrap()];
    let written = voxels::<T>(shape);
    array.write([-5, 3, 0], written.view()).unwrap();
    let again = BigArray::open(H5CuboidBackend::open(dir.path()).unwrap()).unwrap();
    assert_eq!(again.info().data_type, data_type);
    let read = again.read::<T>(again.bounds()).unwrap();
    assert!(read == written, "{data_type} {compression:?} differs");
    // 3 x 2 x 2 files, and the two descriptions.
    assert_eq!(files(dir.path()).len(), 3 * 2 * 2 + 2);
}

#[test]
fn every_type_and_compression_comes_back() {
    for compression in [Compression::Deflate, Compression::Blosc, Compression::None] {
        round_trip::<u8>(DataType::Uint8, compression, 1);
        round_trip::<u8>(DataType::Bool, compression, 1);
        round_trip::<i8>(DataType::Int8, compression, 3);
        round_trip::<u16>(DataType::Uint16, compression, 2);
        round_trip::<i16>(DataType::Int16, compression, 1);
        round_trip::<u32>(DataType::Uint32, compression, 1);
        round_trip::<i32>(DataType::Int32, compression, 1);
        round_trip::<u64>(DataType::Uint64, compression, 1);
        round_trip::<i64>(DataType::Int64, compression, 1);
        round_trip::<f32>(DataType::Float32, compression, 3);
        round_trip::<f64>(DataType::Float64, compression, 1);
    }
}

/// A Python that has h5py, if the environment names one.
fn python(script: &str, arguments: &[&str]) -> Option<String> {
    let Ok(python) = env::var("BIGARRAYS_PYTHON") else {
        skip("BIGARRAYS_PYTHON names no Python with h5py");
        return None;
    };
    let output = Command::new(python).arg("-c").arg(script).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Some(text)
}

#[test]
fn h5py_reads_what_is_written_here() {
    for (compression, filters) in
        [(Compression::Deflate, "gzip True"), (Compression::None, "None False")]
    {
        let dir = tempfile::tempdir().unwrap();
        let store = options(dir.path()).compression(compression).open().unwrap();
        let array = BigArray::create(store, info(DataType::Float32, [37, 18, 9], [5, 0, 0], 3));
        let array = array.unwrap();
        let written = voxels::<f32>([37, 18, 9, 3]);
        array.write([5, 0, 0], written.view()).unwrap();
        let script = r#"
import glob, json, os, sys, h5py, numpy
config = json.load(open(sys.argv[1] + "/config.json"))
assert config["globalOffset"] == [5, 0, 0, 0], config
whole = numpy.zeros((3, 9, 18, 37), "<f4")
for path in glob.glob(sys.argv[1] + "/block_*.h5"):
    ranges = os.path.basename(path)[len("block_"):-len(".h5")].split("_")
    starts = [int(r.split("-")[0]) - 1 for r in ranges]
    with h5py.File(path) as file:
        d = file["img"]
        assert d.shape == (3, 8, 16, 16) and d.chunks == (3, 2, 4, 8) and d.dtype == "<f4", d
        print(d.compression, d.shuffle)
        c, z, y, x = starts[::-1]
        part = whole[:, z:z + 8, y:y + 16, x:x + 16]
        part[...] = d[:, :part.shape[1], :part.shape[2], :part.shape[3]]
c, z, y, x = numpy.indices(whole.shape)
assert (whole == (x + 3 * y + 7 * z + 11 * c) % 100).all()
"#;
        let Some(said) = python(script, &[dir.path().to_str().unwrap()]) else { return };
        assert!(said.lines().all(|line| line == filters), "{said}");
    }
}

#[test]
fn what_h5py_changes_in_place_is_read_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = options(dir.path()).open().unwrap();
    let array = BigArray::create(store, info(DataType::Uint8, [16, 16, 8], [0; 3], 1)).unwrap();
    array.write([0, 0, 0], voxels::<u8>([8, 4, 2, 1]).view()).unwrap();
    let script = r#"
import sys, h5py
with h5py.File(sys.argv[1] + "/block_1-16_1-16_1-8.h5", "r+") as file:
    file["img"][2:4, 0:4, 0:8] = 42
"#;
    let Some(_) = python(script, &[dir.path().to_str().unwrap()]) else { return };
    let second = bigarrays_core::BoundingBox::new([0, 0, 2], [8, 4, 4]);
    assert!(array.read::<u8>(second).unwrap().iter().all(|&voxel| voxel == 42));
    array.write([8, 0, 0], voxels::<u8>([8, 4, 2, 1]).view()).unwrap();
    assert!(array.read::<u8>(second).unwrap().iter().all(|&voxel| voxel == 42));
}

#[test]
fn a_batch_writes_each_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = options(dir.path()).open().unwrap();
    let described = info(DataType::Uint8, [32, 16, 8], [0; 3], 1);
    put(&store, "info", described.to_json().unwrap());
    let chunk = |name: &str| Put { key: key(name), value: Value::plain(vec![1; 64]) };
    let names = ["4_4_40/0-8_0-4_0-2", "4_4_40/8-16_0-4_0-2", "4_4_40/16-24_0-4_0-2"];
    let batch = names
        .iter()
        .map(|name| chunk(name))
        .chain([Put { key: key("provenance"), value: "who".into() }]);
    wait(store.put_batch(batch.collect())).unwrap();
    let version = |name: &str| wait(store.head(&key(name))).unwrap().unwrap().version;
    // Two chunks of one file have the version of that file.
    assert_eq!(version(names[0]), version(names[1]));
    assert_ne!(version(names[0]), version(names[2]));
    let found = files(dir.path());
    let blocks = ["block_1-16_1-16_1-8.h5", "block_17-32_1-16_1-8.h5"];
    assert_eq!(found, [blocks[0], blocks[1], "config.json", "info", "provenance"]);
    let mut listed = keys(&store, "");
    listed.sort();
    assert_eq!(listed, [names[0], names[2], names[1], "info", "provenance"]);
    wait(store.delete_batch(&[key(names[0]), key(names[1]), key("provenance")])).unwrap();
    assert_eq!(files(dir.path()), [blocks[1], "config.json", "info"]);
}

#[test]
fn conditions_on_chunks_are_honoured() {
    for in_place in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = options(dir.path()).in_place(in_place).open().unwrap();
        put(&store, "info", info(DataType::Uint8, [32, 16, 8], [0; 3], 1).to_json().unwrap());
        let chunk = key("4_4_40/0-8_0-4_0-2");
        let value = |voxel: u8| Value::plain(vec![voxel; 64]);
        let put_if = |voxel, when| wait(store.put(&chunk, value(voxel), when)).unwrap();
        let absent = Precondition::IfAbsent;
        let PutOutcome::Written { version: Some(first) } = put_if(1, absent.clone()) else {
            panic!("it was absent")
        };
        assert_eq!(put_if(2, absent.clone()), PutOutcome::Conflict);
        assert_eq!(wait(store.head(&chunk)).unwrap().unwrap().version, Some(first.clone()));
        let when = Precondition::IfVersion(first.clone());
        let PutOutcome::Written { version: Some(second) } = put_if(1, when.clone()) else {
            panic!("the version held")
        };
        assert_ne!(first, second, "equal bytes, and yet another version");
        assert_eq!(put_if(3, when), PutOutcome::Conflict);
        // Another chunk of the file is absent, although the file is there.
        let other = key("4_4_40/8-16_0-4_0-2");
        let outcome = wait(store.put(&other, value(9), absent)).unwrap();
        assert!(outcome.is_written());
        let _always = wait(store.delete(&chunk, Precondition::Always)).unwrap();
        assert_eq!(wait(store.get_bytes(&chunk)).unwrap(), None);
        assert_eq!(wait(store.get_bytes(&other)).unwrap().unwrap(), vec![9; 64]);
    }
}

#[test]
fn unaligned_writes_of_eight_threads_lose_nothing() {
    for in_place in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = options(dir.path()).in_place(in_place).open().unwrap();
        let described = info(DataType::Uint16, [32, 16, 8], [0; 3], 1);
        let array = BigArray::create(store, described).unwrap();
        let place = dir.path();
        thread::scope(|scope| {
            for n in 0..8_u16 {
                // Each thread has a handle of its own, as if it were another program.
                scope.spawn(move || {
                    let store = options(place).in_place(in_place).open().unwrap();
                    let builder = BigArray::builder(store);
                    let array = builder.unaligned(Unaligned::ReadModifyWrite).open().unwrap();
                    for z in 0..8_i64 {
                        // A column of 4 x 16 x 1 voxels: half of some chunks.
                        let column = Array4::from_elem([4, 16, 1, 1], n * 100 + 1);
                        array.write([i64::from(n) * 4, 0, z], column.view()).unwrap();
                    }
                });
            }
        });
        let read = array.read::<u16>(array.bounds()).unwrap();
        for ((x, ..), voxel) in read.indexed_iter() {
            assert_eq!(usize::from(*voxel), x / 4 * 100 + 1);
        }
    }
}

#[test]
fn descriptions_that_do_not_fit_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = options(dir.path()).open().unwrap();
    let good = info(DataType::Uint8, [32, 16, 8], [0; 3], 1);
    let refuse = |info: &VolumeInfo| {
        let text = String::from_utf8(info.to_json().unwrap()).unwrap();
        refused(&store, "info", &text)
    };
    let mut encoded = good.clone();
    encoded.scales[0].encoding = Encoding::Png;
    assert!(refuse(&encoded).to_string().contains("raw"));
    let mut odd = good.clone();
    odd.scales[0].chunk_sizes = vec![[7, 4, 2]];
    assert!(refuse(&odd).to_string().contains("whole number of chunks"));
    assert_eq!(refused(&store, "info", "no JSON").kind(), ErrorKind::Unsupported);
    assert_eq!(files(dir.path()), Vec::<String>::new());

    put(&store, "info", good.to_json().unwrap());
    // Without files, the volume can become another one.
    let mut other = good.clone();
    other.data_type = DataType::Uint32;
    put(&store, "info", other.to_json().unwrap());
    put(&store, "4_4_40/0-8_0-4_0-2", vec![5; 256]);
    let error = refuse(&good);
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("uint8"), "{error}");
    // Compressed values have no place in HDF5 files.
    let value = Value::encoded(vec![1; 9], bigarrays_core::backend::ContentEncoding::Gzip);
    let chunk = Key::new("4_4_40/0-8_0-4_0-2").unwrap();
    let error = wait(store.put(&chunk, value, Precondition::Always)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_directory_is_made_only_if_that_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let error = options(dir.path()).create(false).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("config.json"), "{error}");
    let deep = dir.path().join("a/b");
    let store = options(&deep.join("other.json")).open().unwrap();
    assert!(!deep.exists());
    put(&store, "info", info(DataType::Uint8, [32, 16, 8], [0; 3], 1).to_json().unwrap());
    assert_eq!(files(&deep), ["info", "other.json"]);
    let read_only = options(&deep.join("other.json")).create(false).read_only(true);
    let read_only = read_only.open().unwrap();
    assert_eq!(refused(&read_only, "4_4_40/0-8_0-4_0-2", "x").kind(), ErrorKind::ReadOnly);
    fs::write(deep.join("other.json"), "{").unwrap();
    let error = options(&deep.join("other.json")).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
}

#[test]
fn attributes_of_others_are_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = options(dir.path()).open().unwrap();
    put(&store, "info", info(DataType::Uint8, [32, 16, 8], [0; 3], 1).to_json().unwrap());
    put(&store, "4_4_40/0-8_0-4_0-2", vec![5; 64]);
    let path = dir.path().join("block_1-16_1-16_1-8.h5");
    let note = |path: &Path| {
        let file = hdf5::File::open_rw(path).unwrap();
        file.new_dataset::<u8>().shape([3]).create("other").unwrap();
        file.new_attr::<u8>().create("note").unwrap();
    };
    note(&path);
    let value = String::from_utf8(vec![6; 64]).unwrap();
    assert_eq!(refused(&store, "4_4_40/0-8_0-4_0-2", &value).kind(), ErrorKind::Unsupported);
    let in_place = options(dir.path()).in_place(true).open().unwrap();
    put(&in_place, "4_4_40/0-8_0-4_0-2", vec![6; 64]);
    let file = hdf5::File::open_rw(&path).unwrap();
    assert!(file.attr("note").is_ok());
    file.delete_attr("note").unwrap();
    drop(file);
    // Other datasets are copied.
    put(&store, "4_4_40/0-8_0-4_0-2", vec![7; 64]);
    assert!(hdf5::File::open(&path).unwrap().dataset("other").is_ok());
}
