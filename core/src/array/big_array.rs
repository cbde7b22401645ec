//! One scale of one volume.

use std::fmt;
use std::sync::Arc;

use bigarrays_info::{DataType, Scale, VolumeInfo};

use super::builder::BigArrayBuilder;
use super::chunk_cache::{ArrayCache, Forgetting};
use super::drive::Driver;
use super::options::{Options, Progress, ScaleSelector};
use crate::backend::{
    BackendResult, Blob, DynBackend, KeyValueBackend, Precondition, PutOutcome, Value, Version,
    wait,
};
use crate::chunk_store::{ChunkStore, VolumeShards};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkGrid, ChunkPart};
use crate::key::{Key, Prefix};
use crate::shard::ShardStore;

/// One scale of a volume of chunks in a store `B`, read and written as arrays `[x, y, z, c]`.
///
/// Boxes are half-open, in voxels of this scale, and may have any size and sign; they need not
/// respect chunks when reading. Results are in Fortran order (x fastest) unless the builder is
/// told otherwise. Missing chunks read as the fill value, which is 0.
///
/// Cloning is cheap, and a clone may be used from any thread. All calls block; the feature
/// `tokio` adds `_async` twins.
///
/// ```
/// use bigarrays_core::{BigArray, DataType, VolumeInfo, memory::MemoryBackend};
/// use ndarray::Array4;
///
/// let info = VolumeInfo::builder(DataType::Uint8, [100, 80, 60]).build()?;
/// let array = BigArray::create(MemoryBackend::new(), info)?;
/// array.write([0, 0, 0], Array4::<u8>::from_elem((64, 64, 60, 1), 7).view())?;
/// let cutout = array.read::<u8>([60..68, 0..10, -5..5])?;
/// assert_eq!(cutout.dim(), (8, 10, 10, 1));
/// assert_eq!(cutout[[3, 0, 5, 0]], 7);
/// assert_eq!(cutout[[4, 0, 5, 0]], 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BigArray<B = DynBackend> {
    pub(super) inner: Arc<Inner<B>>,
    pub(super) progress: Option<Arc<dyn Progress>>,
}

#[derive(Debug)]
pub(super) struct Inner<B> {
    pub(super) store: ChunkStore<Arc<B>>,
    pub(super) root: Prefix,
    pub(super) info: VolumeInfo,
    pub(super) info_version: Option<Version>,
    pub(super) scale_index: usize,
    pub(super) fill: [u8; 8],
    pub(super) options: Options,
    pub(super) driver: Driver,
    pub(super) cache: Option<ArrayCache>,
}

impl<B> Clone for BigArray<B> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), progress: self.progress.clone() }
    }
}

impl<B: fmt::Debug> fmt::Debug for BigArray<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<B: KeyValueBackend> BigArray<B> {
    pub(super) fn new(inner: Inner<B>) -> Self {
        Self { inner: Arc::new(inner), progress: None }
    }

    /// This array, telling `progress` how its calls come along, which may also stop them.
    /// Default: nobody is told.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Opens the finest scale of the volume in a store, with the default options.
    ///
    /// # Errors
    /// As [`BigArrayBuilder::open`].
    pub fn open(backend: B) -> Result<Self> {
        Self::builder(backend).open()
    }

    /// Creates a volume in a store that has none, and opens its finest scale.
    ///
    /// # Errors
    /// As [`BigArrayBuilder::create`].
    pub fn create(backend: B, info: VolumeInfo) -> Result<Self> {
        Self::builder(backend).create(info)
    }

    /// Options for opening or creating a volume in a store.
    pub fn builder(backend: B) -> BigArrayBuilder<B> {
        BigArrayBuilder::new(Arc::new(backend))
    }

    /// The store.
    #[must_use]
    pub fn backend(&self) -> &B {
        self.inner.store.backend()
    }

    /// The volume's description.
    #[must_use]
    pub fn info(&self) -> &VolumeInfo {
        &self.inner.info
    }

    /// All scales of the volume, finest first.
    #[must_use]
    pub fn scales(&self) -> &[Scale] {
        &self.inner.info.scales
    }

    /// The scale that this array reads and writes.
    #[must_use]
    pub fn scale(&self) -> &Scale {
        &self.inner.info.scales[self.inner.scale_index]
    }

