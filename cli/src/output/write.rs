//! The door: voxels to a file.

use std::io::{self, Write};
use std::path::Path;

use bigarrays::info::DataType;

use super::format::{Format, STDOUT};
use super::replace::replace;
use super::{OutputError, png, tiff};

pub(super) use bigarrays_formats::{Voxels, npy};

/// Says whether [`write()`] would take voxels of such a type and size.
///
/// # Errors
/// [`OutputError::UnknownFormat`], [`OutputError::Unsupported`].
pub(crate) fn check(path: &Path, data_type: DataType, size: [u64; 4]) -> Result<(), OutputError> {
    Format::of(path)?.check(path, data_type, size)
}

/// Writes voxels `[x, y, z, c]` (little-endian bytes in Fortran order) to a file; its name says
/// the format. `-` is npy on standard output.
///
/// - `.npy`: shape `(x, y, z, c)`, `fortran_order: True`, always four dimensions.
/// - `.tif`, `.tiff`: a page per z, gray or (3 channels) RGB, uncompressed, BigTIFF beyond 4 GiB;
///   `bool` as 8 bits.
/// - `.png`: one z, `uint8` or `uint16`, 1 to 4 channels (gray, gray and alpha, RGB, RGBA).
/// - `.raw`: the bytes as they are.
///
/// # Errors
/// As [`check`]; [`OutputError::WrongLength`]; and whatever the system or an encoder says. Then
/// the file is as it was before.
pub(crate) fn write(
    path: &Path,
    bytes: &[u8],
    data_type: DataType,
    size: [u64; 4],
) -> Result<(), OutputError> {
    let format = Format::of(path)?;
    format.check(path, data_type, size)?;
    let voxels = Voxels { bytes, data_type, size };
    let expected = Voxels::expected(data_type, size);
    if expected != bytes.len() as u128 {
        let found = bytes.len();
        return Err(OutputError::WrongLength { path: path.to_owned(), size, expected, found });
    }
    if path == Path::new(STDOUT) {
        let mut out = io::stdout().lock();
        return npy::encode(voxels, &mut out)
            .and_then(|()| out.flush())
            .map_err(OutputError::io("write npy to", Path::new("standard output")));
    }
    replace(path, |out| match format {
        Format::Npy => npy::encode(voxels, out).map_err(OutputError::io("write", path)),
        Format::Raw => out.write_all(bytes).map_err(OutputError::io("write", path)),
        Format::Tiff => tiff::encode(path, voxels, out),
        Format::Png => png::encode(path, voxels, out),
        // These are only written in pieces.
        Format::Nifti { .. } | Format::Hdf5 | Format::Folder => {
            Err(OutputError::unsupported(path, "it is not written at once", "write .npy"))
        }
    })
}
