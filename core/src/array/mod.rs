//! The array engine: a volume of chunks in a store, read and written as `ndarray`s.
//!
//! | room | what it does |
//! |---|---|
//! | `big_array` | [`BigArray`]: one scale of one volume, and what it knows of itself |
//! | `builder` | [`BigArrayBuilder`]: opening and creating, and every option |
//! | `options` | the options' types and defaults |
//! | `plan` | pure: which part of which chunk goes into which window of the result |
//! | `chunk_cache` | [`ChunkCache`]: decoded chunks, kept from one read to the next |
//! | `drive` | the only concurrency: jobs under a budget of threads and bytes |
//! | `read`, `points`, `visit`, `write`, `update`, `remove`, `missing` | one verb each |
//! | `copy` | [`Copier`]: a scale of one volume into that of another |
//! | `pyramid` | [`Downsampler`]: coarser scales of a volume |
//! | `tasks`, `put` | what copies and pyramids share: tasks, and putting what they made |
//! | `verify` | looking for damage in all that is stored |
//! | `scatter` | voxels between chunks and windows of any strides |
//! | `typed` | the same verbs with the element type fixed once |
//! | `nonblocking` | the same verbs for callers inside an async runtime |

mod big_array;
mod builder;
mod chunk_cache;
mod copy;
mod drive;
mod fetch;
mod missing;
#[cfg(feature = "tokio")]
mod nonblocking;
mod options;
mod plan;
mod points;
mod put;
mod pyramid;
mod read;
mod remove;
mod scatter;
mod shard_kept;
mod shard_read;
mod shard_write;
mod tasks;
mod transpose;
mod typed;
mod update;
mod verify;
mod visit;
mod write;

pub use big_array::BigArray;
pub use builder::BigArrayBuilder;
pub use chunk_cache::{ChunkCache, DEFAULT_CHUNK_CACHE};
pub use copy::{Copier, CopyOptions, CopyWay};
pub use missing::MissingChunk;
pub use options::{
    DEFAULT_MEMORY, MemoryOrder, OnMissing, OutOfBounds, Progress, ScaleSelector, Unaligned,
};
pub use put::{Copied, OnAbsent};
pub use pyramid::{Downsampler, LARGEST_WINDOW, Mean, Method, Pooling, PyramidOptions, pool};
pub use read::Cutout;
pub use typed::TypedArray;
pub use verify::{Checkpoint, Finding, VerifyOptions, VerifyReport, VerifyWatch};
