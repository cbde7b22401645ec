//! files behind a web server.

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "http",
    schemes: &["http", "https"],
    what: "files behind a web server",
    atomicity: "-",
    durability: "-",
    compare_and_swap: "-",
    concurrency: "-",
    limits: "-",
    needs: "-",
};
