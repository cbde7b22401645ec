//! Which format a file is.

use std::fs;
use std::path::Path;

use bigarrays::info::DataType;

use super::axes::Axes;
use super::folder::{self, Folder, has_extension};
use super::strided::{Source, Strided};
use super::{SourceError, nifti, npy, png, raw, tiff};

/// How to read a source.
#[derive(Debug, Clone)]
pub(crate) struct SourceOptions {
    /// What the dimensions are; the default depends on the format, see [`axes`](mod@super::axes).
    pub(crate) axes: Option<Axes>,
    /// Raw sources only: their size, in the order of the axes, the first fastest.
    pub(crate) size: Option<Vec<u64>>,
    /// Raw sources only: the type of their values.
    pub(crate) data_type: Option<DataType>,
    /// Which dataset of an HDF5 file; without one the only array that it has.
    pub(crate) dataset: Option<String>,
    /// Bytes that may be used, however large the source: half of them to hold what was unpacked,
    /// half for the boxes of [`tiles`](super::tiles()). A few MiB come on top. Default 256 MiB.
    pub(crate) memory: u64,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { axes: None, size: None, data_type: None, dataset: None, memory: 256 << 20 }
    }
}

/// Opens a file or folder. Headers are read and checked (of all pages of a stack), voxels not yet.
///
/// # Errors
/// What is wrong with the file or the options, see [`SourceError`].
pub(crate) fn open(path: &Path, options: &SourceOptions) -> Result<Box<dyn Source>, SourceError> {
    let kind = fs::metadata(path).map_err(SourceError::io("open", path))?;
    let options_error = |reason| SourceError::Options { path: path.to_owned(), reason };
    match (&options.size, options.data_type) {
        (Some(_), Some(_)) if kind.is_dir() => {
            return Err(options_error("a folder of raw files is not a source; give one file"));
        }
        (Some(size), Some(data_type)) => {
            return Ok(Box::new(raw::open(path, options, size, data_type)?));
        }
        (None, None) => {}
        _ => return Err(options_error("raw files need both --size and --dtype, others neither")),
    }
    if options.dataset.is_some() || has_extension(path, &["h5", "hdf5", "hdf"]) {
        return open_dataset(path, options);
    }
    Ok(Box::new(open_by_name(path, kind.is_dir(), options)?))
}

#[cfg(feature = "hdf5")]
fn open_dataset(path: &Path, options: &SourceOptions) -> Result<Box<dyn Source>, SourceError> {
    super::hdf5::open(path, options)
}

#[cfg(not(feature = "hdf5"))]
fn open_dataset(path: &Path, _: &SourceOptions) -> Result<Box<dyn Source>, SourceError> {
    let what = "datasets of HDF5 files are not read by this build";
    let advice = "build the command with the cargo feature `hdf5`, or convert it to .npy";
    Err(SourceError::unsupported(path, what, advice))
}

fn open_by_name(
    path: &Path,
    is_folder: bool,
    options: &SourceOptions,
) -> Result<Strided, SourceError> {
    if is_folder {
        return match folder::list(path)? {
            Folder::Tiff(files) => tiff::open(path, files, options),
            Folder::Png(files) => png::open(path, files, options),
        };
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".npy", ".npy.gz"]) {
        npy::open(path, options)
    } else if ends(&[".nii", ".nii.gz"]) {
        nifti::open(path, options)
    } else if ends(&[".tif", ".tiff"]) {
        tiff::open(path, vec![path.to_owned()], options)
    } else if ends(&[".png"]) {
        png::open(path, vec![path.to_owned()], options)
    } else if ends(&[".raw", ".raw.gz"]) {
        let reason = "a raw file needs --size and --dtype";
        Err(SourceError::Options { path: path.to_owned(), reason })
    } else if ends(&[".nrrd", ".mrc", ".zarr", ".n5"]) {
        let advice = "convert it to .npy, .nii or .tif";
        Err(SourceError::unsupported(path, "this format is not in this version", advice))
    } else {
        Err(SourceError::unsupported(
            path,
            "its name says of no format that is known",
            "known are .npy, .nii (both also .gz), .tif, .png, .h5, folders of .tif or .png, and any file as raw with --size and --dtype",
        ))
    }
}
