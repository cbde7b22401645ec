//! The command line: what can be asked. The doc comments here are the `--help` texts.

mod copy;
mod downsample;
mod housekeeping;
#[cfg(feature = "server")]
mod serve;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use bigarrays::info::{DataType, Encoding, VolumeType};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::chunks::{CompressArg, QualityArg, ShardedArg, encodings};
use crate::values::{Age, BoxArg, ByteCount, Factor, Point, Size, Url};

pub(crate) use copy::{CopyArgs, CopyWhat, Part, PlanArgs, Resume};
pub(crate) use downsample::{DownsampleArgs, MethodArg};
pub(crate) use housekeeping::{
    AddScaleArgs, CompletionsArgs, DuArgs, InfoVerb, LockArgs, LsArgs, ManArgs, SetArgs, StatsArgs,
};
#[cfg(feature = "server")]
pub(crate) use serve::{CorsArg, PageArg, ServeArgs, ServedArg, ViewArgs};

/// Any key-value store as an n-dimensional array.
///
/// Creates, imports, cuts out and writes neuroglancer precomputed volumes of any
/// size, in any store. A URL names a volume:
///
///   PATH, file:///PATH             a directory tree (?durability=none|batch|each)
///   sqlite:///PATH.db              an SQLite file
///   rocksdb:///PATH                a RocksDB directory
///   h5:///DIR, h5:///FILE.h5       HDF5 cuboid files; one dataset (?dataset=/NAME)
///   sections:///DIR                aligned 2-D HDF5 sections
///   s3://BUCKET/PATH               S3 (?endpoint=URL&region=NAME&anonymous=true)
///   gs://BUCKET/PATH               Google Cloud Storage
///   az://CONTAINER/PATH            Azure Blob Storage
///   https://HOST/PATH              files behind a web server, read only
///   mem://NAME                     memory, gone when the process ends
///
/// Any of them takes ?prefix=NAME, a place inside the store. SQLite and RocksDB keep
/// checksums of values (?checksums=false: not), others with ?checksums=true. Behind one that is far
/// away, ?cache=FOLDER keeps what is read in a folder (?cache= in that of
/// `bigarrays cache`), up to &cache-size=10G. Every read asks whether it is still the
/// same, unless &cache-age=SECONDS|forever.
///
/// `bigarrays stores` tells which are compiled in and what each of them promises.
///
/// Coordinates are voxels x,y,z of the chosen scale; boxes are half-open.
#[derive(Debug, Parser)]
#[command(name = "bigarrays", version, max_term_width = 80, verbatim_doc_comment)]
#[command(
    after_help = "Defaults of --memory, --jobs, --compress, --journal, --json and --quiet come from variables such as BIGARRAYS_MEMORY=1G, or else from the tables [all] and [COMMAND] of ~/.config/bigarrays/config.toml ($BIGARRAYS_CONFIG), such as memory = \"1G\".\n\nExit status: 0 done, 1 failed, 2 the command line is not right, 130 interrupted."
)]
pub(crate) struct Cli {
    /// Print facts as JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not show progress (it is shown on a terminal only).
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an empty volume.
    Create(CreateArgs),
    /// Show what a volume is: scales, sizes, bytes, encodings, shards; or change it.
    Info(InfoArgs),
    /// List the volumes, folders and values in a place of a store.
    Ls(LsArgs),
    /// Show how much is stored, scale by scale.
    Du(DuArgs),
    /// Count voxels: smallest, greatest, mean, histogram, labels.
    ///
    /// Every chunk of the box is read once, and decoded in bounded memory; a histogram of types of
    /// more than 16 bits reads them twice.
    Stats(StatsArgs),
    /// Import a file or a folder of images, streamed.
    Import(ImportArgs),
    /// Cut a box out of a volume, or all of it, into a file.
    #[command(visible_alias = "export")]
    Cutout(CutoutArgs),
    /// Show one plane of a volume: in the terminal, or as a PNG.
    ///
    /// Images are shown by contrast; segmentations have a colour for each label, the same as in
    /// the viewer, and black for 0. Planes are xy (with --z), xz (with --y) and yz (with --x, z to
    /// the right); x or z run to the right, y or z downwards.
    ///
    /// In the terminal the picture is as wide as there is room, its sides as long as in
    /// nanometres, and taken from the coarsest scale that is fine enough, unless --scale names
    /// one. It has colours if the terminal has (TERM, COLORTERM) and NO_COLOR is not set. A PNG
    /// has a pixel for each voxel.
    Slice(SliceArgs),
    /// Write an array at a voxel.
    Write(WriteArgs),
    /// Copy a volume, or a part of it, between any two stores.
    ///
    /// Where grid and encoding agree, stored bytes are copied untouched; else chunks are cut,
    /// encoded, compressed or packed into shards anew.
    ///
    /// All scales are copied, or the one of --scale, or a box of one. A target that does not exist
    /// is made, with the source's description but for what the options say. Chunks that the source
    /// does not have are not written, and are deleted from a target that was there before.
    ///
    /// A journal says how far a copy has come: after a kill, the same command with --resume goes
    /// on. Without it a copy begins anew, which does no harm.
    Copy(CopyArgs),
    /// Show how a copy would be done, and its shares for the jobs of a cluster.
    ///
    /// Nothing is copied. A share is what `bigarrays copy --part I/N` does; shares have no chunk
    /// and no shard in common, so they may run at the same time on many machines.
    Plan(PlanArgs),
    /// Make coarser scales of a volume.
    ///
    /// Each scale is made of the one before, several in one pass as far as memory goes. Windows of
    /// voxels are counted from the volume's first voxel; at the far end they have the voxels that
    /// there are. Chunks of which nothing is stored in the finer scale are not made.
    ///
    /// A journal says how far it has come: after a kill, the same command with --resume goes on.
    Downsample(DownsampleArgs),
    /// Print the values of single voxels.
    Points(PointsArgs),
    /// List the chunks that are not stored.
    Missing(MissingArgs),
    /// Look for damage in all that is stored.
    Verify(VerifyArgs),
    /// Look inside shards: of a volume, of meshes, skeletons or annotations.
    Shard(ShardArgs),
    /// Delete chunks, a scale's chunks, or a whole volume.
    Rm(RmArgs),
    /// Remove what killed writers left behind in a store.
    Clean(CleanArgs),
    /// Look at, or empty, the folder in which ?cache= keeps what was read.
    Cache(CacheArgs),
    /// Show which stores there are, and what each of them promises.
    Stores,
    /// Prove that a store keeps its promises, before data is trusted to it.
    CheckStore(CheckStoreArgs),
    /// Show volumes over HTTP, and any store as an S3 bucket.
    ///
    /// Each URL is a volume, or a place above many: a folder, a prefix of a bucket, an SQLite file.
    /// http://HOST/NAME/… are its values as they are stored, for neuroglancer, CloudVolume and
    /// TensorStore; http://HOST/NAME@unsharded/… the chunks of a sharded volume, each by its name;
    /// http://HOST/NAME@pyramid/… coarser scales that are made when they are asked for.
    /// /v1/volumes lists what there is, /v1/NAME/cutout?box=0:64,0:64,0:1&format=png gives a box
    /// (npy, png, tiff, raw), /openapi.json says all of it, /metrics counts, /view/ looks.
    ///
    /// With --s3 each name is a bucket, too, on a port of its own, path style, in any region.
    /// BIGARRAYS_S3_ACCESS_KEY and BIGARRAYS_S3_SECRET_KEY say who may use it, or a file. It only
    /// reads without --writable.
    ///
    /// Ctrl-C and SIGTERM end it when what was asked is answered.
    #[cfg(feature = "server")]
    Serve(ServeArgs),
    /// Look at volumes in the browser: planes, contrast, labels, the same place in neuroglancer.
    ///
    /// Serves them on this machine, and opens the viewer's page, which shows the first image and
    /// the first segmentation; others are added there. Pages of elsewhere cannot read them, but for
    /// the neuroglancer client that the page's button opens. Ctrl-C ends it.
    ///
    /// Over ssh, where there is no browser: bigarrays view URL --bind 127.0.0.1:8080, and on your
    /// machine ssh -L 8080:127.0.0.1:8080 HOST and a browser at the address that is printed. Or
    /// bigarrays slice, which draws in the terminal.
    #[cfg(feature = "server")]
    View(ViewArgs),
    /// Print what completes this command's words in a shell.
    Completions(CompletionsArgs),
    /// Write the manual pages.
    Man(ManArgs),
    /// Show the main job on a small volume made up on the spot.
    Demo(DemoArgs),
}

