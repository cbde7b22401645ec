//! What changes a database, inside a transaction that the caller ends.

use bigarrays_core::backend::{Precondition, Value, Version};
use bigarrays_core::key::Key;
use rusqlite::Connection;

use super::failure::Failure;
use super::read::{self, Entry};
use super::sums::{BlockSums, Sums};
use super::value;

const INSERT: &str = "INSERT INTO bigarrays_keys (key, version, size, content_encoding) \
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET version = excluded.version, \
    size = excluded.size, content_encoding = excluded.content_encoding";
const INSERT_WITH_SUMS: &str = "INSERT INTO bigarrays_keys \
    (key, version, size, content_encoding, sums) VALUES (?1, ?2, ?3, ?4, ?5) \
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, size = excluded.size, \
    content_encoding = excluded.content_encoding, sums = excluded.sums";

/// Stores a value if `when` holds; gives its version if it did.
pub(super) fn put(
    connection: &Connection,
    sums: Sums,
    key: &Key,
    value: &Value,
    when: &Precondition,
) -> Result<Option<Version>, Failure> {
    let Some(old) = current(connection, key, when)? else { return Ok(None) };
    let row = value::insert(connection, &value.bytes)?;
    // What is in memory is shorter than that.
    let size = i64::try_from(value.bytes.len()).unwrap_or(i64::MAX);
    let encoding = value.content_encoding.token();
    let entry = (key.as_str(), row, size, encoding);
    match sums {
        Sums::Absent => connection.prepare_cached(INSERT)?.execute(entry)?,
        Sums::Ignored | Sums::Used => {
            let column = (sums == Sums::Used).then(|| BlockSums::of(&value.bytes).to_column(row));
            let (key, row, size, encoding) = entry;
            let mut insert = connection.prepare_cached(INSERT_WITH_SUMS)?;
            insert.execute((key, row, size, encoding, column))?
        }
    };
    if let Some(old) = old {
        value::remove(connection, old.version, old.size)?;
    }
    read::version(row).map(Some)
}

/// Removes a value if `when` holds, and tells whether it did.
pub(super) fn delete(
    connection: &Connection,
    key: &Key,
    when: &Precondition,
) -> Result<bool, Failure> {
    let Some(old) = current(connection, key, when)? else { return Ok(false) };
    if let Some(old) = old {
        let delete = "DELETE FROM bigarrays_keys WHERE key = ?1";
        connection.prepare_cached(delete)?.execute([key.as_str()])?;
        value::remove(connection, old.version, old.size)?;
    }
    Ok(true)
}

/// The value that may be changed, if there is one; `None` if `when` does not hold.
fn current(
    connection: &Connection,
    key: &Key,
    when: &Precondition,
) -> Result<Option<Option<Entry>>, Failure> {
    let entry = read::entry(connection, key)?;
    let version = entry.as_ref().map(|entry| read::version(entry.version)).transpose()?;
    Ok(when.holds(version.as_ref()).then_some(entry))
}
