//! One small trait turns any key-value store into an n-dimensional array.
//!
//! A volume of any size is cut into chunks; each chunk is one value in a key-value store; an
//! `info` document beside them says what they mean (the neuroglancer *precomputed* format, so
//! that neuroglancer, CloudVolume and TensorStore open the same data). This crate has everything
//! between a store and an `ndarray`:
//!
//! | room | what lives there |
//! |---|---|
//! | [`mod@array`] | [`BigArray`]: cutouts of any box, chunk-aligned and unaligned writes |
//! | [`backend`] | [`KeyValueBackend`]: what a store is |
//! | [`memory`] | [`MemoryBackend`](memory::MemoryBackend): the reference store |
//! | [`wrap`] | stores around stores: prefix, caches, limit, layers, retry, trace, fault |
//! | [`geometry`] | boxes and the chunk grid |
//! | [`element`] | data types |
//! | [`codec`], [`transport`] | what chunks look like as bytes |
//! | [`shard`] | many values in one file |
//! | `conformance` | the suite that proves a store right (feature `conformance`) |
//!
//! It has no engine, no network and no async runtime. Stores live in `bigarrays-backends`;
//! `bigarrays` puts all of it behind one door and opens URLs.
//!
//! # Why one trait
//! Local stores block and remote stores do not. Two traits, or a blocking copy beside an
//! asynchronous one, would double every wrapper, engine and test. Instead a store *declares*
//! which kind it is, and the engine crosses the border once per array call: a blocking store is
//! called on the engine's threads, an asynchronous one is polled with many requests in flight.

pub mod array;
pub mod backend;
mod chunk_store;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;

pub mod element;
mod error;
pub mod geometry;
mod huge_pages;
mod kept;
pub mod key;
pub mod memory;
pub mod shard;
mod sync;
pub mod transport;
pub mod wrap;

pub use array::{
    BigArray, BigArrayBuilder, ChunkCache, Cutout, MemoryOrder, OnMissing, OutOfBounds, Progress,
    ScaleSelector, TypedArray, Unaligned,
};
pub use backend::{DynBackend, KeyValueBackend, KeyValueBackendExt};
pub use bigarrays_info::{DataType, Encoding, Scale, VolumeInfo, VolumeType};
pub use bytes;
pub use element::{DynArray, Element, Number};
pub use error::{Error, Result, UnalignedBox};
pub use geometry::BoundingBox;
pub use key::{Key, Prefix};
pub use ndarray;
pub use transport::Transport;