/// How a new volume is described.
#[derive(Debug, Clone, Args, Default)]
pub(crate) struct Shape {
    /// Voxels of a chunk [default: 64,64,64].
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) chunk: Option<Size>,
    /// The first voxel of the volume; may be negative [default: 0,0,0].
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) offset: Option<Point>,
    /// Nanometres per voxel [default: 1,1,1, or what the source says].
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) resolution: Option<Factor>,
    /// What the voxels are [default: image].
    #[arg(long = "type", value_name = "image|segmentation")]
    pub(crate) volume_type: Option<VolumeType>,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// How chunks are encoded and packed. A new volume is made so; one that exists must agree.
#[derive(Debug, Clone, Args, Default)]
pub(crate) struct Format {
    /// How chunks are encoded [default: raw, or as in the volume that is copied].
    #[arg(long, value_name = "NAME", value_parser = encodings(), ignore_case = true)]
    pub(crate) encoding: Option<Encoding>,
    /// How well, or how hard, chunks are encoded.
    ///
    /// jpeg: 0 to 100 [default: 85]. png: the level 0 to 9 [default: 9]. jxl: 100, lossless.
    /// fpzip: bits of precision [default: all]. zfpc: rate=BITS, precision=BITS or
    /// tolerance=ERROR [default: lossless]. Kept in the volume's info.
    #[arg(long, value_name = "N")]
    pub(crate) quality: Option<QualityArg>,
    /// Voxels of a block of compressed_segmentation [default: 8,8,8].
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) block: Option<Size>,
    /// Pack chunks into shards, files of many chunks each.
    ///
    /// Without PARAMS good ones are chosen. PARAMS are preshift=3,minishard=2,shard=4, and if you
    /// like hash=identity|murmurhash3_x86_128, index=gzip|raw, data=gzip|raw [default: identity,
    /// gzip, and gzip but for jpeg, png, jxl, fpzip, kempressed, zfpc].
    #[arg(
        long,
        value_name = "PARAMS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto"
    )]
    pub(crate) sharded: Option<ShardedArg>,
}

