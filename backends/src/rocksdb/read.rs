//! What is asked of a database.

use std::ops::Range;
use std::sync::Arc;

use bigarrays_core::backend::{Blob, ByteRange, Meta};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use rocksdb::ReadOptions;

use super::database::Database;
use super::failure::{Failure, corrupt};
use super::layout::KEYS;
use super::record;
use super::value::{self, StoredValue};

/// Keys that a listing takes at once.
pub(super) const PAGE: usize = 1000;

pub(super) fn head(database: &Database, key: &Key) -> Result<Option<Meta>, Failure> {
    let record = database.look(|| database.get(KEYS, key))?;
    record.map(|record| record::meta(key.clone(), &record)).transpose()
}

/// A value, or a part of it.
pub(super) fn get(
    database: &Arc<Database>,
    key: &Key,
    range: &ByteRange,
) -> Result<Option<Blob>, Failure> {
    let value = database.look(|| StoredValue::get(database, key))?;
    Ok(value.map(|value| value.into_blob(range)))
}

/// Several parts of one state of a value.
pub(super) fn get_ranges(
    database: &Arc<Database>,
    key: &Key,
    ranges: &[Range<u64>],
) -> Result<Option<Vec<Bytes>>, Failure> {
    let value = database.look(|| StoredValue::get(database, key))?;
    Ok(value.map(|value| value.into_parts(ranges)))
}

/// Several whole values. They are copied: one that is kept must not keep all others in memory.
pub(super) fn get_batch(
    database: &Database,
    keys: &[Key],
) -> Result<Vec<Result<Option<Blob>, Failure>>, Failure> {
    database.look(|| {
        let mut answers = Vec::with_capacity(keys.len());
        for found in database.get_many(keys)? {
            let answer = match found.map_err(Failure::from) {
                Err(failure) if failure.is_stale => return Err(failure),
                Err(failure) => Err(failure),
                Ok(record) => record.map(|record| value::copied(&record)).transpose(),
            };
            answers.push(answer);
        }
        Ok(answers)
    })
}

/// The next keys below `prefix` after `after`, in order.
pub(super) fn page(
    database: &Database,
    prefix: &Prefix,
    after: Option<&Key>,
) -> Result<Vec<Meta>, Failure> {
    database.look(|| {
        let mut options = ReadOptions::default();
        if let Some(end) = end_of(prefix) {
            options.set_iterate_upper_bound(end);
        }
        let mut keys = database.keys(options)?;
        match after {
            // No key has a NUL byte: this is the least text that is greater.
            Some(after) => keys.seek(format!("{after}\0").as_bytes()),
            None => keys.seek(prefix.as_str().as_bytes()),
        }
        let mut metas = Vec::new();
        while let Some((key, record)) = keys.here()? {
            metas.push(record::meta(key_of(key)?, record)?);
            if metas.len() == PAGE {
                break;
            }
            keys.advance();
        }
        Ok(metas)
    })
}

fn key_of(bytes: &[u8]) -> Result<Key, Failure> {
    let text = str::from_utf8(bytes).map_err(|e| corrupt("a key is no text").because(e))?;
    Key::new(text).map_err(|e| corrupt("a key is no valid one").because(e))
}

/// The least text that is greater than every key below a prefix; `None` if there is none.
fn end_of(prefix: &Prefix) -> Option<String> {
    // The byte after the slash.
    prefix.as_str().strip_suffix('/').map(|directory| format!("{directory}0"))
}
