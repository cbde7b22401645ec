//! Files: whose they are, what stands beside them, who may read them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::Duration;

use bigarrays_backends::SqliteBackend;
use bigarrays_core::backend::{
    ByteRange, ContentEncoding, ErrorKind, KeyValueBackend, Value, wait,
};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::common::{Mount, delete, files, get, key, keys, put, refused, skip};

/// Each file of a directory, with its bytes.
fn content(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), fs::read(directory.join(name)).unwrap());
    files(directory).into_iter().map(read).collect()
}

#[test]
fn files_of_others_are_refused_and_left_as_they_are() {
    let dir = tempdir().unwrap();
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    let make = |name: &str, sql: &str| {
        let connection = Connection::open(other.join(name)).unwrap();
        connection.execute_batch(sql).unwrap();
        // Its log stays, as if its owner had been killed.
        let flag = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        connection.set_db_config(flag, true).unwrap();
    };
    make("table.db", "CREATE TABLE mine (x); INSERT INTO mine VALUES (1)");
    make("wal.db", "CREATE TABLE t (x); PRAGMA journal_mode = WAL; INSERT INTO t VALUES (1)");
    make("id.db", "PRAGMA application_id = 7; PRAGMA user_version = 1");
    make("version.db", "PRAGMA user_version = 3");
    make("newer.db", "PRAGMA application_id = 0x62696741; PRAGMA user_version = 2");
    fs::write(other.join("text.db"), "not a database at all, but some text").unwrap();
    fs::write(other.join("long.db"), vec![b'x'; 100_000]).unwrap();
    let before = content(&other);
    for (name, word) in [
        ("table.db", "another program"),
        ("wal.db", "another program"),
        ("id.db", "another program"),
        ("version.db", "another program"),
        ("newer.db", "format 2"),
        ("text.db", "no SQLite database"),
        ("long.db", "no SQLite database"),
    ] {
        for builder in [
            SqliteBackend::builder(other.join(name)),
            SqliteBackend::builder(other.join(name)).create(false),
            SqliteBackend::builder(other.join(name)).read_only(true),
        ] {
            let error = builder.open().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{name}: {error}");
            assert!(error.to_string().contains(word), "{name}: {error}");
        }
        assert!(content(&other) == before, "{name} was changed");
    }
}

#[test]
fn what_does_not_exist_is_made_only_on_request() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("new.db");
    for builder in [
        SqliteBackend::builder(&path).create(false),
        SqliteBackend::builder(&path).read_only(true),
        SqliteBackend::builder(dir.path().join("no/directory.db")).create(false),
    ] {
        assert_eq!(builder.open().unwrap_err().kind(), ErrorKind::NotFound);
        assert!(files(dir.path()).is_empty());
    }
    for path in [dir.path().to_owned(), dir.path().join("no/directory.db")] {
        let error = SqliteBackend::open(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    }
    // An empty file is nobody's: a creation that was killed at once may leave one.
    fs::write(&path, "").unwrap();
    let error = SqliteBackend::builder(&path).create(false).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = SqliteBackend::open_read_only(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    put(&SqliteBackend::open(&path).unwrap(), "a", "x");
    assert_eq!(get(&SqliteBackend::open_read_only(&path).unwrap(), "a").unwrap(), "x");
}

#[test]
fn only_the_file_is_left_when_it_is_closed() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    put(&store, "a", "x");
    assert_eq!(files(dir.path()), ["store.db", "store.db-shm", "store.db-wal"]);
    let reader = SqliteBackend::open_read_only(&path).unwrap();
    assert_eq!(get(&reader, "a").unwrap(), "x");
    drop(store);
    assert_eq!(get(&reader, "a").unwrap(), "x");
    drop(reader);
    assert_eq!(files(dir.path()), ["store.db"]);
    // Who only reads leaves nothing either.
    let before = content(dir.path());
    let reader = SqliteBackend::open_read_only(&path).unwrap();
    assert_eq!(get(&reader, "a").unwrap(), "x");
    drop(reader);
    assert!(content(dir.path()) == before);
}

