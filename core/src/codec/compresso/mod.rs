//! `compresso`: label volumes as boundary bits plus one label per connected component.
//!
//! Source: the PyPI package `compresso` 3.3.3 (repository `seung-lab/compresso`), which CloudVolume
//! calls, and neuroglancer's decoder; the method is that of Matejek et al., MICCAI 2017. One
//! channel of unsigned integers. All numbers are little-endian, all arrays in Fortran order.
//!
//! | bytes | what |
//! |---|---|
//! | 36 | header: `cpso`; u8 version, 0 or 1; u8 bytes of a label; u16 x 3 shape; u8 x 3 steps; u64 ids; u32 values; u64 locations; u8 connectivity, 4 or 6 |
//! | ids x label | the label of each component |
//! | values x window | the distinct windows, ascending |
//! | locations x label | codes for the boundary voxels that no neighbour decides |
//! | the rest | windows: run-length coded indices into the values |
//! | 2 x sz x index | version 1 only: where each slice's ids and locations begin |
//!
//! A *boundary voxel* differs from its neighbour at x+1 or y+1 (6-connected: or z+1). A *window* is
//! the boundary bits of a block of `steps` voxels, lowest bit first, in the smallest of 1, 2, 4, 8
//! bytes that holds x·y·z of the steps, at most 64 bits; blocks that reach over the edge have zeros
//! there. The rest of the stream is numbers of that width: an odd n is n >> 1 times the index 0, an
//! even n is the index n >> 1.
//!
//! *Components* are those of the voxels that are not boundary, slice by slice (6-connected: of the
//! whole chunk), numbered by their first voxel. A boundary voxel has the label of its neighbour at
//! x-1 if that is no boundary, else at y-1 likewise (6-connected: else at z-1). The others take, in
//! order, a *location*: 0 to 5 for the label at x-1, x+1, y-1, y+1, z-1, z+1; 6 for the label that
//! follows; n >= 7 for the label n - 7. Writers refer only to voxels that are no boundary; version 1
//! does not use 4 and 5, so that slices stand alone.
//!
//! The *index* is two rows of sz numbers: the components of each slice, then the first location of
//! each slice as the difference from that of the slice before (so number i counts the locations of
//! slice i-1, and the first is 0). Its width is the smallest of 1, 2, 4, 8 bytes whose largest
//! number is more than 2·sx·sy. Readers of a whole chunk do not need it and ignore it.
//!
//! We are stricter than the package where it would return labels from nowhere: a location that
//! refers to a voxel not decoded yet, too few windows, and ids or locations left over are damage.

mod boundaries;
mod components;
mod decode;
mod encode;
mod header;
mod locations;
#[cfg(test)]
mod tests;
mod windows;

use self::header::Layout;
use super::{ChunkSpec, Codec, CodecError, Decoded, Window};

/// The codec of `compresso` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compresso;

impl Codec for Compresso {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        // A voxel costs an id or at most two location words, a block (at least one voxel) at most a
        // value and a window of 8 bytes each, a slice two index numbers.
        let voxel = 2 * spec.data_type.size() + 16;
        let slices = spec.shape[2].saturating_mul(16);
        spec.values().saturating_mul(voxel).saturating_add(slices).saturating_add(header::LEN)
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
        let wanted = window.start[2]..window.end[2];
        let slices = decode::decode(encoded, spec, wanted, scratch)?;
        let [x, y, _, channels] = spec.shape;
        let start = [window.start[0], window.start[1], window.start[2] - slices.start];
        Ok(Decoded { voxels: scratch, shape: [x, y, slices.len(), channels], start })
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        encode::encode(&voxels, spec, Layout::default())
    }
}

/// A little-endian number of up to 8 bytes.
fn number<const N: usize>(bytes: &[u8; N]) -> u64 {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(bytes);
    u64::from_le_bytes(wide)
}
