//! How a URL becomes a store: one file per store.

#[cfg(all(feature = "fs", unix))]
pub(crate) mod fs;
#[cfg(feature = "gcs")]
pub(crate) mod gcs;
#[cfg(feature = "hdf5")]
pub(crate) mod hdf5;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod memory;
#[cfg(feature = "azure")]
pub(crate) mod object;
#[cfg(feature = "hdf5")]
pub(crate) mod plain;
#[cfg(feature = "rocksdb")]
pub(crate) mod rocksdb;
#[cfg(feature = "s3")]
pub(crate) mod s3;
#[cfg(feature = "hdf5")]
pub(crate) mod sections;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
