//! Nothing torn: writers are killed (SIGKILL) at random instants, and what they leave is looked at.
//!
//! A child process, this program again, works on a store by a script that follows from a seed and
//! prints a line after each step. The parent kills it some microseconds after one of the lines,
//! and knows from the script what every key must hold: what the last printed step left, or the one
//! that was under way, and nothing else. Values prove themselves whole.
//!
//! `BIGARRAYS_KILL_ROUNDS=500` kills so many writers a store instead of a few, and
//! `BIGARRAYS_KILL_SEED` repeats a run, as far as the machine lets it.

#![expect(clippy::expect_used, clippy::panic, reason = "test helpers may fail a test")]

mod import;
mod kill;
mod place;
mod script;

use std::path::Path;

use place::{Kind, Place};

/// Not a test when run by hand: the process that is killed.
#[test]
fn a_writer_works_until_it_is_killed() {
    kill::work();
}

fn values(dir: &Path, url: &str) -> Place {
    Place { url: url.replace("DIR", &dir.display().to_string()), kind: Kind::Values }
}

fn chunks(dir: &Path, url: &str) -> Place {
    Place { kind: Kind::Chunks, ..values(dir, url) }
}

fn shards(dir: &Path, url: &str) -> Place {
    Place { kind: Kind::Shards, ..values(dir, url) }
}

/// Values by key and chunks of a volume, each in a store of its own.
fn kill_writers_of(url: &str) {
    for make in [values, chunks] {
        let dir = tempfile::tempdir().expect("a folder");
        kill::rounds(&make(dir.path(), url), 6, 1);
    }
}

fn kill_writers_of_shards_in(url: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    // A long run has half as many of them.
    kill::rounds(&shards(dir.path(), url), 16, 2);
}

#[test]
fn killed_writers_of_a_directory_without_syncs_tear_nothing() {
    kill_writers_of("file://DIR/tree?durability=none");
}

#[test]
fn killed_writers_of_a_directory_tear_nothing() {
    kill_writers_of("file://DIR/tree");
}

#[test]
fn killed_writers_of_a_directory_that_syncs_each_value_tear_nothing() {
    kill_writers_of("file://DIR/tree?durability=each");
}

#[test]
fn killed_writers_of_an_sqlite_file_tear_nothing() {
    kill_writers_of("sqlite://DIR/one.db");
}

#[test]
#[cfg(feature = "rocksdb")]
fn killed_writers_of_a_rocksdb_database_tear_nothing() {
    kill_writers_of("rocksdb://DIR/database");
}

#[test]
#[cfg(feature = "rocksdb")]
fn killed_writers_of_a_rocksdb_database_past_its_log_tear_nothing() {
    kill_writers_of("rocksdb://DIR/database?bulk=1");
}

#[test]
#[cfg(feature = "hdf5")]
fn killed_writers_of_hdf5_cuboids_tear_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = values(dir.path(), "h5://DIR/cuboids?block=32,32,32");
    kill::rounds(&Place { kind: Kind::Cuboids, ..place }, 8, 1);
}

#[test]
fn a_shard_replaced_by_a_killed_writer_is_the_old_one_or_the_new_one() {
    kill_writers_of_shards_in("file://DIR/tree");
}

#[test]
fn a_shard_in_sqlite_replaced_by_a_killed_writer_is_the_old_one_or_the_new_one() {
    kill_writers_of_shards_in("sqlite://DIR/one.db");
}

#[test]
#[cfg(feature = "rocksdb")]
fn a_shard_in_rocksdb_replaced_by_a_killed_writer_is_the_old_one_or_the_new_one() {
    kill_writers_of_shards_in("rocksdb://DIR/database");
}

#[test]
fn an_import_that_is_killed_and_run_again_makes_the_same_volume() {
    import::kill_and_repeat();
}
