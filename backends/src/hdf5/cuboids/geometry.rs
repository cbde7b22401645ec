//! Where in which file a chunk of the volume lies.

use super::config::Config;
use super::names::{name_of, ranges_of};

/// Which file: the number of the block along each axis, x first, all axes.
pub(super) type BlockId = Vec<i64>;

/// How voxels are laid out in files. There are three axes at least: a volume of one or two has
/// further ones of one voxel. Axes beyond the third are channels, the fourth the fastest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) prefix: String,
    /// Axes of the dataset in each file.
    pub(super) rank: usize,
    /// Axes in the names of files.
    pub(super) named: usize,
    /// Whether names have coordinates of the volume (version 0.0.1) or less the offset (later).
    pub(super) global_names: bool,
    pub(super) offset: Vec<i64>,
    pub(super) block: Vec<u64>,
    pub(super) chunk: Vec<u64>,
    /// The first block along each axis beyond the third, and how many there are.
    pub(super) extra: Vec<(i64, u64)>,
}

/// What is known of a file's dataset: shape and chunk, x first.
pub(super) type Found = (Vec<u64>, Vec<u64>);

impl Geometry {
    /// The geometry of a volume whose files have these names. `found` is one of them, `channels` is
    /// what the description of the volume says, if there is one.
    pub(super) fn new(
        config: &Config,
        names: &[String],
        found: Option<&Found>,
        channels: Option<u64>,
    ) -> Self {
        let mut rank = config.block.len();
        let (mut block, mut chunk) = (config.block.clone(), config.chunk.clone());
        if let Some((shape, pieces)) = found.filter(|(shape, _)| shape.len() > rank) {
            // Version 0.0.1 has channels in the files, but not in its configuration.
            block.extend_from_slice(&shape[rank..]);
            chunk.extend_from_slice(&pieces[rank..]);
            rank = shape.len();
        } else if let (None, 3, Some(channels @ 2..)) = (found, rank, channels) {
            block.push(channels);
            chunk.push(channels);
            rank = 4;
        }
        let mut offset = config.offset.clone();
        let axes = rank.max(3);
        offset.resize(axes, 0);
        block.resize(axes, 1);
        chunk.resize(axes, 1);
        let named = names.iter().find_map(|name| ranges_of(&config.prefix, name));
        let named = named.map_or(config.block.len(), |ranges| ranges.len()).min(rank);
        let prefix = config.prefix.clone();
        let extra = vec![(0, 1); axes - 3];
        let global_names = false;
        let mut geometry = Self { prefix, rank, named, global_names, offset, block, chunk, extra };
        geometry.global_names = geometry.finds_global(names);
        geometry.extra = geometry.extra_blocks(names);
        geometry
    }

    /// Whether the names fit a grid of blocks in coordinates of the volume, and no other one.
    fn finds_global(&self, names: &[String]) -> bool {
        let with = |global_names| Self { global_names, ..self.clone() };
        let (local, global) = (with(false), with(true));
        let mut only_global = false;
        for name in names {
            if local.block_of(name).is_some() {
                return false;
            }
            only_global |= global.block_of(name).is_some();
        }
        only_global
    }

    fn extra_blocks(&self, names: &[String]) -> Vec<(i64, u64)> {
        let blocks: Vec<BlockId> = names.iter().filter_map(|name| self.block_of(name)).collect();
        let along = |axis: usize| {
            let numbers = || blocks.iter().map(|block| block[axis]);
            let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else {
                return (0, 1);
            };
            (first, last.abs_diff(first).saturating_add(1))
        };
        (3..self.block.len()).map(along).collect()
    }

    /// The name of a block's file.
    pub(super) fn name(&self, block: &[i64]) -> String {
        let ranges: Vec<(i64, i64)> = (0..self.named)
            .map(|axis| {
                // Numbers of blocks come from positions, which are near enough for this to fit.
                let start = self.start(block, axis) + 1;
                let start = if self.global_names { start + self.offset[axis] } else { start };
                (start, start + self.length(axis) - 1)
            })
            .collect();
        name_of(&self.prefix, &ranges)
    }

    /// Which block has a file of this name. `None` if it is no file of this volume.
    pub(super) fn block_of(&self, name: &str) -> Option<BlockId> {
        let ranges = ranges_of(&self.prefix, name).filter(|ranges| ranges.len() == self.named)?;
        let mut block = vec![0; self.block.len()];
        for (axis, (start, end)) in ranges.into_iter().enumerate() {
            let offset = if self.global_names { self.offset[axis] } else { 0 };
            let zero_based = start.checked_sub(1)?.checked_sub(offset)?;
            let length = self.length(axis);
            if end.checked_sub(start)?.checked_add(1)? != length || zero_based % length != 0 {
                return None;
            }
            block[axis] = zero_based / length;
        }
        Some(block)
    }

