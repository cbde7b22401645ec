//! Writing boxes that are not aligned: read, change, write back.
//!
//! A chunk that the box holds whole is replaced without being read. A chunk written in part is
//! read with its version, changed, and put back on condition that nobody else changed it
//! meanwhile; if somebody did, it is read again. So writers of different voxels of one chunk never
//! lose each other's, in one process or many.

use ndarray::ArrayView4;

use super::big_array::BigArray;
use super::options::Unaligned;
use super::plan;
use super::scatter::gather;
use crate::backend::{
    Blob, ByteRange, KeyValueBackend, Precondition, PutOutcome, SWAP_ATTEMPTS, Value, pause,
    pauses, swaps, unchanged,
};
use crate::chunk_store::Scratch;
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart};
use crate::key::Key;

impl<B: KeyValueBackend> BigArray<B> {
    pub(super) fn update<T: Element>(
        &self,
        bbox: &BoundingBox,
        view: ArrayView4<'_, T>,
    ) -> Result<()> {
        if let Some(shards) = self.inner.store.shards() {
            return self.write_shards(shards, bbox, view);
        }
        let swaps = self.require_swaps()?;
        let cover = self.grid().cover(bbox);
        let windows = plan::windows(&cover, &view);
        let chunks = cover.zip(windows).map(|chunk| (chunk, ()));
        // Encoding is part of the I/O here, because it may have to be done again.
        self.inner.driver.fetch_and_work(
            self.backend().capabilities(),
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
        let key = store.key(part)?;
        let mut pauses = pauses();
        for _ in 0..SWAP_ATTEMPTS {
            self.go_on()?;
            let (value, read) = self.changed_chunk(part, &key, window).await?;
            let when = match swaps && !part.is_whole() {
                false => Precondition::Always,
                true => unchanged(read.as_ref()).ok_or_else(|| self.needs_compare_and_swap())?,
            };
            let _forgetting = self.forgetting([part.cell]);
            match store.store(&key, value, when).await? {
                PutOutcome::Written { .. } => return Ok(()),
                PutOutcome::Conflict => {
                    pause(self.backend(), pauses.next().unwrap_or_default()).await;
                }
            }
        }
        Err(Error::Conflict { key, chunk: part.chunk, attempts: SWAP_ATTEMPTS })
    }

    /// The chunk with the window's voxels in it, and what was read for it. A chunk that the window
    /// replaces whole is not read.
    async fn changed_chunk<T: Element>(
        &self,
        part: &ChunkPart,
        key: &Key,
        window: ArrayView4<'_, T>,
    ) -> Result<(Value, Option<Blob>)> {
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
        gather(&window, self.block(part), &mut voxels);
        Ok((store.encode(key, &part.chunk, voxels)?, blob))
    }

    /// Whether changes are put on condition that nobody else made one. Refuses a store that
    /// cannot, unless there is no other writer.
    pub(super) fn require_swaps(&self) -> Result<bool> {
        let swaps = swaps(self.backend());
        match swaps || self.inner.options.unaligned == Unaligned::SingleWriter {
            true => Ok(swaps),
            false => Err(self.needs_compare_and_swap()),
        }
    }

    pub(super) fn needs_compare_and_swap(&self) -> Error {
        Error::NeedsCompareAndSwap { backend: self.backend().to_string() }
    }

    /// The voxels of a chunk that is not stored.
    pub(super) fn filled(&self, len: usize) -> Vec<u8> {
        let voxel = &self.inner.fill[..self.data_type().size()];
        voxel.iter().copied().cycle().take(len).collect()
    }
}
