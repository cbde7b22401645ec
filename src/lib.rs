//! Any key-value store is an n-dimensional array.
//!
//! ```
//! use bigarrays::{DataType, VolumeInfo, ndarray::Array4};
//!
//! // Describe a volume, create it, write a chunk-aligned box, cut out any box.
//! let info = VolumeInfo::builder(DataType::Uint8, [256, 256, 100])
//!     .resolution([8.0, 8.0, 40.0])
//!     .build()?;
//! let volume = bigarrays::create("mem://quick-start", info)?;
//! volume.write([64, 0, 0], Array4::<u8>::from_elem((64, 64, 64, 1), 9).view())?;
//! let cutout = volume.read::<u8>([60..70, -5..5, 10..12])?;
//! assert_eq!((cutout[[3, 5, 0, 0]], cutout[[4, 5, 0, 0]]), (0, 9));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//! - A URL opens a volume: [`open`], [`create`], [`OpenOptions`]. A store of your own joins by a
//!   scheme: [`Registry::with`]. Or hand a store to [`BigArray::open`] yourself. `?cache=FOLDER`
//!   behind the URL of a store that is far away keeps what was read in a folder.
//! - [`BigArray`] reads and writes; [`BigArrayBuilder`] has its options.
//! - [`KeyValueBackend`] is what a store implements; [`backends`] are the stores that come along,
//!   each behind a feature; [`wrap`] has stores around stores.
//! - [`VolumeInfo`] describes a volume ([`info`] has the whole schema).
//!
//! Axes are `[x, y, z]`, arrays `[x, y, z, c]` in Fortran order, boxes half-open, resolutions in
//! nanometres.

#[cfg(all(feature = "fs", unix))]
mod cache;
mod clean;
mod layouts;
mod open;
mod registry;
mod stores;
mod url;

pub use bigarrays_backends as backends;
pub use bigarrays_core::*;
pub use bigarrays_info as info;
#[cfg(all(feature = "fs", unix))]
pub use cache::{cache_folder, open_cache};
pub use clean::{Cleaned, clean, leftovers};
pub use open::{NoVolume, OpenError, OpenOptions, create, open, open_store};
pub use registry::{Access, OPTIONAL_SCHEMES, Registry, StoreFactory};
pub use url::{InvalidUrl, StoreUrl, without_secrets};

/// The Rust of the README, as a test.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
mod readme {}
