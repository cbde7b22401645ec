//! Directories as BigArrays.jl left them.

use std::collections::BTreeSet;
use std::path::Path;

use bigarrays_backends::hdf5::cuboids::H5CuboidBackend;
use bigarrays_core::backend::{ErrorKind, KeyValueBackend, KeyValueBackendExt, wait};
use bigarrays_core::{BigArray, DataType, Key, Number};

use crate::common::{get, keys, refused};
use crate::golden::golden;

/// A box in voxels and channels.
type Box4 = ([i64; 4], [i64; 4]);

fn inside([low, high]: [[i64; 4]; 2], at: [i64; 4]) -> bool {
    (0..4).all(|axis| (low[axis]..high[axis]).contains(&at[axis]))
}

fn expected(written: &[Box4], at: [i64; 4]) -> f64 {
    let sum = 3 * at[0] + 5 * at[1] + 7 * at[2] + 11 * at[3];
    let there = written.iter().any(|&(low, high)| inside([low, high], at));
    if there { f64::from(i32::try_from(sum.rem_euclid(251)).unwrap()) } else { 0.0 }
}

fn open(name: &str) -> H5CuboidBackend {
    let path = golden(&format!("cuboids/{name}"));
    H5CuboidBackend::builder(path).create(false).read_only(true).open().unwrap()
}

/// Asserts that a directory is a volume with these bounds, and has these boxes written.
fn assert_volume(name: &str, data_type: DataType, bounds: [[i64; 3]; 2], written: &[Box4]) {
    let array = BigArray::open(open(name)).unwrap();
    assert_eq!(array.data_type(), data_type, "{name}");
    let found = array.bounds();
    assert_eq!([found.min, found.max], bounds, "{name}");
    let wider =
        bigarrays_core::BoundingBox::new(found.min.map(|at| at - 3), found.max.map(|at| at + 2));
    let cutout = array.read_dyn(wider).unwrap();
    let values = cutout.array.map_numbers();
    for ((x, y, z, c), value) in values.indexed_iter() {
        let place = |n: usize, axis: usize| i64::try_from(n).unwrap() + wider.min[axis];
        let at = [place(x, 0), place(y, 1), place(z, 2), i64::try_from(c).unwrap()];
        assert!((value - expected(written, at)).abs() < 1e-9, "{name} at {at:?} is {value}");
    }
}

/// Voxels of any type as floats.
trait MapNumbers {
    fn map_numbers(&self) -> ndarray::Array4<f64>;
}

impl MapNumbers for bigarrays_core::DynArray {
    fn map_numbers(&self) -> ndarray::Array4<f64> {
        match self {
            Self::U8(array) => array.mapv(f64::from),
            Self::I16(array) => array.mapv(f64::from),
            Self::U16(array) => array.mapv(f64::from),
            Self::U32(array) => array.mapv(f64::from),
            Self::F32(array) => array.mapv(f64::from),
            other => panic!("no golden volume is {other:?}"),
        }
    }
}

#[test]
fn version_0_0_1_is_read() {
    let written = [([10, 20, 5, 0], [20, 25, 10, 1])];
    assert_volume("v0.0.1", DataType::Uint8, [[10, 20, 5], [20, 30, 10]], &written);
}

#[test]
fn version_0_0_1_has_channels_that_names_do_not_tell() {
    let written = [([0; 4], [4, 8, 4, 3])];
    assert_volume("v0.0.1-channels", DataType::Float32, [[0; 3], [8, 8, 4]], &written);
}

#[test]
fn version_0_1_is_read_below_zero_and_with_missing_blocks() {
    let written = [([-5, -2, 1, 0], [3, 6, 5, 1]), ([4, -1, 6, 0], [6, 1, 8, 1])];
    assert_volume("v0.1", DataType::Uint16, [[-5, -2, 1], [11, 6, 9]], &written);
}

#[test]
fn version_0_6_is_read() {
    let written = [([4, 0, 0, 0], [8, 4, 4, 1])];
    assert_volume("v0.6", DataType::Uint32, [[0; 3], [8, 4, 4]], &written);
}

#[test]
fn a_volume_of_two_axes_is_one_voxel_deep() {
    let written = [([0, 4, 0, 0], [8, 8, 1, 1])];
    assert_volume("two-axes", DataType::Uint8, [[0, 4, 0], [8, 12, 1]], &written);
}

#[test]
fn several_chunks_of_a_file_make_the_channels_of_one() {
    let written = [([0; 4], [8, 4, 4, 3])];
    assert_volume("channels", DataType::Int16, [[0; 3], [8, 4, 4]], &written);
}

