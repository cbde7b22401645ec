//! Which shard and minishard an id belongs to.

use bigarrays_info::{ShardHash, Sharding};

/// Where the value of an id lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the shard.
    pub shard: u64,
    /// The number of the minishard inside it.
    pub minishard: u64,
}

impl Place {
    /// The place of an id.
    #[must_use]
    pub fn of(id: u64, sharding: &Sharding) -> Self {
        let hashed = hash(sharding.hash, id >> sharding.preshift_bits.min(63));
        let rest = hashed.checked_shr(sharding.minishard_bits).unwrap_or(0);
        Self {
            shard: low_bits(rest, sharding.shard_bits),
            minishard: low_bits(hashed, sharding.minishard_bits),
        }
    }
}

/// The hash of an id that was shifted already.
#[must_use]
pub fn hash(hash: ShardHash, shifted: u64) -> u64 {
    match hash {
        ShardHash::Identity => shifted,
        ShardHash::Murmurhash3X86_128 => murmur(shifted),
    }
}

/// The low 64 bits of MurmurHash3 x86 128, seed 0, of the eight little-endian bytes.
fn murmur(shifted: u64) -> u64 {
    // Reading from a slice cannot fail.
    let hash = murmur3::murmur3_x86_128(&mut shifted.to_le_bytes().as_slice(), 0).unwrap_or(0);
    low_half(hash)
}

const fn low_half(hash: u128) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = hash.to_le_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn low_bits(number: u64, bits: u32) -> u64 {
    match 1_u64.checked_shl(bits) {
        Some(above) => number & (above - 1),
        None => number,
    }
}

/// The name of a shard's file: its number in hexadecimal, as wide as the largest one.
#[must_use]
pub fn file_name(shard: u64, sharding: &Sharding) -> String {
    let width = usize::try_from(sharding.shard_bits.div_ceil(4)).unwrap_or(0);
    format!("{shard:0width$x}.shard")
}

/// The number of the shard that a file is named for, or `None` if it is no such name.
#[must_use]
pub fn parse_file_name(name: &str, sharding: &Sharding) -> Option<u64> {
    let shard = u64::from_str_radix(name.strip_suffix(".shard")?, 16).ok()?;
    (file_name(shard, sharding) == name && low_bits(shard, sharding.shard_bits) == shard)
        .then_some(shard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays_info::ShardEncoding;

    fn sharding(preshift_bits: u32, minishard_bits: u32, shard_bits: u32) -> Sharding {
        Sharding {
            preshift_bits,
            hash: ShardHash::Murmurhash3X86_128,
            minishard_bits,
            shard_bits,
            minishard_index_encoding: ShardEncoding::Raw,
            data_encoding: ShardEncoding::Raw,
        }
    }

    /// Values of the reference implementation in Python, also checked with neuroglancer's tests:
    /// the state after seed 0 is the two low words.
    #[test]
    fn the_hash_is_that_of_the_reference() {
        for (id, expected) in [
            (0, 5_148_371_408_780_832_321),
            (1, 16_770_674_756_601_302_682),
            (2, 15_433_726_874_232_110_938),
            (42, 0xc20b_94f9_5119_f47a),
            (1 << 32, 13_524_640_716_595_723_620),
            (u64::MAX, 6_291_360_166_951_214_362),
        ] {
            assert_eq!(murmur(id), expected, "{id}");
        }
    }

    /// A shard of a real segmentation's meshes.
    #[test]
    fn a_real_id_lies_where_its_data_was_found() {
        let sharding = sharding(6, 11, 7);
        let place = Place::of(1_822_975_381, &sharding);
        assert_eq!(place.minishard, 18);
        assert_eq!(file_name(place.shard, &sharding), "42.shard");
    }

    #[test]
    fn shifts_by_all_64_bits_are_places_too() {
        let mut all = sharding(0, 0, 64);
        all.hash = ShardHash::Identity;
        assert_eq!(Place::of(u64::MAX, &all), Place { shard: u64::MAX, minishard: 0 });
        all.shard_bits = 0;
        assert_eq!(Place::of(u64::MAX, &all), Place { shard: 0, minishard: 0 });
        (all.minishard_bits, all.shard_bits) = (32, 32);
        let place = Place::of(0x1234_5678_9abc_def0, &all);
        assert_eq!(place, Place { shard: 0x1234_5678, minishard: 0x9abc_def0 });
    }

    #[test]
    fn names_are_as_wide_as_the_largest_number() {
        for (bits, shard, name) in [
            (0, 0, "0.shard"),
            (1, 1, "1.shard"),
            (4, 10, "a.shard"),
            (5, 10, "0a.shard"),
            (11, 0x7ff, "7ff.shard"),
        ] {
            let sharding = sharding(0, 0, bits);
            assert_eq!(file_name(shard, &sharding), name);
            assert_eq!(parse_file_name(name, &sharding), Some(shard));
        }
        for name in ["a.shard", "0A.shard", "+a.shard", "20.shard", "0a", "00a.shard", ".shard"] {
            assert_eq!(parse_file_name(name, &sharding(0, 0, 5)), None, "{name}");
        }
    }
}
