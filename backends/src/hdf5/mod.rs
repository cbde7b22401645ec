//! HDF5: a directory of cuboid files, or a dataset in a file.

pub mod cuboids;
pub mod direct;
mod ffi;
pub mod plain;

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "hdf5",
    schemes: &["h5"],
    what: "HDF5: a directory of cuboid files, or a dataset in a file",
    atomicity: "-",
    durability: "-",
    compare_and_swap: "-",
    concurrency: "-",
    limits: "-",
    needs: "-",
};
