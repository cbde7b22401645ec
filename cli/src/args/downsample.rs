//! What can be asked of pyramids.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use super::{Part, Resume};
use crate::chunks::{CompressArg, ShardedArg};
use crate::values::{ByteCount, Size, Url};

/// What a window of voxels becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodArg {
    /// mean for images, mode for segmentations.
    Auto,
    /// The mean; of integers rounded toward zero.
    Mean,
    /// The most frequent value.
    Mode,
    /// The smallest value.
    Min,
    /// The greatest value.
    Max,
    /// The first voxel.
    Stride,
}

/// What `downsample` takes.
#[derive(Debug, Args)]
pub(crate) struct DownsampleArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Voxels of one scale that become one of the next.
    #[arg(long, value_name = "X,Y,Z", default_value = "2,2,1")]
    pub(crate) factor: Size,
    /// How many scales to make [default: until a scale fits into one chunk].
    #[arg(long, value_name = "N")]
    pub(crate) scales: Option<usize>,
    /// What a window of voxels becomes.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) method: MethodArg,
    /// Zeros are background: they count for mean and mode only where there is nothing else.
    #[arg(long)]
    pub(crate) sparse: bool,
    /// The scale to begin with: an index, a key, or a resolution x,y,z [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
    /// Pack the chunks of new scales into shards [default: where the finest scale has them].
    ///
    /// PARAMS as those of `create`.
    #[arg(
        long,
        value_name = "PARAMS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto"
    )]
    pub(crate) sharded: Option<ShardedArg>,
    /// Compress each chunk as it is stored: none, gzip, br, zstd or auto, or with a level, such as
    /// gzip:6 [default: as the finer scale's chunks are].
    #[arg(long, value_name = "NAME[:LEVEL]")]
    pub(crate) compress: Option<CompressArg>,
    /// Memory for voxels and chunks, however large the volume: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) memory: ByteCount,
    /// Threads [default: one per core].
    #[arg(long, value_name = "J")]
    pub(crate) jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) resume: Resume,
    /// Do only share I of N, counted from 0, of the scales that one pass can make.
    ///
    /// Shares have no chunk and no shard in common. Scales that need another pass are left; run
    /// the command again, with --scale, when all shares are done.
    #[arg(long, value_name = "I/N")]
    pub(crate) part: Option<Part>,
}
