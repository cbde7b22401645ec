//! What is asked of a database.

use std::ops::Range;

use bigarrays_core::backend::{Blob, ByteRange, ContentEncoding, Meta, Version};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use rusqlite::types::Value as Bound;
use rusqlite::{Connection, Row};

use super::failure::{Failure, corrupt};
use super::sums::{BlockSums, Sums};
use super::value::StoredValue;

/// Keys that a listing takes at once.
pub(super) const PAGE: u16 = 1000;

/// What the table of keys says of a value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) version: i64,
    pub(super) size: u64,
    pub(super) content_encoding: ContentEncoding,
}

impl Entry {
    /// The columns `version, size, content_encoding`, from column `at` on.
    fn of(row: &Row<'_>, at: usize) -> Result<Self, Failure> {
        let token = row
            .get_ref(at + 2)?
            .as_str()
            .map_err(|e| corrupt("an encoding is no text").because(e))?;
        let content_encoding = ContentEncoding::from_token(token)
            .ok_or_else(|| corrupt(format!("there is no content encoding {token:?}")))?;
        let size: i64 = row.get(at + 1)?;
        let size = u64::try_from(size).map_err(|e| corrupt("a size is negative").because(e))?;
        Ok(Self { version: row.get(at)?, size, content_encoding })
    }

    fn meta(&self, key: Key) -> Result<Meta, Failure> {
        let version = Some(version(self.version)?);
        Ok(Meta { key, size: self.size, version, content_encoding: Some(self.content_encoding) })
    }
}

/// A row number as a version.
pub(super) fn version(row: i64) -> Result<Version, Failure> {
    match u64::try_from(row) {
        Ok(number) => Ok(Version::from_u64(number)),
        Err(error) => Err(corrupt("a version is negative").because(error)),
    }
}

pub(super) fn entry(connection: &Connection, key: &Key) -> Result<Option<Entry>, Failure> {
    let select = "SELECT version, size, content_encoding FROM bigarrays_keys WHERE key = ?1";
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query([key.as_str()])?;
    rows.next()?.map(|row| Entry::of(row, 0)).transpose()
}

/// An entry, and the checksums of its value if there are any.
fn entry_and_sums(
    connection: &Connection,
    key: &Key,
) -> Result<Option<(Entry, Option<BlockSums>)>, Failure> {
    let select = "SELECT version, size, content_encoding, sums FROM bigarrays_keys WHERE key = ?1";
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query([key.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let entry = Entry::of(row, 0)?;
    let column = row.get_ref(3)?.as_blob_or_null();
    let column = column.map_err(|e| corrupt("checksums are no bytes").because(e))?;
    let sums = column.map(|column| BlockSums::parse(column, entry.version, entry.size));
    Ok(Some((entry, sums.transpose()?.flatten())))
}

pub(super) fn head(connection: &Connection, key: &Key) -> Result<Option<Meta>, Failure> {
    entry(connection, key)?.map(|entry| entry.meta(key.clone())).transpose()
}

/// A value, or a part of it.
pub(super) fn get(
    connection: &Connection,
    sums: Sums,
    key: &Key,
    range: &ByteRange,
) -> Result<Option<Blob>, Failure> {
    with_value(connection, sums, key, |entry, value| {
        Ok(Blob {
            bytes: value.read(&range.resolve(entry.size))?,
            version: Some(version(entry.version)?),
            content_encoding: entry.content_encoding,
        })
    })
}

/// Several parts of one state of a value.
pub(super) fn get_ranges(
    connection: &Connection,
    sums: Sums,
    key: &Key,
    ranges: &[Range<u64>],
) -> Result<Option<Vec<Bytes>>, Failure> {
    with_value(connection, sums, key, |entry, value| {
        let resolved = |range: &Range<u64>| ByteRange::Bounded(range.clone()).resolve(entry.size);
        ranges.iter().map(|range| value.read(&resolved(range))).collect()
    })
}

/// Opens a value, in one state of the database.
fn with_value<T>(
    connection: &Connection,
    sums: Sums,
    key: &Key,
    work: impl FnOnce(&Entry, &mut StoredValue<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let state = connection.unchecked_transaction()?;
    let found = match sums {
        Sums::Used => entry_and_sums(&state, key)?,
        Sums::Absent | Sums::Ignored => entry(&state, key)?.map(|entry| (entry, None)),
    };
    let Some((entry, sums)) = found else { return Ok(None) };
    let value = StoredValue::open(&state, entry.version, entry.size)?;
    let mut value = value.with_sums(sums);
    work(&entry, &mut value).map(Some)
}

/// The next keys below `prefix` after `after`, in order.
pub(super) fn page(
    connection: &Connection,
    prefix: &Prefix,
    after: Option<&Key>,
) -> Result<Vec<Meta>, Failure> {
    let select = "SELECT key, version, size, content_encoding FROM bigarrays_keys \
                  WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3";
    let mut select = connection.prepare_cached(select)?;
    let after = after.map_or(prefix.as_str(), Key::as_str);
    let mut rows = select.query((after, end_of(prefix), PAGE))?;
    let mut metas = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref(0)?.as_str().map_err(|e| corrupt("a key is no text").because(e))?;
        let key = Key::new(text).map_err(|e| corrupt("a key is no valid one").because(e))?;
        metas.push(Entry::of(row, 1)?.meta(key)?);
    }
    Ok(metas)
}

/// What is greater than every key below a prefix, and not greater than any after it.
fn end_of(prefix: &Prefix) -> Bound {
    match prefix.as_str().strip_suffix('/') {
        // The byte after the slash.
        Some(directory) => Bound::Text(format!("{directory}0")),
        // In SQLite, every blob is greater than every text.
        None => Bound::Blob(Vec::new()),
    }
}
