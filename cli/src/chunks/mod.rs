//! What the options say about chunks: encoding, quality, sharding, compression.

mod compress;
mod encoding;
mod format;
mod parameters;
mod quality;
mod sharding;
mod shards;

pub(crate) use compress::{CompressArg, compressing};
pub(crate) use encoding::encodings;
pub(crate) use format::{check, describe};
pub(crate) use parameters::{parameters, words};
pub(crate) use quality::QualityArg;
pub(crate) use sharding::ShardedArg;
pub(crate) use shards::Shards;