impl Format {
    /// The options that were given.
    fn given(&self) -> [(&'static str, bool); 4] {
        let Self { encoding, quality, block, sharded } = self;
        [
            ("--encoding", encoding.is_some()),
            ("--quality", quality.is_some()),
            ("--block", block.is_some()),
            ("--sharded", sharded.is_some()),
        ]
    }
}

/// How chunks are compressed on their way into the store.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Compress {
    /// Compress each chunk as it is stored: none, gzip, br, zstd or auto, or with a level, such as
    /// gzip:6 [default: none].
    ///
    /// auto is CloudVolume's choice: gzip for raw, compressed_segmentation, compresso and
    /// crackle, none for others. In a directory tree compressed chunks have a suffix such as .gz;
    /// CloudVolume finds them, neuroglancer and TensorStore do not.
    #[arg(long = "compress", value_name = "NAME[:LEVEL]")]
    pub(crate) how: Option<CompressArg>,
}

impl Shape {
    /// The options that were given, to say which of them do not apply.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let Self { chunk, offset, resolution, volume_type, format } = self;
        [
            ("--chunk", chunk.is_some()),
            ("--offset", offset.is_some()),
            ("--resolution", resolution.is_some()),
            ("--type", volume_type.is_some()),
        ]
        .into_iter()
        .chain(format.given())
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Where to create it.
    pub(crate) url: Url,
    /// Voxels of the volume.
    #[arg(long, value_name = "X,Y,Z", required_unless_present = "info")]
    pub(crate) size: Option<Size>,
    /// The type of the voxels: uint8 … uint64, int8 … int64, float32, float64, bool.
    #[arg(long, value_name = "T", required_unless_present = "info")]
    pub(crate) dtype: Option<DataType>,
    /// Channels per voxel [default: 1].
    #[arg(long)]
    pub(crate) channels: Option<u64>,
    #[command(flatten)]
    pub(crate) shape: Shape,
    /// Take the whole description from a precomputed info file ("-" reads standard input).
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["size", "dtype", "channels", "chunk", "offset", "resolution", "encoding", "quality", "block", "sharded", "volume_type"]
    )]
    pub(crate) info: Option<PathBuf>,
    /// Only to say where it belongs.
    #[arg(long, hide = true)]
    pub(crate) compress: Option<CompressArg>,
}

