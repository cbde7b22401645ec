//! `png`: a chunk as a PNG image.
//!
//! Source: the neuroglancer *precomputed* volume specification, "png chunk encoding", and the PNG
//! specification (W3C, third edition). `uint8` or `uint16`, the latter big-endian in the file; one
//! to four channels are gray, gray with alpha, RGB, RGBA. Samples are numbers, not colours: gamma,
//! profiles and transparent colours mean nothing.
//!
//! Palettes and samples of fewer than 8 bits are refused rather than expanded: readers disagree on
//! what they mean (an index or its colour; 0..=3 or 0..=255), so no writer of volumes can mean
//! them.

use std::borrow::Cow;
use std::io::Cursor;

use bigarrays_info::{Encoding, Scale};
use png::{BitDepth, ColorType, Decoder, DeflateCompression, Encoder, Filter, Limits};

use super::raster;
use super::{ChunkSpec, Codec, CodecError};

/// The level where a volume names none; CloudVolume's.
const DEFAULT_LEVEL: u8 = 9;

/// PNG has 31 bits for a side.
const MAX_SIDE: usize = 0x7fff_ffff;

/// The codec of `png` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Png {
    level: u8,
}

impl Png {
    pub(super) fn new(scale: &Scale) -> Self {
        Self { level: scale.png_level.unwrap_or(DEFAULT_LEVEL).min(9) }
    }

    /// Level 0 stores, 1 is a fast compressor made for images, 2 to 8 are those of zlib, and 9 is
    /// 8: the 9 of zlib-rs takes longer for files that are some percent larger, where a volume is
    /// as noisy as microscopy is.
    fn compression(self) -> (DeflateCompression, Filter) {
        match self.level {
            0 => (DeflateCompression::NoCompression, Filter::NoFilter),
            1 => (DeflateCompression::FdeflateUltraFast, Filter::Adaptive),
            level => (DeflateCompression::Level(level.min(8)), Filter::Adaptive),
        }
    }
}

impl Codec for Png {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        raster::max_len(spec)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        raster::check_spec(Encoding::Png, spec)?;
        raster::decode_with(spec, scratch, |image| decode_image(encoded, spec, image))
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        raster::check_spec(Encoding::Png, spec)?;
        let [width, height] = raster::new_size(spec, MAX_SIDE)?.map(u32::try_from);
        let (Ok(width), Ok(height)) = (width, height) else {
            return Err(CodecError::unencodable("its image is too wide or too high"));
        };
        let image = raster::to_image(voxels, spec);
        let mut encoded = Vec::with_capacity(image.len() / 2);
        let mut encoder = Encoder::new(&mut encoded, width, height);
        encoder.set_color(color_type(spec));
        encoder.set_depth(match spec.data_type.size() {
            1 => BitDepth::Eight,
            _ => BitDepth::Sixteen,
        });
        let (compression, filter) = self.compression();
        encoder.set_deflate_compression(compression);
        encoder.set_filter(filter);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&image)?;
            writer.finish()
        });
        written.map_err(|error| CodecError::EncoderFailed { source: Box::new(error) })?;
        Ok(encoded)
    }
}

const fn color_type(spec: &ChunkSpec) -> ColorType {
    match spec.shape[3] {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        _ => ColorType::Rgba,
    }
}

fn decode_image(encoded: &[u8], spec: &ChunkSpec, image: &mut [u8]) -> Result<(), CodecError> {
    let undecodable = |error| CodecError::Undecodable { source: Box::new(error) };
    // Rows and what inflating needs; an image of one row is a row as long as the chunk.
    let bytes = raster::max_len(spec);
    let mut decoder = Decoder::new_with_limits(Cursor::new(encoded), Limits { bytes });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(undecodable)?;
    raster::check_size(spec, header.width, header.height)?;
    if header.color_type == ColorType::Indexed {
        let what = "it has a palette, but the values of a volume stand in the pixels themselves";
        return Err(CodecError::Corrupt { what: Cow::Borrowed(what) });
    }
    raster::check_components(spec, header.color_type.samples())?;
    raster::check_depth(spec, header.bit_depth as u8)?;
    let mut reader = decoder.read_info().map_err(undecodable)?;
    let frame = reader.next_frame(image).map_err(undecodable)?;
    // The first frame of an animation may be smaller than the image.
    raster::check_size(spec, frame.width, frame.height)
}
