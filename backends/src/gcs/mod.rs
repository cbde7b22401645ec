//! a Google Cloud Storage bucket; a value is an object.

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "gcs",
    schemes: &["gs"],
    what: "a Google Cloud Storage bucket; a value is an object",
    atomicity: "-",
    durability: "-",
    compare_and_swap: "-",
    concurrency: "-",
    limits: "-",
    needs: "-",
};
