//! What a codec is told about a chunk.

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
}
