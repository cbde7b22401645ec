//! What the names of chunks tell of a volume: where it lies, and the grid of today over it.

use bigarrays_core::VolumeInfo;
use bigarrays_core::codec::ChunkSpec;
use bigarrays_core::geometry::{BoundingBox, ChunkGrid, parse_chunk_name};
use bigarrays_info::InfoError;

use super::config::Config;
use super::ranges::Ranges;

/// The smallest box of whole chunks that holds all chunks. Zero-based, half-open, `[x, y, z, c]`.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    config: Config,
    min: [i64; 4],
    max: [i64; 4],
}

impl Extent {
    /// Holds nothing yet.
    pub(super) const fn new(config: Config) -> Self {
        Self { config, min: [i64::MAX; 4], max: [i64::MIN; 4] }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.max[0] == i64::MIN
    }

    /// Grows to hold a chunk, which must be one of the grid: chunks were always whole.
    pub(super) fn include(&mut self, ranges: &Ranges) -> Result<(), String> {
        let (min, max) = self.place(ranges).ok_or_else(|| {
            format!("it is no chunk of the grid of {:?} voxels from 1 on", self.config.chunk)
        })?;
        for axis in 0..4 {
            self.min[axis] = self.min[axis].min(min[axis]);
            self.max[axis] = self.max[axis].max(max[axis]);
        }
        // Channels are counted from the first, whether it is stored or not.
        self.min[3] = 0;
        Ok(())
    }

    /// Where a chunk lies; `None` if it is not one of the grid.
    fn place(&self, ranges: &Ranges) -> Option<([i64; 4], [i64; 4])> {
        if ranges.0.len() != self.config.chunk.len() {
            return None;
        }
        let (mut min, mut max) = ([0; 4], [1; 4]);
        for (axis, &[first, last]) in ranges.0.iter().enumerate() {
            let chunk = i64::try_from(self.config.chunk[axis]).ok()?;
            (min[axis], max[axis]) = (first.checked_sub(1)?, last);
            let is_whole = last.checked_sub(min[axis]) == Some(chunk);
            if !is_whole || min[axis].rem_euclid(chunk) != 0 {
                return None;
            }
        }
        (min[3] >= 0).then_some((min, max))
    }

    /// The voxels of a chunk, in all channels.
    pub(super) fn voxels(&self, ranges: &Ranges) -> Option<BoundingBox> {
        let (min, max) = self.place(ranges)?;
        Some(BoundingBox::new([min[0], min[1], min[2]], [max[0], max[1], max[2]]))
    }

    /// How many chunks hold the channels of the same voxels.
    pub(super) fn channel_chunks(&self) -> u64 {
        self.channels() / self.config.axis(3)
    }

    fn channels(&self) -> u64 {
        self.max[3].max(0).unsigned_abs()
    }

    /// The names of the chunks that hold these voxels, by their channels. `voxels` is one of the
    /// chunks of the grid.
    pub(super) fn names(
        &self,
        voxels: &BoundingBox,
    ) -> impl Iterator<Item = Ranges> + Send + use<> {
        let axes = self.config.chunk.len();
        let spatial: Vec<[i64; 2]> = (0..axes.min(3))
            .map(|axis| [voxels.min[axis].saturating_add(1), voxels.max[axis]])
            .collect();
        let channels = self.config.axis(3).cast_signed();
        (0..self.channel_chunks().cast_signed()).map(move |piece| {
            let mut ranges = spatial.clone();
            if axes == 4 {
                ranges.push([piece * channels + 1, (piece + 1) * channels]);
            }
            Ranges(ranges)
        })
    }

    /// What one chunk holds.
    pub(super) fn piece(&self) -> Option<ChunkSpec> {
        let mut shape = [1; 4];
        for (axis, len) in shape.iter_mut().enumerate() {
            *len = usize::try_from(self.config.axis(axis)).ok()?;
        }
        let spec = ChunkSpec { data_type: self.config.data_type, shape };
        (spec.voxel_bytes() <= isize::MAX.unsigned_abs()).then_some(spec)
    }

    /// The description of the volume. Its resolution was never told.
    pub(super) fn describe(&self) -> Result<VolumeInfo, InfoError> {
        let axis = |axis| self.config.axis(axis);
        let [x, y, z, _] = self.min;
        VolumeInfo::builder(self.config.data_type, self.size())
            .channels(self.channels())
            .chunk_size([axis(0), axis(1), axis(2)])
            .voxel_offset([x, y, z])
            .build()
    }

    /// The voxels of the chunk that has this name today, if there is such a chunk.
    pub(super) fn named(&self, name: &str) -> Option<BoundingBox> {
        let voxels = parse_chunk_name(name)?;
        let [x, y, z, _] = self.min;
        let chunk = std::array::from_fn(|axis| self.config.axis(axis));
        let grid = ChunkGrid::new([x, y, z], self.size(), chunk).ok()?;
        let cell = grid.cell_of(voxels.min)?;
        (grid.chunk_box(cell) == voxels).then_some(voxels)
    }

    fn size(&self) -> [u64; 3] {
        std::array::from_fn(|axis| self.max[axis].abs_diff(self.min[axis]))
    }
}
