//! The header: what the stream holds and in which of the format's forms.
//!
//! ```text
//!  0  "crkl"
//!  4  u8   version, 0 or 1
//!  5  u16  bits 0-1 log2 of a voxel's bytes, 2-3 of a stored label's, 4 permissible,
//!          5-6 label format (0 flat, 2 pins), 7 Fortran order, 8 signed, 9-12 Markov order,
//!          13 labels are not sorted, 14 labels may repeat
//!  7  u32  x, y, z
//! 19  u8   log2 of the grid
//! 20  u64  bytes of labels (u32 in version 0, which ends here)
//! 28  u8   crc8 of bytes 5 to 27: polynomial 0xe7 reflected, begun with 0xff
//! ```

use bigarrays_info::DataType;

use super::bytes::{Reader, len, uint};
use crate::codec::{ChunkSpec, CodecError};

const MAGIC: &[u8] = b"crkl";
const V0_LEN: usize = 24;
const V1_LEN: usize = 29;
/// Where the bytes that the crc8 guards begin.
const GUARDED: usize = 5;
/// A grid of 2^31 voxels: every slice is one.
const WHOLE_SLICES: u8 = 31;

/// How the labels section is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelFormat {
    /// A key into the table of labels for each region.
    Flat,
    /// Lines along z, each labelling all the regions that it passes through.
    Pins,
}

/// A header whose crc8 is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u8,
    /// Bytes of a voxel: 1, 2, 4 or 8.
    pub(super) width: usize,
    /// Bytes of a label in the table of labels.
    pub(super) stored_width: usize,
    pub(super) permissible: bool,
    pub(super) label_format: LabelFormat,
    pub(super) signed: bool,
    pub(super) markov_order: u32,
    pub(super) shape: [u32; 3],
    pub(super) grid_log2: u8,
    pub(super) label_bytes: u64,
}

