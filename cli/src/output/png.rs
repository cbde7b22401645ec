//! PNG: one z, and pictures.

use std::io::Write;
use std::path::Path;

use bigarrays::info::DataType;
use png::{BitDepth, ColorType, Encoder, EncodingError};

use super::OutputError;
use super::replace::{Out, replace};
use super::write::Voxels;

pub(super) fn encode(
    path: &Path,
    voxels: Voxels<'_>,
    out: &mut Out<'_>,
) -> Result<(), OutputError> {
    let [width, height, _, channels] = voxels.size;
    let color = match channels {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        _ => ColorType::Rgba,
    };
    let mut page = voxels.page(0);
    let mut depth = BitDepth::Eight;
    if voxels.data_type == DataType::Uint16 {
        depth = BitDepth::Sixteen;
        page.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    }
    // Checked before: both fit.
    let side = |extent| u32::try_from(extent).unwrap_or(u32::MAX);
    save(out, [side(width), side(height)], (color, depth), &page)
        .map_err(|error| fault(path, error))
}

/// Writes a picture of three bytes per pixel, row by row.
///
/// # Errors
/// What the system or the encoder says. Then the file is as it was before.
pub(crate) fn save_rgb(path: &Path, size: [u32; 2], pixels: &[u8]) -> Result<(), OutputError> {
    replace(path, |out| {
        save(out, size, (ColorType::Rgb, BitDepth::Eight), pixels)
            .map_err(|error| fault(path, error))
    })
}

fn save(
    out: &mut dyn Write,
    [width, height]: [u32; 2],
    (color, depth): (ColorType, BitDepth),
    bytes: &[u8],
) -> Result<(), EncodingError> {
    let mut encoder = Encoder::new(out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()
}

fn fault(path: &Path, error: EncodingError) -> OutputError {
    match error {
        EncodingError::IoError(error) => OutputError::io("write", path)(error),
        error => OutputError::Encode { path: path.to_owned(), source: error.into() },
    }
}
