//! What the sharding of a scale comes to, in voxels and words.

use std::fmt;

use bigarrays::geometry::MortonCode;
use bigarrays::info::{Scale, ShardHash, Sharding};
use serde_json::{Value, json};

/// The shards of a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shards {
    sharding: Sharding,
    /// Chunks in a full shard; on average where they are spread by a hash.
    chunks: u128,
    /// Voxels of a full shard, where it is a box.
    shape: Option<[u64; 3]>,
    /// Shards that a full volume has, at most.
    count: u128,
}

impl Shards {
    /// The shards of a scale, if it has any.
    pub(crate) fn of(scale: &Scale) -> Option<Self> {
        let sharding = scale.sharding?;
        let code = MortonCode::new(scale.grid_size())?;
        let total = code.total_bits();
        let in_shard = sharding.preshift_bits.saturating_add(sharding.minishard_bits);
        let count_bits = sharding.shard_bits.min(total.saturating_sub(in_shard));
        let cells = scale.grid_size().into_iter().map(u128::from);
        let cells = cells.fold(1, u128::saturating_mul);
        let is_box = sharding.hash == ShardHash::Identity
            && total <= in_shard.saturating_add(sharding.shard_bits);
        let shape = is_box.then(|| {
            let (block, chunk) = (code.block(in_shard), scale.chunk_size());
            let along = |axis: usize| chunk[axis].saturating_mul(block[axis]);
            std::array::from_fn(|axis| along(axis).min(scale.size[axis]))
        });
        let count = match (shape, sharding.hash) {
            (Some(shape), _) => boxes(scale.size, shape),
            (None, ShardHash::Identity) => power(count_bits),
            (None, _) => power(sharding.shard_bits).min(cells),
        };
        let chunks = match sharding.hash {
            ShardHash::Identity => power(total - count_bits).min(cells),
            ShardHash::Murmurhash3X86_128 => cells.div_ceil(count.max(1)),
        };
        Some(Self { sharding, chunks, shape, count })
    }

    /// The facts, as JSON.
    pub(crate) fn facts(&self) -> Value {
        json!({
            "chunks_per_shard": u64::try_from(self.chunks).ok(),
            "shard_box": self.shape,
            "shards": u64::try_from(self.count).ok(),
            "preshift_bits": self.sharding.preshift_bits,
            "minishard_bits": self.sharding.minishard_bits,
            "shard_bits": self.sharding.shard_bits,
            "hash": self.sharding.hash.name(),
            "minishard_index_encoding": self.sharding.minishard_index_encoding.name(),
            "data_encoding": self.sharding.data_encoding.name(),
        })
    }
}

impl fmt::Display for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sharding, chunks, shape, count } = self;
        match (shape, sharding.hash) {
            (Some([x, y, z]), _) => {
                write!(f, "{chunks} chunks a shard, a box of {x},{y},{z} voxels")?;
            }
            (None, ShardHash::Identity) => write!(f, "{chunks} chunks a shard, of several boxes")?,
            (None, hash) => write!(f, "about {chunks} chunks a shard, spread by {hash}")?,
        }
        write!(
            f,
            "; {count} shards at most (preshift {}, minishard {}, shard {} bits); chunks in them {}, their indices {}",
            sharding.preshift_bits,
            sharding.minishard_bits,
            sharding.shard_bits,
            sharding.data_encoding,
            sharding.minishard_index_encoding,
        )
    }
}

fn power(bits: u32) -> u128 {
    1_u128.checked_shl(bits).unwrap_or(u128::MAX)
}

/// How many boxes of this shape it takes.
fn boxes(size: [u64; 3], shape: [u64; 3]) -> u128 {
    let along = |axis: usize| u128::from(size[axis].div_ceil(shape[axis].max(1)));
    (0..3).map(along).fold(1, u128::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::info::{DataType, ShardEncoding, VolumeInfo};

    fn shards(size: [u64; 3], chunk: [u64; 3], bits: [u32; 3], hash: ShardHash) -> Shards {
        let sharding = Sharding {
            preshift_bits: bits[0],
            hash,
            minishard_bits: bits[1],
            shard_bits: bits[2],
            minishard_index_encoding: ShardEncoding::Gzip,
            data_encoding: ShardEncoding::Raw,
        };
        let builder = VolumeInfo::builder(DataType::Uint8, size).chunk_size(chunk);
        Shards::of(&builder.sharding(sharding).build().unwrap().scales[0]).unwrap()
    }

    /// The example of the format's description: 16 x 15 x 2 chunks, 9 bits of id.
    #[test]
    fn a_shard_of_the_identity_hash_is_a_box() {
        let found = shards([1000, 900, 40], [64, 64, 32], [3, 2, 4], ShardHash::Identity);
        assert_eq!((found.chunks, found.shape, found.count), (32, Some([256, 256, 40]), 16));
        let words = found.to_string();
        assert!(
            words.contains("32 chunks a shard, a box of 256,256,40 voxels; 16 shards"),
            "{words}"
        );
    }

    #[test]
    fn a_volume_smaller_than_its_shards_is_one() {
        let found = shards([5, 3, 2], [64, 64, 64], [3, 2, 4], ShardHash::Identity);
        assert_eq!((found.chunks, found.shape, found.count), (1, Some([5, 3, 2]), 1));
    }

    #[test]
    fn without_enough_bits_or_with_a_hash_a_shard_is_no_box() {
        let found = shards([1000, 900, 40], [64, 64, 32], [1, 1, 2], ShardHash::Identity);
        assert_eq!((found.chunks, found.shape, found.count), (128, None, 4));
        let found = shards([1000, 900, 40], [64, 64, 32], [1, 1, 2], ShardHash::Murmurhash3X86_128);
        assert_eq!((found.chunks, found.shape, found.count), (120, None, 4));
    }
}
