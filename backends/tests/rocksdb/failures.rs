//! Full disks and damaged files.

use std::fs;
use std::path::{Path, PathBuf};

use bigarrays_backends::rocksdb::{Reading, RocksDbBackend};
use bigarrays_core::Prefix;
use bigarrays_core::backend::{
    ByteRange, ErrorKind, KeyValueBackend, KeyValueBackendExt, Put, wait,
};
use rocksdb::{DB, IteratorMode, Options};
use tempfile::tempdir;

use crate::common::{Mount, files, get, key, keys, put, refused, sealed};

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let dir = tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::tmpfs(&small, "12m") else { return };
    let path = small.join("db");
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "d/value", "old");
    fs::write(small.join("ballast"), vec![0; 5 << 20]).unwrap();
    let large = "x".repeat(4 << 20);
    for _ in 0..3 {
        let error = refused(&store, "d/value", &large);
        assert_eq!(
            (error.kind(), error.key()),
            (ErrorKind::StorageFull, Some("d/value")),
            "{error:?}"
        );
        let batch = ["d/a", "d/value"]
            .map(|name| Put { key: key(name), value: large[..2_000_000].to_owned().into() });
        let error = wait(store.put_batch(batch.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(get(&store, "d/value").unwrap(), "old");
        assert_eq!(keys(&store, ""), ["d/value"]);
    }
    fs::remove_file(small.join("ballast")).unwrap();
    drop(store);
    let store = RocksDbBackend::open(&path).unwrap();
    assert_eq!(get(&store, "d/value").unwrap(), "old");
    assert_eq!(keys(&store, ""), ["d/value"]);
    put(&store, "d/value", "new");
    drop(store);
    assert_eq!(get(&RocksDbBackend::open(&path).unwrap(), "d/value").unwrap(), "new");
}

#[test]
fn a_disk_too_full_for_a_database_is_told_at_once() {
    let dir = tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::tmpfs(&small, "1m") else { return };
    let path = small.join("db");
    put(&RocksDbBackend::open(&path).unwrap(), "a", "x");
    let full = fs::write(small.join("ballast"), vec![0; 1 << 20]);
    assert!(full.is_err());
    for path in [&path, &small.join("new")] {
        let error = RocksDbBackend::open(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error:?}");
    }
    let reader = RocksDbBackend::open_read_only(&path).unwrap();
    assert_eq!(get(&reader, "a").unwrap(), "x");
    fs::remove_file(small.join("ballast")).unwrap();
    put(&RocksDbBackend::open(&path).unwrap(), "a", "y");
    assert_eq!(get(&reader, "a").unwrap(), "y");
}

/// A database with a long value and a short one.
fn database(path: &Path) {
    let store = RocksDbBackend::open(path).unwrap();
    put(&store, "long", sealed(7, 100_000));
    put(&store, "short", "intact");
}

/// The largest file of tables: that of the values.
fn table_of_values(path: &Path) -> PathBuf {
    let tables = files(path).into_iter().filter(|name| name.ends_with(".sst"));
    let tables = tables.map(|name| path.join(name));
    tables.max_by_key(|table| fs::metadata(table).unwrap().len()).unwrap()
}

#[test]
fn damaged_bytes_of_a_value_are_told_and_not_given_out() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    database(&path);
    let table = table_of_values(&path);
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    for read_only in [true, false] {
        let store = RocksDbBackend::builder(&path).read_only(read_only).open().unwrap();
        let error = wait(store.get(&key("long"), ByteRange::Full)).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::Corrupt, Some("long")), "{error}");
        let error = wait(store.get_ranges(&key("long"), &[0..1, 5..6])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let batch = wait(store.get_batch(&[key("long"), key("short")]));
        assert_eq!(batch[0].as_ref().unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(batch[1].as_ref().unwrap().as_ref().unwrap().bytes, "intact");
        // The listing knows the sizes without the values.
        assert_eq!(keys(&store, ""), ["long", "short"]);
    }
}

#[test]
fn a_file_that_is_missing_or_cut_is_not_an_absent_value() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    database(&path);
    let tables: Vec<_> = files(&path).into_iter().filter(|name| name.ends_with(".sst")).collect();
    assert_eq!(tables.len(), 3);
    for table in tables.iter().map(|name| path.join(name)) {
        let whole = fs::read(&table).unwrap();
        for cut in [None, Some(whole.len() - 1), Some(0)] {
            match cut {
                None => fs::remove_file(&table).unwrap(),
                Some(len) => fs::write(&table, &whole[..len]).unwrap(),
            }
            // Who writes would remove the rest, too.
            for reading in [Reading::Follow, Reading::Frozen] {
                let options = RocksDbBackend::builder(&path).read_only(true).reading(reading);
                let got = options.open().and_then(|store| {
                    let got = wait(store.get(&key("long"), ByteRange::Full))?;
                    Ok((got, wait(store.list_all(&Prefix::root()))?))
                });
                let error = got.unwrap_err();
                let damaged = [ErrorKind::Corrupt, ErrorKind::Transient];
                assert!(damaged.contains(&error.kind()), "{table:?} {reading:?}: {error:?}");
            }
        }
        fs::write(&table, whole).unwrap();
    }
    let table = table_of_values(&path);
    fs::remove_file(&table).unwrap();
    let got = RocksDbBackend::open(&path)
        .and_then(|store| wait(store.get(&key("long"), ByteRange::Full)));
    assert_eq!(got.unwrap_err().kind(), ErrorKind::Corrupt);
}

