//! `raw`: the voxels themselves.
//!
//! Source: the neuroglancer *precomputed* volume specification, "raw chunk encoding". Little-endian
//! voxels of `[x, y, z, c]` in Fortran order: x fastest, channel planes one after another. The
//! length is exactly x·y·z·c·itemsize.

use super::{ChunkSpec, Codec, CodecError};

/// The codec of `raw` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw;

impl Codec for Raw {
    fn exact_len(&self, spec: &ChunkSpec) -> Option<usize> {
        Some(spec.voxel_bytes())
    }

    fn is_plain(&self) -> bool {
        true
    }

    fn max_len(&self, spec: &ChunkSpec) -> usize {
        spec.voxel_bytes()
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        _scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        let expected = spec.voxel_bytes();
        if encoded.len() == expected {
            Ok(encoded)
        } else {
            Err(CodecError::WrongLength { expected, found: encoded.len() })
        }
    }

    fn encode(&self, voxels: Vec<u8>, _spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        Ok(voxels)
    }
}
