//! PNG: one z, and pictures.

use std::io::Write;

use bigarrays_core::DataType;
use png::{BitDepth, ColorType, Encoder};

use crate::Voxels;

pub use png::EncodingError;

/// Writes one z of `uint8` or `uint16` with one to four channels: gray, gray and alpha, RGB, RGBA.
///
/// # Errors
/// What `out` or the encoder says.
pub fn encode(voxels: Voxels<'_>, out: &mut dyn Write) -> Result<(), EncodingError> {
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
    // A side that does not fit is one that the encoder refuses, as the bytes do not agree.
    let side = |extent| u32::try_from(extent).unwrap_or(u32::MAX);
    write(out, [side(width), side(height)], (color, depth), &page)
}

/// Writes a picture of three bytes per pixel, row by row.
///
/// # Errors
/// What `out` or the encoder says.
pub fn encode_rgb(out: &mut dyn Write, size: [u32; 2], pixels: &[u8]) -> Result<(), EncodingError> {
    write(out, size, (ColorType::Rgb, BitDepth::Eight), pixels)
}

fn write(
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
