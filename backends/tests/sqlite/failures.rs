//! Full disks and damaged files.

use std::fs;
use std::path::Path;

use bigarrays_backends::SqliteBackend;
use bigarrays_core::backend::{ByteRange, ErrorKind, KeyValueBackend, Put, wait};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::common::{Mount, get, key, keys, put, refused};

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let dir = tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::tmpfs(&small, "4m") else { return };
    let store = SqliteBackend::open(small.join("store.db")).unwrap();
    put(&store, "d/value", "old");
    fs::write(small.join("ballast"), vec![0; 2 << 20]).unwrap();
    let large = "x".repeat(3 << 20);
    for _ in 0..3 {
        let error = refused(&store, "d/value", &large);
        assert_eq!((error.kind(), error.key()), (ErrorKind::StorageFull, Some("d/value")));
        let batch = ["d/a", "d/value"]
            .map(|name| Put { key: key(name), value: large[..1_200_000].to_owned().into() });
        let error = wait(store.put_batch(batch.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(get(&store, "d/value").unwrap(), "old");
        assert_eq!(keys(&store, ""), ["d/value"]);
    }
    fs::remove_file(small.join("ballast")).unwrap();
    put(&store, "d/value", "new");
    drop(store);
    let store = SqliteBackend::open(small.join("store.db")).unwrap();
    assert_eq!(get(&store, "d/value").unwrap(), "new");
}

#[test]
fn a_disk_too_full_for_a_store_is_told_at_once() {
    let dir = tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::tmpfs(&small, "64k") else { return };
    fs::write(small.join("ballast"), vec![0; 60 << 10]).unwrap();
    let error = SqliteBackend::open(small.join("store.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    fs::remove_file(small.join("ballast")).unwrap();
}

fn damaged(dir: &Path, sql: &str) -> SqliteBackend {
    let path = dir.join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    put(&store, "a", "x".repeat(3 << 20));
    put(&store, "b", "intact");
    drop(store);
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    SqliteBackend::open(&path).unwrap()
}

#[test]
fn rows_that_do_not_fit_together_are_damage_and_not_absence() {
    for sql in [
        "DELETE FROM bigarrays_values WHERE version = 1",
        "DELETE FROM bigarrays_values WHERE version = 3",
        "UPDATE bigarrays_values SET value = x'00' WHERE version = 2",
        "UPDATE bigarrays_keys SET size = 99 WHERE key = 'a'",
        "UPDATE bigarrays_keys SET size = -1 WHERE key = 'a'",
        "UPDATE bigarrays_keys SET size = 4194304 WHERE key = 'a'",
        "UPDATE bigarrays_keys SET version = -5 WHERE key = 'a'",
        "UPDATE bigarrays_keys SET content_encoding = 'rot13' WHERE key = 'a'",
    ] {
        let dir = tempdir().unwrap();
        let store = damaged(dir.path(), sql);
        let error = wait(store.get(&key("a"), ByteRange::Full)).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::Corrupt, Some("a")), "{sql}");
        let batch = wait(store.get_batch(&[key("a"), key("b")]));
        assert!(batch[0].is_err(), "{sql}");
        assert_eq!(batch[1].as_ref().unwrap().as_ref().unwrap().bytes, "intact");
    }
    let dir = tempdir().unwrap();
    let huge = "UPDATE bigarrays_keys SET size = 9223372036854775807 WHERE key = 'a'";
    let store = damaged(dir.path(), huge);
    wait(store.get(&key("a"), ByteRange::Full)).unwrap_err();

    let dir = tempdir().unwrap();
    let error = {
        drop(damaged(dir.path(), ""));
        let path = dir.path().join("store.db");
        Connection::open(&path).unwrap().execute_batch("DROP TABLE bigarrays_values").unwrap();
        SqliteBackend::open(&path).unwrap_err()
    };
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn flipped_bytes_never_panic_and_never_give_other_lengths() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    let value = "intact ".repeat(5000);
    (0..20).for_each(|n| drop(put(&store, &format!("k/{n}"), value.clone())));
    drop(store);
    let bytes = fs::read(&path).unwrap();
    // Each place of the first pages' headers, and then one byte of each 997.
    let places = (0..200).chain((16384..16484).chain((200..bytes.len()).step_by(997)));
    for place in places {
        let mut broken = bytes.clone();
        broken[place] ^= 0xff;
        fs::write(&path, broken).unwrap();
        let Ok(store) = SqliteBackend::open_read_only(&path) else { continue };
        for n in 0..20 {
            if let Ok(Some(blob)) = wait(store.get(&key(&format!("k/{n}")), ByteRange::Full)) {
                assert_eq!(blob.bytes.len(), value.len(), "byte {place}, key {n}");
            }
        }
    }
}
