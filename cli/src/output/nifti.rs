//! NIfTI-1: a header of 348 bytes, four that announce no extension, then voxels as they are.
//!
//! Format: <https://nifti.nimh.nih.gov/nifti-1>. Lengths are in micrometres, which is the smallest
//! unit that it has.

use bigarrays::info::DataType;

use super::stream::Wanted;

const HEADER: usize = 352;
/// `NIFTI_UNITS_MICRON`.
const MICRON: u8 = 3;
/// Coordinates are those of a scanner, as far as anybody knows.
const SCANNER: i16 = 1;
const NANOMETRES: f64 = 1000.0;

/// The longest axis.
pub(super) const LONGEST: u64 = 0x7fff;

/// All that comes before the voxels of a box whose axes are short enough.
#[expect(clippy::cast_possible_truncation, reason = "the format has 32-bit lengths")]
pub(super) fn header(wanted: &Wanted) -> Vec<u8> {
    let mut header = vec![0; HEADER];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    let axes: i16 = if wanted.size[3] == 1 { 3 } else { 4 };
    put(40, &axes.to_le_bytes());
    for axis in 0..7 {
        let len = wanted.size.get(axis).map_or(1, |&len| i16::try_from(len).unwrap_or(i16::MAX));
        put(42 + 2 * axis, &len.to_le_bytes());
    }
    let (code, bits) = code(wanted.data_type);
    put(70, &code.to_le_bytes());
    put(72, &bits.to_le_bytes());
    put(76, &1_f32.to_le_bytes());
    let micrometres = wanted.resolution.map(|length| length / NANOMETRES);
    for (axis, length) in micrometres.into_iter().enumerate() {
        put(80 + 4 * axis, &(length as f32).to_le_bytes());
    }
    put(108, &(HEADER as f32).to_le_bytes());
    // Values mean what they are.
    put(112, &1_f32.to_le_bytes());
    put(123, &[MICRON]);
    put(254, &SCANNER.to_le_bytes());
    for (axis, length) in micrometres.into_iter().enumerate() {
        let row = 280 + 16 * axis;
        put(row + 4 * axis, &(length as f32).to_le_bytes());
        let corner = length * wanted.corner[axis];
        put(row + 12, &(corner as f32).to_le_bytes());
    }
    put(344, b"n+1\0");
    header
}

const fn code(data_type: DataType) -> (i16, i16) {
    match data_type {
        DataType::Uint8 | DataType::Bool => (2, 8),
        DataType::Int16 => (4, 16),
        DataType::Int32 => (8, 32),
        DataType::Float32 => (16, 32),
        DataType::Float64 => (64, 64),
        DataType::Int8 => (256, 8),
        DataType::Uint16 => (512, 16),
        DataType::Uint32 => (768, 32),
        DataType::Int64 => (1024, 64),
        DataType::Uint64 => (1280, 64),
    }
}
