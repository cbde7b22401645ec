//! numpy's `.npy`.

use std::io::{self, Write};

use bigarrays_core::DataType;

use crate::Voxels;

/// The data begin at a multiple of this, as numpy has it.
const ALIGNMENT: usize = 64;
/// Magic, version and the length of the header.
const BEFORE: usize = 10;

/// Writes voxels of any size: shape `(x, y, z, c)`, `fortran_order: True`.
///
/// # Errors
/// What `out` says.
pub fn encode(voxels: Voxels<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&header(voxels.data_type, voxels.size)?)?;
    out.write_all(voxels.bytes)
}

/// All that comes before the voxels.
///
/// # Errors
/// If the header is too long for the format, which it never is.
pub fn header(data_type: DataType, [x, y, z, c]: [u64; 4]) -> io::Result<Vec<u8>> {
    let descr = descr(data_type);
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': True, 'shape': ({x}, {y}, {z}, {c}), }}");
    // The header ends with a line feed.
    let len = (BEFORE + header.len() + 1).next_multiple_of(ALIGNMENT) - BEFORE;
    header.extend(std::iter::repeat_n(' ', len - 1 - header.len()));
    header.push('\n');
    let len = u16::try_from(len).map_err(io::Error::other)?;
    Ok([b"\x93NUMPY\x01\x00", &len.to_le_bytes()[..], header.as_bytes()].concat())
}

const fn descr(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Bool => "|b1",
        DataType::Uint8 => "|u1",
        DataType::Int8 => "|i1",
        DataType::Uint16 => "<u2",
        DataType::Int16 => "<i2",
        DataType::Uint32 => "<u4",
        DataType::Int32 => "<i4",
        DataType::Uint64 => "<u8",
        DataType::Int64 => "<i8",
        DataType::Float32 => "<f4",
        DataType::Float64 => "<f8",
    }
}
