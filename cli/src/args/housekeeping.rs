//! What can be asked about volumes as they are: listing, counting, describing.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use crate::chunks::ShardedArg;
use crate::values::{BoxArg, ByteCount, Size, Url};

/// What `ls` takes.
#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// A store, or a place in one.
    pub(crate) url: Url,
    /// List all values below it, and not only what lies in the place itself.
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Show bytes, too.
    #[arg(long, short)]
    pub(crate) long: bool,
}

/// What `du` takes.
#[derive(Debug, Args)]
pub(crate) struct DuArgs {
    /// The volume.
    pub(crate) url: Url,
}

/// What `stats` takes.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// The volume.
    pub(crate) url: Url,
    /// The box x0:x1,y0:y1,z0:z1, half-open [default: the whole scale].
    #[arg(long = "box", value_name = "BOX")]
    pub(crate) bbox: Option<BoxArg>,
    /// Which scale: an index, a key, or a resolution x,y,z [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
    /// Count only voxels of stored chunks; others are of the fill value 0.
    #[arg(long)]
    pub(crate) stored: bool,
    /// Show a histogram of so many bins between the smallest and the greatest value.
    #[arg(long, value_name = "BINS")]
    pub(crate) histogram: Option<NonZeroUsize>,
    /// Count the different values; the most frequent ones are shown.
    #[arg(long)]
    pub(crate) unique: bool,
    /// Write all different values and their voxels to a file, a line `value,voxels` each.
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// Memory for chunks, and for different values: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) memory: ByteCount,
}

/// What changes a description.
#[derive(Debug, Subcommand)]
pub(crate) enum InfoVerb {
    /// Change fields of the description that say nothing of how voxels are stored.
    ///
    /// Of the volume: type, mesh, skeletons, segment_properties, and any field that is not part
    /// of the format. With --scale, of a scale: resolution, hidden, jpeg_quality, png_level, and
    /// other fields. A value is JSON, or else a text; NAME= removes a field.
    Set(SetArgs),
    /// Add an empty coarser scale.
    AddScale(AddScaleArgs),
    /// Lock a scale, or all: it cannot be written then.
    Lock(LockArgs),
    /// Unlock a scale, or all.
    Unlock(LockArgs),
}

/// What `info set` takes.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Fields and their values.
    #[arg(value_name = "NAME=VALUE", required = true)]
    pub(crate) fields: Vec<String>,
    /// Of this scale: an index, a key, or a resolution x,y,z.
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
}

/// What `info add-scale` takes.
#[derive(Debug, Args)]
pub(crate) struct AddScaleArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Voxels of scale 0 that become one of the new scale.
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) factor: Size,
    /// Voxels of a chunk [default: as in scale 0].
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) chunk: Option<Size>,
    /// Pack its chunks into shards. PARAMS as those of `create`.
    #[arg(
        long,
        value_name = "PARAMS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto"
    )]
    pub(crate) sharded: Option<ShardedArg>,
}

/// What `info lock` and `info unlock` take.
#[derive(Debug, Args)]
pub(crate) struct LockArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Only this scale: an index, a key, or a resolution x,y,z [default: all].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
}

/// What `completions` takes.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

/// What `man` takes.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder for the pages, one for each command; made if it is not there.
    pub(crate) folder: PathBuf,
}
