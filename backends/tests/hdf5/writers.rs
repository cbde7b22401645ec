//! Writers that are killed, and several at once.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use bigarrays_backends::fs::Durability;
use bigarrays_backends::hdf5::cuboids::H5CuboidBackend;
use bigarrays_core::backend::{
    ErrorKind, KeyValueBackend, KeyValueBackendExt, Precondition, Put, PutOutcome, Value, wait,
};
use bigarrays_core::{DataType, Encoding, VolumeInfo};

use crate::common::{Mount, child, files, key, keys, put, say_wrote, wait_for_lines};

fn open(place: &Path) -> H5CuboidBackend {
    let options = H5CuboidBackend::builder(place).block([32, 32, 8]);
    options.durability(Durability::None).open().unwrap()
}

fn volume(place: &Path) -> H5CuboidBackend {
    let store = open(place);
    let info = VolumeInfo::builder(DataType::Uint16, [64, 32, 8])
        .chunk_size([8, 8, 4])
        .resolution([1.0; 3])
        .encoding(Encoding::Raw)
        .build()
        .unwrap();
    put(&store, "info", info.to_json().unwrap());
    store
}

/// The names of all chunks in the first block.
fn chunks() -> Vec<String> {
    let name =
        |x: u64, y: u64, z: u64| format!("1_1_1/{}-{}_{}-{}_{}-{}", x, x + 8, y, y + 8, z, z + 4);
    let along = |n: u64| (0..n).map(|at| at * 8);
    along(4).flat_map(|x| along(4).flat_map(move |y| [name(x, y, 0), name(x, y, 4)])).collect()
}

const BYTES: usize = 8 * 8 * 4 * 2;

/// Voxels that show whether a chunk is whole: all are the same number.
fn sealed(number: u16) -> Vec<u8> {
    number.to_le_bytes().repeat(BYTES / 2)
}

fn number_of(value: &[u8]) -> u16 {
    assert_eq!(value.len(), BYTES);
    let number = u16::from_le_bytes([value[0], value[1]]);
    assert!(value == sealed(number), "a chunk is torn");
    number
}

/// What a child process does: its first word says it.
pub(crate) fn do_job(job: &[String]) {
    let [what, place] = job else { panic!("a job has two words") };
    let store = open(Path::new(place));
    match what.as_str() {
        "overwrite" => overwrite(&store),
        _ => count(&store),
    }
}

/// Writes all chunks with ever higher numbers, until it is killed.
fn overwrite(store: &H5CuboidBackend) {
    for number in 1..u16::MAX {
        let puts = chunks()
            .into_iter()
            .map(|name| Put { key: key(&name), value: Value::plain(sealed(number)) });
        wait(store.put_batch(puts.collect())).unwrap();
        say_wrote(&number.to_string());
    }
}

/// Adds one to each of two chunks, 20 times.
fn count(store: &H5CuboidBackend) {
    let names = chunks();
    for _ in 0..20 {
        for name in &names[..2] {
            loop {
                let blob = wait(store.get(&key(name), bigarrays_core::backend::ByteRange::Full));
                let blob = blob.unwrap().unwrap();
                let next = sealed(number_of(&blob.bytes) + 1);
                let when = Precondition::IfVersion(blob.version.unwrap());
                let outcome = wait(store.put(&key(name), next.into(), when)).unwrap();
                if matches!(outcome, PutOutcome::Written { .. }) {
                    break;
                }
            }
        }
    }
}

#[test]
fn killed_writers_leave_whole_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = volume(dir.path());
    for round in 0..6 {
        let mut writer = child(&["overwrite", dir.path().to_str().unwrap()]);
        wait_for_lines(&mut writer, 3 + round);
        // Somewhere in the middle of the next batch.
        writer.kill().unwrap();
        writer.wait().unwrap();
        let numbers: Vec<u16> = chunks()
            .iter()
            .map(|name| number_of(&wait(store.get_bytes(&key(name))).unwrap().unwrap()))
            .collect();
        // A file is replaced as a whole, so its chunks are all of one batch.
        assert!(numbers.iter().all(|&number| number == numbers[0] && number > 0));
        // Nothing is listed that is not a chunk.
        assert_eq!(keys(&store, "").len(), chunks().len() + 1);
    }
    store.clean(Duration::ZERO).unwrap();
    assert_eq!(files(dir.path()), ["block_1-32_1-32_1-8.h5", "config.json", "info"]);
}

#[test]
fn processes_that_count_in_chunks_of_one_file_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = volume(dir.path());
    for name in &chunks()[..2] {
        put(&store, name, sealed(0));
    }
    let mut children: Vec<_> =
        (0..3).map(|_| child(&["count", dir.path().to_str().unwrap()])).collect();
    count(&store);
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    for name in &chunks()[..2] {
        let value = wait(store.get_bytes(&key(name))).unwrap().unwrap();
        assert_eq!(number_of(&value), 4 * 20);
    }
    assert_eq!(files(dir.path()).len(), 3);
}

#[test]
fn readers_beside_a_writer_see_whole_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let store = volume(dir.path());
    put(&store, &chunks()[0], sealed(1));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let store = open(dir.path());
                let mut last = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let value = wait(store.get_bytes(&key(&chunks()[0]))).unwrap().unwrap();
                    let number = number_of(&value);
                    assert!(number >= last, "a chunk went back");
                    last = number;
                }
            });
        }
        for number in 2..60 {
            put(&store, &chunks()[0], sealed(number));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn writers_that_change_files_in_place_are_noticed_by_readers() {
    let dir = tempfile::tempdir().unwrap();
    let first = volume(dir.path());
    let options = H5CuboidBackend::builder(dir.path()).in_place(true);
    let store = options.durability(Durability::None).open().unwrap();
    for number in 1..40 {
        put(&store, &chunks()[0], sealed(number));
        let value = wait(first.get_bytes(&key(&chunks()[0]))).unwrap().unwrap();
        assert_eq!(number_of(&value), number);
    }
    let len = fs::metadata(dir.path().join("block_1-32_1-32_1-8.h5")).unwrap().len();
    assert!(len < 20_000, "{len} bytes for one chunk");
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::tmpfs(&small, "1m") else { return };
    let place = small.join("volume");
    let store = volume(&place);
    put(&store, &chunks()[0], sealed(7));
    // Room for `left` more bytes: for none, for a beginning of the file, for nearly all of it.
    for left in [0, 4096, 8192] {
        let mut ballast = fs::File::create(small.join("ballast")).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
        let len = ballast.metadata().unwrap().len();
        ballast.set_len(len - left).unwrap();
        drop(ballast);
        let puts = (0..).zip(chunks()).map(|(n, name)| {
            // Nothing can make it shorter.
            let noise = bigarrays_core::conformance::sealed(n, BYTES);
            Put { key: key(&name), value: Value::plain(noise) }
        });
        let error = wait(store.put_batch(puts.collect())).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let is_ours = error.key().is_some_and(|key| chunks().iter().any(|name| name == key));
        assert!(is_ours && error.kind() == ErrorKind::StorageFull, "{error}: {source:?}");
        let value = wait(store.get_bytes(&key(&chunks()[0]))).unwrap().unwrap();
        assert_eq!(number_of(&value), 7, "with room for {left}");
        assert_eq!(files(&place), ["block_1-32_1-32_1-8.h5", "config.json", "info"]);
        fs::remove_file(small.join("ballast")).unwrap();
        // The library has let go of the file that it could not write.
        for name in chunks() {
            put(&store, &name, sealed(7));
        }
    }
    assert_eq!(keys(&store, "").len(), chunks().len() + 1);
}
