//! Describing a new volume.

use serde_json::Map;

use crate::data_type::{DataType, VolumeType};
use crate::encoding::Encoding;
use crate::error::InfoError;
use crate::info::VolumeInfo;
use crate::scale::{Scale, resolution_key};
use crate::sharding::Sharding;

/// The block shape of `compressed_segmentation` unless another is asked for, as in CloudVolume.
const DEFAULT_BLOCK_SIZE: [u64; 3] = [8, 8, 8];

/// Describes a new volume. Made by [`VolumeInfo::builder`].
///
/// Unless said otherwise: an image of one channel, raw chunks of 64 x 64 x 64 voxels, voxels of
/// 1 nm, the first one at `[0, 0, 0]`, one scale whose key is its resolution.
///
/// ```
/// use bigarrays_info::{DataType, Encoding, VolumeInfo, VolumeType};
///
/// let info = VolumeInfo::builder(DataType::Uint64, [4096, 4096, 512])
///     .volume_type(VolumeType::Segmentation)
///     .encoding(Encoding::CompressedSegmentation)
///     .resolution([4.0, 4.0, 40.0])
///     .chunk_size([128, 128, 32])
///     .scales(3, [2, 2, 1])
///     .build()?;
/// let keys: Vec<_> = info.scales.iter().map(|scale| scale.key.as_str()).collect();
/// assert_eq!(keys, ["4_4_40", "8_8_40", "16_16_40"]);
///
/// // Every problem is told at once.
/// let error = VolumeInfo::builder(DataType::Float32, [64, 64, 64])
///     .encoding(Encoding::Jpeg)
///     .resolution([0.0, 1.0, 1.0])
///     .build()
///     .unwrap_err();
/// assert!(error.to_string().contains("scales[0].resolution[0]"));
/// assert!(error.to_string().contains("jpeg cannot hold float32"));
/// # Ok::<(), bigarrays_info::InfoError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct VolumeInfoBuilder {
    volume_type: VolumeType,
    data_type: DataType,
    channels: u64,
    key: Option<String>,
    /// Scale 0, but for its key.
    scale: Scale,
    scales: usize,
    factor: [u64; 3],
}

impl VolumeInfoBuilder {
    pub(crate) fn new(data_type: DataType, size: [u64; 3]) -> Self {
        Self {
            volume_type: VolumeType::Image,
            data_type,
            channels: 1,
            key: None,
            scale: Scale {
                key: String::new(),
                size,
                voxel_offset: [0; 3],
                resolution: [1.0; 3],
                chunk_sizes: vec![[64; 3]],
                encoding: Encoding::Raw,
                compressed_segmentation_block_size: None,
                jpeg_quality: None,
                png_level: None,
                sharding: None,
                hidden: false,
                locked: false,
                extra: Map::new(),
            },
            scales: 1,
            factor: [2; 3],
        }
    }

    /// Image (the default) or segmentation.
    pub fn volume_type(mut self, volume_type: VolumeType) -> Self {
        self.volume_type = volume_type;
        self
    }

    /// Values for each voxel; 1 unless said otherwise, and always for a segmentation.
    pub fn channels(mut self, channels: u64) -> Self {
        self.channels = channels;
        self
    }

    /// The chunk shape in voxels; `[64, 64, 64]` unless said otherwise.
    pub fn chunk_size(mut self, chunk_size: [u64; 3]) -> Self {
        self.scale.chunk_sizes = vec![chunk_size];
        self
    }

    /// The position of the first voxel of scale 0, in voxels.
    pub fn voxel_offset(mut self, voxel_offset: [i64; 3]) -> Self {
        self.scale.voxel_offset = voxel_offset;
        self
    }

    /// The extent of one voxel of scale 0 in nanometres.
    pub fn resolution(mut self, resolution: [f64; 3]) -> Self {
        self.scale.resolution = resolution;
        self
    }

    /// How chunks are encoded; raw unless said otherwise.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.scale.encoding = encoding;
        self
    }

    /// The key of scale 0; its resolution unless said otherwise.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The block shape of compressed segmentation, in voxels; `[8, 8, 8]` unless said otherwise.
    pub fn compressed_segmentation_block_size(mut self, block_size: [u64; 3]) -> Self {
        self.scale.compressed_segmentation_block_size = Some(block_size);
        self
    }

    /// A hint to writers, 0 to 100.
    pub fn jpeg_quality(mut self, quality: u8) -> Self {
        self.scale.jpeg_quality = Some(quality);
        self
    }

    /// A hint to writers, 0 to 9.
    pub fn png_level(mut self, level: u8) -> Self {
        self.scale.png_level = Some(level);
        self
    }

    /// Packs the chunks of every scale into shard files.
    pub fn sharding(mut self, sharding: Sharding) -> Self {
        self.scale.sharding = Some(sharding);
        self
    }

    /// `count` scales in all, each coarser than the one before by `factor`; sizes and offsets are
    /// derived from scale 0, as by [`VolumeInfo::add_scale`].
    pub fn scales(mut self, count: usize, factor: [u64; 3]) -> Self {
        self.scales = count;
        self.factor = factor;
        self
    }

    /// The finished description.
    ///
    /// # Errors
    ///
    /// [`InfoError::Invalid`] with every problem. For several scales also the errors of
    /// [`VolumeInfo::add_scale`].
    pub fn build(self) -> Result<VolumeInfo, InfoError> {
        let mut scale = self.scale;
        scale.key = self.key.unwrap_or_else(|| resolution_key(scale.resolution));
        if scale.encoding == Encoding::CompressedSegmentation {
            scale.compressed_segmentation_block_size.get_or_insert(DEFAULT_BLOCK_SIZE);
        }
        let mut info = VolumeInfo {
            volume_type: self.volume_type,
            data_type: self.data_type,
            num_channels: self.channels,
            scales: if self.scales == 0 { vec![] } else { vec![scale] },
            mesh: None,
            skeletons: None,
            segment_properties: None,
            extra: Map::new(),
        };
        // Scale 0 first: what is wrong there would be repeated by every other.
        info.check_for_writing()?;
        let mut factor = [1; 3];
        for _ in 1..self.scales {
            factor = multiplied(factor, self.factor)?;
            info.add_scale(factor)?;
        }
        info.check_for_writing()?;
        Ok(info)
    }
}

fn multiplied(factor: [u64; 3], by: [u64; 3]) -> Result<[u64; 3], InfoError> {
    let mut product = factor;
    for (part, by) in product.iter_mut().zip(by) {
        *part = part
            .checked_mul(by)
            .ok_or(InfoError::InvalidFactor { factor, reason: "its next power is past 2^64" })?;
    }
    Ok(product)
}
