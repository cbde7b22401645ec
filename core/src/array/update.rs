//! Writing boxes that are not aligned: read, change, write back.
//!
//! A chunk that the box holds whole is replaced without being read. A chunk written in part is
//! read with its version, changed, and put back on condition that nobody else changed it
//! meanwhile; if somebody did, it is read again. So writers of different voxels of one chunk never
//! lose each other's, in one process or many.

use std::time::Duration;

use backon::BackoffBuilder;
use futures_timer::Delay;
use ndarray::ArrayView4;

use super::big_array::BigArray;
use super::options::Unaligned;
use super::plan;
use super::scatter::gather;
use crate::backend::{
    ByteRange, ConditionalPut, IoModel, KeyValueBackend, Precondition, PutOutcome, Value, Version,
};
use crate::chunk_store::Scratch;
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart};
use crate::key::Key;

/// How often a chunk is tried before the writer gives up with a conflict.
const ATTEMPTS: u32 = 64;

/// What a chunk was when it was read to be changed.
enum Current {
    Absent,
    /// In this state, if the store told one.
    Stored(Option<Version>),
}

impl<B: KeyValueBackend> BigArray<B> {
    pub(super) fn update<T: Element>(
        &self,
        bbox: &BoundingBox,
        view: ArrayView4<'_, T>,
    ) -> Result<()> {
        let capabilities = self.backend().capabilities();
        let swaps = capabilities.conditional_put == ConditionalPut::CompareAndSwap;
        if self.inner.options.unaligned == Unaligned::ReadModifyWrite && !swaps {
            return Err(self.needs_compare_and_swap());
        }
        let cover = self.grid().cover(bbox);
        let windows = plan::windows(&cover, &view);
        let chunks = cover.zip(windows).map(|chunk| (chunk, ()));
        // Encoding is part of the I/O here, because it may have to be done again.
        self.inner.driver.fetch_and_work(
            capabilities,
            chunks,
            self.chunk_cost(),
            |(part, window)| async move { self.update_chunk(&part, window, swaps).await },
            |(part, _), (), (), _: &mut ()| {
                self.report_chunk(&part.part);
                Ok(())
            },
        )
    }

    async fn update_chunk<T: Element>(
        &self,
        part: &ChunkPart,
        window: ArrayView4<'_, T>,
        swaps: bool,
    ) -> Result<()> {
        let store = &self.inner.store;
        let key = store.key(&part.chunk)?;
        let mut pauses = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_micros(50))
            .with_max_delay(Duration::from_millis(20))
            .with_max_times(ATTEMPTS as usize)
            .with_jitter()
            .build();
        for _ in 0..ATTEMPTS {
            let (value, current) = self.changed_chunk(part, &key, window).await?;
            let when = match current {
                _ if !swaps || part.is_whole() => Precondition::Always,
                Current::Absent => Precondition::IfAbsent,
                Current::Stored(Some(version)) => Precondition::IfVersion(version),
                Current::Stored(None) => return Err(self.needs_compare_and_swap()),
            };
            match store.store(&key, value, when).await? {
                PutOutcome::Written { .. } => return Ok(()),
                PutOutcome::Conflict => self.pause(pauses.next().unwrap_or_default()).await,
            }
        }
        Err(Error::Conflict { key, chunk: part.chunk, attempts: ATTEMPTS })
    }

    /// The chunk with the window's voxels in it, and what it was made of. A chunk that the window
    /// replaces whole is not read.
    async fn changed_chunk<T: Element>(
        &self,
        part: &ChunkPart,
        key: &Key,
        window: ArrayView4<'_, T>,
    ) -> Result<(Value, Current)> {
        let store = &self.inner.store;
        let len = store.spec(&part.chunk).voxel_bytes();
        let blob = match part.is_whole() {
            true => None,
            false => store.backend().get(key, ByteRange::Full).await?,
        };
        let mut voxels = match &blob {
            // An empty value counts as missing, but it has a version that must be met.
            Some(blob) if !blob.bytes.is_empty() => {
                store.decode(key, &part.chunk, blob, &mut Scratch::default())?.to_vec()
            }
            _ => self.filled(len),
        };
        let current = blob.map_or(Current::Absent, |blob| Current::Stored(blob.version));
        gather(&window, self.block(part), &mut voxels);
        Ok((store.encode(key, &part.chunk, voxels)?, current))
    }

    fn needs_compare_and_swap(&self) -> Error {
        Error::NeedsCompareAndSwap { backend: self.backend().to_string() }
    }

    /// The voxels of a chunk that is not stored.
    fn filled(&self, len: usize) -> Vec<u8> {
        let voxel = &self.inner.fill[..self.data_type().size()];
        voxel.iter().copied().cycle().take(len).collect()
    }

    async fn pause(&self, pause: Duration) {
        match self.backend().capabilities().io {
            IoModel::Blocking => std::thread::sleep(pause),
            IoModel::Async => Delay::new(pause).await,
        }
    }
}
