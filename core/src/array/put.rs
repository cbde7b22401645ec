//! Whole chunks on their way into a volume.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ndarray::ArrayView4;

use super::big_array::BigArray;
use super::plan;
use super::write::MAX_WAVE;
use crate::backend::{KeyValueBackend, Put, Value, wait};
use crate::element::Element;
use crate::error::Result;
use crate::geometry::{BoundingBox, ChunkPart};
use crate::key::Key;

/// What becomes of a chunk of the target where the source has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnAbsent {
    /// It is deleted, so that the target equals the source.
    #[default]
    Delete,
    /// It is left alone: for a target that was made for this copy.
    Leave,
}

/// What a task did, in chunks of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Chunks that were written.
    pub written: u64,
    /// Chunks of which the source has no voxel stored.
    pub absent: u64,
}

impl AddAssign for Copied {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.absent += other.absent;
    }
}

/// A chunk and what is to be stored of it; `None` if the source has none.
pub(super) type Made = (ChunkPart, Option<Value>);

/// Counts chunks from several threads.
#[derive(Debug, Default)]
pub(super) struct Tally {
    written: AtomicU64,
    absent: AtomicU64,
}

impl Tally {
    pub(super) fn add(&self, written: usize, absent: usize) {
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        self.absent.fetch_add(absent as u64, Ordering::Relaxed);
    }

    pub(super) fn copied(&self) -> Copied {
        Copied {
            written: self.written.load(Ordering::Relaxed),
            absent: self.absent.load(Ordering::Relaxed),
        }
    }
}

impl<B: KeyValueBackend> BigArray<B> {
    /// Puts whole chunks as they are to be stored.
    pub(super) fn put_wave(&self, puts: Vec<Put>, parts: &[ChunkPart]) -> Result<()> {
        if puts.is_empty() {
            return Ok(());
        }
        let _forgetting = self.forgetting(parts.iter().map(|part| part.cell));
        wait(self.inner.store.store_batch(puts))?;
        parts.iter().for_each(|part| self.report_chunk(&part.part));
        Ok(())
    }

    /// Deletes chunks that the source does not have, if that is wanted.
    pub(super) fn put_absent(&self, parts: &[ChunkPart], absent: OnAbsent) -> Result<()> {
        if absent == OnAbsent::Delete && !parts.is_empty() {
            let keys: Result<Vec<Key>> =
                parts.iter().map(|part| self.inner.store.key(part)).collect();
            let _forgetting = self.forgetting(parts.iter().map(|part| part.cell));
            wait(self.backend().delete_batch(&keys?))?;
        }
        parts.iter().for_each(|part| self.report_chunk(&part.part));
        Ok(())
    }

    /// The chunks of a box of whole chunks, encoded by all threads; nothing of those that are
    /// absent.
    pub(super) fn made_of<T: Element>(
        &self,
        bbox: &BoundingBox,
        voxels: &ArrayView4<'_, T>,
        is_absent: impl Fn(&ChunkPart) -> bool + Sync,
    ) -> Result<Vec<Made>> {
        let cover = self.grid().cover(bbox);
        let windows = plan::windows(&cover, voxels);
        let made = Mutex::new(Vec::<Made>::new());
        self.inner.driver.in_waves(cover.zip(windows), 1, self.chunk_cost(), |wave| {
            for (part, window) in wave {
                let value = match is_absent(&part) {
                    true => None,
                    false => Some(self.encode(&part, window, Vec::new())?.value),
                };
                made.lock().unwrap_or_else(PoisonError::into_inner).push((part, value));
            }
            Ok(())
        })?;
        Ok(made.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores the chunks of a task, or deletes them.
    pub(super) fn put_all(
        &self,
        task: &BoundingBox,
        made: Vec<Made>,
        on_absent: OnAbsent,
    ) -> Result<Copied> {
        let (tally, inner) = (Tally::default(), &self.inner);
        if let Some(shards) = inner.store.shards() {
            let absent = made.iter().filter(|(_, value)| value.is_none()).count();
            tally.add(made.len() - absent, absent);
            let parts: Vec<ChunkPart> = made.iter().map(|(part, _)| *part).collect();
            self.put_into_shards(shards, task, made, on_absent == OnAbsent::Delete)?;
            parts.iter().for_each(|part| self.report_chunk(&part.part));
            return Ok(tally.copied());
        }
        inner.driver.in_waves(made.into_iter(), MAX_WAVE, self.chunk_cost(), |wave| {
            self.go_on()?;
            let (mut puts, mut written, mut absent) = (Vec::new(), Vec::new(), Vec::new());
            for (part, value) in wave {
                match value {
                    Some(value) => {
                        puts.push(Put { key: inner.store.key(&part)?, value });
                        written.push(part);
                    }
                    None => absent.push(part),
                }
            }
            self.put_wave(puts, &written)?;
            self.put_absent(&absent, on_absent)?;
            tally.add(written.len(), absent.len());
            Ok(())
        })?;
        Ok(tally.copied())
    }
}
