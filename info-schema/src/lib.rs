//! The neuroglancer precomputed `info` document: read leniently, written strictly.
//!
//! A precomputed volume is described by one JSON document named `info`. Many programs have
//! written it over the years, each a little differently, so this crate follows three rules:
//!
//! - **Reading forgives.** Missing `@type` and `voxel_offset`, integers spelt `64.0` or `"64"`,
//!   names in capitals, `null` for an absent key: all understood. What is understood but odd is
//!   reported as a warning beside the result ([`Parsed::warnings`]).
//! - **Writing does not.** [`VolumeInfo::to_json`] refuses a document that breaks the
//!   specification, and names every problem with its JSON path.
//! - **Nothing is lost.** Keys not known here are kept and written back where they stood.
//!
//! ```
//! use bigarrays_info::{DataType, VolumeInfo};
//!
//! let info = VolumeInfo::builder(DataType::Uint8, [1000, 800, 40])
//!     .resolution([8.0, 8.0, 40.0])
//!     .chunk_size([64, 64, 16])
//!     .build()?;
//! assert_eq!(info.scales[0].key, "8_8_40");
//! assert_eq!(info.scales[0].grid_size(), [16, 13, 3]);
//!
//! let bytes = info.to_json()?;
//! assert_eq!(VolumeInfo::parse(&bytes)?.info, info);
//! # Ok::<(), bigarrays_info::InfoError>(())
//! ```
//!
//! The crate knows nothing of stores and of chunks' bytes. The same
//! rules stand as a JSON Schema in [`JSON_SCHEMA`], for other programs and editors; a test keeps
//! the two in agreement.

mod add_scale;
mod builder;
mod choose;
mod data_type;
mod draft;
mod encoding;
mod error;
mod info;
mod kind;
mod parse;
mod problems;
mod scale;
mod serde_impl;
mod sharding;
mod validate;
mod value;
mod write;

pub use builder::VolumeInfoBuilder;
pub use choose::{ShardLimit, ShardingChoice, ShardingGoal};
pub use data_type::{DataType, VolumeType};
pub use encoding::Encoding;
pub use error::{InfoError, Problem, Severity, UnknownName};
pub use info::{Document, Parsed, VolumeInfo};
pub use scale::{Scale, resolution_key};
pub use sharding::{ShardEncoding, ShardHash, Sharding};
pub use validate::MAX_CHUNK_BYTES;

/// The JSON Schema (draft 2020-12) of the documents that are accepted and written here.
///
/// It cannot express sums, products and comparisons: that `voxel_offset + size` fits 64 bits, that
/// a chunk is at most [`MAX_CHUNK_BYTES`], that a compressed segmentation block holds fewer than
/// 2^32 voxels, that shard bits and chunk ids are 64 bits at most, that scale keys differ. Reading
/// and [`VolumeInfo::validate`] check those too.
pub const JSON_SCHEMA: &str = include_str!("../schema/volume_info.json");
