//! What stands on the disk, and whose directories are left alone.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bigarrays_backends::rocksdb::{Reading, RocksDbBackend};
use bigarrays_core::backend::{ContentEncoding, ErrorKind, KeyValueBackend, Value, wait};
use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use tempfile::tempdir;

use crate::common::{Mount, files, get, key, keys, put, refused, sealed};

fn content(root: &Path) -> Vec<(String, Vec<u8>)> {
    files(root).into_iter().map(|name| (name.clone(), fs::read(root.join(name)).unwrap())).collect()
}

#[test]
fn who_only_reads_leaves_nothing_behind_and_changes_nothing() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "a", sealed(1, 100_000));
    drop(store);
    let before = content(&path);
    for reading in [Reading::Follow, Reading::Frozen] {
        let options = RocksDbBackend::builder(&path).read_only(true).reading(reading);
        let reader = options.open().unwrap();
        assert_eq!(get(&reader, "a").unwrap(), sealed(1, 100_000));
        drop(reader);
        assert!(content(&path) == before, "{reading:?}");
    }
    let own = format!("bigarrays-rocksdb-{}-", std::process::id());
    let is_left = |name: &str| {
        // Others of this process may have theirs at this moment.
        name.starts_with(&own) && fs::read_dir(env::temp_dir().join(name)).is_err()
    };
    let left = fs::read_dir(env::temp_dir()).unwrap();
    assert!(!left.flatten().any(|entry| is_left(&entry.file_name().to_string_lossy())));
}

#[test]
fn others_find_the_values_by_their_keys() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "info", "{}");
    put(&store, "chunk", Value::encoded(vec![7; (1 << 20) + 5], ContentEncoding::Gzip));
    drop(store);
    let names = ["default", "keys", "values"];
    let db = DB::open_cf_for_read_only(&Options::default(), &path, names, false).unwrap();
    let (keys, values) = (db.cf_handle("keys").unwrap(), db.cf_handle("values").unwrap());
    let record = db.get_cf(keys, "chunk").unwrap().unwrap();
    assert_eq!((record.len(), &record[..2]), (32, &[2, 1][..]));
    assert_eq!(record[16..24], ((1_u64 << 20) + 5).to_le_bytes());
    let number = u64::from_le_bytes(record[8..16].try_into().unwrap());
    for (n, len) in [(0, 1 << 20), (1, 5)] {
        let piece = db.get_cf(values, (number + n).to_be_bytes()).unwrap().unwrap();
        assert_eq!(piece, vec![7; len]);
    }
    assert_eq!(db.get("bigarrays.format").unwrap().unwrap(), b"1");
}

#[test]
fn the_databases_of_others_are_refused_and_left_as_they_are() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    let refuse = |why: &str| {
        let before = content(&path);
        for read_only in [false, true] {
            let opened = RocksDbBackend::builder(&path).read_only(read_only).open();
            let error = opened.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
        assert!(content(&path) == before);
    };
    DB::open(&options, &path).unwrap().put("theirs", "x").unwrap();
    refuse("of another program");
    fs::remove_dir_all(&path).unwrap();
    let family = |name| ColumnFamilyDescriptor::new(name, Options::default());
    drop(DB::open_cf_descriptors(&options, &path, [family("theirs")]).unwrap());
    refuse("of another program");
    fs::remove_dir_all(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("holiday.jpg"), "x").unwrap();
    refuse("other files");
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "x").unwrap();
    let error = RocksDbBackend::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("not a directory"), "{error}");
}

#[test]
fn a_database_whose_making_was_cut_short_is_made_anew() {
    let dir = tempdir().unwrap();
    for families in [&[][..], &["keys"], &["keys", "values"]] {
        let path = dir.path().join(families.len().to_string());
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        drop(DB::open_cf(&options, &path, families).unwrap());
        let error = RocksDbBackend::open_read_only(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let store = RocksDbBackend::open(&path).unwrap();
        put(&store, "a", "x");
        drop(store);
        assert_eq!(get(&RocksDbBackend::open_read_only(&path).unwrap(), "a").unwrap(), "x");
    }
    // Only the first files were there.
    let path = dir.path().join("early");
    fs::create_dir(&path).unwrap();
    for name in ["LOCK", "LOG", "IDENTITY", "MANIFEST-000001", "000001.dbtmp"] {
        fs::write(path.join(name), "").unwrap();
    }
    let error = RocksDbBackend::builder(&path).create(false).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    put(&RocksDbBackend::open(&path).unwrap(), "a", "x");
}

#[test]
fn a_format_that_is_not_known_is_refused() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    put(&RocksDbBackend::open(&path).unwrap(), "a", "x");
    let names = ["default", "keys", "values"];
    let db = DB::open_cf(&Options::default(), &path, names).unwrap();
    db.put("bigarrays.format", "9").unwrap();
    drop(db);
    for read_only in [false, true] {
        let error = RocksDbBackend::builder(&path).read_only(read_only).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().contains("format \"9\""), "{error}");
    }
}

#[test]
fn a_database_on_a_read_only_file_system_is_read() {
    let dir = tempdir().unwrap();
    let (place, view) = (dir.path().join("place"), dir.path().join("view"));
    put(&RocksDbBackend::open(&place).unwrap(), "a", "x");
    let Some(_mount) = Mount::read_only(&place, &view) else { return };
    for reading in [Reading::Auto, Reading::Frozen] {
        let reader =
            RocksDbBackend::builder(&view).read_only(true).reading(reading).open().unwrap();
        assert_eq!(get(&reader, "a").unwrap(), "x");
        assert_eq!(keys(&reader, ""), ["a"]);
        assert_eq!(refused(&reader, "a", "x").kind(), ErrorKind::ReadOnly);
    }
    let error = RocksDbBackend::open(&view).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
}

#[test]
fn a_directory_without_permission_is_told() {
    let dir = tempdir().unwrap();
    let place = dir.path().join("place");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(place.join("probe"), "").is_ok() {
        return crate::common::skip("permissions do not bind this user");
    }
    let error = RocksDbBackend::open(place.join("db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[test]
fn the_store_is_named_in_one_line_with_an_absolute_path() {
    let dir = tempdir().unwrap();
    let store = RocksDbBackend::open(dir.path().join("a\nb?c#d%20")).unwrap();
    assert!(store.path().is_absolute());
    let name = store.to_string();
    assert!(name.starts_with("rocksdb:///") && !name.contains('\n'), "{name:?}");
    put(&store, "a", "x");
    assert_eq!(RocksDbBackend::open("").unwrap_err().kind(), ErrorKind::InvalidConfig);
    // The longest value is refused before anything is copied; zeroed memory costs nothing.
    let long = vec![0; (1 << 30) + 1];
    let error = wait(store.put(&key("a"), long.into(), Default::default())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(get(&store, "a").unwrap(), "x");
}
