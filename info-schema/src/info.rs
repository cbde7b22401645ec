//! The volume description itself.

use serde_json::{Map, Value};

use crate::builder::VolumeInfoBuilder;
use crate::data_type::{DataType, VolumeType};
use crate::draft::Draft;
use crate::error::{InfoError, Problem};
use crate::problems::Problems;
use crate::scale::Scale;
use crate::validate::{Purpose, check};

/// A precomputed volume: what its `info` document says.
///
/// The fields are open: change them and call [`validate`](Self::validate), or let
/// [`to_json`](Self::to_json) do so.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeInfo {
    /// Image or segmentation.
    pub volume_type: VolumeType,
    /// The type of one voxel of one channel.
    pub data_type: DataType,
    /// Values for each voxel, at least 1. Channels are never chunked.
    pub num_channels: u64,
    /// The scales; the index is the mip level. Scale 0 sets the coordinate space.
    pub scales: Vec<Scale>,
    /// The directory of meshes, relative to the document.
    pub mesh: Option<String>,
    /// The directory of skeletons, relative to the document.
    pub skeletons: Option<String>,
    /// The directory of segment properties, relative to the document.
    pub segment_properties: Option<String>,
    /// All other keys, written back as they stand: `graph`, `app`, `mesh_metadata` and whatever
    /// else.
    pub extra: Map<String, Value>,
}

/// A volume that was read, with what was odd about its document.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The volume.
    pub info: VolumeInfo,
    /// Warnings only. Empty for a document that follows the specification.
    pub warnings: Vec<Problem>,
}

/// What stands where an `info` document is expected.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one value for each opened volume, taken apart at once"
)]
pub enum Document {
    /// A volume.
    Volume(Parsed),
    /// The volume lives somewhere else: CloudVolume's `redirect`, a URL. A volume may stand
    /// beside it (see [`VolumeInfo::from_value_here`]); the redirect goes first.
    Redirect(String),
}

impl VolumeInfo {
    /// Starts the description of a new volume of `size` voxels.
    pub fn builder(data_type: DataType, size: [u64; 3]) -> VolumeInfoBuilder {
        VolumeInfoBuilder::new(data_type, size)
    }

    /// Everything that is wrong or odd about this description, errors and warnings alike.
    ///
    /// Of a hostile description with very many problems only the first thousand are told.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        check(&Draft::from(self), Purpose::Writing, &mut problems);
        problems.into_vec()
    }

    /// The index of the scale with this key.
    #[must_use]
    pub fn scale_index_by_key(&self, key: &str) -> Option<usize> {
        self.scales.iter().position(|scale| scale.key == key)
    }

    /// The index of the first scale of this resolution, in nanometres.
    ///
    /// Numbers are compared, not their spelling: a scale whose key is `8.0x8.0x40.0` is found by
    /// `[8.0, 8.0, 40.0]`.
    #[must_use]
    pub fn scale_index_by_resolution(&self, resolution: &[f64; 3]) -> Option<usize> {
        self.scales.iter().position(|scale| scale.resolution == *resolution)
    }

    /// Refuses a description with errors; warnings pass.
    pub(crate) fn check_for_writing(&self) -> Result<(), InfoError> {
        let problems: Vec<_> = self.validate().into_iter().filter(Problem::is_error).collect();
        if problems.is_empty() { Ok(()) } else { Err(InfoError::Invalid { problems }) }
    }
}
