//! What the system refuses: the old value stays, nothing is left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bigarrays_backends::fs::{Durability, FsBackend};
use bigarrays_core::backend::{
    ByteRange, ConditionalPut, ErrorKind, KeyValueBackend, Precondition, Put, wait,
};
use tempfile::tempdir;

use crate::common::{Mount, delete, files, get, key, keys, put, refused, skip};

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let dir = tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::tmpfs(&small, "1m") else { return };
    for durability in [Durability::None, Durability::Batch, Durability::Each] {
        let store = FsBackend::builder(&small).durability(durability).open().unwrap();
        put(&store, "d/value", "old");
        let large = "x".repeat(600_000);
        put(&store, "ballast", large.clone());
        for name in ["d/value", "new/directory/value"] {
            let error = refused(&store, name, &large);
            assert_eq!((error.kind(), error.key()), (ErrorKind::StorageFull, Some(name)));
        }
        let batch = ["d/a", "d/value"]
            .map(|name| Put { key: key(name), value: large[..400_000].to_owned().into() });
        let error = wait(store.put_batch(batch.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(get(&store, "d/value").unwrap(), "old");
        if durability == Durability::Each {
            // It was done before the one that failed.
            delete(&store, "d/a");
        }
        assert_eq!(files(&small), ["ballast", "d/value"]);
        assert!(!small.join("new").exists());
        delete(&store, "ballast");
        put(&store, "d/value", large);
        delete(&store, "d/value");
    }
}

#[test]
fn a_read_only_file_system_is_read_and_says_so() {
    let dir = tempdir().unwrap();
    let (tree, view) = (dir.path().join("tree"), dir.path().join("view"));
    put(&FsBackend::open(&tree).unwrap(), "d/value", "old");
    let Some(_mount) = Mount::read_only(&tree, &view) else { return };
    let store = FsBackend::open(&view).unwrap();
    assert_eq!(get(&store, "d/value").unwrap(), "old");
    // In a directory that changed just now this takes the lock.
    assert_eq!(get(&store, "d/missing"), None);
    for name in ["d/value", "new/value"] {
        let error = refused(&store, name, "new");
        assert_eq!((error.kind(), error.key()), (ErrorKind::ReadOnly, Some(name)));
    }
    let error = wait(store.delete(&key("d/value"), Precondition::Always)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert_eq!(keys(&store, ""), ["d/value"]);
}

#[test]
fn a_directory_without_permission_is_told() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    put(&store, "d/value", "old");
    let permit = |mode| {
        fs::set_permissions(dir.path().join("d"), fs::Permissions::from_mode(mode)).unwrap();
    };
    permit(0o555);
    if fs::write(dir.path().join("d/probe"), "").is_ok() {
        permit(0o755);
        skip("permissions do not bind this user");
        return;
    }
    let error = refused(&store, "d/value", "new");
    assert_eq!((error.kind(), error.key()), (ErrorKind::PermissionDenied, Some("d/value")));
    let error = wait(store.delete(&key("d/value"), Precondition::Always)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(get(&store, "d/value").unwrap(), "old");
    permit(0o000);
    let error = wait(store.get(&key("d/value"), ByteRange::Full)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    permit(0o755);
    assert_eq!(files(dir.path()), ["d/value"]);
}

#[test]
fn a_store_opened_for_reading_writes_nothing() {
    let dir = tempdir().unwrap();
    put(&FsBackend::open(dir.path()).unwrap(), "a", "x");
    let store = FsBackend::builder(dir.path()).read_only(true).open().unwrap();
    let capabilities = store.capabilities();
    assert!(!capabilities.writable);
    assert_eq!(capabilities.conditional_put, ConditionalPut::Unsupported);
    assert_eq!(refused(&store, "a", "y").kind(), ErrorKind::ReadOnly);
    let batch = vec![Put { key: key("b"), value: "y".into() }];
    assert_eq!(wait(store.put_batch(batch)).unwrap_err().kind(), ErrorKind::ReadOnly);
    let gone = wait(store.delete(&key("a"), Precondition::Always));
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(wait(store.delete_batch(&[key("a")])).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(get(&store, "a").unwrap(), "x");
}

#[test]
fn a_root_that_cannot_be_one_is_refused_when_it_is_opened() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let missing = dir.path().join("missing");
    for (options, word) in [
        (FsBackend::builder(&file), "not a directory"),
        (FsBackend::builder(file.join("below")), "through a file"),
        (FsBackend::builder(&missing).create(false), "does not exist"),
        (FsBackend::builder(&missing).read_only(true), "does not exist"),
    ] {
        let error = options.open().unwrap_err();
        let is_missing = word == "does not exist";
        let kind = if is_missing { ErrorKind::NotFound } else { ErrorKind::InvalidConfig };
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(word), "{error}");
    }
    let store = FsBackend::builder(dir.path().join("vanishes")).create(false);
    fs::create_dir(dir.path().join("vanishes")).unwrap();
    let store = store.open().unwrap();
    fs::remove_dir(dir.path().join("vanishes")).unwrap();
    assert_eq!(refused(&store, "a/b", "x").kind(), ErrorKind::NotFound);
    assert!(!dir.path().join("vanishes").exists());
}

#[test]
fn a_file_that_is_truncated_in_its_place_is_no_shorter_value() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    // A file of the kernel has no size before it is read: it stands for one that changes.
    std::os::unix::fs::symlink("/proc/self/status", dir.path().join("changes")).unwrap();
    let Some(meta) = wait(store.head(&key("changes"))).unwrap() else {
        skip("there is no /proc");
        return;
    };
    assert_eq!(meta.size, 0);
    let error = wait(store.get(&key("changes"), ByteRange::Full)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
}
