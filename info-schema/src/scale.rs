//! One scale (mip level): its box, its grid of chunks and how they are stored.

use serde_json::{Map, Value};

use crate::encoding::Encoding;
use crate::sharding::Sharding;

/// One scale of a volume. Everything spatial is `[x, y, z]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// The directory of the chunks, relative to the `info` document. By custom the resolution
    /// ([`resolution_key`]); may start with `../`.
    pub key: String,
    /// The extent in voxels.
    pub size: [u64; 3],
    /// The position of the first voxel, in voxels of this scale. May be negative.
    pub voxel_offset: [i64; 3],
    /// The extent of one voxel in nanometres.
    pub resolution: [f64; 3],
    /// The chunk shapes in voxels: one complete copy of the data for each. Only the first is used
    /// here.
    pub chunk_sizes: Vec<[u64; 3]>,
    /// How chunks are encoded.
    pub encoding: Encoding,
    /// The block shape of [`Encoding::CompressedSegmentation`], in voxels.
    pub compressed_segmentation_block_size: Option<[u64; 3]>,
    /// A hint to writers, 0 to 100.
    pub jpeg_quality: Option<u8>,
    /// A hint to writers, 0 to 9.
    pub png_level: Option<u8>,
    /// How chunks are packed into shard files; `None`: one object for each chunk.
    pub sharding: Option<Sharding>,
    /// Viewers do not show this scale.
    pub hidden: bool,
    /// Writers leave this scale alone (CloudVolume's `lock_mips`).
    pub locked: bool,
    /// All other keys, written back as they stand: `jxl_quality`, `fpzip_precision`,
    /// `zfpc_rate`, `rois`, `realsize` and whatever else. Unknown keys inside the `sharding`
    /// object stand here as an object under `sharding`.
    pub extra: Map<String, Value>,
}

impl Scale {
    /// The chunk shape in voxels: the first of [`chunk_sizes`](Self::chunk_sizes); `[0, 0, 0]`
    /// where there is none, which no valid volume has.
    #[must_use]
    pub fn chunk_size(&self) -> [u64; 3] {
        self.chunk_sizes.first().copied().unwrap_or_default()
    }

    /// The number of chunks along each axis, the clipped ones at the far edge included.
    #[must_use]
    pub fn grid_size(&self) -> [u64; 3] {
        grid_size(self.size, self.chunk_size())
    }

    /// Whether this scale only keeps a place: its key holds the word `placeholder`, and it has no
    /// chunks.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.key.contains("placeholder")
    }

    /// How many voxels of a finer scale make one of this, along each axis; `None` if that is no
    /// whole number of up to 2^20.
    #[must_use]
    pub fn factor_of(&self, finer: &Self) -> Option<[u64; 3]> {
        let mut factor = [1; 3];
        for (axis, factor) in factor.iter_mut().enumerate() {
            let ratio = self.resolution[axis] / finer.resolution[axis];
            // Resolutions are decimal fractions, which are seldom exact.
            let is_near = |whole: u32| (ratio - f64::from(whole)).abs() < 1e-6 * ratio;
            *factor = (1..=1_u32 << 20).find(|&whole| is_near(whole))?.into();
        }
        Some(factor)
    }

    /// The first position past the volume on every axis: `voxel_offset + size`.
    ///
    /// Saturates where the sum does not fit, which no valid volume has.
    #[must_use]
    pub fn max_point(&self) -> [i64; 3] {
        std::array::from_fn(|axis| self.voxel_offset[axis].saturating_add_unsigned(self.size[axis]))
    }
}

/// `ceil(size / chunk)`; no chunks on an axis whose chunk is empty.
pub(crate) fn grid_size(size: [u64; 3], chunk: [u64; 3]) -> [u64; 3] {
    std::array::from_fn(|axis| match chunk[axis] {
        0 => 0,
        length => size[axis].div_ceil(length),
    })
}

/// The customary key of a scale: its resolution, joined by `_`.
///
/// ```
/// use bigarrays_info::resolution_key;
///
/// assert_eq!(resolution_key([8.0, 8.0, 40.0]), "8_8_40");
/// assert_eq!(resolution_key([4.5, 4.5, 33.25]), "4.5_4.5_33.25");
/// ```
#[must_use]
pub fn resolution_key(res: [f64; 3]) -> String {
    let [x, y, z] = res;
    // Display of f64 is the shortest text that reads back the same, without an exponent.
    format!("{x}_{y}_{z}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(size: [u64; 3], voxel_offset: [i64; 3], chunk: [u64; 3]) -> Scale {
        Scale {
            key: "1_1_1".to_owned(),
            size,
            voxel_offset,
            resolution: [1.0; 3],
            chunk_sizes: vec![chunk],
            encoding: Encoding::Raw,
            compressed_segmentation_block_size: None,
            jpeg_quality: None,
            png_level: None,
            sharding: None,
            hidden: false,
            locked: false,
            extra: Map::new(),
        }
    }

    #[test]
    fn grid_counts_the_clipped_chunks_at_the_edge() {
        assert_eq!(scale([128, 129, 1], [0; 3], [64, 64, 64]).grid_size(), [2, 3, 1]);
        assert_eq!(scale([0, 1, 64], [0; 3], [64, 64, 64]).grid_size(), [0, 1, 1]);
    }

    #[test]
    fn factors_are_whole_numbers_as_far_as_decimal_fractions_tell() {
        let of = |resolution: [f64; 3]| Scale { resolution, ..scale([1; 3], [0; 3], [1; 3]) };
        let finer = of([0.1, 4.0, 33.3]);
        assert_eq!(of([0.3, 8.0, 33.3]).factor_of(&finer), Some([3, 2, 1]));
        assert_eq!(of([0.25, 8.0, 33.3]).factor_of(&finer), None);
        assert_eq!(of([0.05, 4.0, 33.3]).factor_of(&finer), None);
        assert_eq!(of([f64::INFINITY, 4.0, 33.3]).factor_of(&finer), None);
    }

    #[test]
    fn max_point_follows_a_negative_offset_and_saturates() {
        assert_eq!(scale([10, 5, 3], [-13, 7, -64], [1; 3]).max_point(), [-3, 12, -61]);
        assert_eq!(scale([u64::MAX, 1, 1], [0; 3], [1; 3]).max_point(), [i64::MAX, 1, 1]);
    }

    #[test]
    fn invalid_scale_has_no_chunks_rather_than_a_panic() {
        let mut empty = scale([5; 3], [0; 3], [0, 1, 1]);
        assert_eq!(empty.grid_size(), [0, 5, 5]);
        empty.chunk_sizes.clear();
        assert_eq!(empty.chunk_size(), [0; 3]);
        assert_eq!(empty.grid_size(), [0; 3]);
    }

    #[test]
    fn placeholder_is_known_by_the_word_in_its_key() {
        let mut scale = scale([1; 3], [0; 3], [1; 3]);
        assert!(!scale.is_placeholder());
        scale.key = "8_8_8_placeholder".to_owned();
        assert!(scale.is_placeholder());
    }
}
