//! `--sharded`: the parameters of sharding, given or chosen.

use std::str::FromStr;

use bigarrays::info::{
    Encoding, ShardEncoding, ShardHash, Sharding, ShardingChoice, ShardingGoal, VolumeInfo,
};

use crate::error::CliError;

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
    /// The sharding of a scale of a volume, and why where it was chosen. `memory` is what a
    /// writer will have for a shard.
    pub(crate) fn resolve(
        self,
        info: &VolumeInfo,
        scale: usize,
        memory: u64,
    ) -> Result<(Sharding, Option<ShardingChoice>), CliError> {
        let scale = &info.scales[scale];
        let goal = ShardingGoal { memory, ..ShardingGoal::default() };
        match self {
            Self::Auto => {
                let choice = Sharding::choose(scale, info.data_type, info.num_channels, goal);
                let choice = choice.ok_or_else(|| {
                    CliError::refused(
                        "--sharded: the volume has more chunks than 64-bit ids; choose a larger --chunk",
                    )
                })?;
                Ok((choice.sharding, Some(choice)))
            }
            Self::Given(given) => Ok((given.sharding(scale.encoding), None)),
        }
    }
}

impl Parameters {
    pub(crate) fn sharding(self, encoding: Encoding) -> Sharding {
        Sharding {
            preshift_bits: self.preshift,
            hash: self.hash,
            minishard_bits: self.minishard,
            shard_bits: self.shard,
            minishard_index_encoding: self.index,
            data_encoding: self.data.unwrap_or_else(|| Sharding::default_data_encoding(encoding)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::info::DataType;

    #[test]
    fn the_three_numbers_of_bits_are_needed_and_the_rest_has_defaults() {
        let info = VolumeInfo::builder(DataType::Uint8, [1000; 3]).build().unwrap();
        let resolved = |text: &str| {
            let arg: Result<ShardedArg, _> = text.parse();
            arg.map(|arg| arg.resolve(&info, 0, 1 << 30).unwrap().0)
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
    fn a_chosen_shard_fits_the_memory_and_chunks_compressed_already_are_not_gzipped() {
        let builder = |encoding: Encoding| {
            let data_type = encoding.data_types()[0];
            VolumeInfo::builder(data_type, [4096; 3]).encoding(encoding).build().unwrap()
        };
        let chosen = |encoding, memory| {
            let (sharding, choice) =
                ShardedArg::Auto.resolve(&builder(encoding), 0, memory).unwrap();
            assert_eq!(choice.unwrap().sharding, sharding);
            (sharding.data_encoding, choice.unwrap().shard_bytes)
        };
        assert_eq!(chosen(Encoding::Raw, 128 << 20), (ShardEncoding::Gzip, 64 << 20));
        assert_eq!(chosen(Encoding::Jpeg, 2 << 30), (ShardEncoding::Raw, 1 << 30));
    }
}
