//! One dataset of an HDF5 file as a volume: CREMI, ilastik and training volumes, as they are.
//!
//! ```no_run
//! use bigarrays_backends::hdf5::plain::PlainBackend;
//! use bigarrays_core::BigArray;
//!
//! let store = PlainBackend::builder("/data/sample_A.h5").dataset("volumes/raw").open()?;
//! let volume = BigArray::open(store)?;
//! let cutout = volume.read::<u8>([100..356, 100..356, 10..20])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! By URL: `h5:///data/sample_A.h5?dataset=volumes/raw`. Without a dataset the file's only array of
//! 2 to 4 dimensions is taken.
//!
//! There is no conversion: an `info` is made up, and each chunk of the precomputed volume is cut
//! from the dataset when it is read. The chunks are those of the dataset, so that each is decoded
//! once; a dataset without chunks is cut into boxes of 256 x 32 x 32. For an axis order `zyx` (the
//! usual one, C order) the bytes of a dataset's chunk are those of the volume's chunk.
//!
//! | option, URL parameter | default |
//! |---|---|
//! | `dataset` | the only array |
//! | `axes`: names of the dimensions, `zyx` is `data[z, y, x]` | `axistags`, or `yx`, `zyx`, `czyx` |
//! | `resolution=x,y,z` nm | `resolution`, `voxel_size` (nm), `element_size_um`, or 1 |
//! | `offset=x,y,z` voxels | the attribute `offset` (nm) over the resolution, or 0 |
//! | `chunk=x,y,z` voxels | the dataset's chunks |
//! | `type=image`, `segmentation` | image |
//!
//! Attributes have a number for each dimension, in the order of the dataset. Booleans and
//! enumerations of one byte are `uint8`.
//!
//! # Guarantees
//! - **For reading only.** Puts and deletes are refused.
//! - **What was never written** is missing (and reads as zeros), unless the dataset's fill value is
//!   another one: then chunks of fill values are there.
//! - **Concurrency.** Readers share no lock ([`direct`](super::direct)); the library is asked once
//!   per file, and again if the file changes. Other programs may read the file meanwhile; what
//!   another program changes in it is seen, and never half.
//! - **Versions.** None are told.
//! - **Limits.** Filters and types as in [`direct`](super::direct); no virtual datasets, no external
//!   links; a dimension `t` must have one element; a chunk in all its channels must fit in memory.
//!
//! Sources of the conventions: the CREMI challenge's file format, ilastik's and vigra's `axistags`,
//! funlib.

mod axes;
mod dataset;
mod layout;
mod open;
mod show;
mod told;

pub use axes::{Axes, InvalidAxes};
pub use dataset::PlainDataset;
pub use open::{PlainBackend, PlainBuilder};
pub use show::Shown;

pub(crate) use show::Boxes;
