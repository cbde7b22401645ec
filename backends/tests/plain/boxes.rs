//! Random boxes of random files, against numpy.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use bigarrays_backends::hdf5::plain::PlainBackend;
use bigarrays_core::BoundingBox;

use super::opened;

#[path = "../common/mod.rs"]
mod common;

const FILES: u32 = 60;

fn write_files(python: &str, folder: &Path, seed: u64) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plain/boxes.py");
    let output = Command::new(python)
        .arg(script)
        .arg(folder)
        .args([seed.to_string(), FILES.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn random_boxes_of_random_files_are_those_of_numpy() {
    let Ok(python) = env::var("BIGARRAYS_PYTHON") else {
        return common::skip("BIGARRAYS_PYTHON names no Python with h5py and numpy");
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = env::var("BIGARRAYS_SEED").map_or(now.as_secs(), |seed| seed.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let lines = write_files(&python, dir.path(), seed);
    let expected = fs::read(dir.path().join("expected")).unwrap();
    assert_eq!(lines.lines().count(), 180);
    for line in lines.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let numbers: Vec<i64> = words[2..].iter().map(|word| word.parse().unwrap()).collect();
        let [x0, x1, y0, y1, z0, z1, from, to] = numbers[..] else { panic!("{line}") };
        let bbox = BoundingBox::new([x0, y0, z0], [x1, y1, z1]);
        let mut builder = PlainBackend::builder(dir.path().join(words[0])).dataset("data");
        builder = builder.axes(words[1].parse().unwrap());
        // Every other file through chunks that are not its own.
        if words[0].starts_with(['1', '3', '5', '7', '9']) {
            builder = builder.chunk([7, 5, 3]);
        }
        let array = opened(builder);
        let found = array.read_dyn(bbox).unwrap().array;
        let [from, to] = [from, to].map(|at| usize::try_from(at).unwrap());
        assert!(*found.fortran_bytes() == expected[from..to], "seed {seed}: {line}");
    }
}