/// Changes the database from outside.
fn meddle(path: &Path, work: impl Fn(&DB)) {
    let names = ["default", "keys", "values"];
    work(&DB::open_cf(&Options::default(), path, names).unwrap());
}

#[test]
fn records_that_say_nonsense_are_damage_and_not_absence() {
    let dir = tempdir().unwrap();
    let record = |format: u8, encoding: u8, version: u64, size: u64| {
        let mut record = vec![format, encoding, 0, 0, 0, 0, 0, 0];
        record.extend(version.to_le_bytes());
        record.extend(size.to_le_bytes());
        record
    };
    let path = dir.path().join("db");
    database(&path);
    for (record, kind) in [
        (Vec::new(), ErrorKind::Corrupt),
        (vec![1; 23], ErrorKind::Corrupt),
        (record(9, 0, 1, 1), ErrorKind::InvalidConfig),
        (record(1, 99, 1, 1), ErrorKind::Corrupt),
        // No such piece; pieces of other lengths; sizes that nobody stored.
        (record(1, 0, 1 << 40, 1), ErrorKind::Corrupt),
        (record(1, 0, 1, 99), ErrorKind::Corrupt),
        (record(1, 0, 1, 3 << 20), ErrorKind::Corrupt),
        (record(1, 0, u64::MAX, u64::MAX), ErrorKind::Corrupt),
    ] {
        meddle(&path, |db| db.put_cf(db.cf_handle("keys").unwrap(), "long", &record).unwrap());
        for read_only in [true, false] {
            let store = RocksDbBackend::builder(&path).read_only(read_only).open().unwrap();
            let error = wait(store.get(&key("long"), ByteRange::Full)).unwrap_err();
            assert_eq!(error.kind(), kind, "{error:?}");
            let batch = wait(store.get_batch(&[key("long"), key("short")]));
            assert_eq!(batch[0].as_ref().unwrap_err().kind(), kind);
            assert_eq!(batch[1].as_ref().unwrap().as_ref().unwrap().bytes, "intact");
        }
    }
    // A record of another version of this program is not overwritten; any other one is.
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "long", "new");
    assert_eq!(get(&store, "long").unwrap(), "new");
}

#[test]
fn what_is_overwritten_or_deleted_leaves_no_pieces() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let store = RocksDbBackend::open(&path).unwrap();
    for size in [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000, 3, 0] {
        put(&store, "a", vec![1; size]);
        put(&store, "b", vec![1; size]);
        let batch = ["a", "b"].map(|name| Put { key: key(name), value: vec![2; size].into() });
        wait(store.put_batch(batch.into())).unwrap();
    }
    put(&store, "a", vec![1; 3_000_000]);
    wait(store.delete_batch(&[key("a"), key("c")])).unwrap();
    put(&store, "b", vec![1; 3_000_000]);
    drop(store);
    meddle(&path, |db| {
        let count =
            |family| db.iterator_cf(db.cf_handle(family).unwrap(), IteratorMode::Start).count();
        assert_eq!((count("keys"), count("values")), (1, 3));
    });
}

#[test]
fn flipped_bytes_never_panic_and_never_give_other_bytes() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    database(&path);
    let whole = sealed(7, 100_000);
    for name in files(&path) {
        if name.starts_with("LOG") {
            continue;
        }
        let file = path.join(&name);
        let bytes = fs::read(&file).unwrap();
        let step = (bytes.len() / 40).max(1);
        for place in (0..bytes.len()).step_by(step) {
            let mut broken = bytes.clone();
            broken[place] ^= 0xff;
            fs::write(&file, broken).unwrap();
            let options = RocksDbBackend::builder(&path).read_only(true).reading(Reading::Frozen);
            let Ok(store) = options.open() else { continue };
            if let Ok(Some(blob)) = wait(store.get(&key("long"), ByteRange::Full)) {
                assert!(blob.bytes == whole, "{name} at {place}");
            }
        }
        fs::write(&file, bytes).unwrap();
    }
}

#[test]
fn a_database_of_a_newer_rocksdb_is_told_with_advice() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    database(&path);
    // The version of the table's format stands in its last 53 bytes, before the magic number.
    let table = table_of_values(&path);
    let mut bytes = fs::read(&table).unwrap();
    let at = bytes.len() - 12;
    assert_eq!(bytes[at..at + 4], 5_u32.to_le_bytes());
    bytes[at] = 99;
    fs::write(&table, bytes).unwrap();
    let opened = RocksDbBackend::open_read_only(&path);
    let error =
        opened.and_then(|store| wait(store.get(&key("long"), ByteRange::Full))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error:?}");
    assert!(error.to_string().contains("rocksdb 0.25"), "{error}");
}