/// What `info` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct InfoArgs {
    /// The volume.
    #[arg(required = true)]
    pub(crate) url: Option<Url>,
    #[command(subcommand)]
    pub(crate) verb: Option<InfoVerb>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A .npy, .npy.gz, .nii, .nii.gz, .tif, .png, .h5 or .raw file, or a folder of TIFFs or PNGs.
    pub(crate) source: PathBuf,
    /// The volume; created if there is none. Running an import again that was cut short makes it
    /// whole.
    pub(crate) url: Url,
    /// Which dataset of an HDF5 file [default: the only array of 2 to 4 dimensions].
    #[arg(long, value_name = "D")]
    pub(crate) dataset: Option<String>,
    /// What the source's axes are, such as xyz, zyx or xyzc.
    ///
    /// Defaults: .npy x,y,z(,c) in index order; images page = z, row = y, column = x; NIfTI
    /// x,y,z(,c); raw x,y,z(,c), the first fastest; HDF5 what the file says, or (c,)z,y,x.
    #[arg(long)]
    pub(crate) axes: Option<String>,
    /// The voxel where the source begins [default: the first of the volume].
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) at: Option<Point>,
    /// Write boxes that are not aligned to chunks, by read-modify-write.
    #[arg(long)]
    pub(crate) unaligned: bool,
    /// Which scale of a volume that exists: an index, a key, or a resolution x,y,z.
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
    /// Memory for buffers, however large the source: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) memory: ByteCount,
    /// The source's size, axis by axis (raw sources only).
    #[arg(long, value_name = "X,Y,Z[,C]")]
    pub(crate) size: Option<String>,
    /// The source's type (raw sources only).
    #[arg(long, value_name = "T")]
    pub(crate) dtype: Option<DataType>,
    /// Channels per voxel; for raw sources the length of a fourth axis.
    #[arg(long)]
    pub(crate) channels: Option<u64>,
    #[command(flatten)]
    pub(crate) shape: Shape,
    /// Describe a new volume by a precomputed info file; the source may be a part of it.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["chunk", "offset", "resolution", "encoding", "quality", "block", "sharded", "volume_type"]
    )]
    pub(crate) info: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) compress: Compress,
}

/// What a read does about what is not stored.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MissingArg {
    /// Voxels of the fill value.
    Fill,
    /// Stop with an error that names the chunk.
    Error,
}

/// What a read does about voxels outside the volume.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OutsideArg {
    /// Voxels of the fill value.
    Fill,
    /// Stop with an error.
    Error,
    /// Return a smaller box.
    Crop,
}

#[derive(Debug, Args)]
pub(crate) struct CutoutArgs {
    /// The volume.
    pub(crate) url: Url,
    /// The box x0:x1,y0:y1,z0:z1, half-open; an end left out is the volume's
    /// [default: the whole scale].
    #[arg(long = "box", value_name = "BOX")]
    pub(crate) bbox: Option<BoxArg>,
    /// Which scale: an index, a key, or a resolution x,y,z [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
    /// Only this channel, from 0.
    #[arg(long, value_name = "C")]
    pub(crate) channel: Option<usize>,
    /// What to do about missing chunks.
    #[arg(long, value_enum, default_value = "fill")]
    pub(crate) missing: MissingArg,
    /// The value of voxels that are not stored [default: 0].
    #[arg(long, value_name = "VALUE")]
    pub(crate) fill: Option<bigarrays::Number>,
    /// What to do about voxels outside the volume.
    #[arg(long, value_enum, default_value = "fill")]
    pub(crate) outside: OutsideArg,
    /// Memory for voxels, however large the box: bytes, or with K, M, G. (A .png is made in memory
    /// as a whole, so this is also the largest that is made.)
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) memory: ByteCount,
    /// The file to write.
    ///
    /// .npy ([x,y,z,c], Fortran order), .tif (a page for each z), .png (one z), .nii, .nii.gz, .h5
    /// (the dataset `volume`, z,y,x), .raw, a name that ends in / (a folder of PNGs), or - for npy
    /// on standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The same without --output.
    #[arg(value_name = "FILE", conflicts_with = "output", required_unless_present = "output")]
    pub(crate) file: Option<PathBuf>,
}

