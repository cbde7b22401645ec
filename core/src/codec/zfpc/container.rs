//! The outside of a chunk: a header, an index of the streams, the streams.
//!
//! ```text
//! "zfpc"   u8 version (0)
//! u8 type (bits 0..3: 1 int32, 2 int64, 3 float32, 4 float64), mode (bits 3..6), C order (bit 7)
//! u32 x, y, z, w: 0 for axes at the end that the array has not
//! u8 correlated axes, x in bit 0
//! u64 where the first stream begins   u64 length of each stream
//! the streams, one after another: x of the uncorrelated axes fastest
//! ```
//! Mode and order are of no use for reading: each stream tells its own mode, and the order is that
//! of memory in the writing program.

use bigarrays_info::DataType;

use super::ffi::Mode;
use super::parameters::Parameters;
use super::slices::Slices;
use crate::codec::{ChunkSpec, CodecError};

const MAGIC: [u8; 4] = *b"zfpc";
const VERSION: u8 = 0;
const HEADER: usize = 23;
/// What zfp may write beside the values: 19 bytes of its header, the last word filled up.
const STREAM_EXTRA: usize = 32;

/// A chunk whose header and index were found sound.
#[derive(Debug)]
pub(super) struct Container<'a> {
    slices: Slices,
    index: &'a [u8],
    streams: &'a [u8],
}

impl<'a> Container<'a> {
    /// Takes a chunk apart.
    pub(super) fn parse(encoded: &'a [u8], spec: &ChunkSpec) -> Result<Self, CodecError> {
        let Some((header, rest)) = encoded.split_first_chunk::<HEADER>() else {
            return Err(CodecError::corrupt(format!(
                "it has {} bytes, fewer than a zfpc header",
                encoded.len()
            )));
        };
        if !header.starts_with(&MAGIC) || header[4] != VERSION {
            return Err(CodecError::corrupt("it is no zfpc container of version 0"));
        }
        if header[5] & 7 != type_code(spec.data_type)? {
            return Err(CodecError::corrupt(format!(
                "its zfpc header tells type {}, and {} is {}",
                header[5] & 7,
                spec.data_type,
                type_code(spec.data_type)?
            )));
        }
        let (sizes, _) = header[6..22].as_chunks::<4>();
        let correlated = correlated_axes(sizes, header[22], spec)?;
        let slices = Slices::new(spec.shape, correlated);
        let index_len = slices.count().saturating_mul(8).saturating_add(8);
        let Some((index, _)) = rest.split_at_checked(index_len) else {
            return Err(CodecError::corrupt(format!(
                "its {} bytes are too few for the index of {} zfp streams",
                encoded.len(),
                slices.count()
            )));
        };
        let (first, index) = index.split_at(8);
        let Some(streams) = encoded.get(number(first)..) else {
            return Err(CodecError::corrupt("its zfp streams begin past its end"));
        };
        Ok(Self { slices, index, streams })
    }

    /// How the chunk is cut.
    pub(super) const fn slices(&self) -> &Slices {
        &self.slices
    }

    /// The stream of each slice.
    pub(super) fn streams(&self) -> impl Iterator<Item = Result<&'a [u8], CodecError>> {
        let mut rest = self.streams;
        self.index.chunks_exact(8).map(move |len| {
            let Some((stream, after)) = rest.split_at_checked(number(len)) else {
                return Err(CodecError::corrupt("it ends before its zfp streams do"));
            };
            rest = after;
            Ok(stream)
        })
    }
}

/// The axes along which streams go. A header has 0 for axes that the writer's array had not.
fn correlated_axes(
    sizes: &[[u8; 4]],
    correlated: u8,
    spec: &ChunkSpec,
) -> Result<[bool; 4], CodecError> {
    let sizes: Vec<u32> = sizes.iter().map(|&size| u32::from_le_bytes(size)).collect();
    let present = sizes.iter().take_while(|&&size| size > 0).count();
    let fits = sizes.iter().zip(spec.shape).enumerate().all(|(axis, (&size, expected))| {
        if axis < present {
            usize::try_from(size) == Ok(expected)
        } else {
            size == 0 && expected == 1
        }
    });
    if !fits {
        return Err(CodecError::corrupt(format!(
            "its zfpc header has the shape {sizes:?}, and {:?} was expected",
            spec.shape
        )));
    }
    let correlated = std::array::from_fn(|axis| axis < present && correlated & 1 << axis != 0);
    if correlated == [false; 4] {
        return Err(CodecError::corrupt("its zfpc header tells no correlated axis"));
    }
    Ok(correlated)
}

/// Puts a chunk together.
pub(super) fn write(
    spec: &ChunkSpec,
    parameters: &Parameters,
    streams: &[Vec<u8>],
) -> Result<Vec<u8>, CodecError> {
    let index_len = 8 * (streams.len() + 1);
    let streams_len: usize = streams.iter().map(Vec::len).sum();
    let mut out = Vec::with_capacity(HEADER + index_len + streams_len);
    out.extend(MAGIC);
    out.push(VERSION);
    let mode = match parameters.mode {
        Mode::Rate(_) => 2,
        Mode::Precision(_) => 3,
        Mode::Tolerance(_) => 4,
        Mode::Reversible => 5_u8,
    };
    out.push(type_code(spec.data_type)? | mode << 3);
    for axis in spec.shape {
        let axis = u32::try_from(axis).map_err(|_| {
            CodecError::unencodable(format!("zfpc has no axis of {axis} values: cut it smaller"))
        })?;
        out.extend(axis.to_le_bytes());
    }
    let axes = parameters.correlated.iter().rev();
    out.push(axes.fold(0, |bits, &correlated| bits << 1 | u8::from(correlated)));
    out.extend(((HEADER + index_len) as u64).to_le_bytes());
    for stream in streams {
        out.extend((stream.len() as u64).to_le_bytes());
    }
    for stream in streams {
        out.extend(stream);
    }
    Ok(out)
}

/// The longest of what each choice of correlated axes gives. A block of n values of b bits takes at
/// most a header of 19 bits, n bits for each plane and n more for where values begin.
pub(super) fn max_len(spec: &ChunkSpec) -> usize {
    let bits = spec.data_type.size() * 8;
    let choices = (1..16).map(|choice: usize| {
        let correlated = std::array::from_fn(|axis| choice & 1 << axis != 0);
        let slices = Slices::new(spec.shape, correlated);
        let block = (19 + (bits + 1) * (1 << (2 * choice.count_ones()))).div_ceil(8);
        let stream = slices.block_count().saturating_mul(block).saturating_add(STREAM_EXTRA + 8);
        stream.saturating_mul(slices.count())
    });
    choices.max().unwrap_or(0).saturating_add(HEADER + 8)
}

fn type_code(data_type: DataType) -> Result<u8, CodecError> {
    match data_type {
        DataType::Int32 => Ok(1),
        DataType::Int64 => Ok(2),
        DataType::Float32 => Ok(3),
        DataType::Float64 => Ok(4),
        other => Err(no_such_type(other)),
    }
}

/// What to say of a type that zfp does not hold.
pub(super) fn no_such_type(data_type: DataType) -> CodecError {
    CodecError::unencodable(format!("zfpc holds int32, int64, float32 and float64, no {data_type}"))
}

/// A number of the index; one beyond memory is past the end of any chunk.
fn number(bytes: &[u8]) -> usize {
    let number = bytes.first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
    usize::try_from(number).unwrap_or(usize::MAX)
}
