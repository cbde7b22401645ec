//! Cutouts to files: `.npy`, `.tif`, `.png`, NIfTI, HDF5, `.raw`, a folder of PNGs, or npy to
//! standard output.
//!
//! A file is written under another name and renamed when it is complete, so a failed write leaves
//! what was there before. All but a single PNG are written in pieces, and need no more memory for a
//! large box than for a small one.

mod error;
mod folder;
mod format;
#[cfg(feature = "hdf5")]
mod hdf5;
mod nifti;
mod pages;
mod png;
mod replace;
mod stream;
#[cfg(test)]
mod tests;
mod tiff;
mod write;

pub(crate) use error::OutputError;
pub(crate) use png::save_rgb;
pub(crate) use replace::save;
pub(crate) use stream::{Wanted, check_size, is_streamed, stream};
pub(crate) use write::{check, write};
