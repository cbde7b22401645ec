//! `--sharded`: the parameters of sharding, given or chosen.

use std::str::FromStr;

use bigarrays::Transport;
use bigarrays::geometry::MortonCode;
use bigarrays::info::{DataType, Scale, ShardEncoding, ShardHash, Sharding};

/// Parameters, or the choice of good ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardedArg {
    /// Choose them.
    Auto,
    /// These.
    Given(Parameters),
}

/// What `--sharded=PARAMS` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
    preshift: u32,
    minishard: u32,
    shard: u32,
    hash: ShardHash,
    index: ShardEncoding,
    data: Option<ShardEncoding>,
}

impl FromStr for ShardedArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let (mut preshift, mut minishard, mut shard) = (None, None, None);
        let (mut hash, mut index, mut data) = (None, None, None);
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(usage)?;
            let bits = || value.parse::<u32>().map_err(|_| usage());
            let twice = match name.trim() {
                "preshift" => preshift.replace(bits()?).is_some(),
                "minishard" => minishard.replace(bits()?).is_some(),
                "shard" => shard.replace(bits()?).is_some(),
                "hash" => hash.replace(parse_hash(value)?).is_some(),
                "index" => index.replace(parse(value)?).is_some(),
                "data" => data.replace(parse(value)?).is_some(),
                _ => return Err(usage()),
            };
            if twice {
                return Err(format!("{name} is given twice"));
            }
        }
        let (Some(preshift), Some(minishard), Some(shard)) = (preshift, minishard, shard) else {
            return Err(usage());
        };
        let hash = hash.unwrap_or(ShardHash::Identity);
        let index = index.unwrap_or(ShardEncoding::Gzip);
        Ok(Self::Given(Parameters { preshift, minishard, shard, hash, index, data }))
    }
}

fn usage() -> String {
    "preshift=3,minishard=2,shard=4 is needed, and if you like hash=identity|murmurhash3_x86_128, index=gzip|raw, data=gzip|raw"
        .to_owned()
}

fn parse<T: FromStr<Err = bigarrays::info::UnknownName>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|unknown: bigarrays::info::UnknownName| unknown.to_string())
}

fn parse_hash(text: &str) -> Result<ShardHash, String> {
    if text == "murmur" { Ok(ShardHash::Murmurhash3X86_128) } else { parse(text) }
}

impl ShardedArg {
    pub(crate) const fn is_auto(self) -> bool {
        matches!(self, Self::Auto)
    }

    /// The sharding of a scale.
    pub(crate) fn resolve(self, scale: &Scale, data_type: DataType, channels: u64) -> Sharding {
        match self {
            Self::Auto => choose(scale, data_type, channels),
            Self::Given(given) => Sharding {
                preshift_bits: given.preshift,
                hash: given.hash,
                minishard_bits: given.minishard,
                shard_bits: given.shard,
                minishard_index_encoding: given.index,
                data_encoding: given.data.unwrap_or_else(|| data_encoding(scale)),
            },
        }
    }
}

/// gzip where it has something left to gain.
fn data_encoding(scale: &Scale) -> ShardEncoding {
    match Transport::for_encoding(scale.encoding) {
        Transport::None => ShardEncoding::Raw,
        _ => ShardEncoding::Gzip,
    }
}

/// The voxels of a shard have at most so many bytes.
const SHARD_BYTES: u64 = 512 << 20;
/// A minishard's index names at most 2^this chunks: 24 kB before compression.
const MINISHARD_ID_BITS: u32 = 10;
/// A shard's index has at most 2^this minishards: 8 KiB.
const MAX_MINISHARD_BITS: u32 = 9;

/// Boxes of neighbouring chunks as large as the limits allow, cut by all bits of a chunk's id.
fn choose(scale: &Scale, data_type: DataType, channels: u64) -> Sharding {
    let value_bytes = u64::try_from(data_type.size()).unwrap_or(u64::MAX);
    let chunk_bytes = scale
        .chunk_size()
        .into_iter()
        .chain([channels])
        .fold(value_bytes, u64::saturating_mul)
        .max(1);
    // A grid of more bits is refused with the rest of the description.
    let total = MortonCode::new(scale.grid_size()).map_or(64, |code| code.total_bits());
    let in_shard = (SHARD_BYTES / chunk_bytes).max(1).ilog2();
    let in_shard = in_shard.min(total).min(MINISHARD_ID_BITS + MAX_MINISHARD_BITS);
    let preshift_bits = in_shard.min(MINISHARD_ID_BITS);
    Sharding {
        preshift_bits,
        hash: ShardHash::Identity,
        minishard_bits: in_shard - preshift_bits,
        shard_bits: total - in_shard,
        minishard_index_encoding: ShardEncoding::Gzip,
        data_encoding: data_encoding(scale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::info::{Encoding, VolumeInfo};

    fn scale(size: [u64; 3], encoding: Encoding) -> Scale {
        let builder = VolumeInfo::builder(encoding.data_types()[0], size).encoding(encoding);
        builder.build().unwrap().scales.remove(0)
    }

    #[test]
    fn the_three_numbers_of_bits_are_needed_and_the_rest_has_defaults() {
        let scale = scale([1000; 3], Encoding::Raw);
        let resolved = |text: &str| {
            let arg: Result<ShardedArg, _> = text.parse();
            arg.map(|arg| arg.resolve(&scale, DataType::Uint8, 1))
        };
        let short = resolved("preshift=3,minishard=2,shard=4").unwrap();
        let long = "preshift=3,minishard=2,shard=4,hash=identity,index=gzip,data=gzip";
        assert_eq!(resolved(long), Ok(short));
        let other =
            resolved("shard=4,hash=murmurhash3_x86_128,index=raw,data=raw,minishard=2,preshift=3");
        assert_eq!(
            other,
            Ok(Sharding {
                hash: ShardHash::Murmurhash3X86_128,
                minishard_index_encoding: ShardEncoding::Raw,
                data_encoding: ShardEncoding::Raw,
                ..short
            })
        );
        for wrong in [
            "",
            "preshift=3,minishard=2",
            "preshift=3,minishard=2,shard=4,shard=4",
            "preshift=3,minishard=2,shard=-4",
            "preshift=3,minishard=2,shard=4,hash=md5",
            "preshift=3,minishard=2,shard=4,data=br",
            "preshift=3,minishard=2,shard=4,size=9",
            "3,2,4",
        ] {
            assert!(wrong.parse::<ShardedArg>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_compressed_already_is_not_gzipped_in_the_shards() {
        let data = |encoding: Encoding| {
            let scale = scale([1000; 3], encoding);
            ShardedArg::Auto.resolve(&scale, encoding.data_types()[0], 1).data_encoding
        };
        assert_eq!(data(Encoding::Raw), ShardEncoding::Gzip);
        assert_eq!(data(Encoding::CompressedSegmentation), ShardEncoding::Gzip);
        assert_eq!(data(Encoding::Jpeg), ShardEncoding::Raw);
        assert_eq!(data(Encoding::Zfpc), ShardEncoding::Raw);
    }
}
