//! The stores of bigarrays: one module and one cargo feature each.
//!
//! | | [`fs`] | [`sqlite`] |
//! |---|---|---|
//! | what it is | a directory; a value is a file | one file; a value is a row |
//! | a put is atomic | temporary file and rename | transaction |
//! | a batch is atomic | each value for itself | as a whole |
//! | a reported put survives a killed process | yes | yes |
//! | ... and a power cut | yes ([`Durability`](fs::Durability)) | yes ([`Synchronous`](sqlite::Synchronous)) |
//! | compare-and-swap between threads and processes | yes, on one machine | yes, on one machine |
//! | readers beside a writer | do not wait (for a missing key: for a rename) | do not wait |
//! | writers beside each other | wait for the rename only, per directory | one at a time |
//! | a range of a value | is read alone | is read alone |
//! | a key that is also a prefix (`a`, `a/b`) | refused | stored |
//! | longest value | what memory holds | what memory holds |
//! | other programs | CloudVolume, TensorStore, neuroglancer | anything that has SQLite |
//!
//! Directories are what other programs read, and scale to any size. A database is one file to
//! copy, has atomic batches, and does not turn millions of small chunks into millions of files.
//!
//! Both are blocking stores: their futures do all work inside the first poll, on the thread that
//! polls (see [`IoModel`](bigarrays_core::backend::IoModel)).

mod facts;
#[cfg(all(feature = "fs", unix))]
pub mod fs;
#[cfg(feature = "gcs")]
pub mod gcs;
#[cfg(feature = "hdf5")]
pub mod hdf5;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "object")]
pub mod object;
#[cfg(feature = "remote")]
pub mod remote;
#[cfg(feature = "rocksdb")]
pub mod rocksdb;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "hdf5")]
pub mod sections;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use facts::{StoreFacts, stores};

#[cfg(all(feature = "fs", unix))]
pub use fs::FsBackend;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteBackend;
