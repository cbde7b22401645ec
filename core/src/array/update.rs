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
use crate::backend::{ConditionalPut, IoModel, KeyValueBackend, Precondition, PutOutcome, Value};
use crate::chunk_store::Scratch;
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart};
use crate::key::Key;

/// How often a chunk is tried before the writer gives up with a conflict.
const ATTEMPTS: u32 = 64;

impl<B: KeyValueBackend> BigArray<B> {
    pub(super) fn update<T: Element>(
        &self,
        bbox: &BoundingBox,
        view: ArrayView4<'_, T>,
    ) -> Result<()> {
        let capabilities = self.backend().capabilities();
        let swaps = capabilities.conditional_put == ConditionalPut::CompareAndSwap;
        if self.inner.options.unaligned == Unaligned::ReadModifyWrite && !swaps {
            return Err(Error::NeedsCompareAndSwap { backend: self.backend().to_string() });
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
                Some(current) if swaps => current,
                _ => Precondition::Always,
            };
            match store.store(&key, value, when).await? {
                PutOutcome::Written { .. } => return Ok(()),
                PutOutcome::Conflict => self.pause(pauses.next().unwrap_or_default()).await,
            }
        }
        Err(Error::Conflict { key, chunk: part.chunk, attempts: ATTEMPTS })
    }

    /// The chunk with the window's voxels in it, and in which state the stored one must still be;
    /// `None` if the window replaces it whole.
    async fn changed_chunk<T: Element>(
        &self,
        part: &ChunkPart,
        key: &Key,
        window: ArrayView4<'_, T>,
    ) -> Result<(Value, Option<Precondition>)> {
        let store = &self.inner.store;
        let len = store.spec(&part.chunk).voxel_bytes();
        let (mut voxels, current) = if part.is_whole() {
            (vec![0; len], None)
        } else {
            // An empty value counts as missing, but it has a version that must be met.
            match store.backend().get(key, crate::backend::ByteRange::Full).await? {
                Some(blob) => {
                    let voxels = if blob.bytes.is_empty() {
                        self.filled(len)
                    } else {
                        let mut scratch = Scratch::default();
                        store.decode(key, &part.chunk, &blob, &mut scratch)?.to_vec()
                    };
                    (voxels, blob.version.map(Precondition::IfVersion))
                }
                None => (self.filled(len), Some(Precondition::IfAbsent)),
            }
        };
        gather(&window, self.block(part), &mut voxels);
        Ok((store.encode(key, &part.chunk, voxels)?, current))
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
