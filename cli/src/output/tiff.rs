//! TIFF of a page per z, uncompressed.

use std::io;
use std::path::Path;

use bigarrays_formats::tiff::{self, TiffError, What};

use super::OutputError;
use super::pages::Pages;
use super::replace::Out;
use super::stream::Wanted;
use super::write::Voxels;
use crate::error::CliError;

pub(super) fn encode(
    path: &Path,
    voxels: Voxels<'_>,
    out: &mut Out<'_>,
) -> Result<(), OutputError> {
    tiff::encode(voxels, out).map_err(|error| fault(path, error))
}

/// The same of pages that are read as they are written.
pub(super) fn encode_pages(
    path: &Path,
    wanted: &Wanted,
    out: &mut Out<'_>,
    pages: &mut Pages<'_>,
) -> Result<(), CliError> {
    let mut failure = None;
    let what = What { data_type: wanted.data_type, size: wanted.size };
    let mut page = |z: u64| {
        pages.page(z).map_err(|error| {
            failure = Some(error);
            // Nobody sees this one.
            TiffError::IoError(io::ErrorKind::Interrupted.into())
        })
    };
    let encoded = tiff::encode_pages(what, out, what.is_big(), &mut page);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(encoded.map_err(|error| fault(path, error))?),
    }
}

fn fault(path: &Path, error: TiffError) -> OutputError {
    match error {
        TiffError::IoError(error) => OutputError::io("write", path)(error),
        error => OutputError::Encode { path: path.to_owned(), source: error.into() },
    }
}
