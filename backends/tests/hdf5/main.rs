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
mod direct;
mod forerunner;
mod golden;
mod suite;
