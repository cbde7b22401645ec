//! Writers: beside each other, killed, and after each other at full speed.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bigarrays_backends::fs::{CompressedNames, Durability, FsBackend};
use bigarrays_core::backend::{
    ByteRange, ContentEncoding, KeyValueBackend, Precondition, Put, Value, wait,
};
use tempfile::tempdir;

use crate::common::{
    assert_whole, child, delete, files, get, key, keys, put, say_wrote, sealed, wait_for_lines,
};

fn scratch(root: &Path) -> FsBackend {
    FsBackend::builder(root).durability(Durability::None).open().unwrap()
}

/// The work of a child process.
pub(super) fn work(job: &[String]) {
    let (root, rest) = job.split_at(2);
    let store = scratch(Path::new(&root[1]));
    match root[0].as_str() {
        "come and go" => come_and_go(&store, &rest[0], 200),
        "write for ever" => write_for_ever(&store),
        "count" => (0..50).for_each(|_| count(&store)),
        other => panic!("what is {other:?}?"),
    }
}

#[test]
fn versions_differ_under_thousands_of_fast_overwrites() {
    let dir = tempdir().unwrap();
    let store = scratch(dir.path());
    let mut seen = HashSet::new();
    for n in 0..3000 {
        assert!(seen.insert(put(&store, "k", "same size")), "put {n} repeats a version");
        if n % 100 == 0 {
            // The inode number is free again now.
            delete(&store, "k");
        }
    }
}

#[test]
fn versions_differ_between_two_writers_of_the_same_bytes() {
    let dir = tempdir().unwrap();
    let versions = thread::scope(|scope| {
        let write = || {
            let store = scratch(dir.path());
            (0..500).map(|_| put(&store, "k", "same")).collect::<Vec<_>>()
        };
        let writers: Vec<_> = (0..4).map(|_| scope.spawn(write)).collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(versions.iter().collect::<HashSet<_>>().len(), versions.len());
}

/// Adds one to a counter whose encoding, and so whose name, changes with each step.
fn count(store: &FsBackend) {
    loop {
        let (now, when) = match wait(store.get(&key("d/counter"), ByteRange::Full)).unwrap() {
            None => (0, Precondition::IfAbsent),
            Some(blob) => {
                let now: usize = std::str::from_utf8(&blob.bytes).unwrap().parse().unwrap();
                (now, Precondition::IfVersion(blob.version.unwrap()))
            }
        };
        let encoding = ContentEncoding::COMPRESSED.get(now % 6).copied().unwrap_or_default();
        let value = Value::encoded((now + 1).to_string(), encoding);
        if wait(store.put(&key("d/counter"), value, when)).unwrap().is_written() {
            return;
        }
    }
}

#[test]
fn counting_survives_that_the_encoding_changes() {
    let dir = tempdir().unwrap();
    let root = dir.path().to_str().unwrap();
    let mut children: Vec<_> = (0..4).map(|_| child(&["count", root])).collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = scratch(dir.path());
                (0..100).for_each(|_| count(&store));
            });
        }
    });
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(get(&scratch(dir.path()), "d/counter").unwrap(), "600");
    assert_eq!(files(dir.path()).len(), 1);
}

/// Puts and deletes values in directories that vanish each time, and misses none.
fn come_and_go(store: &FsBackend, name: &str, rounds: usize) {
    for n in 0..rounds {
        let name = format!("deep/er/{name}");
        put(store, &name, n.to_string());
        assert_eq!(get(store, &name).unwrap(), n.to_string());
        delete(store, &name);
        assert_eq!(get(store, &name), None);
        let batch = [&name, "shared/x"].map(|name| Put { key: key(name), value: "y".into() });
        wait(store.put_batch(batch.into())).unwrap();
        assert_eq!(get(store, &name).unwrap(), "y");
        wait(store.delete_batch(&[key(&name), key("shared/x")])).unwrap();
    }
}

