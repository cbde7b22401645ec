//! Which chunks are not stored.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use futures::stream::TryStreamExt;

use super::big_array::BigArray;
use crate::backend::{KeyValueBackend, wait};
use crate::error::Result;
use crate::geometry::{BoundingBox, ChunkPart};
use crate::key::Key;

/// From so many chunks on, one listing of the scale costs less than asking for each.
const LIST_FROM: u64 = 256;

/// A chunk of the grid that the store does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingChunk {
    /// The key that it would have.
    pub key: Key,
    /// Its voxels.
    pub chunk: BoundingBox,
}

impl<B: KeyValueBackend> BigArray<B> {
    /// The chunks touched by a box that are not stored, x fastest.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the store failed.
    pub fn missing_chunks(&self, bbox: impl Into<BoundingBox>) -> Result<Vec<MissingChunk>> {
        let cover = self.grid().cover(&bbox.into());
        if cover.count_chunks() >= LIST_FROM && self.backend().capabilities().listable {
            let stored = wait(self.stored_keys())?;
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
                let chunk = self.missing(&part)?;
                let stored = self.inner.store.head(&chunk.key).await?.is_some();
                Ok((!stored).then_some(chunk))
            },
            |(place, _), (), missing, _: &mut ()| {
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
        Ok(MissingChunk { key: self.inner.store.key(&part.chunk)?, chunk: part.chunk })
    }

    async fn stored_keys(&self) -> Result<HashSet<Key>> {
        let listing = self.backend().list(self.directory());
        // An empty value counts as missing, as it does for a read.
        let stored =
            listing.try_filter_map(|meta| async move { Ok((meta.size > 0).then_some(meta.key)) });
        Ok(stored.try_collect().await?)
    }
}
