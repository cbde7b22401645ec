//! Every reader of stored bytes faces hostile ones.
//!
//! One harness, used twice: by the fuzz targets in `fuzz/`, which invent inputs, and by
//! `tests/hostile.rs`, which replays the corpus of those targets. An input of a chunk target is a
//! head of [`HEAD`] bytes that says what the volume's `info` would say ([`Input`] has its layout),
//! and then the stored stream.
//!
//! | entry | what must hold |
//! |---|---|
//! | [`chunk`] | no panic, the right length, bounded memory, a window equal to that part of the whole |
//! | [`round_trip`] | what is encoded is within the promised length, decodes, and equal where lossless |
//! | [`transport`] | never more than the limit, bounded memory |
//! | [`shard`] | both ways to read a shard agree, bounded memory |
//! | [`info`] | no panic, what can be written reads back equal |
//! | [`chunk_name`] | no panic, what is a name is written back the same |
//! | [`files`] | foreign files as sources of an import, and a database: no panic, bounded memory |
//! | [`texts`] | keys, URLs, arguments, old layouts: no panic, no secret is shown |
//! | [`doors`] | what stores read of servers and files, by doors in their crate |
//!
//! A broken promise is a panic, since that is what a fuzzer and a test both notice.

mod bound;
mod chunk;
mod documents;
pub mod doors;
pub mod files;
mod input;
mod shard;
pub mod texts;
mod transport;

pub use bound::Bound;
pub use chunk::{Outcome, chunk, round_trip};
pub use documents::{chunk_name, info};
pub use input::{HEAD, Input, is_lossless};
pub use shard::shard;
pub use transport::transport;

use bigarrays_core::Encoding;

/// Every target: the folder of its inputs in `fuzz/corpus`, and what faces them.
pub const TARGETS: [(&str, Entry); 36] = [
    ("raw", Entry::Chunk(Encoding::Raw)),
    ("jpeg", Entry::Chunk(Encoding::Jpeg)),
    ("png", Entry::Chunk(Encoding::Png)),
    ("jxl", Entry::Chunk(Encoding::Jxl)),
    ("compressed_segmentation", Entry::Chunk(Encoding::CompressedSegmentation)),
    ("compresso", Entry::Chunk(Encoding::Compresso)),
    ("crackle", Entry::Chunk(Encoding::Crackle)),
    ("fpzip", Entry::Chunk(Encoding::Fpzip)),
    ("kempressed", Entry::Chunk(Encoding::Kempressed)),
    ("zfpc", Entry::Chunk(Encoding::Zfpc)),
    ("gzip", Entry::Chunk(Encoding::Gzip)),
    ("zstd", Entry::Chunk(Encoding::Zstd)),
    ("blosclz", Entry::Chunk(Encoding::Blosclz)),
    ("round_trip", Entry::Other(any_round_trip)),
    ("transport", Entry::Other(transport)),
    ("shard", Entry::Other(shard)),
    ("info", Entry::Other(info)),
    ("chunk_name", Entry::Other(chunk_name)),
    ("key", Entry::Other(texts::key)),
    ("url", Entry::Other(texts::url)),
    ("old_layout", Entry::Other(texts::old_layout)),
    ("arguments", files::ARGUMENTS),
    ("import_npy", files::NPY),
    ("import_tiff", files::TIFF),
    ("import_nifti", files::NIFTI),
    ("import_png", files::PNG),
    ("sqlite", files::SQLITE),
    ("h5_file", doors::H5_FILE),
    ("h5_config", doors::H5_CONFIG),
    ("h5_name", doors::H5_NAME),
    ("sections", doors::SECTIONS),
    ("http_answer", doors::HTTP_ANSWER),
    ("s3_answer", doors::S3_ANSWER),
    ("s3_credentials", doors::S3_CREDENTIALS),
    ("gcs_answer", doors::GCS_ANSWER),
    ("gcs_credentials", doors::GCS_CREDENTIALS),
];

/// What faces the inputs of a target.
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    /// [`chunk`], of one encoding.
    Chunk(Encoding),
    /// Anything else.
    Other(fn(&[u8])),
    /// Left out of this build: the feature that has it.
    Absent(&'static str),
}

/// Runs one input of the target of this name.
///
/// # Panics
/// If there is no such target, or if the input breaks a promise.
pub fn run(target: &str, input: &[u8]) {
    match TARGETS.into_iter().find(|(name, _)| *name == target) {
        Some((_, Entry::Chunk(encoding))) => {
            chunk(encoding, input);
        }
        Some((_, Entry::Other(entry))) => entry(input),
        Some((_, Entry::Absent(_))) => {}
        None => unreachable!("there is no target {target}"),
    }
}

/// The first byte chooses the encoding.
fn any_round_trip(input: &[u8]) {
    if let Some((chosen, input)) = input.split_first() {
        round_trip(Encoding::ALL[usize::from(*chosen) % Encoding::ALL.len()], input);
    }
}
