//! `jpeg`: a chunk as a JPEG image, which is lossy.
//!
//! Source: the neuroglancer *precomputed* volume specification, "jpeg chunk encoding", and ITU-T
//! T.81 with JFIF. `uint8`; one channel is gray, three are RGB, which the file holds as YCbCr.
//!
//! Written is a baseline image without subsampling, since channels are data more often than
//! colours. Read is any baseline or progressive image, with any whole-numbered subsampling. JPEG
//! leaves the last bit of a sample to the decoder; this one computes what libjpeg-turbo does by
//! default, so that a volume has the same voxels here as in CloudVolume, TensorStore and
//! neuroglancer. (The decoder of zune-jpeg 0.5 differs by three levels in places, and by up to a
//! hundred at the edges of subsampled images.) With the feature `turbojpeg` libjpeg-turbo itself
//! does most of it, in about half the time.

mod bits;
mod blocks;
mod decode;
mod frame;
mod idct;
mod scan;
#[cfg(feature = "turbojpeg")]
mod turbo;
mod upsample;

use std::ops::Range;

use bigarrays_info::{Encoding, Scale};
#[cfg(not(feature = "turbojpeg"))]
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::raster;
use super::{ChunkSpec, Codec, CodecError, Decoded, Window};

/// The quality where a volume names none; CloudVolume's.
const DEFAULT_QUALITY: u8 = 85;

/// JPEG has 16 bits for a side.
const MAX_SIDE: usize = 0xffff;

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
        #[cfg(feature = "turbojpeg")]
        if turbo::decode(encoded, spec, scratch).is_some() {
            return Ok(&scratch[..spec.voxel_bytes()]);
        }
        scratch.resize(spec.voxel_bytes(), 0);
        decode::decode(encoded, spec, &(0..raster::pixels(spec)), scratch)?;
        Ok(scratch)
    }

    /// Of a gray image the rows that a window lies in are decoded, and none behind them is read.
    fn decode_window<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        window: &Window,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Decoded<'a>, CodecError> {
        let decoded = |voxels| Decoded { voxels, shape: spec.shape, start: window.start };
        raster::check_spec(Encoding::Jpeg, spec)?;
        let pixels = window.places(spec);
        if spec.shape[3] != 1 || !is_worth_it(&pixels, raster::pixels(spec)) {
            return self.decode(encoded, spec, scratch).map(decoded);
        }
        scratch.resize(spec.voxel_bytes(), 0);
        decode::decode(encoded, spec, &pixels, scratch)?;
        Ok(decoded(scratch))
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        raster::check_spec(Encoding::Jpeg, spec)?;
        let size = raster::new_size(spec, MAX_SIDE)?;
        let channels = spec.shape[3];
        let image = raster::to_image(voxels, spec);
        write(&image, size, channels, self.quality)
    }
}

/// Whether our decoder is faster for some pixels of an image than for all of them, or than
/// libjpeg-turbo, which takes half of its time for an image. What comes before the pixels costs
/// half of what they cost.
fn is_worth_it(pixels: &Range<usize>, all: usize) -> bool {
    let parts = if cfg!(feature = "turbojpeg") { 1 } else { 2 };
    pixels.end.saturating_add(pixels.len()) < all.saturating_mul(parts)
}

#[cfg(feature = "turbojpeg")]
use turbo::encode as write;

/// A baseline image without subsampling.
#[cfg(not(feature = "turbojpeg"))]
fn write(
    image: &[u8],
    size: [usize; 2],
    components: usize,
    quality: u8,
) -> Result<Vec<u8>, CodecError> {
    let [Ok(width), Ok(height)] = size.map(u16::try_from) else {
        return Err(CodecError::unencodable("its image is too wide or too high"));
    };
    let color = if components == 1 { ColorType::Luma } else { ColorType::Rgb };
    let mut encoded = Vec::with_capacity(image.len() / 4);
    let mut encoder = Encoder::new(&mut encoded, quality);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    encoder
        .encode(image, width, height, color)
        .map_err(|error| CodecError::EncoderFailed { source: Box::new(error) })?;
    Ok(encoded)
}
