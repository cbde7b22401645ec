//! A RocksDB database as a store.

mod database;
mod failure;
mod follow;
mod layout;
mod options;
mod places;
mod read;
mod record;
mod store;
mod temporary;
mod tuning;
mod value;
mod versions;
mod write;

pub use options::{Compression, Durability, Reading, RocksDbOptions};
pub use store::RocksDbBackend;

/// What this store promises.
pub const FACTS: crate::StoreFacts = crate::StoreFacts {
    feature: "rocksdb",
    schemes: &["rocksdb"],
    what: "a RocksDB directory; a value is a record",
    atomicity: "write batch, a batch as a whole",
    durability: "a power cut, by default",
    compare_and_swap: "between threads; one process writes at a time",
    concurrency: "readers of any process never wait; threads write at once",
    limits: "values to 1 GiB, ranges read whole values; local disks only",
    needs: "libclang, and RocksDB 7.8 or a C++20 compiler",
};
