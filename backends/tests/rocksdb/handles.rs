//! Several stores on one directory in one process.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::thread;

use bigarrays_backends::rocksdb::{Compression, Durability, Reading, RocksDbBackend};
use bigarrays_core::Prefix;
use bigarrays_core::backend::{
    ByteRange, ContentEncoding, DeleteOutcome, ErrorKind, KeyValueBackend, Precondition, Put,
    PutOutcome, Value, wait,
};
use futures::stream::StreamExt;
use tempfile::tempdir;

use crate::common::{assert_whole, delete, get, key, keys, metas, put, refused, sealed, skip};

const LEN: usize = 300_000;

#[test]
fn stores_of_one_directory_share_its_database_by_any_path() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let first = RocksDbBackend::open(&path).unwrap();
    let link = dir.path().join("link");
    symlink(&path, &link).unwrap();
    let second = RocksDbBackend::open(&link).unwrap();
    put(&first, "a", "x");
    assert_eq!(get(&second, "a").unwrap(), "x");
    delete(&second, "a");
    assert_eq!(get(&first, "a"), None);
    // The database stays open for the second one.
    drop(first);
    put(&second, "b", "y");
    assert_eq!(get(&RocksDbBackend::open(&path).unwrap(), "b").unwrap(), "y");
    let view = dir.path().join("view");
    fs::create_dir(&view).unwrap();
    let mut bind = Command::new("mount");
    bind.arg("--bind").args([&path, &view]).stderr(Stdio::null());
    if !bind.status().is_ok_and(|status| status.success()) {
        return skip("this process may not mount file systems");
    }
    let third = RocksDbBackend::open(&view).unwrap();
    Command::new("umount").arg("-l").arg(&view).status().unwrap();
    put(&third, "c", "z");
    assert_eq!(get(&second, "c").unwrap(), "z");
}

#[test]
fn many_may_open_close_and_make_a_database_at_once() {
    for _ in 0..5 {
        let dir = tempdir().unwrap();
        let path = dir.path().join("deep").join("new");
        let work = |n: usize| {
            for round in 0..5 {
                let options = RocksDbBackend::builder(&path).durability(Durability::None);
                let store = options.open().unwrap();
                put(&store, &format!("by/{n}/{round}"), "x");
            }
        };
        let work = &work;
        thread::scope(|scope| (0..4).for_each(|n| drop(scope.spawn(move || work(n)))));
        assert_eq!(keys(&RocksDbBackend::open(&path).unwrap(), "").len(), 20);
    }
}

#[test]
fn bytes_that_were_read_outlive_their_store_and_keep_the_database_open() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "long", sealed(1, LEN));
    put(&store, "short", "x");
    // From the files, where values are not copied.
    drop(store);
    let store = RocksDbBackend::open(&path).unwrap();
    let read = |range| wait(store.get(&key("long"), range)).unwrap().unwrap().bytes;
    let whole = read(ByteRange::Full);
    let parts = [read(ByteRange::Bounded(8..24)), read(ByteRange::Suffix(100_000))];
    let ranges = wait(store.get_ranges(&key("long"), &[0..200_000, 7..7, 8..16])).unwrap().unwrap();
    let batch = wait(store.get_batch(&[key("long"), key("none"), key("short"), key("long")]));
    put(&store, "long", "other");
    delete(&store, "long");
    drop(store);
    assert_whole(str::from_utf8(&whole).unwrap(), LEN);
    assert_eq!(parts[0], "00000001".repeat(2));
    assert_eq!(parts[1], whole[whole.len() - 100_000..]);
    assert_eq!(ranges[0], whole[..200_000]);
    assert_eq!((&ranges[1][..], &ranges[2][..]), (&b""[..], &b"00000001"[..]));
    let found: Vec<_> = batch.into_iter().map(Result::unwrap).collect();
    assert!(found[1].is_none());
    assert_eq!(found[2].as_ref().unwrap().bytes, "x");
    assert!(found[0].as_ref().unwrap().bytes == whole && found[3] == found[0]);
    let again = RocksDbBackend::open(&path).unwrap();
    assert_eq!(get(&again, "short").unwrap(), "x");
    assert_eq!(get(&again, "long"), None);
}

#[test]
fn a_reader_of_the_same_process_refuses_changes_and_sees_those_of_the_writer() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let error = RocksDbBackend::open_read_only(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(!path.exists());
    let writer = RocksDbBackend::open(&path).unwrap();
    put(&writer, "a", "old");
    let open =
        |reading| RocksDbBackend::builder(&path).read_only(true).reading(reading).open().unwrap();
    let readers = [open(Reading::Auto), open(Reading::Follow), open(Reading::Frozen)];
    put(&writer, "a", "new");
    let seen = readers.each_ref().map(|reader| get(reader, "a").unwrap());
    assert_eq!(seen, ["new", "new", "old"]);
    for reader in &readers {
        let can = reader.capabilities();
        assert!(!can.writable && !can.conditional_delete);
        assert_eq!(refused(reader, "a", "x").kind(), ErrorKind::ReadOnly);
        let always = Precondition::Always;
        let error = wait(reader.delete(&key("a"), always)).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::ReadOnly, Some("a")));
        let batch = vec![Put { key: key("b"), value: "x".into() }];
        assert_eq!(wait(reader.put_batch(batch)).unwrap_err().kind(), ErrorKind::ReadOnly);
        let error = wait(reader.delete_batch(&[key("a")])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly);
    }
    assert_eq!(keys(&writer, ""), ["a"]);
}