    /// Where a block begins along an axis, less the offset.
    fn start(&self, block: &[i64], axis: usize) -> i64 {
        block[axis].saturating_mul(self.length(axis))
    }

    /// Where a block begins in the volume.
    pub(super) fn origin(&self, block: &[i64]) -> Vec<i64> {
        let along = |axis: usize| self.start(block, axis).saturating_add(self.offset[axis]);
        (0..self.block.len()).map(along).collect()
    }

    /// The length of blocks along an axis.
    fn length(&self, axis: usize) -> i64 {
        // The configuration was found to have no longer ones than fit.
        i64::try_from(self.block[axis]).unwrap_or(i64::MAX)
    }

    /// Values along each axis beyond the third.
    fn extents(&self) -> Vec<u64> {
        let blocks = self.extra.iter().zip(&self.block[3..]);
        blocks.map(|((_, count), block)| count.saturating_mul(*block)).collect()
    }

    /// How many channels there are.
    pub(super) fn channels(&self) -> u64 {
        self.extents().iter().fold(1, |all, &axis| all.saturating_mul(axis))
    }

    /// Whether all channels of a voxel are in one file.
    pub(super) fn one_file_for_all_channels(&self) -> bool {
        self.extra.iter().all(|&(_, count)| count == 1)
    }

    /// The shape of the dataset in each file, in HDF5's order.
    pub(super) fn dataset_shape(&self) -> Vec<u64> {
        self.block[..self.rank].iter().rev().copied().collect()
    }

    /// The shape of its chunks, in HDF5's order.
    pub(super) fn dataset_chunk(&self) -> Vec<u64> {
        self.chunk[..self.rank].iter().rev().copied().collect()
    }

    /// The place of the chunk that begins at a voxel.
    pub(super) fn place(&self, voxel: [i64; 3]) -> ([i64; 3], [u64; 3]) {
        let (mut block, mut cell) = ([0; 3], [0; 3]);
        for axis in 0..3 {
            let local = voxel[axis].saturating_sub(self.offset[axis]);
            block[axis] = local.div_euclid(self.length(axis));
            // A remainder of a positive length is not negative.
            let inside = u64::try_from(local.rem_euclid(self.length(axis))).unwrap_or(0);
            cell[axis] = inside / self.chunk[axis];
        }
        (block, cell)
    }

    /// The chunks of HDF5 files that make up one chunk of the volume.
    pub(super) fn pieces(&self, block: [i64; 3], cell: [u64; 3]) -> Vec<Piece> {
        let mut pieces = vec![(block.to_vec(), cell.to_vec())];
        for (axis, &(first, count)) in (3..).zip(&self.extra) {
            let cells = self.block[axis].div_ceil(self.chunk[axis]);
            let mut wider = Vec::new();
            for n in 0..count {
                let number = first.saturating_add_unsigned(n);
                for at in 0..cells {
                    for (block, cell) in &pieces {
                        let longer_block = block.iter().copied().chain([number]).collect();
                        let longer_cell = cell.iter().copied().chain([at]).collect();
                        wider.push((longer_block, longer_cell));
                    }
                }
            }
            pieces = wider;
        }
        let channels = |block: &BlockId, cell: &[u64]| self.channels_of(block, cell);
        let piece = |(block, cell): (BlockId, Vec<u64>)| Piece {
            channels: channels(&block, &cell),
            chunk: cell[..self.rank.min(cell.len())].iter().rev().copied().collect(),
            block,
        };
        pieces.into_iter().map(piece).collect()
    }

    /// Which channel each of the planes of a chunk is; `None` for those beyond its block's end.
    fn channels_of(&self, block: &[i64], cell: &[u64]) -> Vec<Option<u64>> {
        let planes: u64 = self.chunk[3..].iter().product();
        let extents = self.extents();
        let channel = |plane: u64| {
            let (mut rest, mut channel, mut stride) = (plane, 0, 1);
            for (n, extent) in extents.iter().enumerate() {
                let axis = n + 3;
                let inside = cell[axis] * self.chunk[axis] + rest % self.chunk[axis];
                rest /= self.chunk[axis];
                if inside >= self.block[axis] {
                    return None;
                }
                let before = block[axis].abs_diff(self.extra[n].0) * self.block[axis];
                channel += (before + inside) * stride;
                stride *= extent;
            }
            Some(channel)
        };
        (0..planes).map(channel).collect()
    }