impl Header {
    /// Reads the header and moves behind it.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let bytes = reader.rest();
        let version = match bytes {
            [b'c', b'r', b'k', b'l', version @ 0..=1, ..] => *version,
            [b'c', b'r', b'k', b'l', version, ..] => {
                let what = format!("it is of crackle version {version}, and only 0 and 1 exist");
                return Err(CodecError::corrupt(what));
            }
            _ => return Err(CodecError::corrupt("it does not begin with \"crkl\"")),
        };
        let length = if version == 0 { V0_LEN } else { V1_LEN };
        let bytes = reader.take(length, "header")?;
        if version == 1 {
            let (found, stored) = (crc8(&bytes[GUARDED..V1_LEN - 1]), bytes[V1_LEN - 1]);
            if found != stored {
                let what = format!("its header has crc8 {found:#04x} instead of {stored:#04x}");
                return Err(CodecError::corrupt(what));
            }
        }
        Self::from_fields(version, bytes)
    }

    fn from_fields(version: u8, bytes: &[u8]) -> Result<Self, CodecError> {
        let bits = u16::from_le_bytes([bytes[5], bytes[6]]);
        let axis = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let label_format = match bits >> 5 & 3 {
            0 => LabelFormat::Flat,
            2 => LabelFormat::Pins,
            1 => return Err(unsupported("crackle with fixed width pins")),
            _ => return Err(CodecError::corrupt("its label format is 3, which does not exist")),
        };
        Ok(Self {
            version,
            width: 1 << (bits & 3),
            stored_width: 1 << (bits >> 2 & 3),
            permissible: bits >> 4 & 1 == 1,
            label_format,
            signed: bits >> 8 & 1 == 1,
            markov_order: u32::from(bits >> 9 & 0xf),
            shape: [axis(7), axis(11), axis(15)],
            grid_log2: bytes[19],
            label_bytes: uint(&bytes[20..if version == 0 { V0_LEN } else { V1_LEN - 1 }]),
        })
    }

    /// The header that a chunk gets from us: version 1, flat, Fortran order, labels sorted.
    pub(super) fn for_chunk(spec: &ChunkSpec) -> Result<Self, CodecError> {
        let Some((width, signed)) = integer(spec.data_type) else {
            let what =
                format!("crackle holds integers, not {}; use another encoding", spec.data_type);
            return Err(CodecError::unencodable(what));
        };
        let [sx, sy, sz, channels] = spec.shape;
        if channels != 1 {
            let what = format!("crackle holds one channel, not {channels}; use another encoding");
            return Err(CodecError::unencodable(what));
        }
        let axis = |axis: usize| match u32::try_from(axis) {
            Ok(0) => Err(CodecError::unencodable("crackle cannot hold a chunk without voxels")),
            Ok(axis) => Ok(axis),
            Err(_) => {
                let what = "crackle has 32 bits for each axis; use smaller chunks";
                Err(CodecError::unencodable(what))
            }
        };
        Ok(Self {
            version: 1,
            width,
            stored_width: width,
            permissible: false,
            label_format: LabelFormat::Flat,
            signed,
            markov_order: 0,
            shape: [axis(sx)?, axis(sy)?, axis(sz)?],
            grid_log2: WHOLE_SLICES,
            label_bytes: 0,
        })
    }

    /// Appends a header of version 1.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let log2 =
            |width: usize| u16::from(width >= 2) + u16::from(width >= 4) + u16::from(width >= 8);
        let bits = log2(self.width)
            | log2(self.stored_width) << 2
            | u16::from(self.permissible) << 4
            | u16::from(self.label_format == LabelFormat::Pins) << 6
            | 1 << 7
            | u16::from(self.signed) << 8;
        out.extend_from_slice(MAGIC);
        out.push(1);
        out.extend_from_slice(&bits.to_le_bytes());
        for axis in self.shape {
            out.extend_from_slice(&axis.to_le_bytes());
        }
        out.push(self.grid_log2);
        out.extend_from_slice(&self.label_bytes.to_le_bytes());
        out.push(crc8(&out[start + GUARDED..]));
    }

    /// Checks that the stream is one of this chunk.
    pub(super) fn check(&self, spec: &ChunkSpec) -> Result<(), CodecError> {
        if integer(spec.data_type) != Some((self.width, self.signed)) {
            let what = format!(
                "it holds voxels of {} {} bits, but the volume's are {}",
                if self.signed { "signed" } else { "unsigned" },
                8 * self.width,
                spec.data_type
            );
            return Err(CodecError::corrupt(what));
        }
        let [x, y, z] = self.shape;
        let shape = [x, y, z, 1].map(|axis| len(u64::from(axis)));
        if shape != spec.shape {
            let what = format!("it is of shape {shape:?}, but the chunk is {:?}", spec.shape);
            return Err(CodecError::corrupt(what));
        }
        if self.shape.contains(&0) {
            return Err(CodecError::corrupt("it has no voxels"));
        }
        if u32::from(self.grid_log2) < 32 && 1_u32 << self.grid_log2 < x.max(y) {
            return Err(unsupported("crackle with several grids a slice"));
        }
        Ok(())
    }

    /// Bytes of a count of regions, in a slice.
    pub(super) fn count_width(&self) -> usize {
        super::bytes::width_of(u64::from(self.shape[0]).saturating_mul(u64::from(self.shape[1])))
    }

    /// Slices of the stream.
    pub(super) fn slices(&self) -> usize {
        len(u64::from(self.shape[2]))
    }
}

fn unsupported(what: &'static str) -> CodecError {
    CodecError::Unsupported { what: what.into() }
}

/// Bytes and sign of a type's voxels, if they are integers.
fn integer(data_type: DataType) -> Option<(usize, bool)> {
    match data_type {
        DataType::Uint8 | DataType::Bool => Some((1, false)),
        DataType::Uint16 => Some((2, false)),
        DataType::Uint32 => Some((4, false)),
        DataType::Uint64 => Some((8, false)),
        DataType::Int8 => Some((1, true)),
        DataType::Int16 => Some((2, true)),
        DataType::Int32 => Some((4, true)),
        DataType::Int64 => Some((8, true)),
        _ => None,
    }
}

fn crc8(bytes: &[u8]) -> u8 {
    let shift = |crc: u8| if crc & 1 == 1 { crc >> 1 ^ 0xe7 } else { crc >> 1 };
    bytes.iter().fold(0xff, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| shift(crc)))
}