#[test]
fn versions_are_never_given_out_again() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let mut seen = HashSet::new();
    for round in 0..10 {
        let store = RocksDbBackend::open(&path).unwrap();
        assert!(seen.insert(put(&store, "a", "same")), "round {round}");
        assert!(seen.insert(put(&store, "a", "same")), "round {round}");
        let batch = ["a", "b"].map(|name| Put { key: key(name), value: "same".into() });
        wait(store.put_batch(batch.into())).unwrap();
        for meta in metas(&store, "") {
            assert!(seen.insert(meta.version.unwrap()), "round {round}");
        }
        let when = Precondition::IfVersion(put(&store, "a", "same"));
        assert_eq!(wait(store.delete(&key("a"), when)).unwrap(), DeleteOutcome::Deleted);
        delete(&store, "b");
    }
    assert_eq!(seen.len(), 40);
}

#[test]
fn threads_count_by_compare_and_swap_while_buffers_go_to_files() {
    let dir = tempdir().unwrap();
    let options = RocksDbBackend::builder(dir.path().join("db")).write_buffer(1 << 20);
    let store = options.durability(Durability::None).open().unwrap();
    let (threads, rounds) = (4, 200);
    let count = || {
        for _ in 0..rounds {
            loop {
                let now = wait(store.get(&key("n"), ByteRange::Full)).unwrap();
                let (number, when) = match now {
                    None => (0, Precondition::IfAbsent),
                    Some(blob) => {
                        let text = str::from_utf8(&blob.bytes).unwrap();
                        assert_whole(text, 20_000);
                        let number: usize = text[..8].parse().unwrap();
                        (number, Precondition::IfVersion(blob.version.unwrap()))
                    }
                };
                let next = Value::plain(sealed(number + 1, 20_000));
                if wait(store.put(&key("n"), next, when)).unwrap() != PutOutcome::Conflict {
                    break;
                }
            }
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(count))));
    assert_eq!(get(&store, "n").unwrap()[..8].parse::<usize>().unwrap(), threads * rounds);
}

#[test]
fn a_prefix_is_not_a_pattern_and_a_key_may_have_keys_below_it() {
    let dir = tempdir().unwrap();
    let store = RocksDbBackend::open(dir.path().join("db")).unwrap();
    for name in ["a", "a/b", "a/b/c", "a0", "a-", "A/b", "a%/x", "a_/x", "a/\u{10ffff}"] {
        put(&store, name, name);
    }
    assert_eq!(keys(&store, "a"), ["a/b", "a/b/c", "a/\u{10ffff}"]);
    assert_eq!(keys(&store, "a/b"), ["a/b/c"]);
    assert_eq!(keys(&store, "a%"), ["a%/x"]);
    assert_eq!(metas(&store, "").len(), 9);
    delete(&store, "a/b");
    assert_eq!(get(&store, "a").unwrap(), "a");
    assert_eq!(get(&store, "a/b/c").unwrap(), "a/b/c");
}

#[test]
fn listings_of_many_pages_go_on_while_keys_come_and_go() {
    let dir = tempdir().unwrap();
    let store = RocksDbBackend::open(dir.path().join("db")).unwrap();
    for count in [999, 1000, 1001, 3500] {
        let put = |n: usize| Put { key: key(&format!("k/{n}")), value: "".into() };
        wait(store.put_batch((0..count).map(put).collect())).unwrap();
        assert_eq!(metas(&store, "k").len(), count);
    }
    let prefix = Prefix::new("k").unwrap();
    let deleted = wait(async {
        let mut listing = store.list(&prefix);
        let mut deleted = 0;
        while let Some(meta) = listing.next().await {
            wait(store.delete_batch(&[meta.unwrap().key])).unwrap();
            deleted += 1;
        }
        deleted
    });
    assert_eq!(deleted, 3500);
    assert!(keys(&store, "").is_empty());
}

#[test]
fn every_compression_reads_what_the_others_wrote() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let all = [Compression::None, Compression::Lz4, Compression::Zstd];
    for (n, compression) in all.into_iter().enumerate() {
        let store = RocksDbBackend::builder(&path).compression(compression).open().unwrap();
        put(&store, &format!("{n}"), Value::encoded(sealed(n, LEN), ContentEncoding::Gzip));
        drop(store);
        let store = RocksDbBackend::open(&path).unwrap();
        (0..=n).for_each(|n| assert_whole(&get(&store, &format!("{n}")).unwrap(), LEN));
    }
    assert_eq!(keys(&RocksDbBackend::open(&path).unwrap(), "").len(), 3);
}