    /// The position of that scale in [`scales`](Self::scales).
    #[must_use]
    pub fn scale_index(&self) -> usize {
        self.inner.scale_index
    }

    /// Another scale of the same volume, with the same options.
    ///
    /// # Errors
    /// [`Error::NoSuchScale`], [`Error::UnsupportedScale`].
    pub fn at_scale(&self, scale: impl Into<ScaleSelector>) -> Result<Self> {
        self.to_builder().scale(scale).open_info(self.inner.info.clone(), self.version())
    }

    /// A builder with this array's store and options, to change some.
    #[must_use]
    pub fn to_builder(&self) -> BigArrayBuilder<B> {
        BigArrayBuilder {
            backend: Arc::clone(self.inner.store.backend()),
            root: self.inner.root.clone(),
            options: self.inner.options.clone(),
        }
    }

    fn version(&self) -> Option<Version> {
        self.inner.info_version.clone()
    }

    /// The type of the voxels.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        self.inner.store.data_type()
    }

    /// Channels per voxel: the length of the fourth axis.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.inner.store.channels()
    }

    /// The box of the whole scale.
    #[must_use]
    pub fn bounds(&self) -> BoundingBox {
        self.grid().bounds()
    }

    /// The grid of chunks.
    #[must_use]
    pub fn grid(&self) -> &ChunkGrid {
        self.inner.store.grid()
    }

    /// How many chunks a box touches.
    #[must_use]
    pub fn chunk_count(&self, bbox: impl Into<BoundingBox>) -> u64 {
        self.grid().chunk_count(&bbox.into())
    }

    /// The key of the chunk in a cell of the grid, or of its shard; `None` outside the grid.
    #[must_use]
    pub fn chunk_key(&self, cell: [u64; 3]) -> Option<Key> {
        self.inner.store.key(&self.whole_chunk(cell)?).ok()
    }

    /// The chunk in a cell, or `None` outside the grid.
    fn whole_chunk(&self, cell: [u64; 3]) -> Option<ChunkPart> {
        let chunk = self.grid().chunk_box(cell);
        (!chunk.is_empty()).then_some(ChunkPart { cell, chunk, part: chunk })
    }

    /// The container of this scale's shards, or `None` for a volume without shards.
    #[must_use]
    pub fn shards(&self) -> Option<&ShardStore<Arc<B>>> {
        Some(&self.inner.store.shards()?.store)
    }

    /// The id in its shard of the chunk in a cell of the grid, or `None` for a volume without
    /// shards and outside the grid.
    #[must_use]
    pub fn chunk_id(&self, cell: [u64; 3]) -> Option<u64> {
        self.whole_chunk(cell)?;
        Some(self.inner.store.shards()?.id(cell))
    }

    /// The cell of the chunk with an id, or `None` if there is none.
    #[must_use]
    pub fn chunk_of_id(&self, id: u64) -> Option<[u64; 3]> {
        self.inner.store.shards()?.cell(id)
    }

    /// The voxels of the shard that holds a voxel, clipped to the volume: a box that is written
    /// without being read. `None` outside the volume, in a volume without shards, and where a
    /// shard's chunks are not a box (with a hash, or with too few bits for the grid).
    #[must_use]
    pub fn shard_bbox(&self, point: [i64; 3]) -> Option<BoundingBox> {
        self.inner.store.shards()?.shard_box(self.grid().cell_of(point)?)
    }

    /// The shape in voxels of what is best written at once, from the volume's first voxel on: a
    /// shard where shards are boxes, else a chunk.
    #[must_use]
    pub fn write_unit(&self) -> [u64; 3] {
        let cells = self.inner.store.shards().and_then(VolumeShards::block).unwrap_or([1; 3]);
        let chunk = self.grid().chunk_size();
        std::array::from_fn(|axis| chunk[axis].saturating_mul(cells[axis]))
    }

    /// The directory of this scale's chunks.
    #[must_use]
    pub fn directory(&self) -> &Prefix {
        self.inner.store.directory()
    }

    /// The stored bytes of the chunk in a cell of the grid, neither decompressed nor decoded.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn read_chunk_bytes(&self, cell: [u64; 3]) -> Result<Option<Blob>> {
        let Some(part) = self.whole_chunk(cell) else { return Ok(None) };
        match self.inner.store.shards() {
            Some(shards) => shards.store.get(shards.id(cell)),
            None => Ok(wait(self.inner.store.fetch(&self.inner.store.key(&part)?))?),
        }
    }

    /// Replaces the volume's description (to add a scale, say) and returns the array opened on
    /// it. Where the store has compare-and-swap, a description that somebody else changed since
    /// this array was opened is left as it is.
    ///
    /// # Errors
    /// [`Error::Info`] if the description is not one that may be written, with all problems;
    /// [`Error::InfoConflict`]; [`Error::Backend`].
    pub fn commit_info(&self, info: VolumeInfo) -> Result<Self> {
        let builder = self.to_builder();
        let bytes = builder.encode_info(&info)?;
        let cas = crate::backend::ConditionalPut::CompareAndSwap;
        let when = match self.version() {
            Some(version) if self.backend().capabilities().conditional_put == cas => {
                Precondition::IfVersion(version)
            }
            _ => Precondition::Always,
        };
        let key = builder.info_key()?;
        match wait(self.put_info(&key, bytes, when))? {
            PutOutcome::Written { version } => builder.open_info(info, version),
            PutOutcome::Conflict => {
                Err(Error::InfoConflict { backend: self.backend().to_string(), key })
            }
        }
    }

    async fn put_info(
        &self,
        key: &Key,
        bytes: Vec<u8>,
        when: Precondition,
    ) -> BackendResult<PutOutcome> {
        self.backend().put(key, Value::plain(bytes), when).await
    }

    /// Refuses a Rust type that is not the volume's.
    pub(super) fn require_type<T: Element>(&self) -> Result<()> {
        if T::is_type_of(self.data_type()) {
            return Ok(());
        }
        Err(Error::WrongDataType { wanted: T::DATA_TYPE, found: self.data_type() })
    }

    /// Refuses an array whose voxels are not of this one's type, or have other channels.
    pub(super) fn require_same_voxels<D: KeyValueBackend>(&self, of: &BigArray<D>) -> Result<()> {
        if self.data_type() != of.data_type() {
            return Err(Error::WrongDataType { wanted: self.data_type(), found: of.data_type() });
        }
        if self.channels() != of.channels() {
            let expected = format!("{} channels", self.channels());
            return Err(Error::WrongShape { expected, found: vec![of.channels()] });
        }
        Ok(())
    }

    /// How many voxels so many bytes hold.
    pub(super) fn voxels_in(&self, bytes: usize) -> u64 {
        let voxel = (self.channels() as u64).saturating_mul(self.data_type().size() as u64);
        bytes as u64 / voxel.max(1)
    }

    /// Refuses a write to a locked scale.
    pub(super) fn require_unlocked(&self) -> Result<()> {
        if self.scale().locked {
            return Err(Error::ScaleLocked { scale: self.scale().key.clone() });
        }
        Ok(())
    }

    /// The fill value as an element.
    pub(super) fn fill<T: Element>(&self) -> T {
        bytemuck::pod_read_unaligned(&self.inner.fill[..size_of::<T>()])
    }

    /// Bytes that one chunk needs on its way: as stored, decompressed and decoded, and as it is
    /// kept.
    pub(super) fn chunk_cost(&self) -> usize {
        let copies = if self.inner.cache.is_some() { 3 } else { 2 };
        self.inner.store.largest_chunk_bytes().saturating_mul(copies)
    }

    /// Makes the chunk cache forget these cells when it is dropped: when their write is done,
    /// failed or not.
    pub(super) fn forgetting(
        &self,
        cells: impl IntoIterator<Item = [u64; 3]>,
    ) -> Option<Forgetting<'_>> {
        Some(self.inner.cache.as_ref()?.forgetting(cells))
    }

    /// Tells that the voxels of another chunk, or of a part of one, are done.
    pub(super) fn report_chunk(&self, part: &BoundingBox) {
        let voxel = self.channels().saturating_mul(self.data_type().size()) as u128;
        self.report(1, u64::try_from(part.voxels().saturating_mul(voxel)).unwrap_or(u64::MAX));
    }

    /// Ends the call if whoever watches it wants that.
    pub(super) fn go_on(&self) -> Result<()> {
        match &self.progress {
            Some(progress) if progress.is_cancelled() => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }

    pub(super) fn report(&self, chunks: u64, bytes: u64) {
        if let Some(progress) = &self.progress {
            progress.advance(chunks, bytes);
        }
    }
}
