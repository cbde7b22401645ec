//! Cutouts to files: `.npy`, `.tif`, `.png`, `.raw`, or npy to standard output.
//!
//! A file is written under another name and renamed when it is complete, so a failed write leaves
//! what was there before. Where the format is a row of voxels, it is written in pieces, and needs no
//! more memory for a large box than for a small one.

mod error;
mod format;
mod npy;
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
