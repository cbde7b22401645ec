//! A whole shard file in memory: taking it apart and building it.

use std::borrow::Cow;
use std::ops::Range;

use bigarrays_info::{ShardEncoding, Sharding};

use super::error::ShardError;
use super::format::{
    Entry, MINISHARD_INDEX_ENTRY, SHARD_INDEX_ENTRY, encode_minishard_index, parse_minishard_index,
    parse_shard_index,
};
use super::place::Place;
use crate::backend::ContentEncoding;
use crate::transport::{self, Transport};

/// No minishard index is larger than this when decompressed: some eleven million ids.
const MAX_MINISHARD_INDEX: usize = 256 << 20;

/// The level at which indices and, unless the array says otherwise, values are compressed.
pub(crate) const GZIP_LEVEL: u8 = 6;

/// A value for a shard: its bytes as they are to be stored.
pub(crate) type Value<'a> = (u64, Cow<'a, [u8]>);

/// Bytes of a shard's index.
pub(crate) fn shard_index_len(sharding: &Sharding) -> u64 {
    SHARD_INDEX_ENTRY.checked_shl(sharding.minishard_bits).unwrap_or(u64::MAX)
}

pub(crate) const fn content_encoding(encoding: ShardEncoding) -> ContentEncoding {
    match encoding {
        ShardEncoding::Raw => ContentEncoding::Identity,
        ShardEncoding::Gzip => ContentEncoding::Gzip,
    }
}

/// Reads a minishard index as it lies in the file.
pub(crate) fn read_minishard_index(
    stored: &[u8],
    minishard: u64,
    sharding: &Sharding,
) -> Result<Vec<Entry>, ShardError> {
    let mut scratch = Vec::new();
    let bytes = transport::decompress(
        content_encoding(sharding.minishard_index_encoding),
        stored,
        None,
        MAX_MINISHARD_INDEX,
        &mut scratch,
    )
    .map_err(|source| ShardError::Index { minishard, source })?;
    parse_minishard_index(bytes, minishard, shard_index_len(sharding))
}

