//! The parameters of `neuroglancer_uint64_sharded_v1`: how chunks are packed into files.

use std::fmt;
use std::str::FromStr;

use crate::error::UnknownName;

/// How the chunks of one scale are packed into shard files.
///
/// The id of a chunk is shifted right by `preshift_bits` and hashed; the low `minishard_bits`
/// of the hash choose the minishard, the next `shard_bits` the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sharding {
    /// Low bits of the id that do not take part in the hash: ids that differ only there share a
    /// minishard. At most 63.
    pub preshift_bits: u32,
    /// What is done to the shifted id.
    pub hash: ShardHash,
    /// A shard holds 2^`minishard_bits` minishards. At most 32.
    pub minishard_bits: u32,
    /// There are 2^`shard_bits` shards. `minishard_bits + shard_bits` is at most 64.
    pub shard_bits: u32,
    /// How minishard indices are stored.
    pub minishard_index_encoding: ShardEncoding,
    /// How chunks are stored, on top of their own encoding.
    pub data_encoding: ShardEncoding,
}

impl Sharding {
    /// The value of `@type` in the `sharding` object.
    pub const TYPE: &'static str = "neuroglancer_uint64_sharded_v1";
}

/// The hash of a chunk id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShardHash {
    /// The id itself: neighbouring chunks share shards.
    Identity,
    /// The low 64 bits of MurmurHash3 x86 128 with seed 0.
    Murmurhash3X86_128,
}

impl ShardHash {
    /// Every hash.
    pub const ALL: [Self; 2] = [Self::Identity, Self::Murmurhash3X86_128];

    /// The name as it stands in an `info` document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Murmurhash3X86_128 => "murmurhash3_x86_128",
        }
    }
}

impl fmt::Display for ShardHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ShardHash {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownName::new("shard hash", name, Self::ALL.map(Self::name)))
    }
}

/// The second-stage compression inside a shard file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ShardEncoding {
    /// As it is. What an absent key means.
    #[default]
    Raw,
    /// Each piece is one gzip stream.
    Gzip,
}

impl ShardEncoding {
    /// Every encoding.
    pub const ALL: [Self; 2] = [Self::Raw, Self::Gzip];

    /// The name as it stands in an `info` document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Gzip => "gzip",
        }
    }
}

impl fmt::Display for ShardEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ShardEncoding {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownName::new("shard encoding", name, Self::ALL.map(Self::name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!("Identity".parse(), Ok(ShardHash::Identity));
        assert_eq!("MURMURHASH3_X86_128".parse(), Ok(ShardHash::Murmurhash3X86_128));
        assert_eq!("GZIP".parse(), Ok(ShardEncoding::Gzip));
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let message = "br".parse::<ShardEncoding>().unwrap_err().to_string();
        assert!(message.contains("raw, gzip"), "{message}");
        assert!("md5".parse::<ShardHash>().is_err());
    }
}
