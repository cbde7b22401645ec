//! Good parameters for a sharded scale, and why they are good.

use std::fmt;

use crate::data_type::DataType;
use crate::encoding::Encoding;
use crate::scale::Scale;
use crate::sharding::{ShardEncoding, ShardHash, Sharding};

/// A minishard has at most 2^9 ids: its index is read whole for any of them, 12 KiB before
/// compression.
const MAX_PRESHIFT: u32 = 9;
/// A shard has at most 2^9 minishards: its index has 8 KiB.
const MAX_MINISHARD: u32 = 9;

/// What shards should be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardingGoal {
    /// The most bytes of voxels in a shard, before compression. Default: 1 GiB. Larger shards
    /// mean fewer files, smaller ones less to read and write for a change.
    pub shard_bytes: u64,
    /// The memory that a writer has for a shard, in bytes: its chunks and the file that they
    /// become. Default: 1 GiB.
    pub memory: u64,
}

impl Default for ShardingGoal {
    fn default() -> Self {
        Self { shard_bytes: 1 << 30, memory: 1 << 30 }
    }
}

/// What [`Sharding::choose`] chose. Its text explains the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardingChoice {
    /// The parameters.
    pub sharding: Sharding,
    /// The cells of the grid in a shard along each axis.
    pub chunks: [u64; 3],
    /// The voxels of a shard along each axis, not clipped to the volume.
    pub shape: [u64; 3],
    /// Bytes of voxels in a whole shard.
    pub shard_bytes: u64,
    /// How many shards the volume has at the most.
    pub shards: u64,
    /// What kept shards from being larger.
    pub limit: ShardLimit,
}

/// What kept chosen shards from being larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardLimit {
    /// The volume: it is one shard.
    Volume,
    /// [`ShardingGoal::shard_bytes`].
    Target,
    /// [`ShardingGoal::memory`].
    Memory,
    /// The length of indices that every reader has to read.
    Indices,
}

impl Sharding {
    /// Chooses parameters for a scale: shards that are boxes, as large as the goal allows, with
    /// indices that are quickly read. Indices are gzipped, and chunks too unless their encoding
    /// compresses them.
    ///
    /// `None` if the grid needs chunk ids of more than 64 bits, or has chunks of no size.
    ///
    /// ```
    /// use bigarrays_info::{DataType, Sharding, ShardingGoal, VolumeInfo};
    ///
    /// let info = VolumeInfo::builder(DataType::Uint8, [20_000, 20_000, 5_000]).build()?;
    /// let choice = Sharding::choose(&info.scales[0], DataType::Uint8, 1, ShardingGoal::default());
    /// let choice = choice.ok_or("too large")?;
    /// assert_eq!(choice.shape, [1024, 1024, 512]);
    /// println!("{choice}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn choose(
        scale: &Scale,
        data_type: DataType,
        channels: u64,
        goal: ShardingGoal,
    ) -> Option<ShardingChoice> {
        let cells = scale.grid_size();
        let bits = cells.map(|cells| u64::BITS - cells.saturating_sub(1).leading_zeros());
        let total: u32 = bits.iter().sum();
        let voxel = channels.saturating_mul(data_type.size() as u64);
        let chunk_bytes = scale.chunk_size().into_iter().fold(voxel, u64::saturating_mul);
        if total > u64::BITS || chunk_bytes == 0 {
            return None;
        }
        // A writer holds a shard's chunks and the file that they become.
        let limits = [
            (total, ShardLimit::Volume),
            (MAX_PRESHIFT + MAX_MINISHARD, ShardLimit::Indices),
            (doublings(goal.shard_bytes / chunk_bytes), ShardLimit::Target),
            (doublings(goal.memory / 2 / chunk_bytes), ShardLimit::Memory),
        ];
        let (inside, limit) = limits.into_iter().min_by_key(|(bits, _)| *bits)?;
        let preshift_bits = inside.min(MAX_PRESHIFT);
        let sharding = Self {
            preshift_bits,
            hash: ShardHash::Identity,
            minishard_bits: inside - preshift_bits,
            shard_bits: total - inside,
            minishard_index_encoding: ShardEncoding::Gzip,
            data_encoding: Self::default_data_encoding(scale.encoding),
        };
        let chunks = block(bits, inside);
        let axis = |axis: usize| chunks[axis].saturating_mul(scale.chunk_size()[axis]);
        let per_axis = |axis: usize| cells[axis].div_ceil(chunks[axis]);
        Some(ShardingChoice {
            sharding,
            chunks,
            shape: std::array::from_fn(axis),
            shard_bytes: chunks.into_iter().fold(chunk_bytes, u64::saturating_mul),
            shards: (0..3).map(per_axis).fold(1, u64::saturating_mul),
            limit,
        })
    }

    /// How chunks of an encoding are best stored in a shard: gzipped, unless the encoding
    /// compresses them already.
    #[must_use]
    pub const fn default_data_encoding(encoding: Encoding) -> ShardEncoding {
        match encoding {
            Encoding::Raw
            | Encoding::CompressedSegmentation
            | Encoding::Compresso
            | Encoding::Crackle => ShardEncoding::Gzip,
            Encoding::Jpeg
            | Encoding::Png
            | Encoding::Jxl
            | Encoding::Fpzip
            | Encoding::Kempressed
            | Encoding::Zfpc
            | Encoding::Gzip
            | Encoding::Zstd
            | Encoding::Blosclz => ShardEncoding::Raw,
        }
    }
}

