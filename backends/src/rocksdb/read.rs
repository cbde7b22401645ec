//! What is asked of a database.

use std::ops::Range;
use std::sync::Arc;

use bigarrays_core::backend::{Blob, ByteRange, Meta};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use rocksdb::ReadOptions;

use super::database::{Attempt, Database};
use super::failure::{Failure, corrupt};
use super::record::{Record, Summed};
use super::sums::Sums;
use super::value::{self, StoredValue};

/// Keys that a listing takes at once.
pub(super) const PAGE: usize = 1000;

pub(super) fn head(database: &Database, key: &Key) -> Result<Option<Meta>, Failure> {
    let record = database.look(|_| database.record(key))?;
    Ok(record.map(|record| record.meta(key.clone())))
}

/// A value, or a part of it.
pub(super) fn get(
    database: &Arc<Database>,
    sums: Sums,
    key: &Key,
    range: &ByteRange,
) -> Result<Option<Blob>, Failure> {
    database.look(|_| value::read(database, key, sums, |value| value.blob(database, range)))
}

/// Several parts of one state of a value.
pub(super) fn get_ranges(
    database: &Arc<Database>,
    sums: Sums,
    key: &Key,
    ranges: &[Range<u64>],
) -> Result<Option<Vec<Bytes>>, Failure> {
    let parts = |value: &StoredValue| {
        let size = value.record.size;
        let resolve = |range: &Range<u64>| ByteRange::Bounded(range.clone()).resolve(size);
        let bytes = ranges.iter().map(|range| value.bytes(database, &resolve(range)));
        bytes.collect::<Result<Option<Vec<Bytes>>, Failure>>()
    };
    database.look(|_| value::read(database, key, sums, parts))
}

type Answers = Vec<Result<Option<Blob>, Failure>>;

/// Several whole values.
pub(super) fn get_batch(
    database: &Arc<Database>,
    sums: Sums,
    keys: &[Key],
) -> Result<Answers, Failure> {
    database.look(|attempt| {
        let records = database.records(keys, sums)?;
        let of_one_piece = |record: &Record| Record::pieces(record.size) == 1;
        let wanted: Vec<[u8; 8]> = records
            .iter()
            .filter_map(|found| found.as_ref().ok()?.as_ref())
            .filter(|(record, _)| of_one_piece(record))
            .map(|(record, _)| record.piece_key(0))
            .collect();
        let mut pieces = database.pieces(&wanted)?.into_iter();
        let mut answers = Vec::with_capacity(keys.len());
        for (key, record) in keys.iter().zip(records) {
            let answer = match record {
                Ok(Some(found)) if of_one_piece(&found.0) => match pieces.next() {
                    Some(Ok(Some(piece))) => copied(found, &piece).map(Some),
                    Some(Err(error)) => Err(error.into()),
                    // Overwritten in between.
                    Some(Ok(None)) | None => get_again(database, sums, key),
                },
                Ok(Some(_)) => get_again(database, sums, key),
                Ok(None) => Ok(None),
                Err(failure) => Err(failure),
            };
            match answer {
                Err(failure) if failure.is_stale && attempt == Attempt::More => {
                    return Err(failure);
                }
                answer => answers.push(answer),
            }
        }
        Ok(answers)
    })
}

/// A value that a batch could not read with the others.
fn get_again(database: &Arc<Database>, sums: Sums, key: &Key) -> Result<Option<Blob>, Failure> {
    value::read(database, key, sums, |value| value.blob(database, &ByteRange::Full))
}

/// A value of one piece. It is copied: one that is kept must not keep all of a batch in memory.
fn copied((record, sums): Summed, piece: &[u8]) -> Result<Blob, Failure> {
    let value = StoredValue { record, sums };
    value.check(0, piece)?;
    value.check_sum(0, piece)?;
    Ok(value.with(Bytes::copy_from_slice(piece)))
}

/// The next keys below `prefix` after `after`, in order.
pub(super) fn page(
    database: &Database,
    prefix: &Prefix,
    after: Option<&Key>,
) -> Result<Vec<Meta>, Failure> {
    database.look(|_| {
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
            metas.push(Record::parse(record)?.meta(key_of(key)?));
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
