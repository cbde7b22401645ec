//! `crackle`: segmentations as the cracks between their regions and a label for each region.
//!
//! Source: the stream format told in the README of crackle-codec (seung-lab, BSD-3) and, where that
//! is silent, what its program reads and writes (0.54). Integers only, one channel. Numbers are
//! little-endian:
//!
//! ```text
//! header         24 bytes (version 0) or 29 (version 1), see `header`
//! crack index    u32 a slice: bytes of its crack code; version 1: crc32c of the index
//! labels         what label each region has: flat or pins, see `labels`
//! Markov model   only if the order is not 0: 4^order rows of 5 bits, see `markov`
//! crack codes    one a slice, see `walk`
//! crc32c         only version 1: of the labels, then one a slice: of its region numbers as u32
//! ```
//!
//! A slice is a plane of one z. Its crack code draws lines between voxels, which are walls
//! (impermissible format) or the only doors (permissible). The 4-connected regions that they leave
//! are numbered in the order in which a scan, x fastest, meets them; the labels section gives each
//! region, slice after slice, its label.
//!
//! The header's C or Fortran order tells in what order crackle's own program lays out the result in
//! memory; the stream is the same, so it does not matter here. Slices are independent, so that a
//! window decodes only the slices that it crosses.

mod bytes;
mod components;
mod cracks;
mod decode;
mod encode;
mod header;
mod labels;
mod markov;
mod pins;
mod sections;
mod trace;
mod walk;

use super::{ChunkSpec, Codec, CodecError, Decoded, Window};

/// The codec of `crackle` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crackle;

/// Room for a Markov model of order 12, 10.5 MB. Orders to 10 are in use; the format's largest, 15,
/// has a model of 671 MB.
const MODEL_ROOM: usize = 16 << 20;

impl Codec for Crackle {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        // Per voxel at most 5 codes of 2 bits on each of 2 edges, half a start of a chain, the start
        // of a row of chains, a region with its label in the table and its key or pin.
        let a_voxel = 2 * spec.data_type.size() + 24;
        let slices = spec.shape[2].saturating_mul(64);
        spec.values().saturating_mul(a_voxel).saturating_add(slices).saturating_add(MODEL_ROOM)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        decode::decode(encoded, spec, 0..spec.shape[2], scratch)?;
        Ok(scratch)
    }

    fn decode_window<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        window: &Window,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Decoded<'a>, CodecError> {
        let ([x, y, z], [.., z_end]) = (window.start, window.end);
        decode::decode(encoded, spec, z..z_end, scratch)?;
        let [sx, sy, _, channels] = spec.shape;
        Ok(Decoded { voxels: scratch, shape: [sx, sy, z_end - z, channels], start: [x, y, 0] })
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        encode::encode(&voxels, spec)
    }
}
