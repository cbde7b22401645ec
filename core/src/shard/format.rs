//! The bytes of the two indices of a shard file.
//!
//! Source: the neuroglancer *precomputed* sharded format. A file begins with its *shard index*:
//! for each of the 2^minishard_bits minishards the begin and end of that minishard's index, as
//! two little-endian u64 relative to the end of the shard index; both equal: no such minishard.
//!
//! A *minishard index* (after its own decompression) has one column for each of n ids, in three
//! rows of n little-endian u64: the ids, each but the first as the difference to the one before;
//! where the values begin, each but the first relative to the end of the value before, the first
//! relative to the end of the shard index; and the lengths of the values as they are stored.

use std::ops::Range;

use super::error::ShardError;

/// Bytes of a minishard's entry in the shard index.
pub(crate) const SHARD_INDEX_ENTRY: u64 = 16;
/// Bytes of an id's column in a minishard index.
pub(crate) const MINISHARD_INDEX_ENTRY: u64 = 24;

/// An id and where in the file its value lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The id.
    pub id: u64,
    /// The stored bytes of the value, from the file's begin on.
    pub range: Range<u64>,
}

/// Reads entries of a shard index: for each minishard in order the place of its index in the
/// file, or `None` if it has none. `index_len` is the length of the whole shard index.
pub(crate) fn parse_shard_index(
    bytes: &[u8],
    first_minishard: u64,
    index_len: u64,
) -> Result<Vec<Option<Range<u64>>>, ShardError> {
    let (pairs, _) = bytes.as_chunks::<16>();
    let mut minishards = Vec::with_capacity(pairs.len());
    for (pair, minishard) in pairs.iter().zip(first_minishard..) {
        let (numbers, _) = pair.as_chunks::<8>();
        let [start, end] = [numbers[0], numbers[1]].map(u64::from_le_bytes);
        let place = || Some(start.checked_add(index_len)?..end.checked_add(index_len)?);
        minishards.push(match place() {
            _ if start == end => None,
            Some(place) if start < end => Some(place),
            _ => {
                let what = format!(
                    "the index of its minishard {minishard} is said to lie from {start} to {end}"
                );
                return Err(ShardError::corrupt(what));
            }
        });
    }
    Ok(minishards)
}

/// Reads a minishard index. The entries come sorted by id.
pub(crate) fn parse_minishard_index(
    bytes: &[u8],
    minishard: u64,
    index_len: u64,
) -> Result<Vec<Entry>, ShardError> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() || numbers.len() % 3 != 0 {
        let what = format!(
            "the index of its minishard {minishard} has {} bytes, which is not a multiple of 24",
            bytes.len()
        );
        return Err(ShardError::corrupt(what));
    }
    let count = numbers.len() / 3;
    let row = |row: usize| numbers[row * count..][..count].iter().map(|n| u64::from_le_bytes(*n));
    let mut entries = Vec::with_capacity(count);
    // Differences may be negative: they are added modulo 2^64.
    let (mut id, mut end) = (0_u64, index_len);
    for ((id_step, offset), len) in row(0).zip(row(1)).zip(row(2)) {
        id = id.wrapping_add(id_step);
        let start = end.wrapping_add(offset);
        end = start.checked_add(len).filter(|_| start >= index_len).ok_or_else(|| {
            let what =
                format!("the value of the id {id} is said to have {len} bytes from {start} on");
            ShardError::corrupt(what)
        })?;
        entries.push(Entry { id, range: start..end });
    }
    if !entries.is_sorted_by(|a, b| a.id < b.id) {
        entries.sort_unstable_by_key(|entry| entry.id);
        if let Some(twice) = entries.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let what = format!("its minishard {minishard} has the id {} twice", twice[0].id);
            return Err(ShardError::corrupt(what));
        }
    }
    Ok(entries)
}

