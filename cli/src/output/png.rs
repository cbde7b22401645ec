//! PNG: one z, and pictures.

use std::path::Path;

use bigarrays_formats::png::{self, EncodingError};

use super::OutputError;
use super::replace::{Out, replace};
use super::write::Voxels;

pub(super) fn encode(
    path: &Path,
    voxels: Voxels<'_>,
    out: &mut Out<'_>,
) -> Result<(), OutputError> {
    png::encode(voxels, out).map_err(|error| fault(path, error))
}

/// Writes a picture of three bytes per pixel, row by row.
///
/// # Errors
/// What the system or the encoder says. Then the file is as it was before.
pub(crate) fn save_rgb(path: &Path, size: [u32; 2], pixels: &[u8]) -> Result<(), OutputError> {
    replace(path, |out| png::encode_rgb(out, size, pixels).map_err(|error| fault(path, error)))
}

fn fault(path: &Path, error: EncodingError) -> OutputError {
    match error {
        EncodingError::IoError(error) => OutputError::io("write", path)(error),
        error => OutputError::Encode { path: path.to_owned(), source: error.into() },
    }
}
