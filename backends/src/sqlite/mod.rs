//! An SQLite file as a store: [`SqliteBackend`], in which a value is a row.
//!
//! One file holds a whole volume: to copy, to send, to open with anything that has SQLite.
//!
//! ```
//! use bigarrays_backends::SqliteBackend;
//! use bigarrays_core::backend::{KeyValueBackendExt, wait};
//! use bigarrays_core::Key;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("volume.db");
//! let store = SqliteBackend::open(&path)?;
//! wait(store.put_always(&Key::new("8_8_40/0-64_0-64_0-64")?, "chunk"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//! - **Atomic.** A put is a transaction, and so is a whole batch of puts or deletes: all of it is
//!   done or nothing.
//! - **Durability** is chosen by [`Synchronous`]; by default what was reported done survives a
//!   power cut.
//! - **Compare-and-swap** holds between threads and processes of one machine: a condition is
//!   checked inside the transaction that writes.
//! - **Versions** are numbers that the file gives out once, also after deletes.
//! - **Concurrency.** The file is in WAL mode: readers do not wait for writers, nor writers for
//!   readers. Writers wait for each other, those of other processes at most for
//!   [`SqliteOptions::busy_timeout`], after which a put fails as `Transient`. Network file
//!   systems have no shared memory and mostly broken locks: the file belongs on a local disk.
//! - **Sizes.** Values are stored in pieces of 1 MiB: a range costs the same at the end of a long
//!   value as at its beginning, and there is no longest value but what memory holds.
//! - **Checksums.** Beside each value is a CRC32C of each of its blocks of 64 KiB. Every byte that is
//!   read is checked with its block. What does not match is an error of kind `Corrupt` that names
//!   the key. [`SqliteOptions::checksums`] turns it off.
//!
//! # Files
//! While the file is open, `FILE-wal` and `FILE-shm` stand beside it. The last store that closes
//! it moves the log into the file and removes both; after a kill or a power cut, the next that
//! opens it does. Until then they belong to the file: whoever copies it must copy `FILE-wal` too.
//! Deleted values leave room in the file that later ones use; `VACUUM` makes it smaller.
//!
//! # Format
//! `PRAGMA application_id` is `0x62696741` (`bigA`), `PRAGMA user_version` is 1, and the text
//! encoding is UTF-8.
//!
//! ```sql
//! CREATE TABLE bigarrays_keys (
//!     key TEXT PRIMARY KEY NOT NULL,
//!     version INTEGER NOT NULL,       -- the row of the value's first piece
//!     size INTEGER NOT NULL,          -- in bytes
//!     content_encoding TEXT NOT NULL, -- as in HTTP: '', 'gzip', 'br', 'zstd', 'xz', 'bzip2'
//!     sums BLOB                       -- of the blocks; may be null
//! ) STRICT, WITHOUT ROWID;
//! CREATE TABLE bigarrays_values (
//!     version INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
//!     value BLOB NOT NULL
//! ) STRICT;
//! ```
//!
//! A value of more than 1 MiB (1 048 576 bytes) is cut into pieces of that length, which are rows
//! with consecutive numbers. `sums` is the value's version in eight bytes and then, in four, the CRC32C
//! of each 65 536 bytes of it, the last of which may be fewer (of an empty value: one of nothing), all
//! little-endian. Where
//! it is null, or its version is not that of the row, nothing is known of the value's checksums: so
//! a program that does not know the column may write to the file. Files of before have no such
//! column; who opens one for writing, and wants checksums, adds it, and values that are written
//! from then on have them.
//!
//! Keys and values are apart so that a listing, or a look at sizes,
//! reads pages full of keys and none of the values; finding a value costs no more than through an
//! index. For a look from outside there is a view of both, `bigarrays`, in which values over
//! 1 MiB are null:
//!
//! ```sh
//! sqlite3 volume.db "SELECT value FROM bigarrays WHERE key = 'info'"
//! ```

mod failure;
mod frozen;
mod options;
mod pool;
mod read;
mod schema;
mod store;
mod sums;
mod value;
mod write;

pub use options::{SqliteOptions, Synchronous};
pub use store::SqliteBackend;

/// What this store promises.
pub const FACTS: crate::StoreFacts = crate::StoreFacts {
    feature: "sqlite",
    schemes: &["sqlite"],
    what: "one file; a value is a row, with a checksum",
    atomicity: "transaction, a batch as a whole",
    durability: "a power cut, by default",
    compare_and_swap: "between threads and processes of one machine",
    concurrency: "readers never wait; one writer at a time",
    limits: "local disks only",
    needs: "a C compiler",
};
