//! any store of the crate object_store; Azure Blob Storage.

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "object",
    schemes: &["az"],
    what: "any store of the crate object_store; Azure Blob Storage",
    atomicity: "-",
    durability: "-",
    compare_and_swap: "-",
    concurrency: "-",
    limits: "-",
    needs: "-",
};