/// Which colours a picture in the terminal has.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ColoursArg {
    /// What the terminal has.
    Auto,
    /// All, of 24 bits.
    #[value(name = "24bit")]
    True,
    /// The 256 of xterm.
    #[value(name = "256")]
    Indexed,
    /// None: plain characters.
    None,
}

#[derive(Debug, Args)]
pub(crate) struct SliceArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Show this z [default: the middle one].
    #[arg(long, value_name = "Z", group = "plane", allow_hyphen_values = true)]
    pub(crate) z: Option<i64>,
    /// Show this y.
    #[arg(long, value_name = "Y", group = "plane", allow_hyphen_values = true)]
    pub(crate) y: Option<i64>,
    /// Show this x.
    #[arg(long, value_name = "X", group = "plane", allow_hyphen_values = true)]
    pub(crate) x: Option<i64>,
    /// Only this box x0:x1,y0:y1,z0:z1, half-open; an end left out is the volume's.
    #[arg(long = "box", value_name = "BOX")]
    pub(crate) bbox: Option<BoxArg>,
    /// Which scale: an index, a key, or a resolution x,y,z [default: 0, or what the terminal
    /// needs; positions are then those of scale 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
    /// Only this channel, from 0 [default: the first, or three as red, green and blue].
    #[arg(long, value_name = "C")]
    pub(crate) channel: Option<usize>,
    /// The value that is black [default: all but the darkest percent].
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) min: Option<f64>,
    /// The value that is white [default: all but the brightest percent].
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) max: Option<f64>,
    /// Take values for labels [default: those of a segmentation].
    #[arg(long, conflicts_with_all = ["min", "max"])]
    pub(crate) labels: bool,
    /// The PNG to write.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Characters of a line [default: as wide as the terminal, or 80].
    #[arg(long, value_name = "N", conflicts_with = "output")]
    pub(crate) width: Option<NonZeroUsize>,
    /// Which colours the terminal gets.
    #[arg(long, value_enum, default_value = "auto", conflicts_with = "output")]
    pub(crate) colours: ColoursArg,
    /// Memory for voxels, and so the largest slice: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) memory: ByteCount,
}

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// The volume.
    pub(crate) url: Url,
    /// The array to write: .npy ([x,y,z] or [x,y,z,c]) or any other file that import reads.
    pub(crate) source: PathBuf,
    /// The voxel where it begins.
    #[arg(long, value_name = "X,Y,Z")]
    pub(crate) at: Point,
    /// Which scale: an index, a key, or a resolution x,y,z [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
    /// What the source's axes are, such as zyx.
    #[arg(long)]
    pub(crate) axes: Option<String>,
    /// Write boxes that are not aligned to chunks, by read-modify-write.
    #[arg(long)]
    pub(crate) unaligned: bool,
    /// Drop the part that lies outside the volume.
    #[arg(long)]
    pub(crate) crop: bool,
    /// Memory for buffers: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) memory: ByteCount,
    #[command(flatten)]
    pub(crate) compress: Compress,
    #[command(
        flatten,
        next_help_heading = "To be sure of the volume (it is refused if it is another)"
    )]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct PointsArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Voxels.
    #[arg(long, value_name = "X,Y,Z", num_args = 1.., required_unless_present = "from")]
    pub(crate) at: Vec<Point>,
    /// A file with one voxel x,y,z a line ("-" reads standard input).
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    pub(crate) from: Option<PathBuf>,
    /// Which scale: an index, a key, or a resolution x,y,z [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MissingArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Only chunks touched by the box x0:x1,y0:y1,z0:z1 [default: the whole scale].
    #[arg(long = "box", value_name = "BOX")]
    pub(crate) bbox: Option<BoxArg>,
    /// Which scale: an index, a key, or a resolution x,y,z [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
}

