//! an S3 bucket; a value is an object.

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "s3",
    schemes: &["s3"],
    what: "an S3 bucket; a value is an object",
    atomicity: "-",
    durability: "-",
    compare_and_swap: "-",
    concurrency: "-",
    limits: "-",
    needs: "-",
};
