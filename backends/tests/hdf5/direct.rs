//! Reading datasets without the library's lock.

use std::fs;
use std::path::Path;
use std::thread;

use bigarrays_backends::hdf5::direct::{DirectDataset, H5Error, Snapshot, Storage};
use bigarrays_core::DataType;
use bigarrays_core::backend::ErrorKind;
use hdf5::dataset::ChunkOpts;

use crate::golden::{bytes_of, golden, value};

/// All values of a dataset, read as one box.
fn read_all(snapshot: &Snapshot) -> Result<Vec<u8>, H5Error> {
    let map = snapshot.map();
    let mut out = vec![0xee; usize::try_from(map.bytes().unwrap()).unwrap()];
    snapshot.read_box(&vec![0; map.shape.len()], &map.shape, &mut out)?;
    Ok(out)
}

fn read(path: &Path, name: &str) -> Result<(DataType, Vec<u8>), H5Error> {
    let dataset = DirectDataset::new(path, name);
    let read = dataset.read(|state| Ok((state.map().data_type, read_all(state)?)))?;
    Ok(read.expect("the file is there"))
}

/// Asserts that a dataset holds what the script of the golden files put in.
fn assert_golden(file: &str, name: &str, data_type: DataType) {
    let (found, bytes) = read(&golden(file), name).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(found, data_type, "{name}");
    let count = (bytes.len() / data_type.size()) as u64;
    let expected: Vec<u8> = (0..count).flat_map(|n| bytes_of(value(n), data_type)).collect();
    assert!(bytes == expected, "{name} differs");
}

#[test]
fn every_filter_is_undone() {
    assert_golden("filters_1.h5", "plain", DataType::Uint16);
    assert_golden("filters_1.h5", "gzip", DataType::Uint16);
    assert_golden("filters_2.h5", "gzip_shuffle", DataType::Uint32);
    assert_golden("filters_2.h5", "fletcher32", DataType::Uint8);
    assert_golden("filters_3.h5", "lzf", DataType::Uint16);
    assert_golden("filters_3.h5", "lzf_shuffle_fletcher32", DataType::Float32);
    assert_golden("left_out.h5", "left_out", DataType::Uint16);
}

#[test]
fn every_type_comes_out_little_endian() {
    for (name, data_type) in [
        ("u8", DataType::Uint8),
        ("i8", DataType::Int8),
        ("i16", DataType::Int16),
        ("i64", DataType::Int64),
        ("i16_big", DataType::Int16),
        ("f32", DataType::Float32),
    ] {
        assert_golden("types_1.h5", name, data_type);
    }
    assert_golden("types_2.h5", "u64_big", DataType::Uint64);
    assert_golden("types_2.h5", "f64_big", DataType::Float64);
    assert_golden("types_2.h5", "bool", DataType::Bool);
}

#[test]
fn every_index_of_chunks_is_read() {
    for name in ["one_chunk", "one_chunk_gzip", "fixed_array", "fixed_array_gzip"] {
        assert_golden("latest_1.h5", name, DataType::Uint16);
    }
    for name in ["extensible_array", "btree_2", "contiguous"] {
        assert_golden("latest_2.h5", name, DataType::Uint16);
    }
    assert_golden("implicit.h5", "early", DataType::Uint16);
}

#[test]
fn a_user_block_before_the_file_is_skipped() {
    assert_golden("user_block.h5", "chunked", DataType::Uint16);
    assert_golden("user_block.h5", "contiguous", DataType::Uint16);
}

#[test]
fn what_was_never_written_is_the_fill_value() {
    let (data_type, bytes) = read(&golden("sparse.h5"), "fill").unwrap();
    assert_eq!(data_type, DataType::Int16);
    let values: Vec<i16> =
        bytes.chunks(2).map(|v| i16::from_le_bytes(v.try_into().unwrap())).collect();
    for (n, &value) in values.iter().enumerate() {
        let inside = (2..4).contains(&(n / 6)) && (2..4).contains(&(n % 6));
        assert_eq!(value, if inside { 7 } else { -5 });
    }
    let (_, bytes) = read(&golden("sparse.h5"), "nothing").unwrap();
    assert_eq!(bytes, [9, 0, 0, 0].repeat(36));
    assert_golden("sparse.h5", "compact", DataType::Uint16);

    let dataset = DirectDataset::new(golden("sparse.h5"), "fill");
    let written = |at: [u64; 2]| {
        let mut chunk = Vec::new();
        dataset.read(|state| state.read_chunk(&at, &mut chunk)).unwrap().unwrap()
    };
    assert!(written([1, 1]));
    assert!(!written([0, 1]) && !written([7, 7]));
}

#[test]
fn chunks_beyond_a_dataset_that_was_made_smaller_do_not_count() {
    let (_, bytes) = read(&golden("left_out.h5"), "made_smaller").unwrap();
    let expected: Vec<u8> = (0..5_u64)
        .flat_map(|y| (0..3).map(move |x| value(y * 6 + x)))
        .flat_map(|value| bytes_of(value, DataType::Uint16))
        .collect();
    assert_eq!(bytes, expected);
}

