//! What one value is.
//!
//! ```text
//! u8 class and version, 3 bytes of bits, u32 bytes of a value, then
//! class 0, integers:    u16 first bit, u16 bits
//! class 1, floats:      u16 first bit, u16 bits, u8 and u8 exponent, u8 and u8 mantissa, u32 bias
//! class 4, bits:        u16 first bit, u16 bits
//! class 8, enumeration: the type of the values, the names, the values
//! ```

use bigarrays_info::DataType;

use super::Found::{self, Known, Unusual};
use super::bytes::Cursor;
use crate::hdf5::direct::error::H5Error;

const BIG_ENDIAN: u8 = 1;
const SIGNED: u8 = 1 << 3;
/// Floats of 32 and 64 bits as IEEE 754 has them: sign at the top, implied leading bit.
const F32: [u8; 12] = [0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
const F64: [u8; 12] = [0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0];

/// The type and whether its bytes are in big-endian order. Types that are not ours are left to the
/// library, which has their names.
pub(super) fn datatype(content: &[u8]) -> Result<Found<(DataType, bool)>, H5Error> {
    let mut content = Cursor(content);
    let (kind, bits) = (content.byte()?, content.take(3)?);
    let size = content.word()?;
    let bits: [u8; 3] = bits.try_into().unwrap_or_default();
    let known = match kind & 0x0f {
        0 => integer(size, bits[0], content)?,
        1 => float(size, bits, content)?,
        4 if size == 1 => Some((DataType::Bool, false)),
        8 => return enumeration(kind >> 4, bits, content),
        _ => None,
    };
    Ok(known.map_or(Unusual, Known))
}

fn integer(
    size: u32,
    bits: u8,
    mut content: Cursor<'_>,
) -> Result<Option<(DataType, bool)>, H5Error> {
    let (first, precision) = (content.number(2)?, content.number(2)?);
    if first != 0 || precision != u64::from(size) * 8 {
        return Ok(None);
    }
    let data_type = match (size, bits & SIGNED != 0) {
        (1, false) => DataType::Uint8,
        (1, true) => DataType::Int8,
        (2, false) => DataType::Uint16,
        (2, true) => DataType::Int16,
        (4, false) => DataType::Uint32,
        (4, true) => DataType::Int32,
        (8, false) => DataType::Uint64,
        (8, true) => DataType::Int64,
        _ => return Ok(None),
    };
    Ok(Some((data_type, bits & BIG_ENDIAN != 0 && size > 1)))
}

fn float(
    size: u32,
    bits: [u8; 3],
    mut content: Cursor<'_>,
) -> Result<Option<(DataType, bool)>, H5Error> {
    let form = content.take(12)?;
    // Byte order (bit 6: that of the VAX), no padding, implied bit.
    let [order, sign, _] = bits;
    if order & !BIG_ENDIAN != 0x20 {
        return Ok(None);
    }
    Ok(match size {
        4 if form == F32 && sign == 31 => Some((DataType::Float32, order & BIG_ENDIAN != 0)),
        8 if form == F64 && sign == 63 => Some((DataType::Float64, order & BIG_ENDIAN != 0)),
        _ => None,
    })
}

/// An enumeration of FALSE and TRUE in one byte, as h5py writes it. Others of one byte are numbers.
fn enumeration(
    version: u8,
    bits: [u8; 3],
    mut content: Cursor<'_>,
) -> Result<Found<(DataType, bool)>, H5Error> {
    let base = content.0;
    let Known((base, _)) = datatype(base)? else { return Ok(Unusual) };
    if base.size() != 1 {
        return Ok(Unusual);
    }
    content.skip(12)?;
    let members = usize::from(bits[0]) | usize::from(bits[1]) << 8;
    let mut names = Vec::new();
    for _ in 0..members {
        let name = content.0.split(|&byte| byte == 0).next().unwrap_or_default();
        // With the byte behind it, and before version 3 to a multiple of 8.
        let len = name.len() + 1;
        content.skip(if version < 3 { len.next_multiple_of(8) } else { len })?;
        names.push(name);
    }
    let values = content.take(members)?;
    let is_bool = names == [b"FALSE".as_slice(), b"TRUE"] && values == [0, 1];
    Ok(Known((if is_bool { DataType::Bool } else { base }, false)))
}
