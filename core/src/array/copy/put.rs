//! What a copy made goes into its target.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Copied, Copier, OnAbsent};
use crate::backend::{KeyValueBackend, Put, Value, wait};
use crate::error::Result;
use crate::geometry::{BoundingBox, ChunkPart};
use crate::key::Key;

/// At most so many chunks go to the store in one batch, as they do in other writes.
const MAX_WAVE: usize = 64;

/// A chunk of the target and what is to be stored of it; `None` if the source has none.
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

impl<S: KeyValueBackend, D: KeyValueBackend> Copier<S, D> {
    /// Puts whole chunks as they are to be stored.
    pub(super) fn put_wave(&self, puts: Vec<Put>, parts: &[ChunkPart]) -> Result<()> {
        if puts.is_empty() {
            return Ok(());
        }
        let _forgetting = self.target.forgetting(parts.iter().map(|part| part.cell));
        wait(self.target.inner.store.store_batch(puts))?;
        parts.iter().for_each(|part| self.target.report_chunk(&part.part));
        Ok(())
    }

    /// Deletes chunks that the source does not have, if that is wanted.
    pub(super) fn absent(&self, parts: &[ChunkPart]) -> Result<()> {
        if self.absent == OnAbsent::Delete && !parts.is_empty() {
            let keys: Result<Vec<Key>> =
                parts.iter().map(|part| self.target.inner.store.key(part)).collect();
            let _forgetting = self.target.forgetting(parts.iter().map(|part| part.cell));
            wait(self.target.backend().delete_batch(&keys?))?;
        }
        parts.iter().for_each(|part| self.target.report_chunk(&part.part));
        Ok(())
    }

    /// Stores the chunks of a task, or deletes them.
    pub(super) fn put_all(&self, task: &BoundingBox, made: Vec<Made>) -> Result<Copied> {
        let tally = Tally::default();
        let (target, inner) = (&self.target, &self.target.inner);
        if let Some(shards) = inner.store.shards() {
            let absent = made.iter().filter(|(_, value)| value.is_none()).count();
            tally.add(made.len() - absent, absent);
            let parts: Vec<ChunkPart> = made.iter().map(|(part, _)| *part).collect();
            target.put_into_shards(shards, task, made, self.absent == OnAbsent::Delete)?;
            parts.iter().for_each(|part| target.report_chunk(&part.part));
            return Ok(tally.copied());
        }
        inner.driver.in_waves(made.into_iter(), MAX_WAVE, target.chunk_cost(), |wave| {
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
            self.absent(&absent)?;
            tally.add(written.len(), absent.len());
            Ok(())
        })?;
        Ok(tally.copied())
    }
}
