//! Why an array operation failed, and where.

use bigarrays_info::{DataType, Encoding, InfoError};

use crate::backend::BackendError;
use crate::codec::CodecError;
use crate::geometry::BoundingBox;
use crate::key::{InvalidKey, Key};
use crate::shard::ShardError;

/// The result of an array operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A box that does not begin and end on chunk borders, and the nearest ones that do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the box {requested} does not begin and end on borders of the {chunk:?} chunks; \
     the nearest aligned box around it is {outer}{}{hint}",
    .inner.map_or(String::new(), |inner| format!(", inside it {inner}"))
)]
pub struct UnalignedBox {
    /// What was asked for.
    pub requested: BoundingBox,
    /// The smallest aligned box around it.
    pub outer: BoundingBox,
    /// The largest aligned box inside it.
    pub inner: Option<BoundingBox>,
    /// Voxels of a chunk.
    pub chunk: [u64; 3],
    /// What else can be done, as a clause.
    pub hint: &'static str,
}

/// A failed array operation. Each text says what was wanted, what was found and, where there is
/// something to do, what to do; the cause is in `source` and not repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed. Never to be taken for missing data.
    #[error(transparent)]
    Backend(#[from] BackendError),

    /// A scale is no coarser one of another.
    #[error("the scale {scale:?} is not made of the scale {finer:?}: {why}")]
    WrongScale {
        /// The key of the coarser scale.
        scale: String,
        /// The key of the finer one.
        finer: String,
        /// What does not fit.
        why: String,
    },

    /// There is no volume.
    #[error("cannot open a volume in {backend}: it has no {key:?}; create the volume first")]
    NoInfo {
        /// The store.
        backend: String,
        /// Where the description should be.
        key: Key,
    },
    /// The volume's description cannot be used.
    #[error("cannot use {key:?} in {backend}")]
    Info {
        /// The store.
        backend: String,
        /// Where the description is.
        key: Key,
        /// All that is wrong with it.
        source: Box<InfoError>,
    },
    /// The volume's description only says where the volume is now.
    #[error("the volume in {backend} has moved to {to:?}; open it there")]
    Redirect {
        /// The store.
        backend: String,
        /// Where the volume is.
        to: String,
    },
    /// The description is compressed and damaged.
    #[error("cannot read {key:?} in {backend}")]
    InfoBytes {
        /// The store.
        backend: String,
        /// Where the description is.
        key: Key,
        /// What is wrong with the bytes.
        source: CodecError,
    },
    /// There is a volume already.
    #[error(
        "cannot create a volume in {backend}: there is one already; open it, or remove it first"
    )]
    AlreadyExists {
        /// The store.
        backend: String,
    },
    /// The description changed since the volume was opened.
    #[error(
        "cannot replace {key:?} in {backend}: somebody else changed it since it was read; open the volume again"
    )]
    InfoConflict {
        /// The store.
        backend: String,
        /// Where the description is.
        key: Key,
    },
    /// The volume has no such scale.
    #[error("there is no scale {wanted}; the volume has {available}")]
    NoSuchScale {
        /// What was asked for.
        wanted: String,
        /// What there is.
        available: String,
    },
    /// The scale's chunks lie outside the store that was opened.
    #[error(
        "the scale {key:?} lies outside the store that was opened; open the store {levels} level(s) up and give the volume's place in it as root"
    )]
    ScaleOutsideStore {
        /// The scale's key.
        key: String,
        /// How far up.
        levels: usize,
    },
    /// This build cannot read the scale.
    #[error("cannot use the scale {scale:?}: {what}")]
    UnsupportedScale {
        /// The scale's key.
        scale: String,
        /// What is not supported.
        what: String,
    },
    /// The scale may not be written.
    #[error(
        "cannot write the scale {scale:?}: it is locked in the volume's info; unlock it there first"
    )]
    ScaleLocked {
        /// The scale's key.
        scale: String,
    },

    /// The Rust type does not fit the volume.
    #[error("the volume has {found} voxels, not {wanted}; use the type {found} or a `_dyn` call")]
    WrongDataType {
        /// The type of the call.
        wanted: DataType,
        /// The type of the volume.
        found: DataType,
    },
    /// The array does not have the shape that the call needs.
    #[error("the array has the shape {found:?} where {expected} is needed")]
    WrongShape {
        /// What is needed.
        expected: String,
        /// What was given.
        found: Vec<usize>,
    },
    /// A box ends before it begins.
    #[error("the box {requested} ends before it begins; exchange its ends")]
    InvertedBox {
        /// What was asked for.
        requested: BoundingBox,
    },
    /// A box leaves 64-bit coordinates.
    #[error("an array of shape {shape:?} at {at:?} leaves the range of 64-bit coordinates")]
    OutOfRange {
        /// Where it begins.
        at: [i64; 3],
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A box (or voxel) is not all inside the volume.
    #[error("the box {requested} is not inside the volume {bounds}{hint}")]
    OutOfBounds {
        /// What was asked for.
        requested: BoundingBox,
        /// What there is.
        bounds: BoundingBox,
        /// What to do.
        hint: &'static str,
    },
    /// A box to write does not begin and end on chunk borders.
    #[error(transparent)]
    Unaligned(Box<UnalignedBox>),
    /// The result would not fit in memory.
    #[error(
        "the box {requested} needs {} bytes of memory, which cannot be had; read it in parts",
        more_than(*bytes)
    )]
    TooLarge {
        /// What was asked for.
        requested: BoundingBox,
        /// How much it would take; `u64::MAX` if it is more than that.
        bytes: u64,
    },
    /// A number does not fit the volume's type.
    #[error(
        "the fill value {value} is not a {data_type}; give one that the volume's voxels can have"
    )]
    FillValue {
        /// The number, as text.
        value: String,
        /// The volume's type.
        data_type: DataType,
    },

    /// A chunk is missing and was asked to be there.
    #[error("the chunk {key:?} with the voxels {chunk} is missing")]
    MissingChunk {
        /// Its key.
        key: Key,
        /// Its voxels.
        chunk: BoundingBox,
    },
    /// A stored chunk cannot be decoded, or voxels cannot be encoded.
    #[error("cannot use the {encoding} chunk {key:?} with the voxels {chunk}")]
    BadChunk {
        /// Its key.
        key: Key,
        /// Its voxels.
        chunk: BoundingBox,
        /// Its encoding.
        encoding: Encoding,
        /// What is wrong with it.
        source: CodecError,
    },
    /// A shard file is damaged.
    #[error("cannot use the shard {key:?}")]
    BadShard {
        /// Its key.
        key: Key,
        /// What is wrong with it.
        source: Box<ShardError>,
    },
    /// Other writers kept replacing a shard.
    #[error(
        "cannot update the shard {key:?}: other writers replaced it {attempts} times meanwhile; let each writer write whole shards, or try again"
    )]
    ShardConflict {
        /// Its key.
        key: Key,
        /// How often it was tried.
        attempts: u32,
    },
    /// Other writers kept changing a chunk.
    #[error(
        "cannot update the chunk {key:?} with the voxels {chunk}: other writers changed it {attempts} times meanwhile; try again"
    )]
    Conflict {
        /// Its key.
        key: Key,
        /// Its voxels.
        chunk: BoundingBox,
        /// How often it was tried.
        attempts: u32,
    },
    /// Unaligned writes are not safe in this store.
    #[error(
        "cannot update a part of a chunk or shard in {backend}: it has no compare-and-swap, so another writer's voxels could be lost; write whole chunks (whole shards in a sharded volume), or say that there is only one writer"
    )]
    NeedsCompareAndSwap {
        /// The store.
        backend: String,
    },

    /// Whoever watches the call stopped it ([`Progress::is_cancelled`], or a dropped future).
    ///
    /// [`Progress::is_cancelled`]: crate::array::Progress::is_cancelled
    #[error(
        "the call was stopped before it was done; each chunk is as it was, or as it was to be: repeat the call to finish"
    )]
    Cancelled,
    /// A name is not one.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
    /// A thread that did the work of an asynchronous call is gone.
    #[cfg(feature = "tokio")]
    #[error("the work of an asynchronous call was abandoned")]
    Abandoned {
        /// Why.
        source: tokio::task::JoinError,
    },
}

/// A number of bytes as text; the largest stands for all beyond.
fn more_than(bytes: u64) -> String {
    match bytes {
        u64::MAX => "2^64 or more".to_owned(),
        bytes => bytes.to_string(),
    }
}
