//! Decoded chunks, kept from one read to the next.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bigarrays_info::VolumeInfo;
use bytes::Bytes;

use crate::backend::{Blob, Version};
use crate::kept::{Arrival, Claim, Kept, Lead, Stamp, Weigh, unique};
use crate::key::Prefix;
use crate::wrap::{Clock, Freshness, SystemClock};

/// Bytes of voxels that a chunk cache keeps if nothing else is said: 256 MiB.
pub const DEFAULT_CHUNK_CACHE: u64 = 256 << 20;

/// Memory for decoded chunks, bounded in bytes, for one array or many.
///
/// A read that finds a chunk here neither fetches nor decodes it. A clone is another handle on the
/// same memory; give it to arrays by
/// [`BigArrayBuilder::chunk_cache`](super::BigArrayBuilder::chunk_cache).
///
/// ```
/// use bigarrays_core::wrap::Freshness;
/// use bigarrays_core::{BigArray, ChunkCache, DataType, VolumeInfo, memory::MemoryBackend};
/// use ndarray::Array4;
///
/// let cache = ChunkCache::new(64 << 20).freshness(Freshness::Forever);
/// let info = VolumeInfo::builder(DataType::Uint8, [64, 64, 64]).build()?;
/// let array =
///     BigArray::builder(MemoryBackend::new()).chunk_cache(cache.clone()).create(info)?;
/// array.write([0, 0, 0], Array4::<u8>::from_elem((64, 64, 64, 1), 7).view())?;
/// for z in 0..64 {
///     assert_eq!(array.read::<u8>([0..64, 0..64, z..z + 1])?[[5, 5, 0, 0]], 7);
/// }
/// assert_eq!(cache.hits_and_misses(), (63, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is kept
/// Whole chunks that were read and decoded; not missing ones, and no errors. A small window of a
/// chunk whose encoding decodes windows alone (compressed_segmentation) is taken from a kept
/// chunk, and else decoded without keeping the chunk; [`read_points`](super::BigArray::read_points)
/// always keeps its chunks. Of several reads that want one missing chunk at once, one fetches and
/// decodes it.
///
/// # When it is outdated
/// - A write or delete through an array that shares chunks with this one is seen by every read
///   that begins after it, also when it changes a shard; what a read was decoding meanwhile is not
///   kept.
/// - What others write is seen as the [`Freshness`] says: by default every read asks the store for
///   the version of each chunk it finds (in a sharded volume: of each shard), which is fast in a
///   local store and takes a request in a remote one. `Forever` asks nothing.
///
/// # Whose chunks are shared
/// Arrays share chunks if they share the cache, the scale's directory and description, and the
/// store: derived of one array or builder, or given one
/// [name](super::BigArrayBuilder::cache_identity). Arrays that were opened each for itself share
/// the memory, and no chunks.
#[derive(Clone)]
pub struct ChunkCache {
    kept: Arc<Kept<ChunkKey, CachedChunk>>,
    freshness: Freshness,
    clock: Arc<dyn Clock>,
}

impl ChunkCache {
    /// Room for so many bytes of voxels. A chunk that has more than about an eighth of them is
    /// not kept.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let kept = Arc::new(Kept::new(bytes));
        Self { kept, freshness: Freshness::default(), clock: Arc::new(SystemClock) }
    }

    /// When the store is asked whether a kept chunk is still the same; of this handle and the
    /// arrays it is given to. Default: [`Freshness::Validate`].
    #[must_use]
    pub const fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// Tells ages by this clock instead of the machine's: for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Bytes that are kept now.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.kept.bytes()
    }

    /// How many chunks are kept now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is kept now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often a chunk was found, or being read already, and how often it was not.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        self.kept.hits_and_misses()
    }

    /// Forgets all chunks of all arrays.
    pub fn clear(&self) {
        self.kept.forget_where(|_| true);
    }

    /// Forgets all chunks of a store.
    pub(super) fn forget_store(&self, identity: &Identity) {
        self.kept.forget_where(|key| key.array.store == *identity);
    }
}

impl Default for ChunkCache {
    /// Room for [`DEFAULT_CHUNK_CACHE`] bytes.
    fn default() -> Self {
        Self::new(DEFAULT_CHUNK_CACHE)
    }
}

impl fmt::Debug for ChunkCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkCache({:?}, {:?})", self.kept, self.freshness)
    }
}

/// Which store an array is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// That of one builder and all that is made of it.
    Own(u64),
    /// That of everybody who says this name.
    Named(Arc<str>),
}

impl Default for Identity {
    /// One that nobody else has.
    fn default() -> Self {
        Self::Own(unique())
    }
}

/// What tells one array from another.
#[derive(Debug)]
struct ArrayKey {
    store: Identity,
    directory: Prefix,
    /// A volume that was made anew, of other chunks, is another one.
    description: String,
    hash: u64,
}

/// A chunk of an array.
#[derive(Debug, Clone)]
pub(super) struct ChunkKey {
    array: Arc<ArrayKey>,
    cell: [u64; 3],
}

impl PartialEq for ChunkKey {
    fn eq(&self, other: &Self) -> bool {
        self.cell == other.cell && self.array.is(&other.array)
    }
}

impl Eq for ChunkKey {}

impl Hash for ChunkKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.array.hash.hash(state);
        self.cell.hash(state);
    }
}

