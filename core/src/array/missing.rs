//! Which chunks are not stored.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use futures::stream::TryStreamExt;

use super::big_array::BigArray;
use super::shard_read;
use crate::backend::{KeyValueBackend, Meta, wait};
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart, parse_chunk_name};
use crate::key::Key;

/// From so many chunks on, if they are a good part of the scale, one listing of the scale costs
/// less than asking for each.
const LIST_FROM: u64 = 256;
const LIST_SHARE: u64 = 8;

/// A chunk of the grid that the store does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingChunk {
    /// The key that it would have; in a sharded volume that of its shard.
    pub key: Key,
    /// Its voxels.
    pub chunk: BoundingBox,
}

impl<B: KeyValueBackend> BigArray<B> {
    /// The chunks touched by a box that are not stored, x fastest.
    ///
    /// # Errors
    /// [`Error::Backend`] if the store failed; [`Error::Cancelled`].
    pub fn missing_chunks(&self, bbox: impl Into<BoundingBox>) -> Result<Vec<MissingChunk>> {
        let cover = self.grid().cover(&bbox.into());
        if let Some(shards) = self.inner.store.shards() {
            let absent = shard_read::absent(self, shards, cover)?;
            return absent.iter().map(|part| self.missing(part)).collect();
        }
        let (count, all) = (cover.count_chunks(), self.chunk_count(self.bounds()));
        let is_worth_a_listing = count >= LIST_FROM && count >= all / LIST_SHARE;
        if is_worth_a_listing && self.backend().capabilities().listable {
            let stored = wait(self.stored_keys(cover.wanted()))?;
            return cover
                .map(|part| self.missing(&part))
                .filter(|missing| !missing.as_ref().is_ok_and(|chunk| stored.contains(&chunk.key)))
                .collect();
        }
        let found = Mutex::new(Vec::new());
        self.inner.driver.fetch_and_work(
            self.backend().capabilities(),
            cover.enumerate().map(|place| (place, ())),
            1024,
            |(_, part)| async move {
                self.go_on()?;
                let chunk = self.missing(&part)?;
                let stored = self.inner.store.head(&chunk.key).await?.is_some();
                Ok((!stored).then_some(chunk))
            },
            |(place, _), (), missing, _: &mut ()| {
                self.report(1, 0);
                if let Some(missing) = missing {
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.push((place, missing));
                }
                Ok(())
            },
        )?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable_by_key(|(place, _)| *place);
        Ok(found.into_iter().map(|(_, missing)| missing).collect())
    }

    fn missing(&self, part: &ChunkPart) -> Result<MissingChunk> {
        Ok(MissingChunk { key: self.inner.store.key(part)?, chunk: part.chunk })
    }

    /// The keys of the stored chunks that touch a box.
    async fn stored_keys(&self, bbox: BoundingBox) -> Result<HashSet<Key>> {
        let directory = self.directory();
        let is_wanted = |meta: &Meta| {
            let chunk = meta.key.strip(directory).and_then(|name| parse_chunk_name(name.as_str()));
            // An empty value counts as missing, as it does for a read.
            meta.size > 0 && chunk.is_some_and(|chunk| !chunk.intersection(&bbox).is_empty())
        };
        let stored = self.backend().list(directory).map_err(Error::from).try_filter_map(|meta| {
            let wanted = self.go_on().map(|()| is_wanted(&meta).then_some(meta.key));
            std::future::ready(wanted)
        });
        stored.try_collect().await
    }
}
