//! Foreign files as streamed volumes `[x, y, z, c]`.
//!
//! However large a source is, reading it needs a bounded amount of memory. Two facts make that
//! simple. First, every format, once unpacked, is one long row of bytes with a stride per axis: a
//! [`Layout`](layout::Layout). Second, [`tiles()`] cuts a source into boxes whose slabs follow one
//! another in that row, so a source that can only be read forwards never has to go back.
//!
//! ```text
//! axes     what the axes of a file mean: --axes, and the defaults
//! layout   voxel -> byte, in the file's own order
//! bytes    where the bytes come from: a file of plain bytes (any order) ...
//! window   ... or a stream (forwards only), of which one slab is held, in memory or in a file
//! gather   a box out of such bytes, turned to Fortran order and little-endian
//! tiles    which boxes to ask for
//! open     which of the formats it is: npy (npy_header), nifti, raw, tiff (tiff_notes), png
//!          (gzip, folder, pages: what several of them need)
//! hdf5     a dataset of an HDF5 file, through the store that reads them
//! ```

mod axes;
mod bytes;
mod error;
mod folder;
mod gather;
mod gzip;
#[cfg(feature = "hdf5")]
mod hdf5;
mod layout;
mod nifti;
mod npy;
mod npy_header;
mod open;
mod pages;
mod png;
mod raw;
mod strided;
#[cfg(test)]
mod tests;
mod tiff;
mod tiff_notes;
mod tiles;
mod window;

#[cfg(feature = "fuzzing")]
pub(crate) use axes::Axes;
pub(crate) use axes::parse_size;
pub(crate) use error::SourceError;
pub(crate) use open::{SourceOptions, open};
pub(crate) use strided::Source;
pub(crate) use tiles::{Shape, Tile, tiles, tiles_of};
