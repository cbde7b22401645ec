//! A group of chunks: their lengths, or all their bytes.

use super::engine::{Found, Group, damage};
use super::names::{Place, cell_of};
use super::report::Finding;
use crate::array::BigArray;
use crate::backend::{Blob, ByteRange, KeyValueBackend, Meta};
use crate::chunk_store::Scratch;
use crate::error::{Error, Result};
use crate::geometry::ChunkPart;
use crate::key::Key;
use crate::shard::words;

/// How chunks are checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) deep: bool,
    pub(super) absence_is_bad: bool,
}

/// What was brought of a chunk, or why it could not be.
enum Brought {
    Absent,
    Meta(Meta),
    Value(Blob),
    Damaged(String),
}

/// Checks the chunks at some places.
pub(super) fn check<B: KeyValueBackend>(
    array: &BigArray<B>,
    how: How,
    places: &[Place],
) -> Result<Found> {
    let group = Group::default();
    let parts = places.iter().filter_map(|place| Some((*place, part(array, *place)?)));
    let parts: Vec<(Place, ChunkPart)> = parts.collect();
    let cost = if how.deep { array.chunk_cost() } else { 1024 };
    array.inner.driver.fetch_and_work(
        array.backend().capabilities(),
        parts.into_iter().map(|place| (place, ())),
        cost,
        |(_, part)| async move {
            let key = array.inner.store.key(&part)?;
            let brought = bring(array, how.deep, &part, &key).await?;
            Ok((key, brought))
        },
        |(place, part), (), (key, brought), scratch: &mut Scratch| {
            if let Brought::Value(blob) = &brought {
                group.add(|found| found.bytes += blob.bytes.len() as u64);
            }
            if !matches!(brought, Brought::Absent) {
                group.add(|found| found.chunks += 1);
            } else if how.absence_is_bad {
                group.bad(place, &key, "it is missing".into());
            }
            if let Some(what) = fault(array, &part, &key, brought, scratch) {
                group.bad(place, &key, what);
            }
            Ok(())
        },
    )?;
    Ok(group.into_found())
}

/// What to say of a chunk of the grid that is not stored.
pub(super) fn missing<B: KeyValueBackend>(
    array: &BigArray<B>,
    part: &ChunkPart,
) -> Option<Finding> {
    let key = array.inner.store.key(part).ok()?;
    Some(Finding { key, what: "it is missing".into() })
}

fn part<B: KeyValueBackend>(array: &BigArray<B>, place: Place) -> Option<ChunkPart> {
    let cell = cell_of(place);
    let chunk = array.grid().chunk_box(cell);
    (!chunk.is_empty()).then_some(ChunkPart { cell, chunk, part: chunk })
}

async fn bring<B: KeyValueBackend>(
    array: &BigArray<B>,
    deep: bool,
    part: &ChunkPart,
    key: &Key,
) -> Result<Brought> {
    let answer = if deep {
        // One byte more than any chunk has is enough to know that it is none, however long it is.
        let longest = array.inner.store.longest_chunk(&part.chunk);
        let range = ByteRange::Bounded(0..longest.saturating_add(1));
        let blob = array.backend().get(key, range).await;
        blob.map(|blob| blob.map(Brought::Value))
    } else {
        let meta = array.backend().head(key).await;
        meta.map(|meta| meta.map(Brought::Meta))
    };
    match answer {
        Ok(brought) => Ok(brought.unwrap_or(Brought::Absent)),
        Err(error) => Ok(Brought::Damaged(damage(array, error)?)),
    }
}

/// What is wrong with a chunk.
fn fault<B: KeyValueBackend>(
    array: &BigArray<B>,
    part: &ChunkPart,
    key: &Key,
    brought: Brought,
    scratch: &mut Scratch,
) -> Option<String> {
    let store = &array.inner.store;
    match brought {
        Brought::Absent => None,
        Brought::Damaged(what) => Some(what),
        Brought::Meta(meta) => {
            store.length_fault(&part.chunk, meta.content_encoding.unwrap_or_default(), meta.size)
        }
        Brought::Value(blob) => {
            let len = blob.bytes.len() as u64;
            store.length_fault(&part.chunk, blob.content_encoding, len).or_else(|| {
                store.decode(key, &part.chunk, &blob, scratch).err().map(|error| told(&error))
            })
        }
    }
}

/// Why a chunk cannot be decoded, without the key, which is told beside it.
pub(super) fn told(error: &Error) -> String {
    match error {
        Error::BadChunk { encoding, source, .. } => {
            format!("it is no such {encoding} chunk: {}", words(source))
        }
        error => words(error),
    }
}
