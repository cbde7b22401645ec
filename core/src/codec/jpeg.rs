//! `jpeg`: a chunk as a JPEG image, which is lossy.
//!
//! Source: the neuroglancer *precomputed* volume specification, "jpeg chunk encoding", and ITU-T
//! T.81 with JFIF. `uint8`; one channel is gray, three are RGB, which the file holds as YCbCr.
//! Written is a baseline image without subsampling, since channels are data more often than
//! colours; read is any baseline or progressive image.

use std::borrow::Cow;

use bigarrays_info::{Encoding, Scale};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::raster;
use super::{ChunkSpec, Codec, CodecError};

/// The quality where a volume names none; CloudVolume's.
const DEFAULT_QUALITY: u8 = 85;

/// JPEG has 16 bits for a side.
const MAX_SIDE: usize = 0xffff;

/// Progressive images of common writers have about ten scans; each costs a pass over all blocks.
const MAX_SCANS: usize = 100;

/// The codec of `jpeg` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jpeg {
    quality: u8,
}

impl Jpeg {
    pub(super) fn new(scale: &Scale) -> Self {
        // As libjpeg does it, 0 is the worst that there is.
        Self { quality: scale.jpeg_quality.unwrap_or(DEFAULT_QUALITY).clamp(1, 100) }
    }
}

impl Codec for Jpeg {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        raster::max_len(spec)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        raster::check_spec(Encoding::Jpeg, spec)?;
        raster::decode_with(spec, scratch, |image| decode_image(encoded, spec, image))
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        raster::check_spec(Encoding::Jpeg, spec)?;
        let [width, height] = raster::new_size(spec, MAX_SIDE)?.map(u16::try_from);
        let (Ok(width), Ok(height)) = (width, height) else {
            return Err(CodecError::unencodable("its image is too wide or too high"));
        };
        let color = if spec.shape[3] == 1 { ColorType::Luma } else { ColorType::Rgb };
        let image = raster::to_image(voxels, spec);
        let mut encoded = Vec::with_capacity(image.len() / 4);
        let mut encoder = Encoder::new(&mut encoded, self.quality);
        encoder.set_sampling_factor(SamplingFactor::F_1_1);
        encoder
            .encode(&image, width, height, color)
            .map_err(|error| CodecError::EncoderFailed { source: Box::new(error) })?;
        Ok(encoded)
    }
}

fn decode_image(encoded: &[u8], spec: &ChunkSpec, image: &mut [u8]) -> Result<(), CodecError> {
    let undecodable = |error: DecodeErrors| CodecError::Undecodable { source: Box::new(error) };
    if !has_end(encoded) {
        let what = "it is cut short: it has no end-of-image marker";
        return Err(CodecError::Corrupt { what: Cow::Borrowed(what) });
    }
    let color = if spec.shape[3] == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    // Strict, because otherwise damaged blocks become gray ones in silence.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(color);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(encoded), options);
    decoder.decode_headers().map_err(undecodable)?;
    let header = decoder.info().unwrap_or_default();
    raster::check_size(spec, header.width, header.height)?;
    raster::check_components(spec, usize::from(header.components))?;
    decoder.decode_into(image).map_err(undecodable)
}

/// Whether there is an end-of-image marker, which the decoder does not insist on.
fn has_end(encoded: &[u8]) -> bool {
    encoded.windows(2).rev().any(|marker| marker == [0xff, 0xd9])
}
