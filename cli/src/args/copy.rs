//! What can be asked of copies.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::Format;
use crate::chunks::CompressArg;
use crate::values::{BoxArg, ByteCount, Size, Url};

/// What `copy` takes.
#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    pub(crate) what: CopyWhat,
    #[command(flatten)]
    pub(crate) resume: Resume,
    /// Copy only share I of N, counted from 0: shares have no chunk and no shard in common.
    #[arg(long, value_name = "I/N")]
    pub(crate) part: Option<Part>,
    /// Read both volumes at the end and compare all voxels.
    #[arg(long)]
    pub(crate) verify: bool,
}

/// What `plan` takes.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) what: CopyWhat,
    /// How many shares.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) parts: u64,
}

/// How long work goes on after it was interrupted.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Go on where the same command was interrupted.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Where the journal lies [default: in $BIGARRAYS_STATE, else bigarrays in $XDG_STATE_HOME or
    /// ~/.local/state].
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
}

/// What is copied, and what becomes of it.
#[derive(Debug, Args)]
pub(crate) struct CopyWhat {
    /// The volume to copy.
    pub(crate) source: Url,
    /// The volume to copy to; made if there is none.
    pub(crate) target: Url,
    /// Only the box x0:x1,y0:y1,z0:z1, half-open, of one scale. A new target is as large as it.
    #[arg(long = "box", value_name = "BOX")]
    pub(crate) bbox: Option<BoxArg>,
    /// Only one scale: an index, a key, or a resolution x,y,z [default: all; with --box 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
    /// Voxels of a chunk of the target [default: as in the source].
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) chunk: Option<Size>,
    #[command(flatten)]
    pub(crate) format: Format,
    /// Store each chunk by itself, also if the source has shards.
    #[arg(long, conflicts_with = "sharded")]
    pub(crate) unsharded: bool,
    /// Compress each chunk as it is stored: none, gzip, br, zstd or auto, or with a level, such as
    /// gzip:6 [default: as the source's chunks are].
    #[arg(long, value_name = "NAME[:LEVEL]")]
    pub(crate) compress: Option<CompressArg>,
    /// Write a box that is not aligned to the target's chunks, by read-modify-write.
    #[arg(long)]
    pub(crate) unaligned: bool,
    /// Memory for voxels and chunks, however large the volume: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) memory: ByteCount,
    /// Threads [default: one per core].
    #[arg(long, value_name = "J")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
}

/// A share of the tasks, `I/N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) index: u64,
    pub(crate) of: u64,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a share such as 0/4 is needed, counted from 0".to_owned();
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let (Ok(index), Ok(of)) = (index.parse(), of.parse()) else { return Err(wrong()) };
        if index < of { Ok(Self { index, of }) } else { Err(wrong()) }
    }
}
