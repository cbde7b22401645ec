//! Bringing chunks to the work on them, however they are stored, and if they are kept.

use super::big_array::BigArray;
use super::chunk_cache::{ArrayCache, CachedChunk, ChunkLead};
use super::shard_read;
use crate::backend::{Blob, KeyValueBackend};
use crate::chunk_store::{Fetched, Found, Scratch};
use crate::error::Result;
use crate::geometry::ChunkPart;
use crate::kept::{Claim, Landing};
use crate::key::Key;

/// A window of fewer voxels than this part of its chunk is decoded alone, where the encoding can.
const SMALL: u128 = 8;

/// Bytes of voxels that are copied out of files before another thread has started.
const FEW: u128 = 128 << 10;

/// What is wanted of each chunk.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Chunks,
    /// Parts, of so many bytes together.
    Parts(u128),
}

/// What was brought of a chunk.
enum Brought {
    /// This is to be worked on.
    Found(Found),
    /// This is to be decoded for all who want it.
    ForAll(Blob, ChunkLead),
}

impl<B: KeyValueBackend> BigArray<B> {
    /// For each chunk and what belongs to it, brings what is stored, or kept, and does `work`.
    ///
    /// # Errors
    /// The first error; nothing further is begun then.
    pub(super) fn with_chunks<T: Send>(
        &self,
        chunks: impl Iterator<Item = (ChunkPart, T)> + Send,
        work: impl Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    ) -> Result<()> {
        self.with_found(Wanted::Chunks, chunks, work)
    }

    /// The same for work on parts alone, of so many `bytes` together: of a chunk that is raw no more
    /// may be found than the part's span.
    ///
    /// # Errors
    /// As [`with_chunks`](Self::with_chunks).
    pub(super) fn with_parts<T: Send>(
        &self,
        bytes: u128,
        chunks: impl Iterator<Item = (ChunkPart, T)> + Send,
        work: impl Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    ) -> Result<()> {
        self.with_found(Wanted::Parts(bytes), chunks, work)
    }

    fn with_found<T: Send>(
        &self,
        wanted: Wanted,
        chunks: impl Iterator<Item = (ChunkPart, T)> + Send,
        work: impl Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    ) -> Result<()> {
        if let Some(shards) = self.inner.store.shards() {
            return shard_read::with_chunks(self, shards, chunks, work);
        }
        if let Some(cache) = &self.inner.cache {
            return self.with_kept_chunks(cache, chunks, work);
        }
        let driver = match wanted {
            Wanted::Parts(..=FEW) if self.inner.store.copies_spans() => self.inner.driver.alone(),
            _ => self.inner.driver,
        };
        driver.fetch_and_work(
            self.backend().capabilities(),
            chunks,
            self.chunk_cost(),
            |part| async move {
                let key = self.inner.store.key(&part)?;
                let found = match wanted {
                    Wanted::Chunks => self.inner.store.fetch(&key).await?.into(),
                    Wanted::Parts(_) => self.inner.store.fetch_part(&key, &part).await?,
                };
                Ok((key, found))
            },
            |part, item, (key, found), scratch| {
                work(Fetched { part: &part, key: &key, found }, item, scratch)
            },
        )
    }

    fn with_kept_chunks<T: Send>(
        &self,
        cache: &ArrayCache,
        chunks: impl Iterator<Item = (ChunkPart, T)> + Send,
        work: impl Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    ) -> Result<()> {
        self.inner.driver.fetch_and_work(
            self.backend().capabilities(),
            chunks,
            self.chunk_cost(),
            |part| async move {
                let key = self.inner.store.key(&part)?;
                let brought = self.bring(cache, &part, &key).await?;
                Ok((key, brought))
            },
            |part, item, (key, brought), scratch| {
                let found = match brought {
                    Brought::Found(found) => found,
                    Brought::ForAll(blob, lead) => {
                        self.decode_for_all(cache, &part, &key, (&blob, lead), scratch)?
                    }
                };
                work(Fetched { part: &part, key: &key, found }, item, scratch)
            },
        )
    }

    /// What is kept of a chunk, or what another read brings, or else what is stored.
    async fn bring(&self, cache: &ArrayCache, part: &ChunkPart, key: &Key) -> Result<Brought> {
        let fetch = || async {
            let blob = self.inner.store.fetch(key).await?;
            Ok(Brought::Found(blob.into()))
        };
        if self.is_decoded_alone(part) {
            return match cache.get(part.cell) {
                Some(chunk) if self.holds(cache, part, key, &chunk).await? => Ok(found(chunk)),
                _ => fetch().await,
            };
        }
        loop {
            let chunk = match cache.claim(part.cell) {
                Claim::Kept(chunk) => chunk,
                Claim::Lead(lead) => {
                    let lead = ChunkLead(lead, cache.now());
                    return self.lead(cache, key, lead).await;
                }
                Claim::Wait(arrival) => match arrival.await {
                    Ok(Landing::Value(chunk)) => chunk,
                    Ok(Landing::Failed) => return fetch().await,
                    // Whoever read it gave up, or it was written meanwhile.
                    Err(_) => continue,
                },
            };
            if self.holds(cache, part, key, &chunk).await? {
                return Ok(found(chunk));
            }
        }
    }

    /// Fetches a chunk for all who want it.
    async fn lead(&self, cache: &ArrayCache, key: &Key, lead: ChunkLead) -> Result<Brought> {
        match self.inner.store.fetch(key).await {
            Ok(Some(blob)) => Ok(Brought::ForAll(blob, lead)),
            Ok(None) => {
                cache.absent(lead);
                Ok(Brought::Found(Found::Absent))
            }
            Err(error) => {
                lead.0.fail();
                Err(error.into())
            }
        }
    }

    /// Decodes a chunk for all who want it, and keeps it.
    pub(super) fn decode_for_all(
        &self,
        cache: &ArrayCache,
        part: &ChunkPart,
        key: &Key,
        (blob, lead): (&Blob, ChunkLead),
        scratch: &mut Scratch,
    ) -> Result<Found> {
        match self.inner.store.decode(key, &part.chunk, blob, scratch) {
            Ok(voxels) => Ok(Found::Decoded(cache.keep(lead, voxels, blob))),
            Err(error) => {
                lead.0.fail();
                Err(error)
            }
        }
    }

    /// Whether a kept chunk may be used: without a question, or because the store says so.
    async fn holds(
        &self,
        cache: &ArrayCache,
        part: &ChunkPart,
        key: &Key,
        chunk: &CachedChunk,
    ) -> Result<bool> {
        if cache.trusts(chunk) {
            return Ok(true);
        }
        let asked = cache.now();
        let meta = self.inner.store.head(key).await?;
        let stored = meta.as_ref().map(|meta| meta.version.as_ref());
        Ok(cache.confirm(part.cell, chunk, stored, asked))
    }

    /// Whether so little of a chunk is wanted that the rest is not decoded.
    pub(super) fn is_decoded_alone(&self, part: &ChunkPart) -> bool {
        self.inner.store.decodes_rows()
            && part.part.voxels().saturating_mul(SMALL) < part.chunk.voxels()
    }
}

fn found(chunk: CachedChunk) -> Brought {
    Brought::Found(chunk.voxels.map_or(Found::Absent, Found::Decoded))
}