#[test]
fn keys_are_the_chunks_that_are_there() {
    let store = open("v0.1");
    let found: BTreeSet<String> = keys(&store, "").into_iter().collect();
    let chunks =
        ["-1-3_-2-2_1-5", "-1-3_2-6_1-5", "-5--1_-2-2_1-5", "-5--1_2-6_1-5", "3-7_-2-2_5-9"];
    let mut wanted: BTreeSet<String> = chunks.iter().map(|name| format!("1_1_1/{name}")).collect();
    wanted.insert("info".to_owned());
    assert_eq!(found, wanted);
    for key in &wanted {
        let key = Key::new(key).unwrap();
        let (meta, value) = (wait(store.head(&key)).unwrap(), wait(store.get_bytes(&key)).unwrap());
        let (meta, value) = (meta.expect("it is listed"), value.expect("it is listed"));
        assert_eq!(meta.size, value.len() as u64);
    }
    assert_eq!(keys(&store, "1_1_1").len(), 5);
    assert!(keys(&store, "1_1_1/0").is_empty() && keys(&store, "other").is_empty());
    // Chunks that are not there, and names that no chunk has.
    for name in ["1_1_1/3-7_2-6_5-9", "1_1_1/0-4_0-4_0-4", "2_2_2/3-7_2-6_5-9", "1_1_1/other"] {
        assert_eq!(get(&store, name), None, "{name}");
    }
}

#[test]
fn the_stores_own_files_are_no_values() {
    let dir = tempfile::tempdir().unwrap();
    copy(&golden("cuboids/v0.1"), dir.path());
    let store = H5CuboidBackend::open(dir.path()).unwrap();
    for name in ["config.json", "block_1-8_1-8_5-8.h5", "block_1-8_1-8_1-4.h5"] {
        assert_eq!(refused(&store, name, "x").kind(), ErrorKind::InvalidKey, "{name}");
        let error = wait(store.head(&Key::new(name).unwrap())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{name}");
    }
    assert_eq!(refused(&store, "1_1_1/0-4_0-4_0-4", "x").kind(), ErrorKind::InvalidKey);
    assert_eq!(refused(&store, "1_1_1/3-7_2-6_5-9", "x").kind(), ErrorKind::Unsupported);
}

/// Copies the files of a directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn old_volumes_are_written_in_their_own_way() {
    for name in ["v0.0.1", "v0.0.1-channels", "v0.1", "v0.6", "two-axes", "channels"] {
        let dir = tempfile::tempdir().unwrap();
        copy(&golden(&format!("cuboids/{name}")), dir.path());
        let before = crate::common::files(dir.path());
        let store = H5CuboidBackend::open(dir.path()).unwrap();
        let array = BigArray::open(store).unwrap();
        let bounds = array.bounds();
        let old = array.read_dyn(bounds).unwrap().array.map_numbers();
        // One chunk is changed; all others stay as they were.
        let cell = array.grid().chunk_size();
        let mut max = bounds.min;
        for axis in 0..3 {
            max[axis] += i64::try_from(cell[axis]).unwrap();
        }
        let shape = [cell[0], cell[1], cell[2], array.channels() as u64];
        let shape = shape.map(|axis| usize::try_from(axis).unwrap());
        let fill = |number: i64| Number::Int(number.into());
        write_constant(&array, bounds.min, shape, fill(7));
        let new = array.read_dyn(bounds).unwrap().array.map_numbers();
        for ((x, y, z, c), value) in new.indexed_iter() {
            let changed = x < shape[0] && y < shape[1] && z < shape[2];
            let wanted = if changed { 7.0 } else { old[[x, y, z, c]] };
            assert!((value - wanted).abs() < 1e-9, "{name} at {:?}", [x, y, z, c]);
        }
        assert!(
            before.iter().all(|file| crate::common::files(dir.path()).contains(file)),
            "{name}"
        );
    }
}

fn write_constant(
    array: &BigArray<H5CuboidBackend>,
    at: [i64; 3],
    shape: [usize; 4],
    number: Number,
) {
    use bigarrays_core::Element;
    fn put<T: Element>(
        array: &BigArray<H5CuboidBackend>,
        at: [i64; 3],
        shape: [usize; 4],
        number: Number,
    ) {
        let voxels = ndarray::Array4::from_elem(shape, T::from_number(number).unwrap());
        array.write(at, voxels.view()).unwrap();
    }
    match array.data_type() {
        DataType::Uint8 => put::<u8>(array, at, shape, number),
        DataType::Int16 => put::<i16>(array, at, shape, number),
        DataType::Uint16 => put::<u16>(array, at, shape, number),
        DataType::Uint32 => put::<u32>(array, at, shape, number),
        DataType::Float32 => put::<f32>(array, at, shape, number),
        other => panic!("no golden volume is {other}"),
    }
}
