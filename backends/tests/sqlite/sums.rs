//! Checksums of values: what is found by them, and files that have none.

use std::path::Path;
use std::time::Instant;

use bigarrays_backends::SqliteBackend;
use bigarrays_core::backend::{BackendError, ByteRange, ErrorKind, KeyValueBackend, wait};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::common::{get, key, keys, put, say};

const PIECE: u64 = 1 << 20;
const BLOCK: u64 = 64 << 10;
/// Two whole pieces and a part of one.
const LONG: usize = (2 << 20) + 500;

fn sql(path: &Path, statements: &str) {
    Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

/// Changes the byte at an offset of a row of values, from 0 on, by exclusive or with 1.
fn flip(path: &Path, row: i64, offset: usize) {
    let connection = Connection::open(path).unwrap();
    let select = "SELECT value FROM bigarrays_values WHERE version = ?1";
    let mut value: Vec<u8> = connection.query_row(select, [row], |row| row.get(0)).unwrap();
    value[offset] ^= 1;
    let update = "UPDATE bigarrays_values SET value = ?2 WHERE version = ?1";
    connection.execute(update, (row, value)).unwrap();
}

fn told(store: &SqliteBackend, range: ByteRange) -> BackendError {
    let error = wait(store.get(&key("a"), range)).unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::Corrupt, Some("a")), "{error}");
    error
}

#[test]
fn a_flipped_byte_is_told_with_the_key_and_both_sums() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    put(&store, "a", "123456789");
    put(&store, "b", "");
    put(&store, "c", "intact");
    flip(&path, 1, 8);
    let error = told(&store, ByteRange::Full).to_string();
    assert!(error.contains("e3069283 was stored"), "{error}");
    let batch = wait(store.get_batch(&["a", "b", "c"].map(key)));
    assert_eq!(batch[0].as_ref().unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(get(&store, "b").unwrap(), "");
    assert_eq!(get(&store, "c").unwrap(), "intact");
    told(&store, ByteRange::Bounded(0..1));
    // A listing reads no values.
    assert_eq!(keys(&store, ""), ["a", "b", "c"]);
    put(&store, "a", "123456789");
    assert_eq!(get(&store, "a").unwrap(), "123456789");
}

#[test]
fn of_a_long_value_each_block_that_is_touched_is_checked() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    put(&store, "a", vec![7; LONG]);
    // The first block of the second piece.
    flip(&path, 2, 3);
    told(&store, ByteRange::Full);
    told(&store, ByteRange::From(5));
    for range in [PIECE..PIECE + 1, PIECE + BLOCK - 1..PIECE + BLOCK, PIECE - 9..PIECE + 9] {
        told(&store, ByteRange::Bounded(range));
    }
    wait(store.get_ranges(&key("a"), &[0..1, PIECE - 1..PIECE + 1])).unwrap_err();
    for range in [0..PIECE, PIECE + BLOCK..3 * PIECE, 2 * PIECE..3 * PIECE, 7..7, PIECE..PIECE] {
        assert!(wait(store.get(&key("a"), ByteRange::Bounded(range))).is_ok());
    }
    flip(&path, 2, 3);
    flip(&path, 3, 499);
    told(&store, ByteRange::Suffix(1));
    assert!(wait(store.get(&key("a"), ByteRange::Bounded(0..2 * PIECE))).is_ok());
}

#[test]
fn who_wants_no_checksums_neither_writes_nor_checks_them() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    put(&store, "a", "checked");
    put(&store, "b", "checked");
    let without = SqliteBackend::builder(&path).checksums(false).open().unwrap();
    put(&without, "b", "unchecked");
    flip(&path, 1, 0);
    flip(&path, 3, 0);
    told(&store, ByteRange::Full);
    assert_eq!(get(&without, "a").unwrap(), "bhecked");
    assert_eq!(get(&store, "b").unwrap(), "tnchecked");
}

/// Files of before have no column for checksums.
#[test]
fn files_of_before_are_read_and_get_checksums_from_the_next_write_on() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    drop(SqliteBackend::builder(&path).checksums(false).open().unwrap());
    sql(&path, "ALTER TABLE bigarrays_keys DROP COLUMN sums");
    let without = SqliteBackend::builder(&path).checksums(false).open().unwrap();
    put(&without, "a", "old");
    put(&without, "b", "old");
    drop(without);
    let columns = || {
        let select = "SELECT count(*) FROM pragma_table_info('bigarrays_keys')";
        let connection = Connection::open(&path).unwrap();
        connection.query_row(select, [], |row| row.get::<_, u32>(0)).unwrap()
    };
    let reader = SqliteBackend::open_read_only(&path).unwrap();
    assert_eq!((get(&reader, "a").unwrap().as_str(), columns()), ("old", 4));

    let store = SqliteBackend::open(&path).unwrap();
    assert_eq!((get(&store, "a").unwrap().as_str(), columns()), ("old", 5));
    put(&store, "a", "new");
    flip(&path, 3, 0);
    flip(&path, 2, 0);
    told(&store, ByteRange::Full);
    assert_eq!(get(&store, "b").unwrap(), "nld", "it was stored without a checksum");
    // Who opened it before goes on.
    assert_eq!(get(&reader, "b").unwrap(), "nld");
    drop((reader, store));

    // A program of before replaces the value, and leaves the column as it was.
    sql(
        &path,
        "INSERT INTO bigarrays_values (value) VALUES (CAST('theirs' AS BLOB));
         UPDATE bigarrays_keys SET version = 4, size = 6 WHERE key = 'a'",
    );
    let store = SqliteBackend::open(&path).unwrap();
    assert_eq!(get(&store, "a").unwrap(), "theirs");
}

#[test]
fn checksums_that_do_not_fit_are_damage() {
    for sums in ["x'00'", "x'0100000000000000'", "x'010000000000000000000000'"] {
        let dir = tempdir().unwrap();
        let path = dir.path().join("store.db");
        let store = SqliteBackend::open(&path).unwrap();
        put(&store, "a", "value");
        sql(&path, &format!("UPDATE bigarrays_keys SET sums = {sums} WHERE key = 'a'"));
        told(&store, ByteRange::Full);
    }
}

/// How much longer a read takes for its checksum.
#[test]
#[ignore = "a measurement"]
fn the_price_of_checksums() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    (0..64).for_each(|n| drop(put(&store, &format!("k{n}"), vec![n; 1 << 20])));
    for round in 0..3 {
        for checksums in [false, true] {
            let options = SqliteBackend::builder(&path).read_only(true);
            let store = options.checksums(checksums).open().unwrap();
            let begun = Instant::now();
            for n in (0..64).cycle().take(640) {
                wait(store.get(&key(&format!("k{n}")), ByteRange::Full)).unwrap();
            }
            let rate = 640.0 / begun.elapsed().as_secs_f64();
            say(&format!("round {round}, checksums {checksums}: {rate:.0} MiB/s"));
        }
    }
}
