//! `jxl`: a chunk as a JPEG XL image.
//!
//! Source: the neuroglancer *precomputed* volume specification, "jxl chunk encoding", and ISO/IEC
//! 18181-1 (the codestream) and 18181-2 (the container). `uint8`; one, three or four channels are
//! gray, RGB, RGBA.
//!
//! Read is any still image, lossy or not, bare or in a container; written is a bare lossless one
//! ([`lossless`]). An embedded colour profile is refused: it would ask for values other than
//! those in the file, and may unpack to very much.

mod bits;
mod decode;
mod lossless;
mod prefix_code;

use bigarrays_info::Encoding;

use super::raster;
use super::{ChunkSpec, Codec, CodecError};

/// The sides of a new image. More is legal, but some readers count in 31 bits.
const MAX_SIDE: usize = 1 << 30;

/// The codec of `jxl` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jxl;

impl Codec for Jxl {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        raster::max_len(spec)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        raster::check_spec(Encoding::Jxl, spec)?;
        raster::decode_with(spec, scratch, |image| decode::decode(encoded, spec, image))
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        raster::check_spec(Encoding::Jxl, spec)?;
        let [width, height] = raster::new_size(spec, MAX_SIDE)?;
        Ok(lossless::encode(&voxels, width, height))
    }
}
