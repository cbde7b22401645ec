//! a RocksDB directory; a value is a record.

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "rocksdb",
    schemes: &["rocksdb"],
    what: "a RocksDB directory; a value is a record",
    atomicity: "-",
    durability: "-",
    compare_and_swap: "-",
    concurrency: "-",
    limits: "-",
    needs: "-",
};
