//! HDF5 files, read and written.
#![cfg(all(feature = "hdf5", unix))]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers belong to the tests"
)]

#[path = "../common/mod.rs"]
mod common;
mod damage;
mod direct;
mod forerunner;
mod golden;
mod suite;
mod volumes;
mod writers;

/// Not a test when run by hand: other tests run it in processes of their own.
#[test]
fn a_child_does_its_job() {
    match common::child_job().as_deref() {
        None => {}
        Some([what, name, place]) if what == "damage" => {
            damage::do_job(name, std::path::Path::new(place));
        }
        Some(job) => writers::do_job(job),
    }
}
