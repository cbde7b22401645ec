//! A volume of which parts may be unreadable.
//!
//! Reading reports every problem of a document, not the first. So a field that cannot be read
//! leaves a gap here, and the rules are checked on what remains.

use serde_json::{Map, Value};

use crate::data_type::{DataType, VolumeType};
use crate::encoding::Encoding;
use crate::info::VolumeInfo;
use crate::scale::Scale;
use crate::sharding::Sharding;

/// A volume with gaps.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) volume_type: Option<VolumeType>,
    pub(crate) data_type: Option<DataType>,
    pub(crate) num_channels: Option<u64>,
    pub(crate) scales: Option<Vec<DraftScale>>,
    pub(crate) mesh: Option<String>,
    pub(crate) skeletons: Option<String>,
    pub(crate) segment_properties: Option<String>,
    pub(crate) extra: Map<String, Value>,
}

/// A scale with gaps.
#[derive(Debug, Default)]
pub(crate) struct DraftScale {
    pub(crate) key: Option<String>,
    pub(crate) size: Option<[u64; 3]>,
    pub(crate) voxel_offset: Option<[i64; 3]>,
    pub(crate) resolution: Option<[f64; 3]>,
    /// An entry that cannot be read is a gap of its own.
    pub(crate) chunk_sizes: Option<Vec<Option<[u64; 3]>>>,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) block_size: BlockSize,
    pub(crate) jpeg_quality: Option<u8>,
    pub(crate) png_level: Option<u8>,
    pub(crate) sharding: Option<Sharding>,
    pub(crate) hidden: bool,
    pub(crate) locked: bool,
    pub(crate) extra: Map<String, Value>,
}

/// `compressed_segmentation_block_size`, where absent and unreadable are different things: only
/// the first is a problem of its own.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) enum BlockSize {
    #[default]
    Absent,
    Unreadable,
    Present([u64; 3]),
}

impl Draft {
    /// The volume, if there are no gaps.
    pub(crate) fn finish(self) -> Option<VolumeInfo> {
        let scales = self.scales?.into_iter().map(DraftScale::finish);
        Some(VolumeInfo {
            volume_type: self.volume_type?,
            data_type: self.data_type?,
            num_channels: self.num_channels?,
            scales: scales.collect::<Option<_>>()?,
            mesh: self.mesh,
            skeletons: self.skeletons,
            segment_properties: self.segment_properties,
            extra: self.extra,
        })
    }
}

impl DraftScale {
    fn finish(self) -> Option<Scale> {
        Some(Scale {
            key: self.key?,
            size: self.size?,
            voxel_offset: self.voxel_offset?,
            resolution: self.resolution?,
            chunk_sizes: self.chunk_sizes?.into_iter().collect::<Option<_>>()?,
            encoding: self.encoding?,
            compressed_segmentation_block_size: match self.block_size {
                BlockSize::Absent => None,
                BlockSize::Unreadable => return None,
                BlockSize::Present(size) => Some(size),
            },
            jpeg_quality: self.jpeg_quality,
            png_level: self.png_level,
            sharding: self.sharding,
            hidden: self.hidden,
            locked: self.locked,
            extra: self.extra,
        })
    }
}

impl From<&VolumeInfo> for Draft {
    fn from(info: &VolumeInfo) -> Self {
        let info = info.clone();
        Self {
            volume_type: Some(info.volume_type),
            data_type: Some(info.data_type),
            num_channels: Some(info.num_channels),
            scales: Some(info.scales.into_iter().map(DraftScale::from).collect()),
            mesh: info.mesh,
            skeletons: info.skeletons,
            segment_properties: info.segment_properties,
            extra: info.extra,
        }
    }
}

impl From<Scale> for DraftScale {
    fn from(scale: Scale) -> Self {
        Self {
            key: Some(scale.key),
            size: Some(scale.size),
            voxel_offset: Some(scale.voxel_offset),
            resolution: Some(scale.resolution),
            chunk_sizes: Some(scale.chunk_sizes.into_iter().map(Some).collect()),
            encoding: Some(scale.encoding),
            block_size: scale
                .compressed_segmentation_block_size
                .map_or(BlockSize::Absent, BlockSize::Present),
            jpeg_quality: scale.jpeg_quality,
            png_level: scale.png_level,
            sharding: scale.sharding,
            hidden: scale.hidden,
            locked: scale.locked,
            extra: scale.extra,
        }
    }
}