/// The bytes of a minishard index. The entries are sorted by id, and their places are those in
/// the file.
pub(crate) fn encode_minishard_index(entries: &[Entry], index_len: u64) -> Vec<u8> {
    let [mut ids, mut offsets, mut lengths] = [const { Vec::new() }; 3];
    let (mut id, mut end) = (0_u64, index_len);
    for entry in entries {
        ids.extend(entry.id.wrapping_sub(id).to_le_bytes());
        offsets.extend(entry.range.start.wrapping_sub(end).to_le_bytes());
        lengths.extend((entry.range.end - entry.range.start).to_le_bytes());
        (id, end) = (entry.id, entry.range.end);
    }
    [ids, offsets, lengths].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn entry(id: u64, range: Range<u64>) -> Entry {
        Entry { id, range }
    }

    /// By the layout above: ids 2, 5 and 7; the first value 4 bytes from 3 past the shard index
    /// (of 16 bytes), the second 6 bytes after a gap of 4, the third 2 bytes at once.
    #[test]
    fn minishard_index_has_differences_of_ids_and_of_places() {
        let bytes = words(&[2, 3, 2, 3, 4, 0, 4, 6, 2]);
        let entries = [entry(2, 19..23), entry(5, 27..33), entry(7, 33..35)];
        assert_eq!(parse_minishard_index(&bytes, 0, 16).unwrap(), entries);
        assert_eq!(encode_minishard_index(&entries, 16), bytes);
    }

    #[test]
    fn a_minishard_index_may_be_empty() {
        assert_eq!(parse_minishard_index(&[], 0, 16).unwrap(), []);
        assert!(encode_minishard_index(&[], 16).is_empty());
    }

    #[test]
    fn a_minishard_index_of_a_broken_length_is_refused() {
        for len in [1, 8, 16, 23, 25, 32] {
            let error = parse_minishard_index(&vec![0; len], 5, 16).unwrap_err().to_string();
            assert!(error.contains("minishard 5") && error.contains("24"), "{error}");
        }
    }

    #[test]
    fn a_value_past_all_bytes_is_refused() {
        let too_long = words(&[1, 0, u64::MAX]);
        assert!(parse_minishard_index(&too_long, 0, 16).is_err());
        let before_the_begin = words(&[1, 10_u64.wrapping_neg(), 4]);
        assert!(parse_minishard_index(&before_the_begin, 0, 16).is_err());
    }

    #[test]
    fn an_unsorted_minishard_index_is_sorted_and_an_id_twice_is_refused() {
        let bytes = words(&[5, 3_u64.wrapping_neg(), 0, 0, 1, 1]);
        assert_eq!(
            parse_minishard_index(&bytes, 0, 16).unwrap(),
            [entry(2, 17..18), entry(5, 16..17)]
        );
        let twice = words(&[5, 0, 0, 0, 1, 1]);
        let error = parse_minishard_index(&twice, 3, 16).unwrap_err().to_string();
        assert!(error.contains("id 5 twice"), "{error}");
    }

    #[test]
    fn equal_ends_in_the_shard_index_mean_an_empty_minishard() {
        let bytes = words(&[1, 5, 0, 0, 17, 17, 5, 10]);
        let parsed = parse_shard_index(&bytes, 0, 64).unwrap();
        assert_eq!(parsed, [Some(65..69), None, None, Some(69..74)]);
    }

    #[test]
    fn a_shard_index_with_ends_before_begins_or_beyond_all_bytes_is_refused() {
        for pair in [[10, 9], [0, u64::MAX], [u64::MAX, 0]] {
            let error = parse_shard_index(&words(&pair), 7, 16).unwrap_err().to_string();
            assert!(error.contains("minishard 7"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_parses_equal(values in prop::collection::btree_map(any::<u64>(), (0_u64..1 << 40, 0_u64..1 << 40), 0..50)) {
            let mut end = 32;
            let entries: Vec<_> = values.into_iter().map(|(id, (gap, len))| {
                let start = end + gap;
                end = start + len;
                entry(id, start..end)
            }).collect();
            let bytes = encode_minishard_index(&entries, 32);
            prop_assert_eq!(parse_minishard_index(&bytes, 0, 32).unwrap(), entries);
        }

        #[test]
        fn any_bytes_are_an_index_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_shard_index(&bytes, 0, 16);
            let _ = parse_minishard_index(&bytes, 0, 16);
        }
    }
}
