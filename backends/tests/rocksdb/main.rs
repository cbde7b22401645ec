//! RocksDB databases as stores: the conformance suite, and what is special about them.
#![cfg(all(feature = "rocksdb", feature = "sqlite", unix))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers belong to the tests")]

#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod failures;
mod files;
mod handles;
mod processes;
mod soak;
mod sums;

/// Not a test when run by hand: other tests run it in processes of their own.
#[test]
fn a_child_does_its_job() {
    if let Some(job) = common::child_job() {
        processes::work(&job);
    }
}
