//! Chunks of shards that are kept already, or that another call is reading.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::chunk_cache::{ArrayCache, CachedChunk, ChunkArrival};
use super::shard_read::{Reader, Waiting, Wanted};
use crate::backend::{KeyValueBackend, Version};
use crate::chunk_store::{Fetched, Found, Scratch};
use crate::error::Result;
use crate::geometry::ChunkPart;
use crate::kept::Landing;
use crate::key::Key;

/// What the store has of a shard: its version, `None` if there is no such shard.
type Heads = BTreeMap<Key, Option<Option<Version>>>;

/// A chunk that is kept, with the key of its shard.
struct KeptChunk<T> {
    part: ChunkPart,
    item: T,
    key: Key,
    chunk: CachedChunk,
}

impl<B, W> Reader<'_, B, W>
where
    B: KeyValueBackend,
{
    /// Does the work on the chunks that are kept, and gives back the others.
    pub(super) fn without_kept<T: Send>(
        &self,
        cache: &ArrayCache,
        chunks: impl Iterator<Item = (ChunkPart, T)>,
    ) -> Result<Vec<(ChunkPart, T)>>
    where
        W: Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    {
        let (mut kept, mut others) = (Vec::new(), Vec::new());
        for (part, item) in chunks {
            match cache.get(part.cell) {
                Some(chunk) => {
                    let key = self.shards.store.key(self.shards.shard(part.cell))?;
                    kept.push(KeptChunk { part, item, key, chunk });
                }
                None => others.push((part, item)),
            }
        }
        let asked = cache.now();
        let heads = self.heads(kept.iter().filter(|kept| !cache.trusts(&kept.chunk)))?;
        let mut valid = Vec::new();
        for kept in kept {
            let holds = match heads.get(&kept.key) {
                // None of the shard's chunks had to be asked for.
                None => true,
                Some(stored) => {
                    let stored = stored.as_ref().map(Option::as_ref);
                    cache.confirm(kept.part.cell, &kept.chunk, stored, asked)
                }
            };
            if holds {
                valid.push(kept);
            } else {
                others.push((kept.part, kept.item));
            }
        }
        self.deliver_kept(valid)?;
        Ok(others)
    }

    /// Asks for the version of each shard that one of these chunks is in.
    fn heads<'k, T: 'k>(&self, kept: impl Iterator<Item = &'k KeptChunk<T>>) -> Result<Heads> {
        let heads: Heads = kept.map(|kept| (kept.key.clone(), None)).collect();
        if heads.is_empty() {
            return Ok(heads);
        }
        let keys: Vec<Key> = heads.keys().cloned().collect();
        let heads = Mutex::new(heads);
        let backend = self.array.backend();
        self.array.inner.driver.fetch_and_work(
            backend.capabilities(),
            (0..keys.len()).map(|place| (place, ())),
            1024,
            |place| {
                let key = &keys[place];
                async move { Ok(backend.head(key).await?) }
            },
            |place, (), meta, _: &mut ()| {
                let stored = meta.map(|meta| meta.version);
                let mut heads = heads.lock().unwrap_or_else(PoisonError::into_inner);
                heads.insert(keys[place].clone(), stored);
                Ok(())
            },
        )?;
        Ok(heads.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn deliver_kept<T: Send>(&self, kept: Vec<KeptChunk<T>>) -> Result<()>
    where
        W: Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    {
        if kept.is_empty() {
            return Ok(());
        }
        self.array.inner.driver.in_waves(kept.into_iter(), 1, 1, |wave| {
            let mut scratch = Scratch::default();
            wave.into_iter().try_for_each(|kept| {
                let KeptChunk { part, item, key, chunk } = kept;
                let found = chunk.voxels.map_or(Found::Absent, Found::Decoded);
                (self.work)(Fetched { part: &part, key: &key, found }, item, &mut scratch)
            })
        })
    }

    /// Waits for what other calls read. What they did not bring, or not of the state of the shard
    /// that this call saw, comes back.
    pub(super) fn settle<T: Send>(
        &self,
        cache: &ArrayCache,
        waiting: Vec<Waiting<T>>,
    ) -> Result<Vec<Wanted<T>>>
    where
        W: Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    {
        let (mut arrivals, mut rest) = (Vec::new(), Vec::new());
        for Waiting { wanted, key, version, arrival } in waiting {
            arrivals.push(Mutex::new(Some(arrival)));
            rest.push((wanted, key, version));
        }
        let arrivals: Arc<[Mutex<Option<ChunkArrival>>]> = arrivals.into();
        let left = Mutex::new(Vec::new());
        self.array.inner.driver.fetch_and_work(
            self.array.backend().capabilities(),
            rest.into_iter().enumerate(),
            1,
            |place| {
                let arrival = arrivals[place].lock().unwrap_or_else(PoisonError::into_inner).take();
                async move {
                    Ok(match arrival {
                        Some(arrival) => arrival.await.ok(),
                        None => None,
                    })
                }
            },
            |_, (wanted, key, version): (Wanted<T>, Key, Option<Version>), landing, scratch| {
                let holds = |chunk: &CachedChunk| {
                    let is_same = version.is_some() && chunk.version == version;
                    chunk.voxels.is_some() && (is_same || cache.trusts(chunk))
                };
                match landing {
                    Some(Landing::Value(chunk)) if holds(&chunk) => {
                        let found = chunk.voxels.map_or(Found::Absent, Found::Decoded);
                        let Wanted { part, item, .. } = wanted;
                        (self.work)(Fetched { part: &part, key: &key, found }, item, scratch)
                    }
                    _ => {
                        left.lock().unwrap_or_else(PoisonError::into_inner).push(wanted);
                        Ok(())
                    }
                }
            },
        )?;
        Ok(left.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
