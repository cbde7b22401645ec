//! A directory of cuboid files as a store: [`H5CuboidBackend`], which sees HDF5 files as chunks of a
//! precomputed volume.
//!
//! The volume is cut into blocks, each an HDF5 file with one dataset `img`, in chunks. A chunk in a
//! file is a chunk of the volume: the key `SCALE/x0-x1_y0-y1_z0-z1` names it, and its value is its
//! raw voxels, x fastest, which is just how HDF5 has them (its axes are reversed). So a few large
//! files hold what would be millions of small ones, and h5py, MATLAB or Julia open each of them.
//!
//! ```
//! use bigarrays_backends::hdf5::cuboids::H5CuboidBackend;
//! use bigarrays_core::{BigArray, DataType, VolumeInfo, ndarray::Array3};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path();
//! let info = VolumeInfo::builder(DataType::Uint8, [100, 100, 20])
//!     .chunk_size([32, 32, 4])
//!     .resolution([4.0, 4.0, 40.0])
//!     .build()?;
//! let volume = BigArray::create(H5CuboidBackend::open(path)?, info)?;
//! volume.write([0, 0, 0], Array3::<u8>::ones((64, 64, 8)).view())?;
//! assert!(path.join("config.json").exists());
//! assert!(path.join("block_1-1024_1-1024_1-128.h5").exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//! - `config.json` says how files are named, how large blocks and chunks are, where the volume
//!   begins and how new files are compressed. Putting `info` makes it, where there is none; its
//!   chunk size, offset, type and channels are taken over. [`H5CuboidOptions`] has the rest.
//! - `info` is the volume's description. A directory without one, as `BigArrays.jl` left it, shows
//!   one that is made up: the first voxel and the size are those of all its files together, and a
//!   voxel is 1 nm long. Put a better one (with the same chunks) to give it its resolution, or its
//!   true size.
//! - Chunks of the first scale are in the block files. Those at the volume's end are cut off there
//!   when read, and padded with zeros when written.
//! - Every other key is a file beside, as in [`FsBackend`](crate::fs::FsBackend), also the chunks of
//!   further scales. Names of block files, of the configuration and of temporary files are no keys.
//! - Files are those of every version of `BigArrays.jl`: names with the offset in them (0.0.1) or
//!   without; four axes under names of three; one and two axes, and more than four: what is beyond
//!   the third axis are channels.
//!
//! # Guarantees
//! - **Whole values.** A block file is never changed: the new one is written beside it, with the
//!   chunks of the old one copied as they are stored, its index is read again, and it is renamed
//!   into place. A reader has the old file or the new one. A batch that changes several files is not
//!   atomic as a whole.
//! - **Durability** is chosen by [`Durability`](crate::fs::Durability), as for a directory; by
//!   default what was reported done survives a power cut; its tests cut the power after every call.
//! - **Compare-and-swap** holds between threads and processes of one machine: the new file is renamed
//!   under the lock of the directory, if the old one is still the one that was read. Where a file
//!   system has no such locks (NFS), conditions answer `Unsupported`. Other programs that write HDF5
//!   files do not know of the lock; what they change before that last look is noticed.
//! - **Versions** are those of the file: a put changes the versions of all chunks of its block. A
//!   conditional put can so answer `Conflict` although only a neighbour was written; whoever reads
//!   and tries again, as arrays do, gets through.
//! - **Deleting** a chunk makes the file without it; with its last chunk the file goes.
//! - **Killed writers** leave at most a temporary file behind, which [`H5CuboidBackend::clean`]
//!   removes.
//! - Attributes and user blocks that another program put into a block file cannot be kept: such a
//!   file is not rewritten but refused. Other datasets in it are kept.
//!
//! # Costs
//! A put rewrites its file: a chunk in a block of 1 GiB costs 1 GiB read and written. A batch
//! rewrites each file once, so write boxes of whole blocks, and unaligned ones rarely; or choose
//! small blocks. [`in_place`](H5CuboidOptions::in_place) changes the chunk alone, under the
//! directory's lock, and is for one writer who can make the volume again: a crash in the middle can
//! leave a file that nobody opens, and the room of replaced chunks is not used again.
//!
//! Reading a chunk of a file that is open costs two looks at its times and one read. Opening a file
//! reads its index: about a millisecond for a thousand chunks. The last 64 files stay open, with 24
//! bytes for each of their chunks.
//!
//! # Limits
//! Values are raw and go without transport compression, for the files compress them (Blosc by level
//! 5, deflate by level 3). A chunk has less than 4 GiB. Block sizes are whole numbers of chunks.
//! Where channels are spread over several files the volume can only be read.
//!
//! Source of the layout: `BigArrays.jl`, versions 0.0.1 to 0.6.

mod blocks;
mod change;
mod config;
mod describe;
mod edit;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod geometry;
mod list;
mod names;
mod options;
#[cfg(test)]
mod power;
mod rewrite;
mod route;
mod store;
mod temporary;
mod value;
mod volume;

pub use config::Compression;
pub use options::H5CuboidOptions;
pub use store::H5CuboidBackend;
