//! One listing of a scale's directory: which chunk or shard each key is.

use futures::stream::TryStreamExt;

use super::report::Finding;
use crate::array::BigArray;
use crate::backend::{ContentEncoding, KeyValueBackend, Meta};
use crate::chunk_store;
use crate::error::Result;
use crate::geometry::{BoundingBox, ChunkGrid, ChunkName, parse_chunk_name};
use crate::key::{Key, Prefix};
use crate::shard::parse_file_name;

/// So many foreign keys are told by name.
const MOST_FOREIGN: usize = 100;

/// A place in the order in which things are checked: the cell of a chunk as `[z, y, x]`, which is
/// also the order of the grid, or `[shard, 0, 0]`.
pub(super) type Place = [u64; 3];

/// A cell as its place.
pub(super) const fn place_of([x, y, z]: [u64; 3]) -> Place {
    [z, y, x]
}

/// A place as its cell.
pub(super) const fn cell_of([z, y, x]: Place) -> [u64; 3] {
    [x, y, z]
}

/// What a listing told.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The places of all chunks, or shards, in order. 24 bytes each.
    pub(super) places: Vec<Place>,
    /// Those among them whose length is none of a chunk, in order.
    pub(super) suspects: Vec<Place>,
    /// Names that are wrong.
    pub(super) bad: Vec<Finding>,
    /// How many other keys there are, and the first of them.
    pub(super) foreign: u64,
    pub(super) foreign_keys: Vec<Key>,
}

/// What a name in a scale's directory is.
enum Name {
    Chunk([u64; 3], BoundingBox),
    Shard(u64),
    Wrong(String),
    Foreign,
    /// It belongs to another part of the volume.
    Elsewhere,
}

/// Lists the directory of a scale.
pub(super) async fn list<B: KeyValueBackend>(array: &BigArray<B>) -> Result<Listing> {
    let names = Names::of(array)?;
    let mut listing = Listing::default();
    let mut metas = array.backend().list(array.directory());
    while let Some(meta) = metas.try_next().await? {
        match names.name(&meta.key) {
            Name::Chunk(cell, chunk) => {
                listing.places.push(place_of(cell));
                if !may_be_a_chunk(array, &chunk, &meta) {
                    listing.suspects.push(place_of(cell));
                }
            }
            Name::Shard(shard) => listing.places.push([shard, 0, 0]),
            Name::Wrong(what) => listing.bad.push(Finding { key: meta.key, what }),
            Name::Foreign => {
                listing.foreign += 1;
                if listing.foreign_keys.len() < MOST_FOREIGN {
                    listing.foreign_keys.push(meta.key);
                }
            }
            Name::Elsewhere => {}
        }
    }
    listing.places.sort_unstable();
    listing.places.dedup();
    listing.suspects.sort_unstable();
    listing.foreign_keys.sort_unstable();
    Ok(listing)
}

/// Whether the length of a value is one that a chunk may have, as far as a listing can tell.
fn may_be_a_chunk<B: KeyValueBackend>(
    array: &BigArray<B>,
    chunk: &BoundingBox,
    meta: &Meta,
) -> bool {
    let encoding = meta.content_encoding.unwrap_or(ContentEncoding::Identity);
    array.inner.store.length_fault(chunk, encoding, meta.size).is_none()
}

/// What is known of the names of a volume.
struct Names<'a, B> {
    array: &'a BigArray<B>,
    /// Grids of other chunk sizes that the scale has.
    others: Vec<ChunkGrid>,
    /// Directories of other scales inside this one's.
    scales: Vec<Prefix>,
    /// The volume's own documents.
    documents: [String; 2],
}

impl<'a, B: KeyValueBackend> Names<'a, B> {
    fn of(array: &'a BigArray<B>) -> Result<Self> {
        let scale = array.scale();
        let other = |chunk: &[u64; 3]| ChunkGrid::new(scale.voxel_offset, scale.size, *chunk).ok();
        let others = scale.chunk_sizes.iter().skip(1).filter_map(other).collect();
        let root = &array.inner.root;
        let inside = |directory: &Prefix| {
            directory != array.directory()
                && directory.as_str().starts_with(array.directory().as_str())
        };
        // A scale that lies outside the store is not inside this one.
        let scales = array.scales().iter();
        let scales = scales.filter_map(|scale| chunk_store::resolve(root, &scale.key).ok());
        let scales = scales.filter(inside).collect();
        let documents = ["info", "provenance"].map(|name| format!("{root}{name}"));
        Ok(Self { array, others, scales, documents })
    }

    fn name(&self, key: &Key) -> Name {
        let is_elsewhere = self.documents.iter().any(|document| document == key.as_str())
            || self.scales.iter().any(|scale| key.strip(scale).is_some());
        if is_elsewhere {
            return Name::Elsewhere;
        }
        let Some(name) = key.strip(self.array.directory()) else { return Name::Foreign };
        let name = name.as_str();
        let looks_like_a_shard = name.ends_with(".shard") && !name.contains('/');
        match (self.array.inner.store.shards(), parse_chunk_name(name)) {
            (None, Some(chunk)) => self.chunk(chunk),
            (None, None) if looks_like_a_shard => {
                Name::Wrong("it is named like a shard, but this scale has no shards".into())
            }
            (Some(_), Some(_)) => {
                let what = "it is named like a chunk, but the chunks of this scale are in shards";
                Name::Wrong(what.into())
            }
            (Some(shards), None) if looks_like_a_shard => {
                match parse_file_name(name, shards.store.sharding()) {
                    Some(shard) => Name::Shard(shard),
                    None => Name::Wrong("it is named like a shard, but none has this name".into()),
                }
            }
            _ => Name::Foreign,
        }
    }

    fn chunk(&self, chunk: BoundingBox) -> Name {
        let grid = self.array.grid();
        let cell = grid.cell_of(chunk.min);
        match cell {
            Some(cell) if grid.chunk_box(cell) == chunk => Name::Chunk(cell, chunk),
            _ if self.others.iter().any(|other| is_of(other, &chunk)) => Name::Foreign,
            Some(cell) => Name::Wrong(format!(
                "it is named like a chunk, but the chunk of the grid there is {}",
                ChunkName(grid.chunk_box(cell))
            )),
            None => {
                let bounds = grid.bounds();
                Name::Wrong(format!("it is named like a chunk, but lies outside {bounds}"))
            }
        }
    }
}

fn is_of(grid: &ChunkGrid, chunk: &BoundingBox) -> bool {
    grid.cell_of(chunk.min).is_some_and(|cell| grid.chunk_box(cell) == *chunk)
}
