//! `blosclz`: the raw voxels in a Blosc-1 frame. Not in the specification.
//!
//! Sources: BigArrays.jl and the Blosc.jl that it calls (byte shuffle by the voxel's size, level 5,
//! compressor blosclz: what is written here), and README_HEADER of c-blosc 1.21 for the layout of a
//! frame. A frame names its compressor; all that c-blosc is built with here are read: blosclz, lz4
//! (lz4hc writes the same), zlib and zstd. Voxels are as in `raw`.
//!
//! `frame` checks a frame, `ffi` holds the calls of the C library.

mod ffi;
mod frame;

use super::{ChunkSpec, Codec, CodecError};
use frame::Frame;

/// The codec of `blosclz` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blosclz;

impl Codec for Blosclz {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        // A block that does not compress is stored, but it has a length of its own, and so has the
        // frame. The smallest block is 128 bytes except where the chunk itself is smaller.
        let bytes = spec.voxel_bytes();
        bytes.saturating_add(bytes / 8).saturating_add(1 << 10)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        let frame = Frame::check(encoded, spec.voxel_bytes())?;
        scratch.resize(spec.voxel_bytes(), 0);
        ffi::decompress(&frame, scratch)?;
        Ok(scratch)
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        ffi::compress(&voxels, spec.data_type.size())
    }
}

/// Decompresses a frame whose content has exactly `out.len()` bytes: for stores whose format has
/// Blosc frames of its own.
///
/// # Errors
/// [`CodecError`] if the frame is damaged, has other content, or was compressed by snappy.
pub fn decompress_frame(frame: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    let frame = Frame::check(frame, out.len())?;
    ffi::decompress(&frame, out)
}

/// Compresses to a frame of values of `typesize` bytes: byte shuffle, level 5, blosclz.
///
/// # Errors
/// [`CodecError`] if it is more than a frame can hold.
pub fn compress_frame(content: &[u8], typesize: usize) -> Result<Vec<u8>, CodecError> {
    ffi::compress(content, typesize)
}

#[cfg(test)]
mod tests;
