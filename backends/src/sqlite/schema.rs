//! The tables, and whether a database is one of ours.

use rusqlite::{Connection, TransactionBehavior};

/// `bigA`.
const APPLICATION_ID: i32 = 0x6269_6741;
const USER_VERSION: i32 = 1;

/// What a database is.
#[derive(PartialEq)]
pub(super) enum Kind {
    Empty,
    Ours,
    /// Of a later version of ours.
    Newer(i32),
    Foreign,
}

pub(super) fn kind(connection: &Connection) -> rusqlite::Result<Kind> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if application == APPLICATION_ID {
        return Ok(if version > USER_VERSION { Kind::Newer(version) } else { Kind::Ours });
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = application == 0 && version == 0 && tables == 0;
    Ok(if empty { Kind::Empty } else { Kind::Foreign })
}

/// Makes the tables in an empty database; does nothing if somebody else was faster.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    // Only an empty database can change its page size, and only before it is in WAL mode. Values
    // are 16 KiB to 1 MiB: larger pages mean shorter chains of overflow pages.
    connection.pragma_update(None, "page_size", 16384)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if kind(&transaction)? == Kind::Empty {
        transaction.execute_batch(
            r#"CREATE TABLE "values" (
                   id INTEGER PRIMARY KEY,
                   key TEXT NOT NULL UNIQUE,
                   version INTEGER NOT NULL,
                   content_encoding TEXT NOT NULL,
                   value BLOB NOT NULL
               );
               CREATE TABLE counter (
                   id INTEGER PRIMARY KEY CHECK (id = 1),
                   version INTEGER NOT NULL
               );
               INSERT INTO counter VALUES (1, 0);"#,
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", USER_VERSION)?;
    }
    transaction.commit()
}
