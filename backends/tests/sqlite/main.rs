//! What is special about SQLite files as stores; the rest is in the conformance suite.
#![cfg(all(feature = "sqlite", unix))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers belong to the tests")]

#[path = "../common/mod.rs"]
mod common;
mod failures;
mod files;
mod sums;
mod writers;

/// Not a test when run by hand: other tests run it in processes of their own.
#[test]
fn a_child_does_its_job() {
    if let Some(job) = common::child_job() {
        writers::work(&job);
    }
}
