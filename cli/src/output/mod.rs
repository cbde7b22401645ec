//! Cutouts to files: `.npy`, `.tif`, `.png`, `.raw`, or npy to standard output.
//!
//! A file is written under another name and renamed when it is complete, so a failed write leaves
//! what was there before.

mod error;
mod format;
mod npy;
mod png;
mod replace;
#[cfg(test)]
mod tests;
mod tiff;
mod write;

pub(crate) use error::OutputError;
pub(crate) use png::save_rgb;
pub(crate) use write::{check, write};