#[test]
fn edge_chunks_may_go_without_filters() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("edges.h5");
    let values: Vec<u16> = (0..5 * 7).map(|n| u16::from(value(n))).collect();
    let file = hdf5::File::with_options()
        .with_fapl(|access| access.libver_latest())
        .create(&path)
        .unwrap();
    let builder = file.new_dataset::<u16>().chunk([2, 3]).deflate(4);
    let builder =
        builder.with_dcpl(|plist| plist.chunk_opts(ChunkOpts::DONT_FILTER_PARTIAL_CHUNKS));
    let made = builder.shape([5, 7]).create("img").unwrap();
    made.write_raw(&values).unwrap();
    drop((made, file));
    let (_, bytes) = read(&path, "img").unwrap();
    assert_eq!(bytes, values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let refused = |name: &str| read(&golden("refused.h5"), name).unwrap_err();
    for (name, word) in [
        ("scaleoffset", "scaleoffset"),
        ("text", "type"),
        ("pair", "type"),
        ("scalar", "0 axes"),
        ("half", "type"),
        ("elsewhere", "link"),
        ("virtual", "virtual"),
    ] {
        let error = refused(name);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error}");
        assert!(error.to_string().contains(word), "{name}: {error}");
        assert!(error.to_string().contains("refused.h5"), "{error}");
    }
    assert_eq!(refused("missing").kind(), ErrorKind::NotFound);
    let none = DirectDataset::new(golden("no such file"), "img").read(|_| Ok(())).unwrap();
    assert!(none.is_none());
    let error = read(&golden("make.py"), "img").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn boxes_are_cut_anywhere() {
    let dataset = DirectDataset::new(golden("filters_2.h5"), "gzip_shuffle");
    let (start, end) = ([1, 2, 3], [6, 6, 13]);
    let mut out = vec![0; 5 * 4 * 10 * 4];
    dataset.read(|state| state.read_box(&start, &end, &mut out)).unwrap().unwrap();
    let mut expected = Vec::new();
    for z in 1..6 {
        for y in 2..6 {
            for x in 3..13 {
                expected.extend(bytes_of(value((z * 7 + y) * 13 + x), DataType::Uint32));
            }
        }
    }
    assert_eq!(out, expected);
    let outside = dataset.read(|state| state.read_box(&[0; 3], &[1, 1, 14], &mut [0; 56]));
    assert_eq!(outside.unwrap_err().kind(), ErrorKind::Unsupported);
}

/// A file with values of one number.
fn write(path: &Path, number: u16) {
    let file = hdf5::File::create(path).unwrap();
    let made = file.new_dataset::<u16>().chunk([4, 4]).shape([8, 8]).create("img").unwrap();
    made.write_raw(&[number; 64]).unwrap();
}

#[test]
fn a_file_that_changes_is_read_as_it_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.h5");
    let dataset = DirectDataset::new(&path, "img");
    let first = || {
        let read = dataset.read(read_all).unwrap();
        read.map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    };
    assert_eq!(first(), None);
    write(&path, 1);
    assert_eq!(first(), Some(1));
    // In place.
    let file = hdf5::File::open_rw(&path).unwrap();
    file.dataset("img").unwrap().write_raw(&[2_u16; 64]).unwrap();
    drop(file);
    assert_eq!(first(), Some(2));
    // Replaced.
    write(&dir.path().join("new.h5"), 3);
    fs::rename(dir.path().join("new.h5"), &path).unwrap();
    assert_eq!(first(), Some(3));
    fs::remove_file(&path).unwrap();
    assert_eq!(first(), None);
}

#[test]
fn readers_do_not_lock_writers_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.h5");
    write(&path, 1);
    let dataset = DirectDataset::new(&path, "img");
    let held = dataset.snapshot().unwrap().unwrap();
    // What the library does to a file that it opens for writing.
    let writer = fs::File::open(&path).unwrap();
    writer.try_lock().expect("nobody has a lock");
    // ... and a writer's lock keeps no reader out.
    assert_eq!(read_all(&held).unwrap().len(), 128);
    assert!(DirectDataset::new(&path, "img").snapshot().unwrap().is_some());
}

#[test]
fn threads_read_chunks_of_one_snapshot_at_once() {
    let dataset = DirectDataset::new(golden("filters_1.h5"), "gzip");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let bytes = dataset.read(read_all).unwrap().unwrap();
                    assert_eq!(bytes.len(), 6 * 7 * 13 * 2);
                }
            });
        }
    });
}

#[test]
fn the_table_of_many_chunks_is_taken_in_no_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("many.h5");
    let file = hdf5::File::create(&path).unwrap();
    let made = file.new_dataset::<u8>().chunk([1, 4, 4]).shape([64, 64, 64]).create("img").unwrap();
    made.write_raw(&vec![1_u8; 64 * 64 * 64]).unwrap();
    drop((made, file));
    let snapshot = DirectDataset::new(&path, "img").snapshot().unwrap().unwrap();
    let Storage::Chunked { table, .. } = &snapshot.map().storage else { panic!("it has chunks") };
    assert_eq!(table.len(), 64 * 16 * 16);
    assert_eq!(table.grid(), [64, 16, 16]);
    let (last, place) = table.iter().last().unwrap();
    assert_eq!(last, [63, 15, 15]);
    assert_eq!(table.find(&last), Some(place));
    assert_eq!(table.find(&[64, 0, 0]), None);
}
