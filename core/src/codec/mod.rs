//! Chunk encodings: bytes of a stored chunk to voxels and back.
//!
//! A [`Codec`] is plain code without I/O; it works on bytes and is told the shape that the chunk
//! must have ([`ChunkSpec`]), so that hostile bytes cannot make it allocate more. One file per
//! encoding; [`codec_for`] is the table. Voxels are little-endian in Fortran order: x fastest,
//! then y, z, channel.

mod error;
mod raw;
mod spec;

use bigarrays_info::Encoding;

pub use error::CodecError;
pub use raw::Raw;
pub use spec::ChunkSpec;

/// One chunk encoding.
pub trait Codec: std::fmt::Debug + Send + Sync {
    /// The length in bytes that every encoded chunk of this shape has, where there is one.
    fn exact_len(&self, spec: &ChunkSpec) -> Option<usize>;

    /// The length in bytes that no encoded chunk of this shape exceeds.
    fn max_len(&self, spec: &ChunkSpec) -> usize;

    /// Decodes a chunk to exactly [`voxel_bytes`](ChunkSpec::voxel_bytes) bytes, in `scratch` or
    /// where they are already.
    ///
    /// # Errors
    /// [`CodecError`] if the bytes are not a chunk of this shape.
    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError>;

    /// Encodes the voxels of a chunk.
    ///
    /// # Errors
    /// [`CodecError`] if the encoding cannot hold them.
    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError>;
}

/// The codec of an encoding, or `None` if this build has none.
#[must_use]
pub fn codec_for(encoding: Encoding) -> Option<&'static dyn Codec> {
    match encoding {
        Encoding::Raw => Some(&Raw),
        _ => None,
    }
}
