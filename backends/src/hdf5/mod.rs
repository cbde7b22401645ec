//! HDF5: a directory of cuboid files ([`cuboids`]), or a dataset in a file ([`plain`]).
//!
//! What both stand on is [`direct`]: reading datasets with as many threads as there are, past the
//! lock of the HDF5 library. The library itself writes files, and reads descriptions that are out of
//! the ordinary (`ffi` has the calls that its Rust crate lacks).

pub mod cuboids;
pub mod direct;
pub mod export;
mod ffi;
pub mod plain;

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "hdf5",
    schemes: &["h5"],
    what: "a directory of HDF5 cuboid files; a value is a chunk in one of them",
    atomicity: "a file is made anew and renamed, once a put or batch and file",
    durability: "a power cut, by default (durability=none, batch, each)",
    compare_and_swap: "between threads and processes of one machine; a file has one version",
    concurrency: "readers never wait; writers of one file take turns and rewrite it",
    limits: "raw chunks below 4 GiB; channels in several files can only be read",
    needs: "the HDF5 library, 1.10.7 or later",
};
