//! Writing chunks into shards.
//!
//! A shard whose every chunk is written is built in memory and put once, without being read. One
//! that keeps other chunks is read, merged and put back under compare-and-swap, so that no other
//! writer's chunks are lost. Shards are worked on side by side while as many fit in memory as
//! there are threads; else one after another, with the threads sharing the chunks of each. One
//! shard at the least is in memory as it is stored, when merged also as it was.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayView4;

use super::big_array::BigArray;
use super::plan;
use super::scatter::gather;
use crate::backend::{KeyValueBackend, Precondition, Value, wait};
use crate::chunk_store::{Scratch, VolumeShards};
use crate::element::Element;
use crate::error::Result;
use crate::geometry::{BoundingBox, ChunkPart};
use crate::shard::{Change, Old};

/// A chunk to be written: its id, its part that is written, and those voxels.
type Chunk<'a, T> = (u64, ChunkPart, ArrayView4<'a, T>);

/// The chunks to be written into one shard.
struct Job<'a, T> {
    shard: u64,
    /// Nothing else is in the shard.
    owned: bool,
    chunks: Vec<Chunk<'a, T>>,
}

/// Stored bytes by id.
type Encoded = BTreeMap<u64, Vec<u8>>;

impl<B: KeyValueBackend> BigArray<B> {
    /// Writes a box of chunks, some of them in part, into shards.
    pub(super) fn write_shards<T: Element>(
        &self,
        shards: &VolumeShards<Arc<B>>,
        bbox: &BoundingBox,
        view: ArrayView4<'_, T>,
    ) -> Result<()> {
        let cover = self.grid().cover(bbox);
        let windows = plan::windows(&cover, &view);
        let mut jobs: BTreeMap<u64, Job<'_, T>> = BTreeMap::new();
        for (part, window) in cover.zip(windows) {
            let shard = shards.shard(part.cell);
            let job = jobs.entry(shard).or_insert_with(|| Job {
                shard,
                owned: shards.is_owned(part.cell, bbox),
                chunks: Vec::new(),
            });
            job.chunks.push((shards.id(part.cell), part, window));
        }
        // Refused before anything is written.
        let swaps = match jobs.values().all(|job| job.owned) {
            true => false,
            false => self.require_swaps()?,
        };
        let cost = jobs.values().map(|job| self.shard_cost(shards, job)).max().unwrap_or(0);
        let driver = &self.inner.driver;
        let jobs = jobs.into_values();
        if driver.jobs_in_memory(cost) >= driver.threads(jobs.len(), 1) && jobs.len() > 1 {
            return driver.in_waves(jobs, 1, cost, |wave| {
                wave.into_iter()
                    .try_for_each(|job| self.write_shard(shards, &job, swaps, Side::Alone))
            });
        }
        jobs.into_iter().try_for_each(|job| self.write_shard(shards, &job, swaps, Side::Together))
    }

    /// Bytes that a shard takes while it is written: its chunks as they are stored, which is
    /// seldom more than their voxels, and again as the file that they become.
    fn shard_cost<T>(&self, shards: &VolumeShards<Arc<B>>, job: &Job<'_, T>) -> usize {
        let chunks = match job.chunks.first() {
            Some((_, part, _)) if !job.owned => shards.chunks_beside(part.cell),
            _ => job.chunks.len() as u64,
        };
        let chunks = usize::try_from(chunks).unwrap_or(usize::MAX);
        self.inner.store.largest_chunk_bytes().saturating_mul(2).saturating_mul(chunks)
    }

    fn write_shard<T: Element>(
        &self,
        shards: &VolumeShards<Arc<B>>,
        job: &Job<'_, T>,
        swaps: bool,
        side: Side,
    ) -> Result<()> {
        let whole = job.chunks.iter().filter(|(_, part, _)| part.is_whole());
        let encoded = self.encode_chunks(whole, side)?;
        let _forgetting = self.forgetting(job.chunks.iter().map(|(_, part, _)| part.cell));
        if job.owned {
            let key = shards.store.key(job.shard)?;
            let values = encoded.into_iter().map(|(id, bytes)| (id, Cow::Owned(bytes))).collect();
            let _always_written = wait(shards.store.put(&key, values, Precondition::Always))?;
        } else {
            let merged = shards.store.merge(job.shard, swaps, |old| {
                let mut changes: BTreeMap<u64, Change<'_>> = BTreeMap::new();
                for (id, bytes) in &encoded {
                    changes.insert(*id, Some(Cow::Borrowed(bytes)));
                }
                for chunk in job.chunks.iter().filter(|(_, part, _)| !part.is_whole()) {
                    let bytes = self.changed_in_shard(shards, chunk, old)?;
                    changes.insert(chunk.0, Some(Cow::Owned(bytes)));
                }
                Ok(changes)
            });
            wait(merged)?;
        }
        for (_, part, _) in &job.chunks {
            self.report_chunk(&part.part);
        }
        Ok(())
    }