#[test]
fn others_find_the_values_by_sql() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    put(&store, "info", "{}");
    put(&store, "a/compressed", Value::encoded("zzz", ContentEncoding::Gzip));
    put(&store, "long", "x".repeat(3 << 20));
    drop(store);
    let connection = Connection::open(&path).unwrap();
    let text = |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(text("SELECT CAST(value AS TEXT) FROM bigarrays WHERE key = 'info'"), "{}");
    let sql = "SELECT key || size || content_encoding FROM bigarrays WHERE key LIKE 'a/%'";
    assert_eq!(text(sql), "a/compressed3gzip");
    assert_eq!(
        text("SELECT size || ' ' || (value IS NULL) FROM bigarrays WHERE key = 'long'"),
        "3145728 1"
    );
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(text("SELECT count(*) || '' FROM bigarrays_values"), "5");
}

#[test]
fn versions_are_never_given_out_again() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let mut seen = std::collections::HashSet::new();
    for round in 0..20 {
        let store = SqliteBackend::open(&path).unwrap();
        assert!(seen.insert(put(&store, "a", "same")), "round {round}");
        assert!(seen.insert(put(&store, "b", "same")), "round {round}");
        delete(&store, "a");
        delete(&store, "b");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("VACUUM").unwrap();
    }
}

#[test]
fn many_may_open_a_new_file_at_once() {
    for _ in 0..20 {
        let dir = tempdir().unwrap();
        let path = dir.path().join("new.db");
        let work = |n: usize| {
            let store = SqliteBackend::open(&path).unwrap();
            put(&store, &format!("by/{n}"), "x");
        };
        let work = &work;
        thread::scope(|scope| {
            (0..4).for_each(|n| drop(scope.spawn(move || work(n))));
        });
        assert_eq!(keys(&SqliteBackend::open(&path).unwrap(), "").len(), 4);
    }
}

/// The locks of this process on a file, as the kernel shows them. `None` where it does not.
fn locks_on(path: &Path) -> Option<usize> {
    let inode = fs::metadata(path).unwrap().ino();
    let all = fs::read_to_string("/proc/locks").ok()?;
    let own = |line: &&str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let file = format!(":{inode}");
        words.get(4).is_some_and(|pid| *pid == std::process::id().to_string())
            && words.get(5).is_some_and(|id| id.ends_with(&file))
    };
    Some(all.lines().filter(own).count())
}

#[test]
fn opening_the_file_again_does_not_end_its_locks() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteBackend::open(&path).unwrap();
    put(&store, "a", "x");
    match locks_on(&path) {
        Some(locks) if locks > 0 => {}
        _ => return skip("the kernel does not show this process its locks"),
    }
    // By POSIX, closing a file ends all locks that the process has on it. SQLite knows that.
    drop(SqliteBackend::open(&path).unwrap());
    drop(SqliteBackend::open_read_only(&path).unwrap());
    // The kernel's list may leave out entries while others come and go; it never makes one up.
    assert!((0..100).any(|_| locks_on(&path).is_some_and(|locks| locks > 0)));
}

