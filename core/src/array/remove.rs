//! Deleting boxes of chunks, all chunks of a scale, and whole volumes.
//!
//! Only what is named like a chunk or a shard is ever deleted: a store may hold other things in
//! the same directory.

use futures::stream::{StreamExt, TryStreamExt};

use super::big_array::BigArray;
use super::builder::BigArrayBuilder;
use super::plan;
use crate::backend::{BackendResult, KeyValueBackend, Precondition, wait};
use crate::chunk_store;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, parse_chunk_name};
use crate::key::{Key, Prefix};

/// Chunks deleted with one batch call of the store.
const WAVE: usize = 256;
/// Bytes that a key on its way takes, generously.
const KEY_COST: usize = 1024;

impl<B: KeyValueBackend> BigArray<B> {
    /// Deletes the chunks of an aligned box inside the volume, and says how many places in the
    /// grid they were. They read as missing afterwards. Chunks that are not stored count too.
    ///
    /// # Errors
    /// [`Error::InvertedBox`], [`Error::OutOfBounds`], [`Error::Unaligned`],
    /// [`Error::ScaleLocked`]: nothing is deleted then. [`Error::Backend`]: some chunks may be
    /// deleted; repeat the call.
    pub fn delete(&self, bbox: impl Into<BoundingBox>) -> Result<u64> {
        let bbox = bbox.into();
        self.require_unlocked()?;
        if bbox.is_inverted() {
            return Err(Error::InvertedBox { requested: bbox });
        }
        if bbox.is_empty() {
            return Ok(0);
        }
        if !self.bounds().contains(&bbox) {
            let bounds = self.bounds();
            return Err(Error::OutOfBounds {
                requested: bbox,
                bounds,
                hint: "; nothing was deleted",
            });
        }
        plan::require_aligned(self.grid(), &bbox, "; nothing was deleted")?;
        let cover = self.grid().cover(&bbox);
        let count = cover.count_chunks();
        if let Some(shards) = self.inner.store.shards() {
            self.delete_from_shards(shards, &bbox)?;
            return Ok(count);
        }
        self.inner.driver.in_waves(cover, WAVE, KEY_COST, |wave| {
            self.go_on()?;
            let keys: Result<Vec<Key>> =
                wave.iter().map(|part| self.inner.store.key(part)).collect();
            let _forgetting = self.forgetting(wave.iter().map(|part| part.cell));
            wait(self.backend().delete_batch(&keys?))?;
            self.report(wave.len() as u64, 0);
            Ok(())
        })?;
        Ok(count)
    }

    /// Deletes every stored chunk of this scale, also those outside its grid, and says how many
    /// there were. The scale stays in the description and reads as missing.
    ///
    /// # Errors
    /// [`Error::ScaleLocked`]; [`Error::Backend`]: some chunks may be deleted; repeat the call.
    pub fn delete_all(&self) -> Result<u64> {
        self.require_unlocked()?;
        let deleted = wait(delete_chunks(self.backend(), self.directory()));
        if let Some(cache) = &self.inner.cache {
            cache.forget_array();
        }
        Ok(deleted?)
    }
}

impl<B: KeyValueBackend> BigArrayBuilder<B> {
    /// Deletes a whole volume: the chunks of all scales, `provenance`, and last `info`, so that
    /// what an interrupted call leaves still opens and can be removed again. Says how many values
    /// there were. Anything else in the store stays.
    ///
    /// # Errors
    /// As [`info`](Self::info) if there is no volume, [`Error::ScaleLocked`] if a scale is
    /// locked, [`Error::ScaleOutsideStore`]: nothing is deleted then. [`Error::Backend`]: repeat
    /// the call.
    pub fn remove(self) -> Result<u64> {
        let info = self.info()?;
        if let Some(locked) = info.scales.iter().find(|scale| scale.locked) {
            return Err(Error::ScaleLocked { scale: locked.key.clone() });
        }
        let directories: Result<Vec<Prefix>> =
            info.scales.iter().map(|scale| chunk_store::resolve(&self.root, &scale.key)).collect();
        let mut deleted = 0;
        for directory in directories? {
            let chunks = wait(delete_chunks(self.backend.as_ref(), &directory));
            if let Some(cache) = &self.options.chunk_cache {
                cache.forget_store(&self.options.identity);
            }
            deleted += chunks?;
        }
        for key in [Key::new(format!("{}provenance", self.root))?, self.info_key()?] {
            if wait(self.backend.head(&key))?.is_some() {
                let _always_deleted = wait(self.backend.delete(&key, Precondition::Always))?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

/// Deletes what is named like a chunk or a shard directly in a directory.
async fn delete_chunks<B: KeyValueBackend>(backend: &B, directory: &Prefix) -> BackendResult<u64> {
    let is_chunk = |key: &Key| {
        key.strip(directory).is_some_and(|name| {
            let name = name.as_str();
            parse_chunk_name(name).is_some() || (name.ends_with(".shard") && !name.contains('/'))
        })
    };
    let mut deleted = 0;
    loop {
        // A listing is not held open while its keys go: not every store likes that.
        let keys = backend
            .list(directory)
            .try_filter_map(|meta| std::future::ready(Ok(is_chunk(&meta.key).then_some(meta.key))));
        let wave: Vec<Key> = keys.take(WAVE).try_collect().await?;
        if wave.is_empty() {
            return Ok(deleted);
        }
        backend.delete_batch(&wave).await?;
        deleted += wave.len() as u64;
    }
}
