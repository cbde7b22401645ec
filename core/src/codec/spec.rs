//! What a codec is told about a chunk.

use std::ops::Range;

use bigarrays_info::DataType;

/// Shape and type of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSpec {
    /// The type of the voxels.
    pub data_type: DataType,
    /// Voxels and channels, `[x, y, z, c]`, clipped to the volume.
    pub shape: [usize; 4],
}

impl ChunkSpec {
    /// Bytes of all voxels. A volume whose chunks are too large for memory does not open, so this
    /// fits.
    #[must_use]
    pub fn voxel_bytes(&self) -> usize {
        self.shape.iter().fold(self.data_type.size(), |bytes, &axis| bytes.saturating_mul(axis))
    }

    /// Values of all channels.
    #[must_use]
    pub fn values(&self) -> usize {
        self.voxel_bytes() / self.data_type.size()
    }
}

/// A box of voxels inside a chunk, half-open, in voxels from the chunk's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first voxel `[x, y, z]`.
    pub start: [usize; 3],
    /// One past the last; nowhere past the chunk's shape.
    pub end: [usize; 3],
}

impl Window {
    /// The whole of a chunk.
    #[must_use]
    pub const fn whole(spec: &ChunkSpec) -> Self {
        let [x, y, z, _] = spec.shape;
        Self { start: [0; 3], end: [x, y, z] }
    }

    /// The places of its voxels among those of its chunk, of a channel, from the first to the last.
    pub(crate) fn places(&self, spec: &ChunkSpec) -> Range<usize> {
        let [nx, ny, _, _] = spec.shape;
        let at = |[x, y, z]: [usize; 3]| x + nx * (y + ny * z);
        at(self.start)..at(self.end.map(|end| end.saturating_sub(1))) + 1
    }
}

/// Decoded voxels: a dense block, x fastest, that holds at least the window asked for, in all
/// channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// Little-endian values in Fortran order.
    pub voxels: &'a [u8],
    /// The block's shape `[x, y, z, c]`.
    pub shape: [usize; 4],
    /// Where in the block the window begins.
    pub start: [usize; 3],
}
