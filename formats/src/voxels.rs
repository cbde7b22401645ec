//! Voxels in memory, on their way to a file.

use bigarrays_core::DataType;

/// Voxels `[x, y, z, c]`, little-endian, in Fortran order.
#[derive(Debug, Clone, Copy)]
pub struct Voxels<'a> {
    /// As many bytes as `size` and `data_type` say.
    pub bytes: &'a [u8],
    /// The type of a voxel.
    pub data_type: DataType,
    /// `[x, y, z, c]`.
    pub size: [u64; 4],
}

impl Voxels<'_> {
    /// How many bytes voxels of such a size and type have.
    #[must_use]
    pub fn expected(data_type: DataType, size: [u64; 4]) -> u128 {
        let extents = size.map(u128::from).into_iter();
        extents.fold(data_type.size() as u128, u128::saturating_mul)
    }

    /// One z with its channels as neighbours: row by row, sample by sample, little-endian.
    #[must_use]
    pub fn page(&self, z: usize) -> Vec<u8> {
        let item = self.data_type.size();
        // As the bytes are in memory, their count is one that fits.
        let [x, y, depth, channels] =
            self.size.map(|extent| usize::try_from(extent).unwrap_or(usize::MAX));
        let plane = x * y * item;
        let planes = (0..channels).map(|c| &self.bytes[(c * depth + z) * plane..][..plane]);
        if channels == 1 {
            return planes.flatten().copied().collect();
        }
        let mut page = vec![0; plane * channels];
        for (channel, values) in planes.enumerate() {
            let pixels = page.chunks_exact_mut(item * channels);
            for (pixel, value) in pixels.zip(values.chunks_exact(item)) {
                pixel[channel * item..][..item].copy_from_slice(value);
            }
        }
        page
    }
}
