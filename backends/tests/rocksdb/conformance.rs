//! The conformance suite, on each way to open a database.

use bigarrays_backends::rocksdb::{Compression, Durability, Reading, RocksDbBackend};
use bigarrays_core::conformance::Suite;
use tempfile::tempdir;

use crate::common::put;

const ONE_WRITER: &str = "one process owns the database: there is nobody else to compare with";

#[test]
fn a_database_conforms() {
    let dir = tempdir().unwrap();
    let open = || RocksDbBackend::open(dir.path().join("db"));
    Suite::new(open).persistent().without("C16", ONE_WRITER).run().assert_ok();
}

#[test]
fn a_database_with_small_buffers_and_without_syncs_conforms() {
    let dir = tempdir().unwrap();
    let open = || {
        let options = RocksDbBackend::builder(dir.path().join("db")).write_buffer(1 << 20);
        options.durability(Durability::None).compression(Compression::Lz4).max_open_files(20).open()
    };
    Suite::new(open).persistent().without("C16", ONE_WRITER).run().assert_ok();
}

#[test]
fn a_database_in_which_each_value_is_put_past_the_log_conforms() {
    let dir = tempdir().unwrap();
    let open = || RocksDbBackend::builder(dir.path().join("db")).bulk(0).open();
    Suite::new(open).persistent().without("C16", ONE_WRITER).run().assert_ok();
}

#[test]
fn a_reader_in_the_process_of_the_writer_conforms() {
    let dir = tempdir().unwrap();
    let writer = || RocksDbBackend::open(dir.path().join("db"));
    let first = writer().unwrap();
    put(&first, "a", "x");
    Suite::new(|| RocksDbBackend::open_read_only(dir.path().join("db")))
        .writer(writer)
        .run()
        .assert_ok();
}

#[test]
fn a_secondary_conforms() {
    secondary_conforms(u64::MAX);
}

#[test]
fn a_secondary_of_a_writer_that_puts_past_the_log_conforms() {
    secondary_conforms(0);
}

fn secondary_conforms(bulk: u64) {
    let dir = tempdir().unwrap();
    let options = || RocksDbBackend::builder(dir.path().join("db")).write_buffer(1 << 20);
    let writer = || options().bulk(bulk).open();
    drop(writer().unwrap());
    let secondary = || options().reading(Reading::Follow).read_only(true).open();
    // Kept open, so that it lives through many openings of the writer.
    let first = secondary().unwrap();
    assert!(format!("{first:?}").contains("Follower"), "{first:?}");
    Suite::new(secondary).writer(writer).run().assert_ok();
}
