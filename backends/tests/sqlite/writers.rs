//! Writers beside each other, beside readers, and killed.

use std::path::Path;
use std::thread;
use std::time::Duration;

use bigarrays_backends::SqliteBackend;
use bigarrays_backends::sqlite::Synchronous;
use bigarrays_core::Prefix;
use bigarrays_core::backend::{ErrorKind, KeyValueBackend, Put, wait};
use futures::stream::StreamExt;
use rusqlite::{Connection, TransactionBehavior};
use tempfile::tempdir;

use crate::common::{
    assert_whole, child, delete, get, key, keys, metas, put, refused, say_wrote, sealed,
    wait_for_lines,
};

const LEN: usize = 300_000;

fn scratch(path: &Path) -> SqliteBackend {
    SqliteBackend::builder(path).synchronous(Synchronous::Off).open().unwrap()
}

/// The work of a child process.
pub(super) fn work(job: &[String]) {
    let store = scratch(Path::new(&job[1]));
    match job[0].as_str() {
        "write for ever" => write_for_ever(&store),
        other => panic!("what is {other:?}?"),
    }
}

/// Puts the same value under three keys, again and again.
fn write_for_ever(store: &SqliteBackend) {
    for n in 0.. {
        let put = |k: usize| Put { key: key(&format!("d/{k}")), value: sealed(n, LEN).into() };
        wait(store.put_batch((0..3).map(put).collect())).unwrap();
        say_wrote("all three");
    }
}

#[test]
fn a_killed_writer_leaves_whole_batches() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    for round in 0..15 {
        let mut writer = child(&["write for ever", path.to_str().unwrap()]);
        wait_for_lines(&mut writer, 1 + round);
        writer.kill().unwrap();
        writer.wait().unwrap();
        let store = scratch(&path);
        let values = ["d/0", "d/1", "d/2"].map(|name| get(&store, name).unwrap());
        assert_whole(&values[0], LEN);
        assert!(values[0] == values[1] && values[1] == values[2], "half a batch is there");
        put(&store, "d/0", sealed(0, LEN));
    }
    let connection = Connection::open(&path).unwrap();
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let rows = "SELECT count(*) FROM bigarrays_values";
    let rows: u32 = connection.query_row(rows, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3);
}

#[test]
fn readers_do_not_wait_for_a_writer_of_another_process() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::builder(&path).busy_timeout(Duration::ZERO).open().unwrap();
    put(&store, "a", "old");
    let mut other = Connection::open(&path).unwrap();
    let change = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    change.execute("UPDATE bigarrays_keys SET content_encoding = 'gzip'", []).unwrap();
    assert_eq!(get(&store, "a").unwrap(), "old");
    assert_eq!(keys(&store, ""), ["a"]);
    let error = refused(&store, "a", "new");
    assert_eq!(error.kind(), ErrorKind::Transient);
    assert!(error.to_string().contains("locked"), "{error}");
    change.commit().unwrap();
    assert_eq!(keys(&store, ""), ["a (gzip)"]);
    put(&store, "a", "new");
    assert_eq!(keys(&store, ""), ["a"]);
}

#[test]
fn a_batch_is_done_as_a_whole_or_not_at_all() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = scratch(&path);
    put(&store, "a", "old");
    let connection = Connection::open(&path).unwrap();
    let forbid = "CREATE UNIQUE INDEX forbid ON bigarrays_keys (size) WHERE size > 100";
    connection.execute_batch(forbid).unwrap();
    let batch = ["a", "b", "c"].map(|name| Put { key: key(name), value: "x".repeat(200).into() });
    let error = wait(store.put_batch(batch.into())).unwrap_err();
    assert_eq!(error.key(), Some("b"));
    assert_eq!(get(&store, "a").unwrap(), "old");
    assert_eq!(keys(&store, ""), ["a"]);
    connection.execute_batch("DROP INDEX forbid").unwrap();
    put(&store, "b", "x");
}

#[test]
fn a_prefix_is_not_a_pattern_and_a_key_may_have_keys_below_it() {
    let dir = tempdir().unwrap();
    let store = scratch(&dir.path().join("store.db"));
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
    let store = scratch(&dir.path().join("store.db"));
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
            delete(&store, meta.unwrap().key.as_str());
            deleted += 1;
        }
        deleted
    });
    assert_eq!(deleted, 3500);
    assert!(keys(&store, "").is_empty());
}

#[test]
fn more_threads_than_connections_get_their_turn() {
    let dir = tempdir().unwrap();
    let store = scratch(&dir.path().join("store.db"));
    put(&store, "a", "x");
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(get(&store, "a").unwrap(), "x")));
        }
    });
}