    /// Puts all chunks of a box into their shards. Those without a value are removed, or, unless
    /// `removes` says so, left alone where their shard is not replaced.
    pub(super) fn put_into_shards(
        &self,
        shards: &VolumeShards<Arc<B>>,
        bbox: &BoundingBox,
        chunks: Vec<(ChunkPart, Option<Value>)>,
        removes: bool,
    ) -> Result<()> {
        let mut owned = BTreeMap::new();
        let mut by_shard: BTreeMap<u64, BTreeMap<u64, Option<Vec<u8>>>> = BTreeMap::new();
        let _forgetting = self.forgetting(chunks.iter().map(|(part, _)| part.cell));
        for (part, value) in chunks {
            let shard = shards.shard(part.cell);
            owned.entry(shard).or_insert_with(|| shards.is_owned(part.cell, bbox));
            let bytes = value.map(|value| Vec::from(value.bytes));
            by_shard.entry(shard).or_default().insert(shards.id(part.cell), bytes);
        }
        let swaps = match owned.values().all(|&owned| owned) {
            true => false,
            false => self.require_swaps()?,
        };
        for (shard, chunks) in by_shard {
            self.go_on()?;
            if owned.get(&shard) == Some(&true) {
                let present =
                    chunks.into_iter().filter_map(|(id, bytes)| Some((id, Cow::Owned(bytes?))));
                let present: Vec<_> = present.collect();
                if present.is_empty() && !removes {
                    continue;
                }
                let key = shards.store.key(shard)?;
                let _always_written = wait(shards.store.put(&key, present, Precondition::Always))?;
            } else {
                let merged = shards.store.merge(shard, swaps, |_| {
                    let changes = chunks.iter().filter(|(_, bytes)| removes || bytes.is_some());
                    let changes =
                        changes.map(|(id, bytes)| (*id, bytes.as_deref().map(Cow::Borrowed)));
                    Ok(changes.collect())
                });
                wait(merged)?;
            }
        }
        Ok(())
    }

    /// Encodes chunks that are written whole.
    fn encode_chunks<'a, T: Element>(
        &self,
        chunks: impl Iterator<Item = &'a Chunk<'a, T>>,
        side: Side,
    ) -> Result<Encoded> {
        let encode = |(id, part, window): &Chunk<'_, T>| {
            Ok((*id, Vec::from(self.encode(part, window.view(), Vec::new())?.value.bytes)))
        };
        let chunks: Vec<_> = chunks.collect();
        if side == Side::Alone {
            return chunks.into_iter().map(encode).collect();
        }
        let encoded = Mutex::new(Encoded::new());
        self.inner.driver.in_waves(chunks.into_iter(), 1, self.chunk_cost(), |wave| {
            for chunk in wave {
                let (id, bytes) = encode(chunk)?;
                encoded.lock().unwrap_or_else(PoisonError::into_inner).insert(id, bytes);
            }
            Ok(())
        })?;
        Ok(encoded.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// A chunk of a shard with the voxels of its part replaced.
    fn changed_in_shard<T: Element>(
        &self,
        shards: &VolumeShards<Arc<B>>,
        (id, part, window): &Chunk<'_, T>,
        old: &Old,
    ) -> Result<Vec<u8>> {
        let store = &self.inner.store;
        self.go_on()?;
        let key = store.key(part)?;
        let mut voxels = match old.get(*id) {
            Some(bytes) => {
                let blob = shards.store.blob(bytes, None);
                store.decode(&key, &part.chunk, &blob, &mut Scratch::default())?.to_vec()
            }
            None => self.filled(store.spec(&part.chunk).voxel_bytes()),
        };
        gather(window, self.block(part), &mut voxels);
        Ok(store.encode(&key, &part.chunk, voxels)?.bytes.into())
    }

    /// Removes the chunks of an aligned box from their shards.
    pub(super) fn delete_from_shards(
        &self,
        shards: &VolumeShards<Arc<B>>,
        bbox: &BoundingBox,
    ) -> Result<()> {
        let mut owned = BTreeMap::new();
        let mut ids: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let _forgetting = self.forgetting(self.grid().cover(bbox).map(|part| part.cell));
        for part in self.grid().cover(bbox) {
            let shard = shards.shard(part.cell);
            owned.entry(shard).or_insert_with(|| shards.is_owned(part.cell, bbox));
            ids.entry(shard).or_default().push(shards.id(part.cell));
        }
        let swaps = match owned.values().all(|&owned| owned) {
            true => false,
            false => self.require_swaps()?,
        };
        for (shard, ids) in ids {
            self.go_on()?;
            if owned.get(&shard) == Some(&true) {
                let key = shards.store.key(shard)?;
                let _always = wait(self.backend().delete(&key, Precondition::Always))?;
            } else {
                let removed = |_: &Old| Ok(ids.iter().map(|&id| (id, None)).collect());
                wait(shards.store.merge(shard, swaps, removed))?;
            }
            self.report(ids.len() as u64, 0);
        }
        Ok(())
    }
}

/// Who encodes the chunks of a shard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// This thread; the others have shards of their own.
    Alone,
    /// All threads.
    Together,
}
