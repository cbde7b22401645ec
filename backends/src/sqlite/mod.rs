//! `sqlite`: one SQLite file that holds many volumes.
//!
//! | | |
//! |---|---|
//! | atomicity | each put, and each batch of puts or deletes, is one transaction |
//! | durability | a committed transaction survives a power cut (`synchronous = FULL`) |
//! | compare-and-swap | across threads and processes, inside the transaction |
//! | concurrency | one writer at a time, others wait for up to 60 s; readers are never blocked (WAL) |
//! | limits | a value has at most 1,000,000,000 bytes (SQLite's own limit) |
//!
//! # File format
//! An SQLite database with the application id `0x62696741` (`bigA`) and the user version 1:
//!
//! ```sql
//! CREATE TABLE "values" (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
//!     content_encoding TEXT NOT NULL, value BLOB NOT NULL);
//! CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
//! ```
//!
//! `content_encoding` is HTTP's token, empty for none. Each written value takes the next number of
//! `counter`, so that a version never returns, also after a delete. A large value comes last in
//! its row, so that listing reads no value, and the table has row numbers, so that the index of
//! keys stays small.

mod connection;
mod error;
mod options;
mod schema;
mod store;

pub use options::{SqliteBackend, SqliteBuilder};
