//! Files of the sharded container.

use bigarrays::info::{ShardEncoding, ShardHash, Sharding};
use bigarrays_core::backend::{KeyValueBackend, Precondition, Value, wait};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::shard::ShardStore;
use bigarrays_core::{Error, Prefix};

use super::bound::measured;

/// Reads a shard file: all of it at once, then the first of its ids and one that it names, each
/// with the reads that find one.
///
/// | byte | what it chooses |
/// |---|---|
/// | 0 | `minishard_bits`, `byte % 6` |
/// | 1 | `preshift_bits`, `byte % 16` |
/// | 2 | bit 0: hash murmurhash3, bit 1: indices in gzip, bit 2: values in gzip |
/// | 3 | the id to look for |
/// | 4.. | the file |
///
/// # Panics
/// If both ways of reading do not agree, or if more memory was held than the file, what its
/// compressed indices may become, and a few of them take.
pub fn shard(input: &[u8]) {
    let Some(([minishard_bits, preshift_bits, flags, id], file)) = input.split_first_chunk() else {
        return;
    };
    let encoding = |bit: u8| match flags & bit {
        0 => ShardEncoding::Raw,
        _ => ShardEncoding::Gzip,
    };
    let sharding = Sharding {
        preshift_bits: u32::from(preshift_bits % 16),
        hash: ShardHash::ALL[usize::from(flags & 1)],
        minishard_bits: u32::from(minishard_bits % 6),
        shard_bits: 0,
        minishard_index_encoding: encoding(2),
        data_encoding: encoding(4),
    };
    let store = ShardStore::new(MemoryBackend::new(), Prefix::root(), sharding);
    let Ok(key) = store.key(0) else { return };
    let put = store.backend().put(&key, Value::plain(file.to_vec()), Precondition::Always);
    assert!(wait(put).is_ok(), "a value in memory");

    let (entries, held) = measured(|| store.entries(0));
    // Deflate packs a thousand bytes into one at most; an entry takes as much again as its bytes.
    let most = 3 * 1032 * file.len() as u64 + (1 << 20);
    assert!(held <= most, "reading a shard of {} bytes held {held} bytes", file.len());
    let mut ids = vec![u64::from(*id)];
    match &entries {
        Ok(entries) => ids.extend(entries.iter().flatten().map(|entry| entry.id).take(8)),
        Err(error) => assert!(matches!(error, Error::BadShard { .. }), "{error}"),
    }
    for id in ids {
        let found = store.get(id);
        if let (Ok(entries), Ok(found)) = (&entries, &found) {
            let entry = entries.iter().flatten().find(|entry| entry.id == id);
            let expected = entry.map_or(0, |entry| entry.range.end - entry.range.start);
            let len = found.as_ref().map_or(0, |blob| blob.bytes.len() as u64);
            assert_eq!(len, expected, "the id {id}");
        } else if let (Ok(_), Err(error)) = (&entries, &found) {
            unreachable!("the file is sound, but the id {id} is not: {error}");
        }
    }
}