#[test]
fn directories_may_vanish_under_every_put() {
    let dir = tempdir().unwrap();
    let root = dir.path().to_str().unwrap();
    let mut children: Vec<_> =
        ["p", "q"].map(|name| child(&["come and go", root, name])).into_iter().collect();
    thread::scope(|scope| {
        for name in ["s", "t"] {
            let root = dir.path();
            scope.spawn(move || come_and_go(&scratch(root), name, 200));
        }
    });
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

const LEN: usize = 300_000;

fn write_for_ever(store: &FsBackend) {
    for n in 0.. {
        let name = format!("d/{}", n % 3);
        if n % 5 == 4 {
            let batch =
                (0..3).map(|k| Put { key: key(&format!("d/{k}")), value: sealed(n, LEN).into() });
            wait(store.put_batch(batch.collect())).unwrap();
        } else {
            put(store, &name, sealed(n, LEN));
        }
        say_wrote(&name);
    }
}

#[test]
fn a_killed_writer_leaves_whole_values_and_what_can_be_cleaned() {
    let dir = tempdir().unwrap();
    let root = dir.path().join("tree");
    for round in 0..25 {
        let mut writer = child(&["write for ever", root.to_str().unwrap()]);
        wait_for_lines(&mut writer, 1 + round);
        writer.kill().unwrap();
        writer.wait().unwrap();
        let store = FsBackend::open(&root).unwrap();
        for name in keys(&store, "") {
            assert!(["d/0", "d/1", "d/2"].contains(&&*name), "{name}");
            assert_whole(&get(&store, &name).unwrap(), LEN);
        }
        put(&store, "d/0", sealed(0, LEN));
    }
    let store = FsBackend::open(&root).unwrap();
    let before = files(&root);
    let leftovers = before.iter().filter(|name| name.contains(".bigarrays-")).count();
    // A young one may belong to a writer that lives.
    assert_eq!(store.clean(Duration::from_secs(3600)).unwrap(), 0);
    assert_eq!(files(&root), before);
    assert_eq!(store.clean(Duration::ZERO).unwrap(), leftovers as u64);
    assert!(files(&root).iter().all(|name| !name.contains(".bigarrays-")));
}

#[test]
fn cleaning_removes_leftovers_and_empty_directories_only() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    put(&store, "kept/value", "x");
    for name in ["kept/.bigarrays-1.tmp", "gone/deep/.bigarrays-2.tmp", ".bigarrays-3.tmp"] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "half").unwrap();
    }
    fs::create_dir_all(dir.path().join("empty/too")).unwrap();
    fs::write(dir.path().join("foreign.tmp"), "kept").unwrap();
    assert_eq!(keys(&store, ""), ["foreign.tmp", "kept/value"]);
    assert_eq!(store.clean(Duration::ZERO).unwrap(), 3);
    assert_eq!(files(dir.path()), ["foreign.tmp", "kept/value"]);
    assert!(!dir.path().join("gone").exists() && !dir.path().join("empty").exists());
    assert_eq!(store.clean(Duration::ZERO).unwrap(), 0);
    let nowhere = FsBackend::open(dir.path().join("nowhere")).unwrap();
    assert_eq!(nowhere.clean(Duration::ZERO).unwrap(), 0);
    let reader = FsBackend::builder(dir.path()).read_only(true).open().unwrap();
    reader.clean(Duration::ZERO).unwrap_err();
}

#[test]
fn nothing_is_made_before_the_first_put_and_nothing_left_after_the_last_delete() {
    let dir = tempdir().unwrap();
    let root = dir.path().join("new/root");
    for durability in [Durability::None, Durability::Batch, Durability::Each] {
        let store = FsBackend::builder(&root).durability(durability).open().unwrap();
        assert_eq!(get(&store, "a/b"), None);
        delete(&store, "a/b");
        assert!(keys(&store, "").is_empty());
        assert!(!dir.path().join("new").exists());
        put(&store, "a/b/c", "x");
        put(&store, "a/d", "x");
        delete(&store, "a/b/c");
        assert!(!root.join("a/b").exists() && root.join("a/d").exists());
        delete(&store, "a/d");
        // The root is the caller's, once it is there.
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
        fs::remove_dir_all(dir.path().join("new")).unwrap();
    }
}

#[test]
fn a_store_whose_directory_is_removed_makes_it_again() {
    let dir = tempdir().unwrap();
    let root = dir.path().join("root");
    let store = FsBackend::open(&root).unwrap();
    for round in ["first", "second"] {
        put(&store, "a/b", round);
        assert_eq!(get(&store, "a/b").unwrap(), round);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(get(&store, "a/b"), None);
    }
    let literal = FsBackend::builder(&root).names(CompressedNames::Literal).open().unwrap();
    assert_eq!(get(&literal, "a/b"), None);
}

#[test]
fn a_large_batch_keeps_few_files_open() {
    let dir = tempdir().unwrap();
    let store = FsBackend::open(dir.path()).unwrap();
    let puts = |n: usize| Put { key: key(&format!("{}/{n}", n % 7)), value: n.to_string().into() };
    wait(store.put_batch((0..300).map(puts).collect())).unwrap();
    assert_eq!(keys(&store, "").len(), 300);
    assert_eq!(get(&store, "4/298").unwrap(), "298");
    let keys: Vec<_> = (0..300).map(|n| puts(n).key).collect();
    wait(store.delete_batch(&keys)).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
