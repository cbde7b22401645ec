//! Values that are copied as they are stored.

use std::collections::BTreeMap;

use super::Copier;
use crate::array::put::{Copied, OnAbsent, Tally};
use crate::backend::{ByteRange, KeyValueBackend, Precondition, Put, Value, wait};
use crate::chunk_store::VolumeShards;
use crate::error::Result;
use crate::geometry::{BoundingBox, ChunkPart};
use crate::key::Key;

/// Chunks that are fetched, and put, with one call; and the bytes of voxels that they may have:
/// memory that was used just before is at hand, new memory is dearer than the copy.
const WAVE: usize = 64;
const WAVE_BYTES: usize = 8 << 20;

impl<S: KeyValueBackend, D: KeyValueBackend> Copier<S, D> {
    pub(super) fn copy_stored(&self, task: &BoundingBox) -> Result<Copied> {
        match (self.source.inner.store.shards(), self.target.inner.store.shards()) {
            (Some(from), Some(to)) => self.copy_shards(from, to, task),
            _ => self.copy_values(task),
        }
    }

    fn copy_values(&self, task: &BoundingBox) -> Result<Copied> {
        let (from, to) = (&self.source.inner, &self.target.inner);
        let tally = Tally::default();
        // Each of a pair is the same chunk, named by its own volume.
        let chunks = self.source.grid().cover(task).zip(self.target.grid().cover(task));
        let wave = (WAVE_BYTES / to.store.largest_chunk_bytes().max(1)).clamp(4, WAVE);
        to.driver.in_waves(chunks, wave, self.target.chunk_cost(), |wave| {
            self.target.go_on()?;
            let keys: Result<Vec<Key>> =
                wave.iter().map(|(part, _)| from.store.key(part)).collect();
            let keys = keys?;
            let mut puts = Vec::with_capacity(wave.len());
            let (mut written, mut absent) = (Vec::new(), Vec::new());
            for ((part, to_part), (key, blob)) in
                wave.iter().zip(keys.iter().zip(wait(self.source.backend().get_batch(&keys))))
            {
                // An empty value is a missing chunk, as it is for a read.
                match blob?.filter(|blob| !blob.bytes.is_empty()) {
                    Some(blob) => {
                        let value =
                            Value { bytes: blob.bytes, content_encoding: blob.content_encoding };
                        puts.push(Put { key: to.store.key(to_part)?, value });
                        written.push(*to_part);
                    }
                    None => {
                        self.source.allow_missing(part, key)?;
                        absent.push(*to_part);
                    }
                }
            }
            self.target.put_wave(puts, &written)?;
            self.target.put_absent(&absent, self.absent)?;
            tally.add(written.len(), absent.len());
            Ok(())
        })?;
        Ok(tally.copied())
    }

    /// Copies the files of shards whose every chunk is in the task.
    fn copy_shards(
        &self,
        from: &VolumeShards<std::sync::Arc<S>>,
        to: &VolumeShards<std::sync::Arc<D>>,
        task: &BoundingBox,
    ) -> Result<Copied> {
        let mut shards: BTreeMap<u64, Vec<ChunkPart>> = BTreeMap::new();
        for part in self.target.grid().cover(task) {
            shards.entry(to.shard(part.cell)).or_default().push(part);
        }
        let cost = shards.values().map(Vec::len).max().unwrap_or(0);
        let cost = self.target.inner.store.largest_chunk_bytes().saturating_mul(cost);
        let tally = Tally::default();
        self.target.inner.driver.in_waves(shards.into_iter(), 1, cost, |wave| {
            for (shard, parts) in wave {
                self.target.go_on()?;
                let (key, to_key) = (from.store.key(shard)?, to.store.key(shard)?);
                let blob = wait(self.source.backend().get(&key, ByteRange::Full))?;
                let _forgetting = self.target.forgetting(parts.iter().map(|part| part.cell));
                let is_there = blob.is_some();
                match blob {
                    Some(blob) => {
                        let value =
                            Value { bytes: blob.bytes, content_encoding: blob.content_encoding };
                        let put = self.target.backend().put(&to_key, value, Precondition::Always);
                        let _always_written = wait(put)?;
                    }
                    None => {
                        parts.iter().try_for_each(|part| self.source.allow_missing(part, &key))?;
                        if self.absent == OnAbsent::Delete {
                            let delete =
                                self.target.backend().delete(&to_key, Precondition::Always);
                            let _always_deleted = wait(delete)?;
                        }
                    }
                }
                parts.iter().for_each(|part| self.target.report_chunk(&part.part));
                match is_there {
                    true => tally.add(parts.len(), 0),
                    false => tally.add(0, parts.len()),
                }
            }
            Ok(())
        })?;
        Ok(tally.copied())
    }
}