#[test]
fn a_file_in_a_read_only_directory_is_read_and_its_writers_are_noticed() {
    let dir = tempdir().unwrap();
    let (place, view) = (dir.path().join("place"), dir.path().join("view of 100%?"));
    fs::create_dir(&place).unwrap();
    let path = place.join("store.db");
    put(&SqliteBackend::open(&path).unwrap(), "a", "first");
    let Some(_mount) = Mount::read_only(&place, &view) else { return };
    let reader = SqliteBackend::open_read_only(view.join("store.db")).unwrap();
    assert_eq!(get(&reader, "a").unwrap(), "first");
    assert_eq!(keys(&reader, ""), ["a"]);
    assert_eq!(refused(&reader, "a", "x").kind(), ErrorKind::ReadOnly);
    let error = SqliteBackend::open(view.join("store.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    for round in 0..5 {
        // Written by another path: first into the log, at the end into the file.
        let writer = SqliteBackend::open(&path).unwrap();
        put(&writer, "a", format!("open {round}"));
        assert_eq!(get(&reader, "a").unwrap(), format!("open {round}"));
        put(&writer, "a", format!("closed {round}"));
        drop(writer);
        assert_eq!(get(&reader, "a").unwrap(), format!("closed {round}"));
        let batch = wait(reader.get_batch(&[key("a"), key("b")]));
        assert_eq!(batch.len(), 2);
        assert!(matches!(&batch[0], Ok(Some(_))) && matches!(&batch[1], Ok(None)));
    }
    // The last to close was one that could not tidy up; the next one can.
    drop(reader);
    drop(SqliteBackend::open(&path).unwrap());
    assert_eq!(files(&place), ["store.db"]);
}

#[test]
fn a_file_in_a_directory_without_permission_is_read() {
    let dir = tempdir().unwrap();
    let place = dir.path().join("place");
    fs::create_dir(&place).unwrap();
    let path = place.join("store.db");
    put(&SqliteBackend::open(&path).unwrap(), "a", "x");
    let permit = |mode| fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
    permit(0o555);
    if fs::write(place.join("probe"), "").is_ok() {
        permit(0o755);
        return skip("permissions do not bind this user");
    }
    let reader = SqliteBackend::open_read_only(&path).unwrap();
    assert_eq!(get(&reader, "a").unwrap(), "x");
    let error = SqliteBackend::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(get(&SqliteBackend::open_read_only(&path).unwrap(), "a").unwrap(), "x");
    permit(0o755);
    assert_eq!(get(&SqliteBackend::open_read_only(&path).unwrap(), "a").unwrap(), "x");
    assert_eq!(files(&place), ["store.db"]);
}

#[test]
fn any_patience_is_one() {
    let dir = tempdir().unwrap();
    for patience in [Duration::ZERO, Duration::MAX] {
        let store = SqliteBackend::builder(dir.path().join("store.db")).busy_timeout(patience);
        put(&store.open().unwrap(), "a", "x");
    }
}

#[test]
fn a_log_that_cannot_be_read_is_told_and_not_left_out() {
    let dir = tempdir().unwrap();
    let (place, view) = (dir.path().join("place"), dir.path().join("view"));
    fs::create_dir(&place).unwrap();
    let path = dir.path().join("open.db");
    let store = SqliteBackend::open(&path).unwrap();
    put(&store, "a", "in the log");
    // As a killed writer leaves it.
    for suffix in ["", "-wal"] {
        let from = dir.path().join(format!("open.db{suffix}"));
        fs::copy(from, place.join(format!("open.db{suffix}"))).unwrap();
    }
    let Some(mount) = Mount::read_only(&place, &view) else { return };
    let error = SqliteBackend::open_read_only(view.join("open.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("open it there once"), "{error}");
    drop(mount);
    let recovered = SqliteBackend::open_read_only(place.join("open.db")).unwrap();
    assert_eq!(get(&recovered, "a").unwrap(), "in the log");
}

#[test]
fn the_store_is_named_in_one_line_with_an_absolute_path() {
    let dir = tempdir().unwrap();
    let store = SqliteBackend::open(dir.path().join("a\nb?c#d%20.db")).unwrap();
    assert!(store.path().is_absolute());
    let name = store.to_string();
    assert!(name.starts_with("sqlite:///") && !name.contains('\n'), "{name:?}");
    put(&store, "a", "x");
    let blob = wait(store.get(&key("a"), ByteRange::Full)).unwrap().unwrap();
    assert_eq!(blob.bytes, "x");
    assert_eq!(SqliteBackend::open("").unwrap_err().kind(), ErrorKind::InvalidConfig);
}
