//! Where the chunks of a volume lie in its shards.

use bigarrays_info::{ShardHash, Sharding};

use crate::backend::KeyValueBackend;
use crate::geometry::{BoundingBox, ChunkGrid, MortonCode};
use crate::key::Prefix;
use crate::shard::{Place, ShardStore};

/// The shards of one scale.
#[derive(Debug)]
pub(crate) struct VolumeShards<B> {
    pub(crate) store: ShardStore<B>,
    grid: ChunkGrid,
    code: MortonCode,
    /// The cells of a shard along each axis, where shards are boxes.
    block: Option<[u64; 3]>,
}

impl<B: KeyValueBackend> VolumeShards<B> {
    /// The shards of a grid, or `None` if its cells have no 64-bit ids.
    pub(crate) fn new(
        backend: B,
        directory: Prefix,
        grid: ChunkGrid,
        sharding: Sharding,
    ) -> Option<Self> {
        let code = MortonCode::new(grid.cells())?;
        let store = ShardStore::new(backend, directory, sharding);
        Some(Self { store, grid, code, block: block(code, &sharding) })
    }

    /// The same, keeping up to `bytes` bytes of indices.
    pub(crate) fn with_index_cache(mut self, bytes: usize) -> Self {
        self.store = self.store.with_index_cache(bytes);
        self
    }

    /// The id of the chunk in a cell.
    pub(crate) fn id(&self, cell: [u64; 3]) -> u64 {
        self.code.encode(cell)
    }

    /// The cell of an id that a chunk of the grid has.
    pub(crate) fn cell(&self, id: u64) -> Option<[u64; 3]> {
        let cell = self.code.decode(id);
        let inside = (0..3).all(|axis| cell[axis] < self.grid.cells()[axis]);
        (inside && self.code.encode(cell) == id).then_some(cell)
    }

    /// The shard of the chunk in a cell.
    pub(crate) fn shard(&self, cell: [u64; 3]) -> u64 {
        Place::of(self.id(cell), self.store.sharding()).shard
    }

    /// The cells of a shard along each axis, where shards are boxes.
    pub(crate) const fn block(&self) -> Option<[u64; 3]> {
        self.block
    }

    /// The voxels of the shard that holds a cell, clipped to the volume, where shards are boxes.
    pub(crate) fn shard_box(&self, cell: [u64; 3]) -> Option<BoundingBox> {
        let block = self.block?;
        let first: [u64; 3] = std::array::from_fn(|axis| cell[axis] / block[axis] * block[axis]);
        let last = std::array::from_fn(|axis| {
            (first[axis].saturating_add(block[axis]) - 1).min(self.grid.cells()[axis] - 1)
        });
        let (first, last) = (self.grid.chunk_box(first), self.grid.chunk_box(last));
        Some(BoundingBox { min: first.min, max: last.max })
    }

    /// How many chunks the shard of a cell has, or about how many where shards are no boxes.
    pub(crate) fn chunks_beside(&self, cell: [u64; 3]) -> u64 {
        match self.shard_box(cell) {
            Some(shard) => self.grid.chunk_count(&shard),
            None => {
                let all = self.grid.chunk_count(&self.grid.bounds());
                all.checked_shr(self.store.sharding().shard_bits).unwrap_or(0).max(1)
            }
        }
    }

    /// Whether a writer of `bbox` writes every chunk of the shard of a cell.
    pub(crate) fn is_owned(&self, cell: [u64; 3], bbox: &BoundingBox) -> bool {
        bbox.contains(&self.grid.bounds())
            || self.shard_box(cell).is_some_and(|shard| bbox.contains(&shard))
    }
}

/// The cells of a shard along each axis: those whose ids differ only in the bits below the
/// shard's number. `None` if other cells have the same number.
pub(crate) fn block(code: MortonCode, sharding: &Sharding) -> Option<[u64; 3]> {
    let below = sharding.preshift_bits + sharding.minishard_bits;
    let is_box = sharding.hash == ShardHash::Identity
        && code.total_bits() <= below.saturating_add(sharding.shard_bits);
    is_box.then(|| code.block(below))
}
