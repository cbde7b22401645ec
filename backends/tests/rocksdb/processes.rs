//! A writer of another process: beside readers, beside another writer, and killed.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bigarrays_backends::rocksdb::{Durability, Reading, RocksDbBackend};
use bigarrays_core::backend::{ErrorKind, KeyValueBackend, Put, wait};
use tempfile::tempdir;

use crate::common::{
    assert_whole, child, delete, get, key, keys, metas, put, say_wrote, sealed, wait_for_lines,
};
use crate::soak;

const LEN: usize = 300_000;

/// Without syncs, and with buffers that are moved into files after few values.
pub(super) fn scratch(path: &Path) -> RocksDbBackend {
    let options = RocksDbBackend::builder(path).write_buffer(4 << 20);
    options.durability(Durability::None).open().unwrap()
}

/// The work of a child process.
pub(super) fn work(job: &[String]) {
    let path = Path::new(&job[1]);
    match job[0].as_str() {
        "write for ever" => write_for_ever(&scratch(path)),
        "write again and again" => write_again_and_again(path),
        "answer" => answer(&scratch(path)),
        "fill" => fill(&scratch(path)),
        "soak" => soak::write_for_ever(&job[1], Path::new(&job[2]), job[3].parse().unwrap()),
        other => panic!("what is {other:?}?"),
    }
}

/// Puts the same value under three keys, again and again.
fn write_for_ever(store: &RocksDbBackend) {
    for n in 0.. {
        put_three(store, n);
        say_wrote("all three");
    }
}

/// The same, and opens the database anew each few times.
fn write_again_and_again(path: &Path) {
    for round in 0.. {
        let store = scratch(path);
        (0..20).for_each(|n| put_three(&store, round * 20 + n));
        say_wrote("twenty times three");
    }
}

pub(super) fn put_three(store: &RocksDbBackend, n: usize) {
    let put = |k: usize| Put { key: key(&format!("d/{k}")), value: sealed(n, LEN).into() };
    wait(store.put_batch((0..3).map(put).collect())).unwrap();
}

/// Puts a new value after each line that it reads, and says so.
fn answer(store: &RocksDbBackend) {
    for (n, line) in io::stdin().lines().enumerate() {
        let text = line.unwrap();
        match text.as_str() {
            "delete" => delete(store, "value"),
            _ => drop(put(store, "value", sealed(n, LEN))),
        }
        put(store, &format!("key/{n}"), text);
        say_wrote("the answer");
    }
}

/// Puts few values, and holds the database until it is killed.
fn fill(store: &RocksDbBackend) {
    put(store, "a", "of the child");
    say_wrote("a value");
    loop {
        std::thread::park();
    }
}

/// A child that is told what to do line by line.
fn asked_child(job: &[&str]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_child_does_its_job", "--nocapture"])
        .env("BIGARRAYS_TEST_CHILD", job.join("\n"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn reader(path: &Path, reading: Reading) -> RocksDbBackend {
    RocksDbBackend::builder(path).read_only(true).reading(reading).open().unwrap()
}

#[test]
fn a_killed_writer_leaves_whole_batches_and_the_next_opens() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    for round in 0..12 {
        let mut writer = child(&["write for ever", path.to_str().unwrap()]);
        wait_for_lines(&mut writer, 1 + 3 * round);
        kill(writer);
        let store = scratch(&path);
        let values = ["d/0", "d/1", "d/2"].map(|name| get(&store, name).unwrap());
        assert_whole(&values[0], LEN);
        assert!(values[0] == values[1] && values[1] == values[2], "half a batch is there");
        assert_eq!(metas(&store, "").len(), 3);
        put(&store, "d/0", sealed(0, LEN));
    }
}

#[test]
fn what_was_reported_written_survives_the_kill_of_its_process() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let mut writer = child(&["fill", path.to_str().unwrap()]);
    wait_for_lines(&mut writer, 1);
    kill(writer);
    assert_eq!(get(&reader(&path, Reading::Frozen), "a").unwrap(), "of the child");
    assert_eq!(get(&reader(&path, Reading::Follow), "a").unwrap(), "of the child");
    assert_eq!(get(&RocksDbBackend::open(&path).unwrap(), "a").unwrap(), "of the child");
}

#[test]
fn a_second_writer_is_told_what_to_do_and_readers_go_on() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    let mut writer = child(&["fill", path.to_str().unwrap()]);
    wait_for_lines(&mut writer, 1);
    let error = RocksDbBackend::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
    let text = error.to_string();
    assert!(text.contains("another process") && text.contains("for reading"), "{text}");
    let reader = RocksDbBackend::open_read_only(&path).unwrap();
    assert_eq!(get(&reader, "a").unwrap(), "of the child");
    // The refused opening took nothing and left nothing locked.
    kill(writer);
    let store = RocksDbBackend::open(&path).unwrap();
    put(&store, "a", "mine");
    assert_eq!(get(&reader, "a").unwrap(), "mine");
}

#[test]
fn a_reader_sees_at_once_what_another_process_reported_written() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    put(&scratch(&path), "first", "x");
    let reader = reader(&path, Reading::Follow);
    let mut writer = asked_child(&["answer", path.to_str().unwrap()]);
    let mut stdin = writer.stdin.take().unwrap();
    for n in 0..60 {
        let word = if n % 10 == 9 { "delete" } else { "put" };
        writeln!(stdin, "{word}").unwrap();
        wait_for_lines(&mut writer, 1);
        assert_eq!(get(&reader, &format!("key/{n}")).as_deref(), Some(word));
        match get(&reader, "value") {
            Some(value) => assert!(word == "put" && value == sealed(n, LEN)),
            None => assert_eq!(word, "delete"),
        }
        assert_eq!(keys(&reader, "key").len(), n + 1);
        let batch = wait(reader.get_batch(&[key("value"), key(&format!("key/{n}"))]));
        assert_eq!(batch[0].as_ref().unwrap().is_some(), word == "put");
        assert_eq!(batch[1].as_ref().unwrap().as_ref().unwrap().bytes, word);
    }
    drop(stdin);
    writer.wait().unwrap();
}

#[test]
fn readers_see_whole_values_while_writers_come_and_go() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("db");
    put_three(&scratch(&path), 0);
    let reader = reader(&path, Reading::Follow);
    let mut writer = child(&["write again and again", path.to_str().unwrap()]);
    for _ in 0..10 {
        wait_for_lines(&mut writer, 1);
        for _ in 0..20 {
            (0..3).for_each(|k| assert_whole(&get(&reader, &format!("d/{k}")).unwrap(), LEN));
        }
        assert_eq!(keys(&reader, ""), ["d/0", "d/1", "d/2"]);
    }
    kill(writer);
    assert_whole(&get(&reader, "d/0").unwrap(), LEN);
}
