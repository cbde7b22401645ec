//! aligned 2-D HDF5 sections of one stack.

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "hdf5",
    schemes: &["sections"],
    what: "aligned 2-D HDF5 sections of one stack",
    atomicity: "-",
    durability: "-",
    compare_and_swap: "-",
    concurrency: "-",
    limits: "-",
    needs: "-",
};
