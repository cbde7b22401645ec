//! Recognising a database of this store, and making one.

use std::thread;
use std::time::{Duration, Instant};

use bigarrays_core::backend::ErrorKind;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::failure::{Failure, corrupt};
use super::sums::Sums;

/// `bigA`: tells the file from those of other programs.
const APPLICATION_ID: i32 = 0x6269_6741;
const FORMAT: i32 = 1;

/// Bytes of a page of a new file.
///
/// Measured with values of 16 KiB, 64 KiB, 256 KiB and 1 MiB: pages of 4 KiB read half as fast
/// and write large values at 60 %; pages of 32 KiB waste half of the file on values of 16 KiB;
/// pages of 64 KiB make small puts dear, for every page that a put touches goes through the log.
const PAGE_SIZE: u32 = 16384;

const TABLES: &str = "
CREATE TABLE bigarrays_keys (
    key TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    size INTEGER NOT NULL,
    content_encoding TEXT NOT NULL,
    sums BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE bigarrays_values (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    value BLOB NOT NULL
) STRICT;
CREATE VIEW bigarrays AS
    SELECT key, content_encoding, size, version, iif(size <= 1048576, value, NULL) AS value
    FROM bigarrays_keys JOIN bigarrays_values USING (version);
";

/// What a database file turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Ours,
    /// Nobody's yet.
    Nothing,
}

/// Looks whose database this is. Changes nothing.
pub(super) fn recognise(connection: &Connection) -> Result<Content, Failure> {
    if connection.is_autocommit() {
        // All in one state: another process may be making the tables just now.
        return recognise(&*connection.unchecked_transaction()?);
    }
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get(0));
    let application: i32 = number("application_id").map_err(not_a_database)?;
    let format: i32 = number("user_version")?;
    let count = "SELECT count(*), count(*) FILTER (WHERE name IN ('bigarrays_keys', \
                 'bigarrays_values')) FROM sqlite_schema";
    let (all, known): (u32, u32) =
        connection.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match (application, format, all, known) {
        (APPLICATION_ID, FORMAT, _, 2) => Ok(Content::Ours),
        (APPLICATION_ID, FORMAT, ..) => Err(corrupt("the tables of the store are missing")),
        (APPLICATION_ID, ..) => {
            let note = format!(
                "the file has format {format}, but this version of bigarrays knows only {FORMAT}"
            );
            Err(Failure::new(ErrorKind::InvalidConfig, note))
        }
        (0, 0, 0, 0) => Ok(Content::Nothing),
        _ => {
            let note = "the file is the database of another program, and was left as it is";
            Err(Failure::new(ErrorKind::InvalidConfig, note))
        }
    }
}

fn not_a_database(error: rusqlite::Error) -> Failure {
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        let note = "the file is no SQLite database, and was left as it is";
        return Failure::new(ErrorKind::InvalidConfig, note).because(error);
    }
    error.into()
}

/// Makes the tables, unless another process does so first.
pub(super) fn create(connection: &mut Connection) -> Result<(), Failure> {
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    let change = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    if recognise(&change)? == Content::Nothing {
        change.execute_batch(TABLES)?;
        change.pragma_update(None, "user_version", FORMAT)?;
        change.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(change.commit()?)
}

/// Adds the column of checksums to a file of before, unless another process does so first.
pub(super) fn add_sums(connection: &mut Connection) -> Result<(), Failure> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if Sums::look(&change, true)? == Sums::Absent {
        change.execute_batch("ALTER TABLE bigarrays_keys ADD COLUMN sums BLOB")?;
    }
    Ok(change.commit()?)
}

/// Puts the file in WAL mode, for good. Where there is no shared memory, SQLite stays with its
/// other journal: slower, and just as safe.
pub(super) fn use_wal(connection: &Connection, patience: Duration) -> Result<(), Failure> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    let begun = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            // For this lock SQLite does not wait by itself.
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < patience =>
            {
                thread::sleep(Duration::from_millis(2));
            }
            done => return Ok(done?),
        }
    }
}