impl ArrayKey {
    fn is(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, other)
            || (self.hash == other.hash
                && self.store == other.store
                && self.directory == other.directory
                && self.description == other.description)
    }
}

/// The voxels of a chunk, or that it is not stored (which is told to who waits, and not kept).
#[derive(Debug, Clone)]
pub(super) struct CachedChunk {
    pub(super) voxels: Option<Bytes>,
    /// Of the chunk, or of the shard that it was read from.
    pub(super) version: Option<Version>,
    checked: Stamp,
}

impl Weigh for CachedChunk {
    fn bytes(&self) -> u64 {
        self.voxels.as_ref().map_or(0, |voxels| voxels.len() as u64)
    }
}

pub(super) type ChunkClaim = Claim<ChunkKey, CachedChunk>;
pub(super) type ChunkArrival = Arrival<CachedChunk>;

/// The right to read a chunk for all who want it, taken at some time.
#[derive(Debug)]
pub(super) struct ChunkLead(pub(super) Lead<ChunkKey, CachedChunk>, pub(super) Duration);

/// A chunk cache as one array uses it.
#[derive(Debug)]
pub(super) struct ArrayCache {
    cache: ChunkCache,
    array: Arc<ArrayKey>,
}

impl ArrayCache {
    pub(super) fn new(
        cache: ChunkCache,
        store: Identity,
        directory: &Prefix,
        info: &VolumeInfo,
        scale: usize,
    ) -> Self {
        let (data_type, channels) = (info.data_type, info.num_channels);
        let description = format!("{data_type:?} {channels} {:?}", info.scales.get(scale));
        let mut hasher = DefaultHasher::new();
        (&store, directory, &description).hash(&mut hasher);
        let (directory, hash) = (directory.clone(), hasher.finish());
        let array = Arc::new(ArrayKey { store, directory, description, hash });
        Self { cache, array }
    }

    fn key(&self, cell: [u64; 3]) -> ChunkKey {
        ChunkKey { array: Arc::clone(&self.array), cell }
    }

    pub(super) fn now(&self) -> Duration {
        self.cache.clock.now()
    }

    /// A kept chunk.
    pub(super) fn get(&self, cell: [u64; 3]) -> Option<CachedChunk> {
        self.cache.kept.get(&self.key(cell))
    }

    /// A kept chunk, or who reads it.
    pub(super) fn claim(&self, cell: [u64; 3]) -> ChunkClaim {
        self.cache.kept.claim(&self.key(cell))
    }

    /// How many writes are over.
    pub(super) fn changes(&self) -> u64 {
        self.cache.kept.changes()
    }

    /// Whether a chunk may be used without a question.
    pub(super) fn trusts(&self, chunk: &CachedChunk) -> bool {
        self.cache.freshness.trusts(chunk.checked.time(), self.now())
    }

    /// Whether a chunk may be used, given what the store said when it was asked at some time: the
    /// version there is, `None` if there is nothing. One that may not is forgotten.
    pub(super) fn confirm(
        &self,
        cell: [u64; 3],
        chunk: &CachedChunk,
        stored: Option<Option<&Version>>,
        asked: Duration,
    ) -> bool {
        let same = match stored {
            None => chunk.voxels.is_none(),
            Some(version) => {
                chunk.voxels.is_some() && version.is_some() && version == chunk.version.as_ref()
            }
        };
        if same {
            chunk.checked.touch(asked);
        } else {
            self.cache.kept.forget_if(&self.key(cell), |kept| kept.checked.is(&chunk.checked));
        }
        same
    }

    /// Keeps the voxels of a chunk that was read, and gives them to all who wait.
    pub(super) fn keep(&self, lead: ChunkLead, voxels: &[u8], blob: &Blob) -> Bytes {
        let ChunkLead(lead, begun) = lead;
        let voxels = Bytes::copy_from_slice(voxels);
        let version = blob.version.clone();
        if version.is_none() && self.cache.freshness == Freshness::Validate {
            // Nothing could ever say that it is still the same.
            lead.fail();
        } else {
            let checked = Stamp::new(begun);
            self.cache
                .kept
                .keep(lead, CachedChunk { voxels: Some(voxels.clone()), version, checked });
        }
        voxels
    }

    /// Tells all who wait that a chunk is not stored.
    pub(super) fn absent(&self, lead: ChunkLead) {
        let ChunkLead(lead, begun) = lead;
        let chunk = CachedChunk { voxels: None, version: None, checked: Stamp::new(begun) };
        self.cache.kept.share(lead, chunk);
    }

    /// Forgets these cells now and when it is dropped; between them nothing of them is kept.
    pub(super) fn forgetting(&self, cells: impl IntoIterator<Item = [u64; 3]>) -> Forgetting<'_> {
        let cells: Vec<[u64; 3]> = cells.into_iter().collect();
        cells.iter().for_each(|&cell| self.cache.kept.begin_write(&self.key(cell)));
        Forgetting { cache: self, cells }
    }

    /// Forgets all chunks of this array.
    pub(super) fn forget_array(&self) {
        self.cache.kept.forget_where(|key| key.array.is(&self.array));
    }
}

/// A write under way. When it is over, whatever became of it, the old chunks are forgotten.
#[must_use]
pub(super) struct Forgetting<'a> {
    cache: &'a ArrayCache,
    cells: Vec<[u64; 3]>,
}

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        for &cell in &self.cells {
            self.cache.cache.kept.end_write(&self.cache.key(cell));
        }
    }
}
