//! The formats, and what each can hold.

use std::ffi::OsStr;
use std::path::Path;

use bigarrays::info::DataType;

use super::OutputError;

/// The path that stands for standard output.
pub(super) const STDOUT: &str = "-";

/// How voxels become a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// numpy's; any type and size.
    Npy,
    /// A page per z; gray or RGB.
    Tiff,
    /// One z; `uint8` or `uint16`, one to four channels.
    Png,
    /// The bytes alone.
    Raw,
    /// NIfTI-1, plain or in gzip; any type, axes of up to 32767 voxels.
    Nifti { gzip: bool },
    /// A dataset of an HDF5 file.
    Hdf5,
    /// A folder of PNGs, one for each z.
    Folder,
}

impl Format {
    /// The format that a name says.
    pub(super) fn of(path: &Path) -> Result<Self, OutputError> {
        if path == Path::new(STDOUT) {
            return Ok(Self::Npy);
        }
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        let of_gzip = || path.file_stem().map(Path::new).and_then(Path::extension);
        match extension.to_ascii_lowercase().as_str() {
            "nii" => Ok(Self::Nifti { gzip: false }),
            "gz" if of_gzip().is_some_and(|kind| kind == "nii") => Ok(Self::Nifti { gzip: true }),
            "h5" | "hdf5" | "hdf" => Ok(Self::Hdf5),
            "" if is_folder(path) => Ok(Self::Folder),
            "npy" => Ok(Self::Npy),
            "tif" | "tiff" => Ok(Self::Tiff),
            "png" => Ok(Self::Png),
            "raw" => Ok(Self::Raw),
            _ => Err(OutputError::UnknownFormat { path: path.to_owned() }),
        }
    }

    /// Refuses what the format cannot hold.
    pub(super) fn check(
        self,
        path: &Path,
        data_type: DataType,
        [x, y, z, c]: [u64; 4],
    ) -> Result<(), OutputError> {
        let refuse = |what: String, advice| Err(OutputError::unsupported(path, what, advice));
        match self {
            Self::Npy | Self::Raw => return Ok(()),
            Self::Hdf5 if cfg!(feature = "hdf5") && ![x, y, z, c].contains(&0) => return Ok(()),
            Self::Hdf5 if cfg!(feature = "hdf5") => {
                return refuse(format!("a dataset of {x} x {y} x {z} voxels"), "write .npy");
            }
            Self::Hdf5 => {
                return refuse(
                    "this build has no HDF5".to_owned(),
                    "build it with --features hdf5, or write .npy",
                );
            }
            Self::Nifti { .. } if [x, y, z, c].into_iter().max() > Some(super::nifti::LONGEST) => {
                return refuse(
                    format!("NIfTI-1 has axes of up to {} voxels", super::nifti::LONGEST),
                    "choose a smaller box, or write .npy or .h5",
                );
            }
            Self::Nifti { .. } if ![x, y, z, c].contains(&0) => return Ok(()),
            Self::Nifti { .. } | Self::Tiff | Self::Png | Self::Folder => {}
        }
        if [x, y, z, c].contains(&0) {
            return refuse(format!("an image of {x} x {y} x {z} voxels"), "write .npy");
        }
        if u32::try_from(x.max(y)).is_err() {
            return refuse(format!("an image of {x} x {y} pixels"), "write .npy");
        }
        match self {
            Self::Png if z != 1 => refuse(
                format!("a PNG is one z, this box has {z}"),
                "choose a box of one z, or write .tif or .npy",
            ),
            Self::Png | Self::Folder
                if !matches!(data_type, DataType::Uint8 | DataType::Uint16) =>
            {
                refuse(
                    format!("a PNG holds uint8 or uint16, these voxels are {data_type}"),
                    "write .tif or .npy",
                )
            }
            Self::Png | Self::Folder if c > 4 => refuse(
                format!("a PNG has 1 to 4 channels, these voxels have {c}"),
                "choose one with --channel, or write .npy",
            ),
            Self::Tiff if c != 1 && c != 3 => refuse(
                format!("a TIFF has 1 or 3 channels here, these voxels have {c}"),
                "choose one with --channel, or write .npy",
            ),
            Self::Tiff if c == 3 && is_signed(data_type) => refuse(
                format!("a TIFF of 3 channels is not {data_type}"),
                "choose one with --channel, or write .npy",
            ),
            _ => Ok(()),
        }
    }
}

/// A name that ends with a slash, or that a folder has.
fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir()
}

const fn is_signed(data_type: DataType) -> bool {
    matches!(data_type, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
}