/// Looks for damage in all that is stored of a volume, and changes nothing.
///
/// Names must be those of chunks or shards, lengths such as chunks have; the indices of
/// shards must be readable, and what they tell must lie in the file and not overlap. With
/// --deep every chunk is read and decoded, so that the store compares its checksums as well.
///
/// Prints a line for each thing that is wrong: its key, a tab, what is wrong. Ends with status 1
/// if there is one, or if the volume cannot be read. Missing chunks are counted and are no fault,
/// for volumes may be sparse; other files in the folder of a scale are counted, too.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Read and decode every chunk.
    #[arg(long)]
    pub(crate) deep: bool,
    /// Which scale: an index, a key, a resolution x,y,z, or all.
    #[arg(long, value_name = "S", default_value = "all")]
    pub(crate) scale: Option<String>,
    /// Take a missing chunk for a fault.
    #[arg(long)]
    pub(crate) expect_complete: bool,
    /// Keep a journal in this file, and go on where the one in it ends.
    ///
    /// It is written about once a second, so that a check that was killed or stopped with Ctrl-C
    /// goes on with the same command, and tells also what it had found before. It is removed when
    /// the check is done. What changes in the volume between the two is not noticed everywhere.
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,
    /// Memory for chunks on their way: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) memory: ByteCount,
}

#[derive(Debug, Args)]
pub(crate) struct ShardArgs {
    #[command(subcommand)]
    pub(crate) verb: ShardVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ShardVerb {
    /// List the shards, or the ids in one of them.
    Ls(ShardLsArgs),
    /// Get the value of an id: of a chunk, as its encoding has it.
    Get(ShardGetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShardLsArgs {
    /// The volume, or the directory of meshes, skeletons or annotations.
    pub(crate) url: Url,
    /// List the ids of the shard that has this one (a chunk's id is the compressed Morton code of
    /// its place in the grid).
    pub(crate) id: Option<u64>,
    /// Which scale of a volume: an index, a key, or a resolution x,y,z [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShardGetArgs {
    /// The volume, or the directory of meshes, skeletons or annotations.
    pub(crate) url: Url,
    /// The id.
    pub(crate) id: u64,
    /// Where to write the value [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// As it is stored, without undoing the shard's own compression.
    #[arg(long)]
    pub(crate) stored: bool,
    /// Which scale of a volume: an index, a key, or a resolution x,y,z [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["bbox", "scale", "all"]))]
pub(crate) struct RmArgs {
    /// The volume.
    pub(crate) url: Url,
    /// Delete the chunks of the aligned box x0:x1,y0:y1,z0:z1 (of scale 0, or of --scale).
    #[arg(long = "box", value_name = "BOX")]
    pub(crate) bbox: Option<BoxArg>,
    /// Delete all chunks of this scale (its place in the info stays).
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<String>,
    /// Delete the whole volume: all chunks of all scales, then the info.
    #[arg(long, conflicts_with_all = ["bbox", "scale"])]
    pub(crate) all: bool,
}

/// Runs the conformance suite below a new prefix of a store, with threads and, where the
/// store is shared between processes, with processes that compete and are killed.
///
/// Everything it wrote is removed at the end. Prints a report of all cases; those that do not
/// apply are listed with the reason. Ends with status 1 if a case failed.
#[derive(Debug, Args)]
pub(crate) struct CheckStoreArgs {
    /// The store: a directory, a database, a bucket and a prefix.
    pub(crate) url: Url,
    /// Run only these cases, such as C15,C17.
    #[arg(long, value_name = "CASES", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
}

/// Removes temporary files of writers that were killed, and empty directories.
///
/// Only directory trees and HDF5 cuboid files can have any. Nothing needs this but the space on the
/// disk: such files are not listed and in nobody's way. Of other stores it is said why there is
/// nothing to do.
#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// The store: all of it, or what is below its ?prefix=.
    pub(crate) url: Url,
    /// Leave what was written since: seconds, or with m, h, d. It may belong to a writer that
    /// lives.
    #[arg(long, value_name = "AGE", default_value = "1h")]
    pub(crate) older_than: Age,
    /// Only count them.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) verb: CacheVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheVerb {
    /// Show how much is kept.
    Du(CacheFolderArgs),
    /// Delete all that is kept, and nothing else.
    Flush(CacheFolderArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CacheFolderArgs {
    /// The folder [default: $BIGARRAYS_CACHE, else bigarrays in $XDG_CACHE_HOME or ~/.cache].
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder to work in; made new.
    #[arg(long, value_name = "DIR", default_value = "bigarrays-demo")]
    pub(crate) dir: PathBuf,
}
