//! `fs`: a directory tree, one file a value, read alike by CloudVolume and TensorStore.
//!
//! | | |
//! |---|---|
//! | atomicity | a value is written under a temporary name and renamed: whole-old or whole-new for every reader, also after a kill |
//! | durability | an option, [`Durability`]; default [`Batch`](Durability::Batch) |
//! | compare-and-swap | across threads and processes, under `flock` on the value's directory; refused by type where the file system has no `flock` |
//! | concurrency | any number of readers and writers |
//! | limits | a component of a key has at most 255 bytes, with its suffix; names beginning `.bigarrays-` are the store's own; a key cannot be both a file and a directory |
//!
//! A compressed value lies under its key with CloudVolume's suffix ([`CompressedNames`]); a plain
//! one under its bare key. The *version* of a value is made of its file's inode, size and
//! modification time in nanoseconds, which each writer sets to a moment that it never used before;
//! a file system that keeps coarser times makes compare-and-swap as coarse.

mod lock;
mod options;
mod path;
mod put;
mod store;
mod version;
mod walk;

pub use options::{CompressedNames, Durability, FsBuilder};
pub use store::FsBackend;
