//! Datasets of HDF5 files as volumes, in the files of `tests/golden/plain`.
#![cfg(feature = "hdf5")]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers belong to the tests"
)]

mod boxes;
mod damage;
#[path = "../golden/code.rs"]
mod golden;
mod volumes;

use std::path::PathBuf;
use std::sync::Arc;

use bigarrays_backends::hdf5::plain::{PlainBackend, PlainBuilder};
use bigarrays_core::conformance::Suite;
use bigarrays_core::{BigArray, BoundingBox, DynBackend};

/// A file of the golden folder.
pub(crate) fn file(name: &str) -> PathBuf {
    golden::folder().join(name)
}

pub(crate) fn dataset(name: &str, dataset: &str) -> PlainBuilder {
    PlainBackend::builder(file(name)).dataset(dataset)
}

pub(crate) fn opened(builder: PlainBuilder) -> BigArray {
    let store: DynBackend = Arc::new(builder.open().expect("the dataset opens"));
    BigArray::open(store).expect("a volume")
}

/// Checks every voxel of a volume, and some around it.
pub(crate) fn check(array: &BigArray) {
    let bounds = array.bounds();
    let wider = BoundingBox::new(bounds.min.map(|at| at - 1), bounds.max.map(|at| at + 2));
    let found = array.read_dyn(wider).expect("read").array;
    let channels = u64::try_from(array.channels()).expect("few");
    let data_type = array.data_type();
    let expected = golden::expected(wider, bounds.min, bounds.shape(), channels, data_type);
    assert!(found.fortran_bytes() == expected, "the voxels of {} differ", array.backend());
}

#[test]
fn the_store_conforms_as_far_as_a_reader_can() {
    for name in ["none", "all"] {
        let report = Suite::new(|| dataset("filters.h5", name).open()).persistent().run();
        report.assert_ok();
    }
}