/// How often 1 can be doubled without exceeding a number.
const fn doublings(most: u64) -> u32 {
    match most.checked_ilog2() {
        Some(bits) => bits,
        None => 0,
    }
}

/// The cells that share all but the lowest `low` bits of their compressed Morton code.
fn block(bits: [u32; 3], low: u32) -> [u64; 3] {
    let mut block = [1; 3];
    let mut left = low;
    for bit in 0..u64::BITS {
        for axis in 0..3 {
            if bit < bits[axis] && left > 0 {
                block[axis] <<= 1;
                left -= 1;
            }
        }
    }
    block
}

impl fmt::Display for ShardingChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([x, y, z], [cx, cy, cz]) = (self.shape, self.chunks);
        let chunks = self.chunks.into_iter().fold(1, u64::saturating_mul);
        write!(
            f,
            "{} shard(s) of {x} x {y} x {z} voxels: {chunks} chunks ({cx} x {cy} x {cz}), \
             {} bytes before compression, in {} minishard(s); larger ones would exceed {}",
            self.shards,
            self.shard_bytes,
            1_u64 << self.sharding.minishard_bits,
            match self.limit {
                ShardLimit::Volume => "the volume",
                ShardLimit::Target => "the shard size asked for",
                ShardLimit::Memory => "the memory for writing one",
                ShardLimit::Indices => "what a reader should have to read of an index",
            }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::VolumeInfoBuilder;
    use crate::info::VolumeInfo;

    fn builder(size: [u64; 3]) -> VolumeInfoBuilder {
        VolumeInfo::builder(DataType::Uint8, size).chunk_size([64, 64, 64])
    }

    fn choose(size: [u64; 3], goal: ShardingGoal) -> ShardingChoice {
        let info = builder(size).build().unwrap();
        Sharding::choose(&info.scales[0], DataType::Uint8, 1, goal).unwrap()
    }

    #[test]
    fn shards_are_as_large_as_the_target_and_the_memory_allow() {
        let chunk = 64 * 64 * 64;
        let size = [100_000, 100_000, 10_000];
        let by_target = choose(size, ShardingGoal { shard_bytes: 100 * chunk, memory: 1 << 40 });
        assert_eq!((by_target.shard_bytes, by_target.limit), (64 * chunk, ShardLimit::Target));
        assert_eq!(by_target.chunks, [4, 4, 4]);
        let by_memory = choose(size, ShardingGoal { shard_bytes: 1 << 40, memory: 20 * chunk });
        assert_eq!((by_memory.shard_bytes, by_memory.limit), (8 * chunk, ShardLimit::Memory));
        let by_indices = choose(size, ShardingGoal { shard_bytes: 1 << 50, memory: 1 << 50 });
        assert_eq!(by_indices.limit, ShardLimit::Indices);
        assert_eq!(by_indices.sharding.minishard_bits, 9);
    }

    #[test]
    fn a_small_volume_is_one_shard() {
        let choice = choose([200, 130, 60], ShardingGoal::default());
        assert_eq!((choice.shards, choice.limit), (1, ShardLimit::Volume));
        assert_eq!(choice.sharding.shard_bits, 0);
        assert_eq!(choice.chunks, [4, 4, 1]);
    }

    #[test]
    fn every_bit_of_the_grid_is_used_so_that_shards_are_boxes() {
        for size in [[64, 64, 64], [65, 64, 64], [5000, 70, 1], [1 << 30, 1 << 20, 999]] {
            let choice = choose(size, ShardingGoal::default());
            let Sharding { preshift_bits, minishard_bits, shard_bits, .. } = choice.sharding;
            let cells = size.map(|size: u64| size.div_ceil(64));
            let bits: u32 = cells.map(|cells| u64::BITS - (cells - 1).leading_zeros()).iter().sum();
            assert_eq!(preshift_bits + minishard_bits + shard_bits, bits, "{size:?}");
        }
    }

    #[test]
    fn chunks_that_are_compressed_already_are_stored_as_they_are() {
        let encoding = |encoding| {
            let info = builder([100, 100, 100]).encoding(encoding).build().unwrap();
            let goal = ShardingGoal::default();
            Sharding::choose(&info.scales[0], DataType::Uint8, 1, goal)
                .unwrap()
                .sharding
                .data_encoding
        };
        assert_eq!(encoding(Encoding::Raw), ShardEncoding::Gzip);
        assert_eq!(encoding(Encoding::Jpeg), ShardEncoding::Raw);
        assert_eq!(encoding(Encoding::Compresso), ShardEncoding::Gzip);
    }

    #[test]
    fn a_choice_explains_itself() {
        let text = choose([1000, 900, 40], ShardingGoal { shard_bytes: 8 << 20, memory: 1 << 30 })
            .to_string();
        assert!(
            text.contains("32 chunks (8 x 4 x 1)") && text.contains("512 x 256 x 64 voxels"),
            "{text}"
        );
        assert!(text.contains("the shard size asked for"), "{text}");
    }
}