/// All entries of a whole file, minishard by minishard.
///
/// # Errors
/// [`ShardError`] also for ids that belong elsewhere, which no reader would find.
pub(crate) fn parse(
    bytes: &[u8],
    shard: u64,
    sharding: &Sharding,
) -> Result<Vec<Entry>, ShardError> {
    let index_len = shard_index_len(sharding);
    let index = slice(bytes, &(0..index_len)).ok_or_else(|| {
        let what = format!("it ends after {} bytes, within its index of {index_len}", bytes.len());
        ShardError::corrupt(what)
    })?;
    let mut entries = Vec::new();
    for (place, minishard) in parse_shard_index(index, 0, index_len)?.iter().zip(0..) {
        let Some(place) = place else { continue };
        let stored = slice(bytes, place).ok_or_else(|| {
            let what = format!("it ends after {} bytes; the index of its minishard {minishard} should lie at {place:?}", bytes.len());
            ShardError::corrupt(what)
        })?;
        for entry in read_minishard_index(stored, minishard, sharding)? {
            if Place::of(entry.id, sharding) != (Place { shard, minishard }) {
                let what = format!(
                    "its minishard {minishard} has the id {}, which belongs elsewhere",
                    entry.id
                );
                return Err(ShardError::corrupt(what));
            }
            if slice(bytes, &entry.range).is_none() {
                let (id, range) = (entry.id, entry.range);
                let what = format!(
                    "it ends after {} bytes; the value of the id {id} should lie at {range:?}",
                    bytes.len()
                );
                return Err(ShardError::corrupt(what));
            }
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// The bytes of a range that lies in the file.
pub(crate) fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> Option<&'a [u8]> {
    bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// Builds a shard file of values that all belong to it; ids differ. Values are let go one after
/// another while the file grows, so it takes little more memory than they do.
///
/// The order is that of CloudVolume: shard index, the values by minishard and id, the minishard
/// indices. So neighbouring ids lie side by side.
///
/// # Errors
/// [`ShardError::Index`] if an index cannot be compressed.
pub(crate) fn build(
    mut values: Vec<Value<'_>>,
    sharding: &Sharding,
) -> Result<Vec<u8>, ShardError> {
    values.sort_unstable_by_key(|(id, _)| (Place::of(*id, sharding).minishard, *id));
    let index_len = shard_index_len(sharding);
    let mut file = Vec::with_capacity(file_len(&values, index_len));
    file.resize(usize::try_from(index_len).unwrap_or(usize::MAX), 0);

    let mut minishards: Vec<(u64, Vec<Entry>)> = Vec::new();
    for (id, value) in values {
        let minishard = Place::of(id, sharding).minishard;
        let start = file.len() as u64;
        file.extend_from_slice(&value);
        let entry = Entry { id, range: start..file.len() as u64 };
        match minishards.last_mut() {
            Some((last, entries)) if *last == minishard => entries.push(entry),
            _ => minishards.push((minishard, vec![entry])),
        }
    }
    for (minishard, entries) in minishards {
        let index = encode_minishard_index(&entries, index_len);
        let stored = compress(index, sharding.minishard_index_encoding)
            .map_err(|source| ShardError::Index { minishard, source })?;
        let start = file.len() as u64 - index_len;
        file.extend_from_slice(&stored);
        let end = file.len() as u64 - index_len;
        let at = usize::try_from(minishard * SHARD_INDEX_ENTRY).unwrap_or(usize::MAX);
        file[at..at + 8].copy_from_slice(&start.to_le_bytes());
        file[at + 8..at + 16].copy_from_slice(&end.to_le_bytes());
    }
    Ok(file)
}

/// Room for a file; its minishard indices are smaller where they compress.
fn file_len(values: &[Value<'_>], index_len: u64) -> usize {
    let entries = (values.len() as u64).saturating_mul(MINISHARD_INDEX_ENTRY);
    let fixed = usize::try_from(index_len.saturating_add(entries)).unwrap_or(usize::MAX);
    values.iter().fold(fixed, |len, (_, value)| len.saturating_add(value.len()))
}

fn compress(bytes: Vec<u8>, encoding: ShardEncoding) -> Result<Vec<u8>, crate::codec::CodecError> {
    match encoding {
        ShardEncoding::Raw => Ok(bytes),
        ShardEncoding::Gzip => Ok(Transport::Gzip(GZIP_LEVEL).compress(bytes)?.bytes.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays_info::ShardHash;
    use proptest::prelude::*;

    fn sharding(minishard_bits: u32, hash: ShardHash, encoding: ShardEncoding) -> Sharding {
        Sharding {
            preshift_bits: 1,
            hash,
            minishard_bits,
            shard_bits: 0,
            minishard_index_encoding: encoding,
            data_encoding: ShardEncoding::Raw,
        }
    }

    /// A file of two minishards, byte for byte by the format's text: ids 0, 1 (minishard 0) and
    /// 3 (minishard 1); preshift 1.
    #[test]
    fn a_tiny_shard_has_the_bytes_that_the_format_says() {
        let sharding = sharding(1, ShardHash::Identity, ShardEncoding::Raw);
        let values = vec![
            (3, b"xyz".as_slice().into()),
            (1, b"b".as_slice().into()),
            (0, b"aa".as_slice().into()),
        ];
        let mut expected = Vec::new();
        // The shard index: minishard 0's index after the 6 bytes of values, 2 × 24 bytes long.
        for number in [6_u64, 54, 54, 78] {
            expected.extend(number.to_le_bytes());
        }
        expected.extend(b"aabxyz");
        for number in [0_u64, 1, /* offsets */ 0, 0, /* lengths */ 2, 1] {
            expected.extend(number.to_le_bytes());
        }
        for number in [3_u64, 3, 3] {
            expected.extend(number.to_le_bytes());
        }
        assert_eq!(build(values, &sharding).unwrap(), expected);
        let ids: Vec<_> = parse(&expected, 0, &sharding).unwrap();
        let ids: Vec<_> = ids.into_iter().map(|entry| (entry.id, entry.range)).collect();
        assert_eq!(ids, [(0, 32..34), (1, 34..35), (3, 35..38)]);
    }

    #[test]
    fn a_shard_of_nothing_is_only_its_index() {
        let sharding = sharding(3, ShardHash::Identity, ShardEncoding::Gzip);
        let file = build(Vec::new(), &sharding).unwrap();
        assert_eq!(file, [0; 128]);
        assert_eq!(parse(&file, 0, &sharding).unwrap(), []);
    }

    #[test]
    fn ids_that_belong_elsewhere_are_refused() {
        let two = sharding(1, ShardHash::Identity, ShardEncoding::Raw);
        let one = Sharding { shard_bits: 1, ..two };
        let file = build(vec![(0, b"aa".as_slice().into())], &two).unwrap();
        let error = parse(&file, 1, &one).unwrap_err().to_string();
        assert!(error.contains("id 0") && error.contains("elsewhere"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_built_is_found_again(
            values in prop::collection::btree_map(any::<u64>(), prop::collection::vec(any::<u8>(), 0..40), 0..40),
            minishard_bits in 0_u32..5,
            hash in prop::sample::select(ShardHash::ALL.to_vec()),
            encoding in prop::sample::select(ShardEncoding::ALL.to_vec()),
        ) {
            let sharding = sharding(minishard_bits, hash, encoding);
            let built = build(values.iter().map(|(id, value)| (*id, value.into())).collect(), &sharding).unwrap();
            let entries = parse(&built, 0, &sharding).unwrap();
            prop_assert_eq!(entries.len(), values.len());
            for entry in entries {
                prop_assert_eq!(slice(&built, &entry.range).unwrap(), values[&entry.id].as_slice());
            }
        }

        #[test]
        fn damaged_and_truncated_files_are_errors_or_shards_and_never_panics(
            at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<prop::sample::Index>(),
            encoding in prop::sample::select(ShardEncoding::ALL.to_vec()),
        ) {
            let sharding = sharding(2, ShardHash::Identity, encoding);
            let values = (0..20).map(|id| (id, vec![7; 9].into())).collect();
            let mut file = build(values, &sharding).unwrap();
            prop_assert!(parse(&file[..cut.index(file.len())], 0, &sharding).is_err());
            let at = at.index(file.len());
            file[at] ^= flip;
            let _ = parse(&file, 0, &sharding);
        }
    }
}
