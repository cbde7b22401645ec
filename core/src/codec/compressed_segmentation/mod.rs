//! `compressed_segmentation`: labels as small indices into a table for each block of voxels.
//!
//! Source: the neuroglancer *compressed segmentation* specification. Voxels are `uint32` or
//! `uint64`. Everything is in little-endian words of 32 bits:
//!
//! 1. A word for each channel: where the channel's data begin, in words from the first byte.
//! 2. At the channel's beginning, two words for each block of the chunk, x fastest. Low 24 bits of
//!    the first: where the block's table begins; its high 8 bits: bits for each index, 0, 1, 2, 4,
//!    8, 16 or 32. The second: where the block's indices begin. Both in words from the channel's
//!    beginning.
//! 3. The indices of a block, packed from the lowest bit up. Voxel `[x, y, z]` of a block of shape
//!    `[bx, by, bz]` comes at place `x + bx * (y + by * z)`; a block that the chunk's border cuts
//!    has the places of a whole one.
//! 4. A table: labels of one word, or two with the lower first. Its length is written nowhere.
//!    Blocks may share a table or have overlapping ones.
//!
//! Tables and indices may come in any order. The encoder writes what TensorStore writes, to the
//! byte: indices and then table, block by block; a table has the distinct labels of its block in
//! ascending order, and a table that an earlier block of the channel has is not written again.
//! Places of a cut block that hold no voxel have index 0, its smallest label.

mod decode;
mod encode;
mod header;
mod layout;
mod lookup;
mod pack;
mod paint;
mod palette;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bigarrays_info::{DataType, Scale};

use super::{ChunkSpec, Codec, CodecError, Decoded, Window};
use layout::BlockShape;

/// The codec of `compressed_segmentation` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct CompressedSegmentation {
    block: BlockShape,
}

impl CompressedSegmentation {
    pub(super) fn new(scale: &Scale) -> Result<Self, CodecError> {
        let Some(size) = scale.compressed_segmentation_block_size else {
            return Err(unsupported("compressed_segmentation without a block size"));
        };
        match BlockShape::new(size) {
            Some(block) => Ok(Self { block }),
            None => Err(unsupported(format!(
                "compressed_segmentation in blocks of {size:?} voxels (1 to 2^32 - 1 voxels)"
            ))),
        }
    }
}

impl CompressedSegmentation {
    /// Decodes a window to `out`, which has its length.
    fn decode_window_to(
        &self,
        encoded: &[u8],
        spec: &ChunkSpec,
        window: &Window,
        out: &mut [u8],
    ) -> Result<(), CodecError> {
        let [x, y, z, channels] = spec.shape;
        let chunk = decode::Chunk { encoded, block: self.block, shape: [x, y, z], channels };
        match spec.data_type {
            DataType::Uint32 => chunk.decode::<4>(window, out),
            DataType::Uint64 => chunk.decode::<8>(window, out),
            other => Err(unsupported_type(other)),
        }
    }
}

impl Codec for CompressedSegmentation {
    /// Every block with a header, indices of 32 bits and a table of its own in which no label
    /// comes twice, so that it is no longer than the block. No writer has a reason to exceed that;
    /// an eighth more is for words between the parts.
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        let [x, y, z, channels] = spec.shape;
        let bytes_per_place = spec.data_type.size().saturating_add(4);
        let block = self.block.volume().saturating_mul(bytes_per_place).saturating_add(8);
        let blocks = self.block.grid([x, y, z]).into_iter().fold(channels, usize::saturating_mul);
        let bytes = blocks.saturating_mul(block).saturating_add(channels.saturating_mul(4));
        bytes.saturating_add(bytes / 8).saturating_add(1 << 16)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        Ok(self.decode_window(encoded, spec, &Window::whole(spec), scratch)?.voxels)
    }

    fn decode_window<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        window: &Window,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Decoded<'a>, CodecError> {
        let channels = spec.shape[3];
        let [wx, wy, wz] = [0, 1, 2].map(|axis| window.end[axis] - window.start[axis]);
        let shape = [wx, wy, wz, channels];
        // Every label of the window is written, so what is left from another chunk may stay.
        scratch.resize(ChunkSpec { shape, ..*spec }.voxel_bytes(), 0);
        self.decode_window_to(encoded, spec, window, scratch)?;
        Ok(Decoded { voxels: scratch, shape, start: [0; 3] })
    }

    fn decode_into(
        &self,
        encoded: &[u8],
        spec: &ChunkSpec,
        window: &Window,
        out: &mut [u8],
    ) -> Option<Result<(), CodecError>> {
        Some(self.decode_window_to(encoded, spec, window, out))
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        let expected = spec.voxel_bytes();
        if voxels.len() != expected {
            return Err(CodecError::WrongLength { expected, found: voxels.len() });
        }
        match spec.data_type {
            DataType::Uint32 => encode::encode::<4>(&voxels, self.block, spec.shape),
            DataType::Uint64 => encode::encode::<8>(&voxels, self.block, spec.shape),
            other => Err(unsupported_type(other)),
        }
    }
}

fn unsupported_type(data_type: DataType) -> CodecError {
    unsupported(format!("compressed_segmentation of {data_type} voxels"))
}

fn unsupported(what: impl Into<Cow<'static, str>>) -> CodecError {
    CodecError::Unsupported { what: what.into() }
}
