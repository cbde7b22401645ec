//! Many small volumes of CloudVolume and TensorStore read by us, the same volumes written by us
//! and read by them: every encoding, type, number of channels, compression, sharding, geometry.

#![expect(clippy::expect_used, clippy::panic, reason = "test helpers may fail a test")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use bigarrays::info::{ShardEncoding, ShardHash, Sharding, VolumeInfo};
use bigarrays::{BigArray, BoundingBox, Encoding, OpenOptions, Transport};
use bigarrays_tests::matrix::{Matrix, Mip, Volume, check_array, story};
use bigarrays_tests::npy::Voxels;
use bigarrays_tests::{python, shared, try_python};
use serde_json::{Value, json};

/// Encodings that no other program writes.
const OURS_ALONE: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Blosclz];

#[test]
fn cloudvolumes_matrix_is_read_equal_and_ours_is_read_equal_there_seed_1() {
    both_ways("1");
}

#[test]
fn cloudvolumes_matrix_is_read_equal_and_ours_is_read_equal_there_seed_2() {
    both_ways("2");
}

#[test]
fn cloudvolumes_matrix_is_read_equal_and_ours_is_read_equal_there_seed_3() {
    both_ways("3");
}

#[test]
fn volumes_of_tensorstore_are_read_equal() {
    let Some(python) = python() else { return };
    let work = tempfile::tempdir().expect("a folder");
    let dir = work.path().join("ts");
    let printed = try_python(&python, Path::new("ts_volumes.py"), &[dir.as_os_str()]);
    println!("{}", printed.unwrap_or_else(|failure| panic!("{failure}")));
    let matrix = Matrix::load(&dir).expect("a matrix");
    let mut failures = Vec::new();
    println!("read of TensorStore's: {:?}", matrix.check(&mut failures));
    report(&failures);
}

fn both_ways(seed: &str) {
    let Some(python) = python() else { return };
    let Some(maker) = shared("interop/cv_make.py") else { return };
    let Some(checker) = shared("interop/cv_check.py") else { return };
    let work = tempfile::tempdir().expect("a folder");
    let (theirs, ours) = (work.path().join("theirs"), work.path().join("ours"));
    if let Err(failure) = try_python(&python, &maker, &[theirs.as_os_str(), OsStr::new(seed)]) {
        panic!("{failure}");
    }
    let theirs = Matrix::load(&theirs).expect("a matrix");

    let mut failures = Vec::new();
    let right = theirs.check(&mut failures);
    println!("seed {seed}, read of CloudVolume's: {right:?}");
    let absent = |encoding: &Encoding| !theirs.has(*encoding) && !OURS_ALONE.contains(encoding);
    let absent: Vec<_> = Encoding::ALL.into_iter().filter(absent).collect();
    assert!(absent.is_empty(), "the matrix has no {absent:?}");

    let written = rewrite(&theirs, &ours, &mut failures);
    println!("seed {seed}, written by us: {written:?}");
    let folder = ours.as_os_str();
    for reader in ["cloud-volume", "tensorstore"] {
        let words = [folder, OsStr::new("--reader"), OsStr::new(reader)];
        match try_python(&python, &checker, &words) {
            Ok(printed) => println!("seed {seed}, ours read by {printed}"),
            Err(failure) => failures.push(failure),
        }
    }
    match try_python(&python, Path::new("matrix.py"), &[folder, checker.as_os_str()]) {
        Ok(printed) => println!("seed {seed}, ours read by {printed}"),
        Err(failure) => failures.push(failure),
    }
    report(&failures);
}
