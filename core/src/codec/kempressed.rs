//! `kempressed`: fpzip of values moved away from zero, for alignment fields.
//!
//! Source: CloudVolume. 2 is added to every value, the axes z and channel change places, and fpzip
//! without loss does the rest; so the stream's nx, ny, nz, nf are the chunk's x, y, c, z. The sum
//! rounds: what is read differs from what was written by about 1e-7 (float32). Not lossless.

use bigarrays_info::DataType;

use super::fpzip::{Planes, max_len, read, write};
use super::{ChunkSpec, Codec, CodecError};

const ALL_BITS: u32 = 0;

/// The codec of `kempressed` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kempressed;

impl Codec for Kempressed {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        max_len(spec)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        read(encoded, spec.data_type, stream_shape(spec), Planes::Swapped, scratch)?;
        match spec.data_type {
            DataType::Float64 => {
                change(scratch, |value| (f64::from_le_bytes(value) - 2.0).to_le_bytes());
            }
            _ => change(scratch, |value| (f32::from_le_bytes(value) - 2.0).to_le_bytes()),
        }
        Ok(scratch)
    }

    fn encode(&self, mut voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        match spec.data_type {
            DataType::Float64 => {
                change(&mut voxels, |value| (f64::from_le_bytes(value) + 2.0).to_le_bytes());
            }
            _ => change(&mut voxels, |value| (f32::from_le_bytes(value) + 2.0).to_le_bytes()),
        }
        write(&voxels, spec.data_type, stream_shape(spec), Planes::Swapped, ALL_BITS)
    }
}

const fn stream_shape(spec: &ChunkSpec) -> [usize; 4] {
    let [x, y, z, c] = spec.shape;
    [x, y, c, z]
}

fn change<const N: usize>(values: &mut [u8], new: impl Fn([u8; N]) -> [u8; N]) {
    let (values, _) = values.as_chunks_mut::<N>();
    for value in values {
        *value = new(*value);
    }
}
