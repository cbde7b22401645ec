//! `compresso`: being built.

use super::{ChunkSpec, Codec, CodecError};

/// The codec of `compresso` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compresso;

impl Codec for Compresso {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        spec.voxel_bytes().saturating_mul(2).saturating_add(1 << 16)
    }

    fn decode<'a>(
        &self,
        _encoded: &'a [u8],
        _spec: &ChunkSpec,
        _scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        Err(CodecError::Unsupported { what: "the encoding compresso".into() })
    }

    fn encode(&self, _voxels: Vec<u8>, _spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        Err(CodecError::Unsupported { what: "the encoding compresso".into() })
    }
}
