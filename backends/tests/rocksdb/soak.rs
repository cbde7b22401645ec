//! Readers beside writers for a while: `BIGARRAYS_SOAK_SECONDS`, three by default.
//!
//! Every value shows whether it is whole, and each reader sees each key's numbers only grow. The
//! same is asked of SQLite.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bigarrays_backends::SqliteBackend;
use bigarrays_backends::rocksdb::{Durability, Reading, RocksDbBackend};
use bigarrays_backends::sqlite::Synchronous;
use bigarrays_core::DynBackend;
use bigarrays_core::backend::{ByteRange, KeyValueBackend, Put, wait};
use tempfile::tempdir;

use crate::common::{assert_whole, child, key, keys, put, say_wrote, sealed, wait_for_lines};

const KEYS: usize = 40;
const BATCH: usize = 6;
/// How long a writer lives before it is killed.
const LIFE: Duration = Duration::from_millis(1500);

fn name(n: usize) -> String {
    format!("volume/{}", n % KEYS)
}

/// 16 KiB to 1 MiB, most of them short.
fn len(n: usize) -> usize {
    (16 << 10) << (n * 7919 % 97 % 7)
}

fn writer(kind: &str, path: &Path) -> DynBackend {
    match kind {
        "rocksdb" => {
            let options = RocksDbBackend::builder(path).write_buffer(16 << 20);
            Arc::new(options.durability(Durability::None).open().unwrap())
        }
        _ => {
            Arc::new(SqliteBackend::builder(path).synchronous(Synchronous::Normal).open().unwrap())
        }
    }
}

fn reader(kind: &str, path: &Path) -> DynBackend {
    match kind {
        "rocksdb" => {
            let options = RocksDbBackend::builder(path).read_only(true);
            Arc::new(options.reading(Reading::Follow).open().unwrap())
        }
        _ => Arc::new(SqliteBackend::open_read_only(path).unwrap()),
    }
}

/// The work of a child process: overwrites all keys in turn, in batches and alone.
pub(super) fn write_for_ever(kind: &str, path: &Path, from: usize) {
    let store = writer(kind, path);
    for first in (from..).step_by(BATCH + 1) {
        write(&store, first);
        say_wrote(&first.to_string());
    }
}

fn write(store: &DynBackend, first: usize) {
    let value = |n: usize| sealed(n, len(n));
    let batch = (first..first + BATCH).map(|n| Put { key: key(&name(n)), value: value(n).into() });
    wait(store.put_batch(batch.collect())).unwrap();
    put(store, &name(first + BATCH), value(first + BATCH));
}

#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    values: AtomicU64,
    bytes: AtomicU64,
    listings: AtomicU64,
}

impl Tally {
    /// Reads all keys, again and again, until it is over.
    fn read(&self, store: &DynBackend) {
        let mut last = [0_usize; KEYS];
        while !self.is_over.load(Ordering::Relaxed) {
            let names: Vec<_> = (0..KEYS).map(|n| key(&name(n))).collect();
            for (n, name) in names.iter().enumerate() {
                let blob = wait(store.get(name, ByteRange::Full)).unwrap().unwrap();
                self.check(n, &blob.bytes, &mut last[n]);
            }
            for (n, blob) in wait(store.get_batch(&names)).into_iter().enumerate() {
                self.check(n, &blob.unwrap().unwrap().bytes, &mut last[n]);
            }
            assert_eq!(keys(store, "volume").len(), KEYS);
            self.listings.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn check(&self, key: usize, bytes: &[u8], last: &mut usize) {
        let text = str::from_utf8(bytes).unwrap();
        let number: usize = text[..8].parse().unwrap();
        assert_whole(text, len(number));
        assert_eq!(number % KEYS, key, "the value of another key");
        assert!(number >= *last, "key {key}: {number} after {last}");
        *last = number;
        self.values.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}

fn patience() -> Duration {
    let seconds = env::var("BIGARRAYS_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

/// Two readers in this process, and a writer in another one, which is killed and started again.
fn beside_a_process(kind: &str) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store");
    let first = writer(kind, &path);
    let mut next = 0;
    while next < 2 * KEYS {
        write(&first, next);
        next += BATCH + 1;
    }
    drop(first);
    let (tally, mut lives, begun) = (Tally::default(), 0, Instant::now());
    let store = reader(kind, &path);
    let written = thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(|| tally.read(&store))));
        while begun.elapsed() < patience() {
            let words = ["soak", kind, path.to_str().unwrap(), &next.to_string()];
            let mut writer = child(&words);
            wait_for_lines(&mut writer, 1);
            thread::sleep(LIFE);
            writer.kill().unwrap();
            writer.wait().unwrap();
            // The last number is the greatest that a key has.
            let found = (0..KEYS).map(|n| wait(store.get(&key(&name(n)), ByteRange::Full)));
            let number = |blob: bigarrays_core::backend::Blob| {
                str::from_utf8(&blob.bytes[..8]).unwrap().parse::<usize>().unwrap()
            };
            next = 1 + found.map(|blob| number(blob.unwrap().unwrap())).max().unwrap();
            lives += 1;
        }
        tally.is_over.store(true, Ordering::Relaxed);
        next
    });
    report(&format!("{kind}, a writer process killed {lives} times"), &tally, written, begun);
}

/// Two readers and a writer in this process.
fn beside_a_thread(kind: &str) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("store");
    let store = writer(kind, &path);
    let mut next = 0;
    let (tally, begun) = (Tally::default(), Instant::now());
    let mut write_next = || {
        write(&store, next);
        next += BATCH + 1;
        next
    };
    while write_next() < 2 * KEYS {}
    let written = thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(|| tally.read(&writer(kind, &path)))));
        let mut written = 0;
        while begun.elapsed() < patience() {
            written = write_next();
        }
        tally.is_over.store(true, Ordering::Relaxed);
        written
    });
    report(&format!("{kind}, a writer thread"), &tally, written, begun);
}

#[expect(clippy::print_stderr, reason = "the numbers are the result of a long run")]
fn report(what: &str, tally: &Tally, written: usize, begun: Instant) {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (values, listings) = (count(&tally.values), count(&tally.listings));
    let (seconds, mib) = (begun.elapsed().as_secs(), count(&tally.bytes) >> 20);
    eprintln!(
        "{what}: {written} values written, {values} read whole ({mib} MiB), {listings} listings, \
         {seconds} s"
    );
    assert!(values > 0 && listings > 0);
}

#[test]
fn rocksdb_readers_see_whole_values_beside_a_writer_process() {
    beside_a_process("rocksdb");
}

#[test]
fn rocksdb_readers_see_whole_values_beside_a_writer_thread() {
    beside_a_thread("rocksdb");
}

#[test]
fn sqlite_readers_see_whole_values_beside_a_writer_process() {
    beside_a_process("sqlite");
}

#[test]
fn sqlite_readers_see_whole_values_beside_a_writer_thread() {
    beside_a_thread("sqlite");
}
