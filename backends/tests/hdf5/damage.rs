//! Damaged files: an error of the right kind or other values, but no panic and no endless work.

use std::fs;
use std::path::Path;

use bigarrays_backends::hdf5::direct::{DirectDataset, H5Error, Snapshot};
use bigarrays_core::backend::ErrorKind;

use crate::common::child;
use crate::golden::golden;

/// The files whose every byte is damaged, and their datasets.
const FILES: [(&str, &[&str]); 6] = [
    ("filters_2.h5", &["gzip_shuffle", "fletcher32"]),
    ("latest_1.h5", &["one_chunk_gzip", "fixed_array", "fixed_array_gzip"]),
    ("latest_2.h5", &["extensible_array", "btree_2", "contiguous"]),
    ("implicit.h5", &["early"]),
    ("sparse.h5", &["fill", "nothing", "compact"]),
    ("types_2.h5", &["u64_big", "f64_big"]),
];

/// Everything that is read of a dataset: each chunk, or the whole.
fn read_all(state: &Snapshot) -> Result<(), H5Error> {
    let map = state.map();
    // No shape is believed: only what is stored counts.
    let mut bytes = Vec::new();
    match map.table() {
        Some(table) => {
            for (chunk, _) in table.iter() {
                state.read_chunk(&chunk, &mut bytes)?;
                assert_eq!(bytes.len() as u64, chunk_bytes(state));
            }
            Ok(())
        }
        None => {
            let len = map.bytes().unwrap_or(0).min(1 << 16);
            let size = map.data_type.size() as u64;
            bytes.resize(usize::try_from(len / size * size).unwrap(), 0);
            state.read_run(0, &mut bytes)
        }
    }
}

fn chunk_bytes(state: &Snapshot) -> u64 {
    let values: u64 = state.map().chunk().unwrap().iter().product();
    values * state.map().data_type.size() as u64
}

/// Reads datasets of a damaged file. Says whether any was an error.
fn read(path: &Path, datasets: &[&str]) -> bool {
    let mut failed = false;
    for name in datasets {
        // Not by `DirectDataset`, which would wait for a file that changes as often as this one.
        let read = Snapshot::take(path, name).and_then(|state| read_all(&state.unwrap()));
        if let Err(error) = read {
            failed = true;
            let kind = error.kind();
            let known = [ErrorKind::Corrupt, ErrorKind::Unsupported, ErrorKind::NotFound];
            assert!(known.contains(&kind), "{error}");
            assert!(error.to_string().len() < 2000);
        }
    }
    failed
}

/// What the child process does: damages a copy of a file in every place.
pub(crate) fn do_job(name: &str, place: &Path) {
    let (_, datasets) = FILES.iter().find(|(file, _)| *file == name).expect("a file of the list");
    let whole = fs::read(golden(name)).unwrap();
    let path = place.join(name);
    for cut in (0..whole.len()).step_by(41) {
        fs::write(&path, &whole[..cut]).unwrap();
        read(&path, datasets);
    }
    let mut errors = 0_usize;
    // Every byte takes three times as long, in three ways nine times; nothing else was found so.
    for (n, at) in (0..whole.len()).step_by(3).enumerate() {
        let mut damaged = whole.clone();
        damaged[at] ^= [1, 0x80, 0xff][n % 3];
        fs::write(&path, &damaged).unwrap();
        errors += usize::from(read(&path, datasets));
    }
    assert!(errors > 0);
}

fn assert_no_crash(name: &str) {
    let dir = tempfile::TempDir::new_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    // A process of its own: the HDF5 library reads the description, and what it does with a damaged
    // one is not in our hands.
    let place = dir.path().to_str().unwrap();
    let status = child(&["damage", name, place]).wait_with_output().unwrap();
    assert!(status.status.success(), "{name}: {status:?}");
}

#[test]
fn no_damage_of_a_file_panics() {
    FILES.iter().for_each(|(name, _)| assert_no_crash(name));
}

#[test]
fn damage_is_told_with_file_dataset_and_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.h5");
    let name = "gzip_shuffle";
    let whole = fs::read(golden("filters_2.h5")).unwrap();
    fs::write(&path, &whole).unwrap();
    let state = DirectDataset::new(&path, name).snapshot().unwrap().unwrap();
    let place = state.map().table().unwrap().find(&[1, 0, 2]).unwrap();
    let mut damaged = whole;
    damaged[usize::try_from(place.offset).unwrap() + 20] ^= 0xff;
    fs::write(&path, &damaged).unwrap();
    let dataset = DirectDataset::new(&path, name);
    let read = |chunk: [u64; 3]| {
        let mut bytes = Vec::new();
        dataset.read(|state| state.read_chunk(&chunk, &mut bytes))
    };
    assert!(read([0, 0, 0]).is_ok());
    let error = read([1, 0, 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let text = error.to_string();
    for word in ["[1, 0, 2]", "gzip_shuffle", "file.h5"] {
        assert!(text.contains(word), "{text}");
    }
}
