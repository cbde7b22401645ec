//! Reading datasets without the HDF5 library's lock.
//!
//! The library does one thing at a time in a process, and takes longer the more chunks a dataset has
//! (by their square) to say where they are. So the places of the chunks are taken once, out of the
//! file's own index, and from then on bytes are read with a plain `File` and decoded here, by as many
//! threads as there are. The library is asked only about files that are out of the ordinary.
//!
//! ```no_run
//! use bigarrays_backends::hdf5::direct::DirectDataset;
//!
//! let dataset = DirectDataset::new("/data/volume.h5", "img");
//! let voxels = dataset.read(|state| {
//!     let mut chunk = Vec::new();
//!     // The chunk in the origin. False: it was never written, and `chunk` has fill values.
//!     let written = state.read_chunk(&[0, 0, 0], &mut chunk)?;
//!     Ok(written.then_some(chunk))
//! })?;
//! # Ok::<(), bigarrays_backends::hdf5::direct::H5Error>(())
//! ```
//!
//! # What it does
//! - [`DirectDataset`] is a dataset by path and name. It opens the file when it is first asked, and
//!   again when the file on the disk is another one or was changed (device, inode, times, length).
//! - [`Snapshot`] is one state of it: its [`DatasetMap`], and reading chunks
//!   ([`Snapshot::read_chunk`]), boxes ([`Snapshot::read_box`]) and runs of a dataset without chunks
//!   ([`Snapshot::read_run`]).
//! - Everything is in HDF5's own order: the last axis is the fastest. Values come out in
//!   little-endian order, whatever the file has.
//! - Filters: deflate, shuffle, fletcher32, LZF (32000), Blosc (32001), Zstandard (32015). The others
//!   (szip, nbit, scaleoffset, ...) are refused by name.
//!
//! # Locks
//! No lock is taken on the file. The library is told so, too, and has it open only while it is asked:
//! readers here are in no writer's way. A writer that changes the file in place meanwhile is noticed
//! by the file's times: what was read then is read again. Who replaces files (temporary file and
//! rename, as our own writer) is never in anybody's way.
//!
//! # Damaged files
//! What is read here is checked: damage is an error of the kind `Corrupt` that names file, dataset
//! and chunk, never a panic, and never an allocation beyond what the dataset's shape allows. That is
//! everything of files as HDF5 writes them by default (`format` has the list). Descriptions that are
//! left to the library are as safe as the library, which crashes on some that were made to.
//!
//! Sources: HDF5 File Format Specification 3.0 (superblocks, object headers, symbol tables, messages,
//! version 1 B-trees, fixed arrays), and the registered filters' own documents.

mod dataset;
mod element;
mod error;
mod filters;
mod format;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod index;
mod map;
mod region;
mod state;

pub use dataset::{DirectDataset, Snapshot};
pub(super) use element::swap_bytes;
pub use error::H5Error;
pub(super) use filters::BLOSC;
pub use filters::{Filter, Pipeline};
pub use index::{ChunkPlace, ChunkTable};
pub(super) use map::open_quietly;
pub use map::{DatasetMap, Storage};
pub use state::FileState;
