//! Volumes as BigArrays.jl left them.

#[cfg(feature = "blosc")]
mod one_based;

use std::sync::Arc;

use bigarrays_core::backend::wait;
use bigarrays_core::ndarray::Array3;
use bigarrays_core::{BigArray, DataType, Error, Key, KeyValueBackendExt, VolumeInfo};

use crate::{OpenError, OpenOptions, create, open, open_store};

fn put(url: &str, key: &str, bytes: impl Into<Vec<u8>>) {
    let store = open_store(url).unwrap();
    wait(store.put_always(&Key::new(key).unwrap(), bytes.into())).unwrap();
}

/// A volume of two scales, the second full of 7.
fn volume(url: &str) {
    let info = VolumeInfo::builder(DataType::Uint8, [8, 8, 8]).chunk_size([8, 8, 8]);
    create(url, info.scales(2, [2, 2, 1]).build().unwrap()).unwrap();
    let array = OpenOptions::new().array(|options| options.scale("2_2_1")).open(url).unwrap();
    array.write([0, 0, 0], Array3::<u8>::from_elem((4, 4, 8), 7).view()).unwrap();
}

fn is_second_scale(array: &BigArray) {
    assert_eq!(array.scale().key, "2_2_1");
    assert_eq!(array.read::<u8>([3..4, 3..4, 7..8]).unwrap()[[0; 4]], 7);
}

#[test]
fn the_directory_of_a_scale_opens_as_that_scale() {
    volume("mem://scale-directory");
    is_second_scale(&open("mem://scale-directory/2_2_1").unwrap());
    is_second_scale(&open("mem://scale-directory/2_2_1/").unwrap());
    volume("mem://scale-in-prefix?prefix=lab/em");
    is_second_scale(&open("mem://scale-in-prefix?prefix=lab/em/2_2_1").unwrap());
    let info = OpenOptions::new().info("mem://scale-in-prefix?prefix=lab/em/2_2_1").unwrap();
    assert_eq!(info.scales.len(), 2);
}

#[cfg(all(feature = "fs", unix))]
#[test]
fn the_directory_of_a_scale_in_a_tree_is_read_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display().to_string();
    volume(&path);
    let array = open(&format!("{path}/2_2_1")).unwrap();
    is_second_scale(&array);
    array.write([0, 0, 0], Array3::<u8>::from_elem((4, 4, 8), 9).view()).unwrap();
    assert_eq!(std::fs::read(dir.path().join("2_2_1/0-4_0-4_0-8")).unwrap(), [9; 128]);
    let refused = OpenOptions::new().read_only().open(&format!("{path}/2_2_1")).unwrap();
    assert!(refused.write([0, 0, 0], Array3::<u8>::zeros((4, 4, 8)).view()).is_err());
}

#[test]
fn where_there_is_no_volume_both_places_are_named() {
    volume("mem://not-a-scale");
    let error = open("mem://not-a-scale/4_4_1").unwrap_err();
    let text = error.to_string();
    for part in ["\"info\"", "\"4_4_1\"", "mem://not-a-scale", "create the volume first"] {
        assert!(text.contains(part), "{text}");
    }
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("\"1_1_1\", \"2_2_1\""), "{cause}");
    let error = open("mem://nothing-there/at-all").unwrap_err();
    assert!(matches!(&error, OpenError::NoVolume(absent) if absent.source.is_none()), "{error}");
    // Nothing lies above a whole store.
    let error = open("mem://nothing-at-all").unwrap_err();
    assert!(matches!(error, OpenError::Array(Error::NoInfo { .. })), "{error}");
}

#[test]
fn a_config_of_something_else_is_named() {
    put("mem://cuboids/here", "config.json", r#"{"blockSize": [8,8,8], "chunkSize": [4,4,4]}"#);
    let text = open("mem://cuboids/here").unwrap_err().to_string();
    assert!(text.contains("config.json") && text.contains("h5://"), "{text}");
}

#[cfg(not(feature = "blosc"))]
#[test]
fn without_blosc_the_feature_is_named() {
    put("mem://no-blosc", "config.json", r#"{"chunkSize": [4,4,4], "dataType": "UInt8"}"#);
    put("mem://no-blosc", "1:4_1:4_1:4", [0; 20]);
    let text = open("mem://no-blosc").unwrap_err().to_string();
    assert!(text.contains("blosc"), "{text}");
}
