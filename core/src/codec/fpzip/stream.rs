//! A stream: the header and the fields, all in one run of the range coder.
//!
//! The header is `f`, `p`, `z`, 0, version 0x0110 (16 bits), mode of arithmetic (8), type (1), bits
//! kept of each value (7, 0 for all), nx, ny, nz, nf (32 each).

use bigarrays_info::DataType;

use super::field;
use super::range::{RangeDecoder, RangeEncoder};
use super::real::Real;
use crate::codec::CodecError;

const MAGIC: [u8; 4] = *b"fpz\0";
const VERSION: u64 = 0x0110;
/// `FPZIP_FP_FAST`: predictions are sums of floats.
const MODE: u64 = 1;

/// How the x-y planes of an array lie in its bytes, whose shape in the stream is `[x, y, z, f]`.
#[derive(Debug, Clone, Copy)]
pub(in crate::codec) enum Planes {
    /// z by z of the first field, then of the next.
    InOrder,
    /// Field by field of the first z, then of the next.
    Swapped,
}

impl Planes {
    /// Where plane `z` of field `f` lies.
    const fn place(self, [_, _, nz, nf]: [usize; 4], z: usize, f: usize) -> usize {
        match self {
            Self::InOrder => z + nz * f,
            Self::Swapped => f + nf * z,
        }
    }
}

/// Whether values of a type can keep so many bits; 0 is for all.
pub(super) const fn is_precision(data_type: DataType, bits: u32) -> bool {
    match data_type {
        DataType::Float64 => bits == 0 || bits >= 4 && bits <= 64 && bits.is_multiple_of(2),
        _ => bits == 0 || bits >= 2 && bits <= 32,
    }
}

/// Encodes an array, keeping so many bits of each value.
///
/// # Errors
/// [`CodecError::Unencodable`] for a type other than floats, or an axis of 2^32.
pub(in crate::codec) fn write(
    voxels: &[u8],
    data_type: DataType,
    shape: [usize; 4],
    planes: Planes,
    precision: u32,
) -> Result<Vec<u8>, CodecError> {
    let double = is_double(data_type)?;
    let mut encoder = RangeEncoder::with_capacity(voxels.len() / 2);
    for byte in MAGIC {
        encoder.bits(byte.into(), 8);
    }
    encoder.bits(VERSION, 16);
    encoder.bits(MODE, 8);
    encoder.bits(double.into(), 1);
    encoder.bits(precision.into(), 7);
    for axis in shape {
        let axis = u32::try_from(axis).map_err(|_| {
            CodecError::unencodable(format!("fpzip has no axis of {axis} values: cut it smaller"))
        })?;
        encoder.bits(axis.into(), 32);
    }
    if double {
        write_fields::<f64>(&mut encoder, voxels, shape, planes, precision);
    } else {
        write_fields::<f32>(&mut encoder, voxels, shape, planes, precision);
    }
    Ok(encoder.finish())
}

fn write_fields<R: Real>(
    encoder: &mut RangeEncoder,
    voxels: &[u8],
    shape: [usize; 4],
    planes: Planes,
    precision: u32,
) {
    let [nx, ny, nz, nf] = shape;
    let bits = if precision == 0 { R::WIDTH } else { precision };
    let plane_len = nx * ny * R::SIZE;
    for f in 0..nf {
        let planes = (0..nz).map(|z| {
            let start = planes.place(shape, z, f) * plane_len;
            &voxels[start..start + plane_len]
        });
        field::encode::<R>(encoder, bits, [nx, ny], planes);
    }
}

/// Decodes an array of known type and shape to `out`, which it fills exactly.
///
/// # Errors
/// [`CodecError::Corrupt`] if the stream tells another type or shape, is damaged or cut short.
pub(in crate::codec) fn read(
    stream: &[u8],
    data_type: DataType,
    shape: [usize; 4],
    planes: Planes,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let mut decoder = RangeDecoder::new(stream);
    let precision = read_header(&mut decoder, data_type, shape)?;
    let len = shape.iter().fold(data_type.size(), |len, &axis| len.saturating_mul(axis));
    out.resize(len, 0);
    let sound = if is_double(data_type)? {
        read_fields::<f64>(&mut decoder, out, shape, planes, precision)
    } else {
        read_fields::<f32>(&mut decoder, out, shape, planes, precision)
    };
    if sound { Ok(()) } else { Err(damaged()) }
}

/// The bits kept of each value, of a stream that is as it should be.
fn read_header(
    decoder: &mut RangeDecoder<'_>,
    data_type: DataType,
    shape: [usize; 4],
) -> Result<u32, CodecError> {
    if MAGIC.iter().any(|&byte| decoder.bits(8) != u64::from(byte)) {
        return Err(CodecError::corrupt("it is no fpzip stream"));
    }
    let (version, mode) = (decoder.bits(16), decoder.bits(8));
    if version != VERSION || mode != MODE {
        return Err(CodecError::corrupt(format!(
            "it is an fpzip stream of version {version:#06x} and arithmetic {mode}, and only version \
             {VERSION:#06x} and arithmetic {MODE} can be read"
        )));
    }
    let double = decoder.bits(1) == 1;
    let precision = decoder.bits(7);
    let found: [u64; 4] = std::array::from_fn(|_| decoder.bits(32));
    if !decoder.is_sound() {
        return Err(damaged());
    }
    if double != is_double(data_type)? {
        return Err(CodecError::corrupt(format!(
            "its fpzip stream holds {} values, and {data_type} ones were expected",
            if double { DataType::Float64 } else { DataType::Float32 }
        )));
    }
    if shape.iter().zip(found).any(|(&axis, found)| usize::try_from(found) != Ok(axis)) {
        return Err(CodecError::corrupt(format!(
            "its fpzip stream has the shape {found:?}, and {shape:?} was expected"
        )));
    }
    u32::try_from(precision).ok().filter(|&bits| is_precision(data_type, bits)).ok_or_else(|| {
        CodecError::corrupt(format!("its fpzip stream keeps {precision} bits of a {data_type}"))
    })
}

fn read_fields<R: Real>(
    decoder: &mut RangeDecoder<'_>,
    out: &mut [u8],
    shape: [usize; 4],
    planes: Planes,
    precision: u32,
) -> bool {
    let [nx, ny, nz, nf] = shape;
    let bits = if precision == 0 { R::WIDTH } else { precision };
    let plane_len = nx * ny * R::SIZE;
    let mut order: Vec<Option<&mut [u8]>> =
        out.chunks_exact_mut(plane_len.max(1)).map(Some).collect();
    (0..nf).all(|f| {
        let planes =
            (0..nz).filter_map(|z| order.get_mut(planes.place(shape, z, f)).and_then(Option::take));
        field::decode::<R>(decoder, bits, [nx, ny], planes)
    })
}

fn is_double(data_type: DataType) -> Result<bool, CodecError> {
    match data_type {
        DataType::Float32 => Ok(false),
        DataType::Float64 => Ok(true),
        other => Err(CodecError::unencodable(format!("fpzip holds floats only, no {other}"))),
    }
}

fn damaged() -> CodecError {
    CodecError::corrupt("its fpzip stream is damaged or cut short")
}