    /// The chunk of the volume, by its first voxel, that an HDF5 chunk is part of.
    pub(super) fn voxel(&self, block: &[i64], chunk: &[u64]) -> [i64; 3] {
        let origin = self.origin(block);
        let cell: Vec<u64> = chunk.iter().rev().copied().collect();
        std::array::from_fn(|axis| {
            let inside = cell.get(axis).map_or(0, |at| at * self.chunk[axis]);
            origin[axis].saturating_add_unsigned(inside)
        })
    }
}

/// An HDF5 chunk that is a part of a chunk of the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) block: BlockId,
    /// Its place in the dataset, in HDF5's order.
    pub(super) chunk: Vec<u64>,
    /// The channel of each of its planes.
    pub(super) channels: Vec<Option<u64>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes()).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_voxel_before_the_offset_is_in_a_block_below_zero() {
        let config = config(r#"{"blockSize":[8,8,4],"chunkSize":[4,4,4],"globalOffset":[3,0,-1]}"#);
        let geometry = Geometry::new(&config, &[], None, None);
        let (block, cell) = geometry.place([-1, 0, -1]);
        assert_eq!((block, cell), ([-1, 0, 0], [1, 0, 0]));
        assert_eq!(geometry.name(&block), "block_-7-0_1-8_1-4.h5");
        assert_eq!(geometry.block_of("block_-7-0_1-8_1-4.h5").unwrap(), block);
        assert_eq!(geometry.voxel(&block, &[0, 0, 1]), [-1, 0, -1]);
        assert_eq!(geometry.block_of("block_-7-0_1-8_1-5.h5"), None);
        assert_eq!(geometry.block_of("block_-6-1_1-8_1-4.h5"), None);
    }

    #[test]
    fn names_tell_whether_the_offset_is_in_them() {
        let config = config(r#"{"blockSize":[8,8,4],"chunkSize":[4,4,4],"globalOffset":[3,0,0]}"#);
        let old = Geometry::new(&config, &names(&["block_4-11_1-8_1-4.h5"]), None, None);
        assert!(old.global_names);
        assert_eq!(old.name(&[0, 0, 0]), "block_4-11_1-8_1-4.h5");
        assert_eq!(old.voxel(&[0, 0, 0], &[0, 0, 0]), [3, 0, 0]);
        let new = Geometry::new(&config, &names(&["block_1-8_1-8_1-4.h5"]), None, None);
        assert!(!new.global_names);
    }

    #[test]
    fn axes_beyond_the_third_are_channels() {
        let config = config(r#"{"blockSize":[4,4,4,3,2],"chunkSize":[4,4,4,2,1]}"#);
        let geometry = Geometry::new(&config, &[], None, None);
        assert_eq!(geometry.channels(), 6);
        let pieces = geometry.pieces([0; 3], [0; 3]);
        let channels: Vec<_> = pieces.iter().map(|piece| piece.channels.clone()).collect();
        assert_eq!(
            channels,
            [
                vec![Some(0), Some(1)],
                vec![Some(2), None],
                vec![Some(3), Some(4)],
                vec![Some(5), None],
            ]
        );
        assert_eq!(pieces[1].chunk, [0, 1, 0, 0, 0]);
    }

    #[test]
    fn few_axes_get_extent_one() {
        let config = config(r#"{"blockSize":[8,8],"chunkSize":[4,4]}"#);
        let geometry = Geometry::new(&config, &[], None, None);
        assert_eq!((geometry.block.clone(), geometry.channels()), (vec![8, 8, 1], 1));
        assert_eq!(geometry.dataset_shape(), [8, 8]);
        assert_eq!(geometry.pieces([0; 3], [1, 0, 0])[0].chunk, [0, 1]);
        assert_eq!(geometry.name(&[0, 1, 0]), "block_1-8_9-16.h5");
    }

    #[test]
    fn files_of_four_axes_may_have_names_of_three() {
        let config = config(r#"{"blockSize":[4,4,4],"chunkSize":[4,4,4]}"#);
        let found = (vec![4, 4, 4, 5], vec![4, 4, 4, 5]);
        let names = names(&["block_1-4_1-4_1-4.h5"]);
        let geometry = Geometry::new(&config, &names, Some(&found), None);
        assert_eq!((geometry.rank, geometry.named, geometry.channels()), (4, 3, 5));
        assert_eq!(geometry.name(&[1, 0, 0, 0]), "block_5-8_1-4_1-4.h5");
    }
}
