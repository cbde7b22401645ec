//! A RocksDB database as a store: [`RocksDbBackend`], in which a value is a numbered piece.
//!
//! A directory of few large files holds a whole volume, however many chunks it has. Threads write
//! at the same time, and what they put is gathered in memory and in one log.
//!
//! ```
//! use bigarrays_backends::rocksdb::RocksDbBackend;
//! use bigarrays_core::backend::{KeyValueBackendExt, wait};
//! use bigarrays_core::Key;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("volume");
//! let store = RocksDbBackend::open(&path)?;
//! wait(store.put_always(&Key::new("8_8_40/0-64_0-64_0-64")?, "chunk"))?;
//! // Another process may read meanwhile.
//! let reader = RocksDbBackend::open_read_only(&path)?;
//! # assert_eq!(wait(reader.get_bytes(&Key::new("8_8_40/0-64_0-64_0-64")?))?.unwrap(), "chunk");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//! - **Atomic.** A put is a transaction, and so is a whole batch of puts or deletes: all of it is
//!   done or nothing.
//! - **Durability** is chosen by [`Durability`]; by default what was reported done survives a
//!   power cut. At every level it survives a killed process.
//! - **Compare-and-swap** holds between all threads of the process that writes, through whatever
//!   store; there is no other writer. Each change is an optimistic transaction, which is repeated
//!   when another one was faster.
//! - **Versions** are numbers that the database gives out once, also after deletes and restarts.
//! - **One process writes.** A second one is refused with an error of kind `Transient` that says
//!   so. Within a process all stores on a directory, by whatever path, share one open database,
//!   which is closed with the last of them.
//! - **Any process reads** ([`RocksDbBackend::open_read_only`]), and is in nobody's way: as a
//!   secondary of the writer, which catches up with it before each read. So it sees every put that
//!   was reported done before the read began, one by one and across reads; many threads share the
//!   effort. It costs some system calls a read while nothing is written, and reading all new puts
//!   once while something is. A secondary holds in memory what the writer's log does, three
//!   [write buffers](RocksDbOptions::write_buffer) at most, and finds a file gone, at worst, that
//!   the writer has replaced: it looks again, and after twelve times in vain fails as `Transient`.
//!   What is written by a process with [`Durability::None`] is seen just so.
//! - **Ranges** are read by pieces of 1 MiB. A whole piece is handed out as RocksDB has it in
//!   memory, without a copy, and keeps the database open until the bytes are dropped; less than
//!   half of one, and whatever crosses two of them or comes from a batch, is copied once.
//! - **Checksums.** RocksDB keeps checksums of its blocks; beside each value there is also a CRC32C
//!   of each of its pieces, made of what was put, before RocksDB had it. Every byte that is read is
//!   checked with its piece. What does not match is an error of kind `Corrupt` that names the key.
//!   [`RocksDbOptions::checksums`] turns it off.
//! - **Sizes.** Values up to 1 GiB. Network file systems have mostly broken locks: the directory
//!   belongs on a local disk.
//!
//! # Memory
//! Of each open database: the [caches](RocksDbOptions::cache) (64 MiB), up to three
//! [write buffers](RocksDbOptions::write_buffer) (64 MiB each) and 18 MiB of buffers for keys, and
//! the values that are being put, twice. Values are cached by the operating system. At most
//! [`RocksDbOptions::max_open_files`] files are open.
//!
//! # Files
//! The directory is made by RocksDB and belongs to it; `LOG` holds the options of each opening. A
//! killed writer leaves its log (`*.log`), from which the next opening takes what was reported
//! done. A killed reader leaves a small `bigarrays-rocksdb-*` in the directory of temporary files.
//! Room of deleted and overwritten values is given back when their files are merged, in the
//! background.
//!
//! Tables are written in the format that all versions since 6.6 read. A database that a newer
//! RocksDB wrote otherwise is refused with the advice to build with the crate `rocksdb` 0.25, which
//! brings version 11.8. Versions 11.1 to 11.5 should not be linked: with them, any reader can
//! remove files of a writer (corrected in 11.6, facebook/rocksdb#14881).
//!
//! # Format
//! Three column families, with the order of bytes as the order of keys:
//!
//! | family | key | value |
//! |---|---|---|
//! | `default` | `bigarrays.format` | `1` |
//! | | `bigarrays.versions` | `u64`: the least number that was never set aside |
//! | | `bigarrays.bulk.` and a `u64`, big-endian | `u64`: pieces from the one to before the other were being put |
//! | `keys` | the key | `u8` 2, `u8` content encoding, six zeros, `u64` version, `u64` size, a `u32` for each piece |
//! | `values` | `u64` big-endian: a number | a piece |
//!
//! Numbers are little-endian but for the keys of pieces. Content encodings are 0 none, 1 gzip,
//! 2 br, 3 zstd, 4 xz, 5 bzip2. A value is cut into pieces of 1 MiB (1 048 576 bytes), which have
//! consecutive numbers; the first is the version. An empty value has a number and no piece. The
//! `u32` are the CRC32C of the pieces. A record that begins with 1 ends with the size: so are those
//! of before, and of values that were written without checksums.
//!
//! Keys and values are apart so that a listing, or a look at sizes, reads no values; and pieces
//! have ascending numbers so that a value is written to the log, once to a file, and seldom again,
//! in whatever order chunks come. A large put or batch ([`RocksDbOptions::bulk`]) is not written to
//! the log at all: its pieces are moved into files first, and told by their keys then. RocksDB's blob files were made for that, too, but no secondary
//! can read them (`tuning.rs` says more).

mod bulk;
mod database;
mod failure;
mod follow;
mod layout;
mod options;
mod places;
mod read;
mod record;
mod store;
mod sums;
mod temporary;
mod tuning;
mod value;
mod versions;
mod write;

pub use options::{Compression, Durability, Reading, RocksDbOptions};
pub use store::RocksDbBackend;

/// What this store promises.
pub const FACTS: crate::StoreFacts = crate::StoreFacts {
    feature: "rocksdb",
    schemes: &["rocksdb"],
    what: "a RocksDB directory; a value is a numbered piece, with a checksum",
    atomicity: "transaction, a batch as a whole",
    durability: "a power cut, by default",
    compare_and_swap: "between threads; only one process writes",
    concurrency: "one process writes, any process reads and never waits",
    limits: "values to 1 GiB; local disks only",
    needs: "libclang; RocksDB 7.8 (crate 0.20), or a C++20 compiler",
};
