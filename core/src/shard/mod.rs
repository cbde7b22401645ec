//! Many values in one file: the container `neuroglancer_uint64_sharded_v1`.
//!
//! Source: the neuroglancer *precomputed* sharded format. A value has a 64-bit id. Its hash says
//! in which *shard*, a file, it lies and in which *minishard* of that file ([`Place`]). A file
//! begins with an index of its minishards; each of these has an index of its ids (`format.rs`).
//! So a value is found with three reads, of which the first two are kept ([`ShardStore`]).
//!
//! Nothing here knows what a value is: chunks of volumes have Morton codes as ids
//! ([`MortonCode`](crate::geometry::MortonCode)); meshes and annotations bring their own.
//!
//! # Writing
//! The format has no way to change a file in place. A file is built in memory and put once; one
//! that has other values too is read, merged and put back on condition that nobody else changed
//! it meanwhile. While a shard is written it is in memory once, as it is stored; for a merge its
//! old form is there too.

mod cache;
mod check;
mod error;
mod file;
mod format;
mod place;
mod read;
mod store;
mod write;

pub use error::ShardError;
pub use format::Entry;
pub use place::{Place, file_name, hash, parse_file_name};
pub use store::{DEFAULT_INDEX_CACHE, ShardMeta, ShardStore};

pub(crate) use check::{Checked, words};
pub(crate) use file::{GZIP_LEVEL, content_encoding, shard_index_len};
pub(crate) use read::{ATTEMPTS, Opened};
pub(crate) use write::{Change, Old};
