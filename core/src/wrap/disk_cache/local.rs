//! The local half of a cache on disk: entries in a store, bounded in bytes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::TryStreamExt;

use super::entry::{self, Decoded, Head, Owner};
use super::index::{Checked, Index};
use crate::backend::{
    BackendResult, Blob, ByteRange, KeyValueBackend, Precondition, PutOutcome, Value,
};
use crate::key::{Key, Prefix};

/// Bytes that a cache on disk holds if nothing else is said: 10 GiB.
pub const DEFAULT_DISK_CACHE: u64 = 10 << 30;

/// Entries deleted with one call of the local store.
const WAVE: usize = 1000;

/// How much a cache on disk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskUsage {
    /// How many values.
    pub entries: u64,
    /// Their bytes in the local store.
    pub bytes: u64,
}

/// A store that holds the entries of [`DiskCache`](super::DiskCache)s: of one or of many.
///
/// A clone is another handle. It touches nothing in the store but entries, which are all below
/// `v1/`. The format is told in the source, in `wrap/disk_cache/entry.rs`.
#[derive(Debug)]
pub struct LocalCache<L> {
    store: Arc<L>,
    index: Arc<Mutex<Index>>,
    max_bytes: u64,
}

impl<L> Clone for LocalCache<L> {
    fn clone(&self) -> Self {
        let Self { store, index, max_bytes } = self;
        Self { store: Arc::clone(store), index: Arc::clone(index), max_bytes: *max_bytes }
    }
}

/// A value that was found, or a part of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) head: Head,
    pub(super) bytes: Bytes,
}

impl<L: KeyValueBackend> LocalCache<L> {
    /// Entries in `store`, of up to [`DEFAULT_DISK_CACHE`] bytes in all.
    #[must_use]
    pub fn new(store: L) -> Self {
        let index = Arc::default();
        Self { store: Arc::new(store), index, max_bytes: DEFAULT_DISK_CACHE }
    }

    /// Bytes of all entries; each counts as 4 KiB at least. When there are more, those that this
    /// process did not use for longest go, up to a tenth more than needed. Several processes on
    /// one store may exceed this by an eighth each. 0 stores nothing.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The store that holds the entries.
    #[must_use]
    pub fn store(&self) -> &L {
        &self.store
    }

    /// How much there is.
    ///
    /// # Errors
    /// [`BackendError`](crate::backend::BackendError) if the local store cannot be listed.
    pub async fn usage(&self) -> BackendResult<DiskUsage> {
        let mut usage = DiskUsage::default();
        for (_, size) in self.entries().await? {
            usage.entries += 1;
            usage.bytes += size;
        }
        Ok(usage)
    }

    /// Deletes all entries, of all remote stores, and says how much there was.
    ///
    /// # Errors
    /// [`BackendError`](crate::backend::BackendError) if the local store fails; some may be
    /// deleted then.
    pub async fn flush(&self) -> BackendResult<DiskUsage> {
        let mut usage = DiskUsage::default();
        let entries = self.entries().await?;
        for wave in entries.chunks(WAVE) {
            let names: Vec<Key> = wave.iter().map(|(name, _)| name.clone()).collect();
            self.store.delete_batch(&names).await?;
            usage.entries += wave.len() as u64;
            usage.bytes += wave.iter().map(|(_, size)| size).sum::<u64>();
        }
        self.index().clear();
        Ok(usage)
    }

    /// All entries with their sizes.
    async fn entries(&self) -> BackendResult<Vec<(Key, u64)>> {
        let Ok(prefix) = Prefix::new(entry::DIRECTORY) else { return Ok(Vec::new()) };
        self.store
            .list(&prefix)
            .try_filter_map(|meta| {
                let entry = entry::is_name(&meta.key).then_some((meta.key, meta.size));
                std::future::ready(Ok(entry))
            })
            .try_collect()
            .await
    }

    /// A part of a value. `None` if it is not there, is damaged, or cannot be read: what the local
    /// store does never fails a read.
    pub(super) async fn read(&self, owner: Owner<'_>, range: &ByteRange) -> Option<Found> {
        let name = owner.name()?;
        let checked = self.index().used(&name);
        if let Some(Checked { head, local }) = checked {
            let part = range.resolve(head.len);
            let part = ByteRange::Bounded(head.start + part.start..head.start + part.end);
            if let Some(blob) = self.tolerate(self.store.get(&name, part).await)?
                && blob.version.as_ref() == Some(&local)
            {
                return Some(Found { head, bytes: blob.bytes });
            }
        }
        let Some(blob) = self.tolerate(self.store.get(&name, ByteRange::Full).await)? else {
            self.index().removed(&name);
            return None;
        };
        match entry::decode(owner, &blob.bytes) {
            Decoded::Value(head, value) => {
                let local = blob.version;
                let checked = local.map(|local| Checked { head: head.clone(), local });
                self.index().stored(&name, blob.bytes.len() as u64, checked);
                Some(Found { bytes: range.slice(&value), head })
            }
            Decoded::Foreign => None,
            Decoded::Damaged => {
                tracing::warn!(target: "bigarrays::cache", store = %self.store, entry = %name,
                    "a damaged entry of the cache is dropped");
                self.remove(owner).await;
                None
            }
        }
    }

    /// Stores a value. What fails is not stored.
    pub(super) async fn write(&self, owner: Owner<'_>, blob: &Blob, checked: Duration) {
        let (Some(name), Some(bytes)) = (owner.name(), entry::encode(owner, blob, checked)) else {
            return;
        };
        let size = bytes.len() as u64;
        if size > self.max_bytes {
            return;
        }
        let wants_listing = self.index().wants_listing(self.max_bytes);
        if wants_listing {
            match self.tolerate(self.entries().await) {
                Some(entries) => self.index().listed(entries),
                None => self.index().not_listed(),
            }
        }
        let put = self.store.put(&name, Value::plain(bytes), Precondition::Always).await;
        if let Some(PutOutcome::Written { .. }) = self.tolerate(put) {
            self.index().stored(&name, size, None);
        }
        let gone = self.index().evict(self.max_bytes);
        for wave in gone.chunks(WAVE) {
            self.tolerate(self.store.delete_batch(wave).await);
        }
    }

    /// Removes a value; whether that went well.
    pub(super) async fn remove(&self, owner: Owner<'_>) -> bool {
        let Some(name) = owner.name() else { return false };
        let deleted = self.store.delete(&name, Precondition::Always).await;
        self.index().removed(&name);
        self.tolerate(deleted).is_some()
    }

    /// The remote store said that a value is still the same.
    pub(super) fn touch(&self, owner: Owner<'_>, now: Duration) {
        if let Some(name) = owner.name() {
            self.index().touch(&name, now);
        }
    }

    /// A failure of the local store is told in the log, and to nobody else.
    fn tolerate<T>(&self, answer: BackendResult<T>) -> Option<T> {
        answer
            .inspect_err(|error| {
                tracing::warn!(target: "bigarrays::cache", %error, "the cache is left out");
            })
            .ok()
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // What an index says is only ever a hint.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: fmt::Display> fmt::Display for LocalCache<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}
