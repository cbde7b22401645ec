//! `zfpc`: zfp streams in a small container.
//!
//! Sources: the PyPI package `zfpc` 0.1 that CloudVolume uses, for the container and for which axes
//! go where; zfp 1.0 (LLNL, BSD licence) for the streams, which its C library decodes and encodes.
//! zfp compresses blocks of 4 values a side along axes on which values go smoothly; along the other
//! axes the container has one stream for each place. In a stream the *last* axis of the chunk is the
//! first of zfp.
//!
//! `container` is the outside, `slices` the parts of a chunk that become streams, `ffi` the calls of
//! the C library.

mod container;
mod ffi;
mod parameters;
mod slices;

use bigarrays_info::{DataType, Scale};

use super::{ChunkSpec, Codec, CodecError};
use container::Container;
use ffi::{Mode, Reader, Scalar};
use parameters::Parameters;
use slices::Slices;

/// The codec of `zfpc` chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zfpc {
    /// `Err` with what is wrong, if the scale's parameters are such as cannot be written.
    parameters: Result<Parameters, &'static str>,
}

impl Zfpc {
    /// A scale's parameters concern writers only, so wrong ones do not keep its chunks from being
    /// read.
    #[expect(clippy::unnecessary_wraps, reason = "the table of codecs has one form for all")]
    pub(super) fn new(scale: &Scale) -> Result<Self, CodecError> {
        Ok(Self { parameters: Parameters::of(scale) })
    }
}

impl Codec for Zfpc {
    fn max_len(&self, spec: &ChunkSpec) -> usize {
        container::max_len(spec)
    }

    fn decode<'a>(
        &self,
        encoded: &'a [u8],
        spec: &ChunkSpec,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        let container = Container::parse(encoded, spec)?;
        scratch.resize(spec.voxel_bytes(), 0);
        match spec.data_type {
            DataType::Int32 => decode::<i32>(&container, scratch),
            DataType::Int64 => decode::<i64>(&container, scratch),
            DataType::Float32 => decode::<f32>(&container, scratch),
            DataType::Float64 => decode::<f64>(&container, scratch),
            other => Err(container::no_such_type(other)),
        }?;
        Ok(scratch)
    }

    fn encode(&self, voxels: Vec<u8>, spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
        let parameters = self.parameters.map_err(CodecError::unencodable)?;
        match spec.data_type {
            DataType::Int32 => encode::<i32>(&voxels, spec, &parameters),
            DataType::Int64 => encode::<i64>(&voxels, spec, &parameters),
            DataType::Float32 => encode::<f32>(&voxels, spec, &parameters),
            DataType::Float64 => encode::<f64>(&voxels, spec, &parameters),
            other => Err(container::no_such_type(other)),
        }
    }
}

fn decode<T: Scalar>(container: &Container<'_>, out: &mut [u8]) -> Result<(), CodecError> {
    let slices = container.slices();
    let mut words = Vec::new();
    let mut block = [T::default(); ffi::BLOCK];
    for (start, stream) in slices.starts().zip(container.streams()) {
        let mut reader = Reader::<T>::open(&mut words, stream?, &slices.dims())?;
        for place in slices.blocks() {
            reader.block(&mut block)?;
            place.scatter(&block, start, out);
        }
    }
    Ok(())
}

fn encode<T: Scalar>(
    voxels: &[u8],
    spec: &ChunkSpec,
    parameters: &Parameters,
) -> Result<Vec<u8>, CodecError> {
    if T::IS_INTEGER && matches!(parameters.mode, Mode::Tolerance(_)) {
        return Err(CodecError::unencodable(
            "zfp keeps no tolerance for integers: set zfpc_precision or zfpc_rate, or none of them \
             to lose nothing",
        ));
    }
    let values: Vec<T> = voxels.chunks_exact(T::SIZE).map(T::from_le).collect();
    if parameters.mode != Mode::Reversible && !values.iter().all(|value| value.can_lose()) {
        return Err(CodecError::unencodable(
            "zfp loses bits of finite numbers only, and of integers with two bits to spare: write \
             without zfpc_rate, zfpc_precision and zfpc_tolerance",
        ));
    }
    let slices = Slices::new(spec.shape, parameters.correlated);
    let streams: Result<Vec<_>, _> = slices
        .starts()
        .map(|start| {
            ffi::compress(values.get(start..).unwrap_or(&[]), slices.axes(), parameters.mode)
        })
        .collect();
    container::write(spec, parameters, &streams?)
}

#[cfg(test)]
mod tests;
