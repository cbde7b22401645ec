//! Deriving a coarser scale from the finest.

use serde_json::{Map, Value};

use crate::error::InfoError;
use crate::info::VolumeInfo;
use crate::scale::{Scale, resolution_key};

/// Unknown keys that tell how chunks are encoded go along; those about a place (`rois`,
/// `realsize`) belong to the scale they stand in.
const ENCODING_KEYS: [&str; 3] = ["jxl_", "fpzip_", "zfpc_"];

impl VolumeInfo {
    /// Adds a scale that is coarser than **scale 0** by `factor`, and returns its index.
    ///
    /// As CloudVolume does it: the resolution is multiplied, the size divided and rounded up, the
    /// offset divided and rounded down (toward negative infinity), the key made of the
    /// resolution. Chunk sizes, encoding with its settings and sharding are those of scale 0;
    /// the new scale is neither hidden nor locked.
    ///
    /// ```
    /// use bigarrays_info::{DataType, VolumeInfo};
    ///
    /// let mut info = VolumeInfo::builder(DataType::Uint8, [1001, 800, 40])
    ///     .voxel_offset([-3, 0, 7])
    ///     .resolution([4.0, 4.0, 40.0])
    ///     .build()?;
    /// let index = info.add_scale([2, 2, 1])?;
    /// assert_eq!(index, 1);
    /// assert_eq!(info.scales[1].key, "8_8_40");
    /// assert_eq!(info.scales[1].size, [501, 400, 40]);
    /// assert_eq!(info.scales[1].voxel_offset, [-2, 0, 7]);
    /// // The next one is relative to scale 0 again.
    /// info.add_scale([4, 4, 1])?;
    /// assert_eq!(info.scales[2].resolution, [16.0, 16.0, 40.0]);
    /// # Ok::<(), bigarrays_info::InfoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InfoError::ScaleExists`] if a scale has that key or that resolution already;
    /// [`InfoError::InvalidFactor`] for a factor of 0 or past 32 bits, for a resolution past all
    /// bounds, and for a volume without a scale 0.
    pub fn add_scale(&mut self, factor: [u64; 3]) -> Result<usize, InfoError> {
        let scale = self.derived_scale(factor)?;
        let existing = self
            .scale_index_by_key(&scale.key)
            .or_else(|| self.scale_index_by_resolution(&scale.resolution));
        if let Some(existing) = existing {
            return Err(InfoError::ScaleExists { key: scale.key, existing });
        }
        self.scales.push(scale);
        Ok(self.scales.len() - 1)
    }

    fn derived_scale(&self, factor: [u64; 3]) -> Result<Scale, InfoError> {
        let invalid = |reason| InfoError::InvalidFactor { factor, reason };
        let finest = self.scales.first().ok_or_else(|| invalid("the volume has no scale 0"))?;
        let [Ok(x), Ok(y), Ok(z)] = factor.map(u32::try_from) else {
            return Err(invalid("each part must be smaller than 2^32"));
        };
        let parts = [x, y, z];
        if parts.contains(&0) {
            return Err(invalid("each part must be 1 or more"));
        }
        let resolution: [f64; 3] =
            std::array::from_fn(|axis| finest.resolution[axis] * f64::from(parts[axis]));
        if resolution.iter().any(|length| !length.is_finite()) {
            return Err(invalid("the resolution grows past all bounds"));
        }
        Ok(Scale {
            key: resolution_key(resolution),
            size: std::array::from_fn(|axis| finest.size[axis].div_ceil(factor[axis])),
            // Toward negative infinity: the divisor is positive.
            voxel_offset: std::array::from_fn(|axis| {
                finest.voxel_offset[axis].div_euclid(i64::from(parts[axis]))
            }),
            resolution,
            chunk_sizes: finest.chunk_sizes.clone(),
            encoding: finest.encoding,
            compressed_segmentation_block_size: finest.compressed_segmentation_block_size,
            jpeg_quality: finest.jpeg_quality,
            png_level: finest.png_level,
            sharding: finest.sharding,
            hidden: false,
            locked: false,
            extra: encoding_settings(&finest.extra),
        })
    }
}

fn encoding_settings(extra: &Map<String, Value>) -> Map<String, Value> {
    let is_setting = |key: &str| ENCODING_KEYS.iter().any(|prefix| key.starts_with(prefix));
    let settings = extra.iter().filter(|(key, _)| is_setting(key));
    settings.map(|(key, value)| (key.clone(), value.clone())).collect()
}
