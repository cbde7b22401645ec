//! Checksums of values: what is found by them, and records that have none.

use std::path::Path;
use std::time::Instant;

use bigarrays_backends::rocksdb::RocksDbBackend;
use bigarrays_core::backend::{BackendError, ByteRange, ErrorKind, KeyValueBackend, wait};
use rocksdb::{DB, IteratorMode, Options};
use tempfile::tempdir;

use crate::common::{get, key, keys, put, say};

const PIECE: u64 = 1 << 20;
/// Two whole pieces and a part of one.
const LONG: usize = (2 << 20) + 500;

/// Changes values of a family behind the store's back, as memory that fails would before RocksDB
/// makes its own checksums.
fn change(path: &Path, family: &str, mut change: impl FnMut(usize, &mut Vec<u8>)) {
    let names = ["default", "keys", "values"];
    let database = DB::open_cf(&Options::default(), path, names).unwrap();
    let family = database.cf_handle(family).unwrap();
    for (n, row) in database.iterator_cf(family, IteratorMode::Start).enumerate() {
        let (key, value) = row.unwrap();
        let mut changed = value.to_vec();
        change(n, &mut changed);
        database.put_cf(family, key, changed).unwrap();
    }
}

fn flip(path: &Path, piece: usize, offset: usize) {
    change(path, "values", |n, value| value[offset] ^= u8::from(n == piece));
}

fn told(store: &RocksDbBackend, range: ByteRange) -> BackendError {
    let error = wait(store.get(&key("a"), range)).unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::Corrupt, Some("a")), "{error}");
    error
}

#[test]
fn a_flipped_byte_is_told_with_the_key_and_both_sums() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "a", "123456789");
    put(&store, "b", "");
    put(&store, "c", "intact");
    drop(store);
    change(&path, "values", |n, value| value[5] ^= u8::from(n == 0));
    for read_only in [true, false] {
        let store = RocksDbBackend::builder(&path).read_only(read_only).open().unwrap();
        let error = told(&store, ByteRange::Full).to_string();
        assert!(error.contains("e3069283 was stored"), "{error}");
        let batch = wait(store.get_batch(&["a", "b", "c"].map(key)));
        assert_eq!(batch[0].as_ref().unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(batch[2].as_ref().unwrap().as_ref().unwrap().bytes, "intact");
        assert_eq!(get(&store, "b").unwrap(), "");
        told(&store, ByteRange::Bounded(0..1));
        assert_eq!(keys(&store, ""), ["a", "b", "c"]);
    }
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "a", "123456789");
    assert_eq!(get(&store, "a").unwrap(), "123456789");
}

#[test]
fn of_a_long_value_each_piece_that_is_touched_is_checked() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    put(&RocksDbBackend::open(&path).unwrap(), "a", vec![7; LONG]);
    flip(&path, 1, 3);
    let store = RocksDbBackend::open(&path).unwrap();
    told(&store, ByteRange::Full);
    told(&store, ByteRange::From(5));
    for range in [PIECE..PIECE + 1, 2 * PIECE - 1..2 * PIECE, PIECE - 9..PIECE + 9] {
        told(&store, ByteRange::Bounded(range));
    }
    wait(store.get_ranges(&key("a"), &[0..1, PIECE - 1..PIECE + 1])).unwrap_err();
    for range in [0..PIECE, 2 * PIECE..3 * PIECE, PIECE..PIECE] {
        assert!(wait(store.get(&key("a"), ByteRange::Bounded(range))).is_ok());
    }
}

#[test]
fn who_wants_no_checksums_neither_writes_nor_checks_them() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "a", "checked");
    put(&RocksDbBackend::builder(&path).checksums(false).open().unwrap(), "b", "unchecked");
    drop(store);
    change(&path, "values", |_, value| value[0] ^= 1);
    let store = RocksDbBackend::open(&path).unwrap();
    told(&store, ByteRange::Full);
    assert_eq!(get(&store, "b").unwrap(), "tnchecked");
    let without = RocksDbBackend::builder(&path).checksums(false).open().unwrap();
    assert_eq!(get(&without, "a").unwrap(), "bhecked");
}

#[test]
fn records_of_before_are_read_and_their_next_values_have_checksums() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    put(&RocksDbBackend::open(&path).unwrap(), "a", "old");
    change(&path, "keys", |_, record| {
        record[0] = 1;
        record.truncate(24);
    });
    flip(&path, 0, 0);
    let store = RocksDbBackend::open(&path).unwrap();
    assert_eq!(get(&store, "a").unwrap(), "nld", "it has no checksum");
    put(&store, "a", "new");
    drop(store);
    flip(&path, 0, 0);
    told(&RocksDbBackend::open(&path).unwrap(), ByteRange::Full);
    change(&path, "keys", |_, record| record.truncate(27));
    told(&RocksDbBackend::open(&path).unwrap(), ByteRange::Full);
}

/// How much longer a read takes for its checksum.
#[test]
#[ignore = "a measurement"]
fn the_price_of_checksums() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let store = RocksDbBackend::open(&path).unwrap();
    (0..64).for_each(|n| drop(put(&store, &format!("k{n}"), vec![n; 1 << 20])));
    drop(store);
    for round in 0..3 {
        for checksums in [false, true] {
            let store = RocksDbBackend::builder(&path).checksums(checksums).open().unwrap();
            let begun = Instant::now();
            for n in (0..64).cycle().take(640) {
                wait(store.get(&key(&format!("k{n}")), ByteRange::Full)).unwrap();
            }
            let rate = 640.0 / begun.elapsed().as_secs_f64();
            say(&format!("round {round}, checksums {checksums}: {rate:.0} MiB/s"));
        }
    }
}
