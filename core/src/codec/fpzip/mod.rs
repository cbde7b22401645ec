//! `fpzip`: predictive compression of floats, lossless or of fewer bits.
//!
//! Source: fpzip 1.3 (Peter Lindstrom and Martin Isenburg, "Fast and Efficient Compression of
//! Floating-Point Data", IEEE TVCG 2006; library of LLNL, BSD licence), in the mode `FPZIP_FP_FAST`
//! of the PyPI package `fpzip` that CloudVolume uses. A chunk is one stream with its header, whose
//! nx, ny, nz, nf are the chunk's x, y, z, c.
//!
//! Written anew in Rust because the C++ library is not told where its input ends. In this order:
//! `range` is the entropy coder and `model` its statistics, `real` the floats as ordered integers
//! and their prediction, `field` puts the three together for one channel, `stream` adds the header.

mod field;
mod model;
mod range;
mod real;
mod stream;

use bigarrays_info::{DataType, Scale};

use super::{ChunkSpec, Codec, CodecError};
pub(super) use stream::{Planes, read, write};

/// The codec of `fpzip` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fpzip {
    /// Bits kept of each value; 0 for all; `None` if what the scale says is no such number.
    precision: Option<u32>,
}

impl Fpzip {
    /// A scale's `fpzip_precision` concerns writers only, so a wrong one does not keep its chunks
    /// from being read.
    #[expect(clippy::unnecessary_wraps, reason = "the table of codecs has one form for all")]
    pub(super) fn new(scale: &Scale) -> Result<Self, CodecError> {
        let precision = match scale.extra.get("fpzip_precision") {
            None => Some(0),
            Some(value) if value.is_null() => Some(0),
            Some(value) => value.as_u64().and_then(|bits| u32::try_from(bits).ok()),
        };
        Ok(Self { precision })
    }
}

impl Codec for Fpzip {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        max_len(spec)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        read(encoded, spec.data_type, spec.shape, Planes::InOrder, scratch)?;
        Ok(scratch)
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        let precision = self.precision.filter(|&bits| stream::is_precision(spec.data_type, bits));
        let Some(precision) = precision else {
            let choice = match spec.data_type {
                DataType::Float64 => "an even number of bits from 4 to 64",
                _ => "2 to 32 bits",
            };
            return Err(CodecError::unencodable(format!(
                "the scale's fpzip_precision is none that fpzip has for {}: choose {choice}, or 0 \
                 to lose nothing",
                spec.data_type
            )));
        };
        write(&voxels, spec.data_type, spec.shape, Planes::InOrder, precision)
    }
}

/// The entropy coder takes at most 16 bits for the symbol of a value and then the bits of the value
/// one place below its own width, in steps of 16, and each step ends in at most 4 bytes: 12 bytes for
/// a float32, 20 for a float64. Usual data need less than their own length. Old versions of the PyPI
/// package left up to as many bytes behind the stream as the voxels have.
pub(super) fn max_len(spec: &ChunkSpec) -> usize {
    spec.voxel_bytes().saturating_mul(3).saturating_add(1 << 10)
}

#[cfg(test)]
mod tests;
