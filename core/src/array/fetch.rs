//! Bringing the stored bytes of chunks to the work on them, however they are stored.

use super::big_array::BigArray;
use super::shard_read;
use crate::backend::KeyValueBackend;
use crate::chunk_store::{Fetched, Scratch};
use crate::error::Result;
use crate::geometry::ChunkPart;

impl<B: KeyValueBackend> BigArray<B> {
    /// For each chunk and what belongs to it, brings its stored bytes and does `work`.
    ///
    /// # Errors
    /// The first error; nothing further is begun then.
    pub(super) fn with_chunks<T: Send>(
        &self,
        chunks: impl Iterator<Item = (ChunkPart, T)> + Send,
        work: impl Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    ) -> Result<()> {
        if let Some(shards) = self.inner.store.shards() {
            return shard_read::with_chunks(self, shards, chunks, work);
        }
        self.inner.driver.fetch_and_work(
            self.backend().capabilities(),
            chunks,
            self.chunk_cost(),
            |part| async move {
                let key = self.inner.store.key(&part)?;
                let blob = self.inner.store.fetch(&key).await?;
                Ok((key, blob))
            },
            |part, item, (key, blob), scratch| {
                work(Fetched { part: &part, key: &key, blob }, item, scratch)
            },
        )
    }
}
