//! A stack of aligned sections: one 2-D image in an HDF5 file for each, and a registry that says
//! where each lies. The `AlignedBigArray` of BigArrays.jl.
//!
//! ```no_run
//! use bigarrays_backends::sections::SectionsBackend;
//! use bigarrays_core::BigArray;
//!
//! let store = SectionsBackend::builder("/data/4_aligned").resolution([4.0, 4.0, 40.0]).open()?;
//! let volume = BigArray::open(store)?;
//! let cutout = volume.read::<u8>([3000..3300, 2000..2400, 100..110])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! By URL: `sections:///data/4_aligned?resolution=4,4,40`, or the path of the registry itself.
//!
//! # The registry
//! A text file, `registry.txt` or `registry_aligned.txt` in the directory. One line a section:
//! `NAME 0 X Y WIDTH HEIGHT FLAG`, or the same without the 0. The image is the dataset `img` of the
//! file `NAME.h5` beside the registry, WIDTH x HEIGHT (in HDF5's order `[y, x]`); its first voxel
//! lies at X, Y. FLAG means nothing. NAME begins with `WAFER,SECTION_`.
//!
//! Everything here counts from 0: the first line is z = 0, where BigArrays.jl says 1, and a section
//! covers X to before X + WIDTH, where it says X + 1 to X + WIDTH.
//!
//! | option, URL parameter | default |
//! |---|---|
//! | `z=line`, `section`: z is the line, or the number of the section in its wafer | line |
//! | `missing=error`, `zeros`: what a line means whose file is absent | error |
//! | `chunk=x,y,z` voxels | 512, 512, 1 |
//! | `resolution=x,y,z` nm | 1, 1, 1 |
//!
//! # Guarantees
//! - **For reading only.** Puts and deletes are refused.
//! - **What no line covers** is zeros: a z without a line, and all around a section. A chunk that no
//!   section touches is missing.
//! - **A line whose file is absent** is an error when it is read, for it hides a loss; `missing=zeros`
//!   takes it for zeros.
//! - **Concurrency.** Readers share no lock ([`direct`](crate::hdf5::direct)); 128 files are kept open.
//!   A file that changes is read anew. The registry is read once, when the store is opened.
//! - **Versions.** None are told.
//! - **Limits.** All images must have one type, any that [`direct`](crate::hdf5::direct) reads. Chunks
//!   of an image that several chunks of the volume touch are decoded for each of them.
//!
//! Source: the history of BigArrays.jl (Apache-2.0), October 2016 to June 2017.

mod files;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod open;
mod registry;
mod stack;

use crate::StoreFacts;

pub use open::{SectionsBackend, SectionsBuilder};
pub use registry::{BadLine, ZOrder};
pub use stack::{MissingFile, Stack};

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "hdf5",
    schemes: &["sections"],
    what: "aligned 2-D HDF5 images, one a section, placed by a registry",
    atomicity: "read only",
    durability: "read only",
    compare_and_swap: "none: read only",
    concurrency: "readers beside each other without a lock",
    limits: "one type of voxel; an image is the dataset img of NAME.h5",
    needs: "the HDF5 library",
};
