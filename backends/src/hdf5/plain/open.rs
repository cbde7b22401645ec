//! Opening a dataset, with every option.

use std::path::PathBuf;

use bigarrays_core::backend::{BackendError, BackendResult, ErrorKind, Operation};
use bigarrays_info::{VolumeInfo, VolumeType};

use super::axes::Axes;
use super::dataset::PlainDataset;
use super::layout::Layout;
use super::show::Shown;
use super::told::{Told, in_space, only_dataset};
use crate::hdf5::direct::{DirectDataset, H5Error};

/// A dataset of an HDF5 file as a store of a precomputed volume, for reading only.
pub type PlainBackend = Shown<PlainDataset>;

/// How far from whole voxels an offset in nanometres may be: what rounding of its file's numbers
/// makes.
const ROUNDING: f64 = 1e-3;
/// All whole numbers up to here are floats, too.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Options for opening a dataset; made by [`PlainBackend::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `open` is called"]
pub struct PlainBuilder {
    path: PathBuf,
    dataset: Option<String>,
    axes: Option<Axes>,
    resolution: Option<[f64; 3]>,
    offset: Option<[i64; 3]>,
    chunk: Option<[u64; 3]>,
    volume_type: VolumeType,
}

impl PlainBackend {
    /// Opens a dataset of the file at `path`.
    pub fn builder(path: impl Into<PathBuf>) -> PlainBuilder {
        PlainBuilder {
            path: path.into(),
            dataset: None,
            axes: None,
            resolution: None,
            offset: None,
            chunk: None,
            volume_type: VolumeType::Image,
        }
    }

    /// The dataset.
    #[must_use]
    pub const fn dataset(&self) -> &PlainDataset {
        self.volume()
    }
}

impl PlainBuilder {
    /// The dataset's path in the file. Default: the only array of 2 to 4 dimensions.
    pub fn dataset(mut self, name: impl Into<String>) -> Self {
        self.dataset = Some(name.into());
        self
    }

    /// What the dimensions are. Default: what the attribute `axistags` says, or `yx`, `zyx`, `czyx`.
    pub fn axes(mut self, axes: Axes) -> Self {
        self.axes = Some(axes);
        self
    }

    /// Nanometres of a voxel. Default: what the attributes say, or 1.
    pub const fn resolution(mut self, resolution: [f64; 3]) -> Self {
        self.resolution = Some(resolution);
        self
    }

    /// The first voxel. Default: what the attribute `offset` says, or 0.
    pub const fn offset(mut self, offset: [i64; 3]) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Voxels of a chunk of the volume. Default: those of the dataset. Best a multiple of them: a
    /// chunk of the dataset is decoded for each chunk of the volume that touches it.
    pub const fn chunk(mut self, chunk: [u64; 3]) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// What the voxels are. Default: an image.
    pub fn volume_type(mut self, volume_type: VolumeType) -> Self {
        self.volume_type = volume_type;
        self
    }

    /// Opens the dataset.
    ///
    /// # Errors
    /// `NotFound` if there is no such file or dataset; `InvalidConfig` if no dataset was chosen and
    /// there are several (they are listed), and for options or attributes that do not fit;
    /// `Unsupported` for types, filters and kinds of datasets that are not read (they are named);
    /// `Corrupt` for what is no HDF5 file or a damaged one.
    pub fn open(self) -> BackendResult<PlainBackend> {
        let named = self.dataset.as_ref().map(|name| format!("?dataset={name}"));
        let shown = format!("h5://{}{}", self.path.display(), named.unwrap_or_default());
        let (dataset, info) =
            self.look().map_err(|error| error.into_backend(&shown, Operation::Open))?;
        let info = info.map_err(|source| {
            BackendError::new(ErrorKind::InvalidConfig, &dataset, Operation::Open)
                .with_note("such a volume cannot be described")
                .with_source(source)
        })?;
        Shown::new(dataset, info)
    }

    fn look(
        self,
    ) -> Result<(PlainDataset, Result<VolumeInfo, bigarrays_info::InfoError>), H5Error> {
        let missing = || H5Error::new(ErrorKind::NotFound, "there is no such file");
        if !self.path.exists() {
            return Err(missing());
        }
        let name = match &self.dataset {
            Some(name) => name.clone(),
            None => only_dataset(&self.path)?,
        };
        let dataset = DirectDataset::new(&self.path, &name);
        let snapshot = dataset.snapshot()?.ok_or_else(missing)?;
        let told = Told::of(&self.path, &name)?;
        let mut layout = Layout::new(snapshot.map(), self.axes.or(told.axes))?;
        let axes = &layout.axes;
        let resolution = match (self.resolution, told.resolution) {
            (Some(resolution), _) => resolution,
            (None, Some((name, numbers))) => in_space(axes, name, &numbers, 1.0)?,
            (None, None) => [1.0; 3],
        };
        layout.offset = match (self.offset, told.offset) {
            (Some(offset), _) => offset,
            (None, Some(nanometres)) => {
                in_voxels(in_space(axes, "offset", &nanometres, 0.0)?, resolution)?
            }
            (None, None) => [0; 3],
        };
        let [x, y, z, channels] = layout.size();
        let info = VolumeInfo::builder(layout.data_type, [x, y, z])
            .volume_type(self.volume_type)
            .channels(channels)
            .resolution(resolution)
            .voxel_offset(layout.offset)
            .chunk_size(self.chunk.unwrap_or_else(|| layout.chunk(snapshot.map().chunk())))
            .build();
        let element = snapshot.map().data_type;
        Ok((PlainDataset { dataset, name, layout, element }, info))
    }
}

/// An offset in nanometres as whole voxels.
fn in_voxels(offset: [f64; 3], resolution: [f64; 3]) -> Result<[i64; 3], H5Error> {
    let mut voxels = [0; 3];
    for axis in 0..3 {
        let exact = offset[axis] / resolution[axis];
        let whole = exact.round();
        // Also what is no number does not pass.
        if !((exact - whole).abs() <= ROUNDING && whole.abs() <= LARGEST_WHOLE) {
            return Err(H5Error::new(
                ErrorKind::InvalidConfig,
                format!(
                    "its attribute \"offset\" is {offset:?} nm (x, y, z), which is no whole number of \
                     voxels of {resolution:?} nm: give offset=x,y,z in voxels"
                ),
            ));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range")]
        let whole = whole as i64;
        voxels[axis] = whole;
    }
    Ok(voxels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_whole_voxels_or_refused() {
        let resolution = [4.0, 4.0, 40.0];
        assert_eq!(in_voxels([16.0, -20.0, 80.0], resolution).unwrap(), [4, -5, 2]);
        assert_eq!(in_voxels([0.300_000_004, 0.0, 0.0], [0.1, 1.0, 1.0]).unwrap(), [3, 0, 0]);
        for wrong in [[2.0, 0.0, 0.0], [f64::NAN, 0.0, 0.0], [1e300, 0.0, 0.0]] {
            let error = in_voxels(wrong, resolution).unwrap_err().to_string();
            assert!(error.contains("offset=x,y,z"), "{error}");
        }
        assert!(in_voxels([1.0; 3], [0.0; 3]).is_err());
    }
}
