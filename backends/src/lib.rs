//! The stores of bigarrays: one module and one cargo feature each.
//!
//! | module | a value is | URL |
//! |---|---|---|
//! | `fs` | a file in a directory | `file://` |
//! | `sqlite` | a row in one file | `sqlite://` |
//! | `rocksdb` | a record of a database | `rocksdb://` |
//! | `hdf5` | a chunk of a cuboid file, or of a dataset | `h5://` |
//! | `sections` | cut out of aligned 2-D sections | `sections://` |
//! | `s3` | an object in a bucket | `s3://` |
//! | `gcs` | an object in a bucket | `gs://` |
//! | `object` | what a store of the crate `object_store` has | `az://` |
//! | `http` | a file behind a web server | `http://`, `https://` |
//!
//! Each says in its `FACTS` what it promises (how a put is whole, what it survives, who may swap,
//! who waits for whom); [`stores`] has those of this build, and the modules the reasons.
//!
//! The local ones are blocking stores: their futures do all work inside the first poll, on the
//! thread that polls (see [`IoModel`](bigarrays_core::backend::IoModel)). The remote ones work on a
//! runtime of their own (`remote`), so that any executor may poll them.

#[cfg(feature = "hdf5")]
mod brief;
mod facts;
#[cfg(all(feature = "fs", unix))]
pub mod fs;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
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
#[cfg(any(feature = "rocksdb", feature = "sqlite"))]
mod sum;

pub use facts::{StoreFacts, stores};

#[cfg(all(feature = "fs", unix))]
pub use fs::FsBackend;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteBackend;
