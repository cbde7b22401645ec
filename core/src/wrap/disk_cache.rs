//! Values of one store kept in another.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use quick_cache::sync::Cache as Recent;

mod entry;
mod index;
mod local;
mod write;

use super::clock::{Clock, SystemClock};
use super::freshness::Freshness;
use crate::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, IoModel, KeyValueBackend, Meta,
    Precondition, Put, PutOutcome, Value, Version, wait,
};
use crate::kept::{Claim, Flights, Landing, Lead};
use crate::key::{Key, Prefix};
use entry::Owner;

pub use local::{DEFAULT_DISK_CACHE, DiskUsage, LocalCache};

/// Values up to so many bytes are fetched whole when a part is asked for: 32 MiB.
const WHOLE_UP_TO: u64 = 32 << 20;
/// How many keys of longer values are remembered.
const LONG_KEYS: usize = 10_000;

/// A store whose values are kept in another one: a far one in a folder of this machine.
///
/// ```
/// # use bigarrays_core::{backend::{KeyValueBackendExt, wait}, key::Key, memory::MemoryBackend};
/// use bigarrays_core::wrap::{DiskCache, LocalCache};
///
/// // Any two stores; the second one is a folder as a rule.
/// let (far, folder) = (MemoryBackend::named("far"), MemoryBackend::new());
/// let local = LocalCache::new(folder).max_bytes(1 << 30);
/// let store = DiskCache::new(far.clone(), &local);
/// wait(far.put_always(&Key::new("info")?, "{}"))?;
/// assert_eq!(wait(store.get_bytes(&Key::new("info")?))?.unwrap(), "{}");
/// assert_eq!(wait(store.usage())?.entries, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is kept
/// - Whole values, each with its version and encoding, in one entry that the local store keeps
///   whole. Every byte of an entry is checked the first time that this process uses it; one that
///   is damaged or half-written is dropped and the value fetched again. Later reads compare the
///   version that the local store tells, and read only the part they need.
/// - When a part is asked for, the whole value is fetched if it has up to
///   [`whole_up_to`](Self::whole_up_to) bytes; parts of longer values are not kept.
/// - Not that a key is absent, no errors, no listings.
///
/// # What is asked of the remote store
/// - Whether a kept value is still the same, as the [`Freshness`] says; by default at every read.
///   Values whose version is not told are not kept then.
/// - Of several callers who want one missing value at once, one asks.
/// - Writes go to the remote store, and what is kept of the key is removed. It is then read again
///   from the remote store, also if its removal failed or the write was cancelled.
///
/// # What the local store can do wrong
/// Nothing that a read would fail of: a full disk, missing permission, or damage means that the
/// remote store is asked. The log tells (target `bigarrays::cache`).
///
/// # I/O model
/// If both stores block, this one does; else it is asynchronous, and a local store that blocks is
/// read and written inside polls. That suits a folder, whose answers come from memory or a fast
/// disk; an executor that serves others should be spared a slow one.
///
/// Batches are made of single requests: the remote store's own batch verb serves writes only.
#[derive(Debug)]
pub struct DiskCache<R, L> {
    remote: Arc<R>,
    local: LocalCache<L>,
    identity: Arc<str>,
    freshness: Freshness,
    whole_up_to: u64,
    clock: Arc<dyn Clock>,
    flights: Arc<Flights<Key, Fetched>>,
    /// Keys whose entries may be outdated, though this process knows better.
    distrusted: Arc<Mutex<HashSet<Key>>>,
    /// Keys of values that are too long to be kept for a part.
    long: Arc<Recent<Key, ()>>,
}

/// A value, or that there is none, and when the remote store was asked.
#[derive(Debug, Clone)]
struct Fetched {
    blob: Option<Blob>,
    checked: Duration,
}

/// What the local store has of a value.
enum Look {
    /// This, and it may be used. The length is that of the whole value.
    Hit(Option<(Blob, u64)>),
    /// Nothing that may be used; perhaps it is known what the remote store has.
    Miss(Option<Meta>),
}

impl<R, L> Clone for DiskCache<R, L> {
    fn clone(&self) -> Self {
        Self {
            remote: Arc::clone(&self.remote),
            local: self.local.clone(),
            identity: Arc::clone(&self.identity),
            freshness: self.freshness,
            whole_up_to: self.whole_up_to,
            clock: Arc::clone(&self.clock),
            flights: Arc::clone(&self.flights),
            distrusted: Arc::clone(&self.distrusted),
            long: Arc::clone(&self.long),
        }
    }
}

impl<R: KeyValueBackend, L: KeyValueBackend> DiskCache<R, L> {
    /// `remote`, with its values kept in `local`.
    #[must_use]
    pub fn new(remote: R, local: &LocalCache<L>) -> Self {
        Self {
            identity: remote.to_string().into(),
            remote: Arc::new(remote),
            local: local.clone(),
            freshness: Freshness::default(),
            whole_up_to: WHOLE_UP_TO,
            clock: Arc::new(SystemClock),
            flights: Arc::default(),
            distrusted: Arc::default(),
            long: Arc::new(Recent::new(LONG_KEYS)),
        }
    }

    /// The name by which the remote store is known in the local one, in this process and later
    /// ones. Default: its `Display`. Two stores of one name take each other's values for their
    /// own, unless their versions differ.
    #[must_use]
    pub fn identity(mut self, name: impl Into<Arc<str>>) -> Self {
        self.identity = name.into();
        self
    }

    /// When the remote store is asked whether a kept value is still the same. Default:
    /// [`Freshness::Validate`].
    #[must_use]
    pub const fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// Values up to so many bytes are fetched whole when a part is asked for. Default: 32 MiB.
    #[must_use]
    pub const fn whole_up_to(mut self, bytes: u64) -> Self {
        self.whole_up_to = bytes;
        self
    }

    /// Tells ages by this clock instead of the machine's: for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store whose values are kept.
    #[must_use]
    pub fn remote(&self) -> &R {
        &self.remote
    }

    /// How much the local store holds, of all remote stores.
    ///
    /// # Errors
    /// As [`LocalCache::usage`].
    pub async fn usage(&self) -> BackendResult<DiskUsage> {
        self.local.usage().await
    }

    /// Deletes all that the local store holds, of all remote stores.
    ///
    /// # Errors
    /// As [`LocalCache::flush`].
    pub async fn flush(&self) -> BackendResult<DiskUsage> {
        self.local.flush().await
    }

    fn owner<'a>(&'a self, key: &'a Key) -> Owner<'a> {
        Owner { identity: &self.identity, key }
    }

    fn lock_distrusted(&self) -> std::sync::MutexGuard<'_, HashSet<Key>> {
        self.distrusted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for a part of a value in the local store.
    async fn look(&self, key: &Key, range: &ByteRange) -> BackendResult<Look> {
        // An outdated value may be on its way into the local store.
        if self.flights.is_in_limbo(key) || self.lock_distrusted().contains(key) {
            return Ok(Look::Miss(None));
        }
        let owner = self.owner(key);
        let Some(found) = self.local.read(owner, range).await else { return Ok(Look::Miss(None)) };
        let (len, version) = (found.head.len, found.head.version.clone());
        let blob = Blob {
            bytes: found.bytes,
            version: found.head.version,
            content_encoding: found.head.content_encoding,
        };
        let now = self.clock.now();
        if self.freshness.trusts(found.head.checked, now) {
            return Ok(Look::Hit(Some((blob, len))));
        }
        let Some(meta) = self.remote.head(key).await? else {
            self.local.remove(owner).await;
            return Ok(Look::Hit(None));
        };
        if !same(meta.version.as_ref(), version.as_ref()) {
            return Ok(Look::Miss(Some(meta)));
        }
        self.local.touch(owner, now);
        Ok(Look::Hit(Some((blob, len))))
    }

    /// A whole value, fetched once for all who want it.
    async fn whole(&self, key: &Key) -> BackendResult<Option<Blob>> {
        loop {
            let arrival = match self.flights.claim(key, || None) {
                Claim::Kept(fetched) => return Ok(fetched.blob),
                Claim::Lead(lead) => return self.fetch(key, lead).await,
                Claim::Wait(arrival) => arrival,
            };
            let landing = match self.capabilities().io {
                // The other caller is inside its poll, on a thread of its own, until it is done.
                IoModel::Blocking => wait(arrival).ok(),
                IoModel::Async => arrival.await.ok(),
            };
            match landing {
                Some(Landing::Value(fetched)) if self.holds(key, &fetched).await? => {
                    return Ok(fetched.blob);
                }
                Some(Landing::Failed) => return self.remote.get(key, ByteRange::Full).await,
                // It is outdated, or its leader gave up.
                Some(Landing::Value(_)) | None => {}
            }
        }
    }

    /// Whether what another caller fetched is what this one would have.
    async fn holds(&self, key: &Key, fetched: &Fetched) -> BackendResult<bool> {
        if self.freshness.trusts(fetched.checked, self.clock.now()) {
            return Ok(true);
        }
        let meta = self.remote.head(key).await?;
        Ok(match (&meta, &fetched.blob) {
            (None, None) => true,
            (Some(meta), Some(blob)) => same(meta.version.as_ref(), blob.version.as_ref()),
            _ => false,
        })
    }

    /// Fetches a whole value for all who wait.
    async fn fetch(&self, key: &Key, lead: Lead<Key, Fetched>) -> BackendResult<Option<Blob>> {
        let checked = self.clock.now();
        // It may have been stored since this caller looked.
        let blob = match self.look(key, &ByteRange::Full).await {
            Ok(Look::Hit(found)) => found.map(|(blob, _)| blob),
            Ok(Look::Miss(_)) => match self.remote.get(key, ByteRange::Full).await {
                Ok(blob) => {
                    if let Some(blob) = &blob {
                        self.store(key, blob, checked, &lead).await;
                    }
                    blob
                }
                Err(error) => {
                    lead.fail();
                    return Err(error);
                }
            },
            Err(error) => {
                lead.fail();
                return Err(error);
            }
        };
        let is_comparable = blob.as_ref().is_none_or(|blob| blob.version.is_some());
        if is_comparable || self.freshness != Freshness::Validate {
            lead.land(Fetched { blob: blob.clone(), checked }, |_, _| {});
        } else {
            lead.fail();
        }
        Ok(blob)
    }

    /// A part of a value: of what is kept, of what becomes kept, or else of the remote store.
    async fn part(&self, key: &Key, range: &ByteRange) -> BackendResult<Option<Blob>> {
        let known = match self.look(key, range).await? {
            Look::Hit(found) => return Ok(found.map(|(blob, _)| blob)),
            Look::Miss(known) => known,
        };
        match self.is_short(key, known).await? {
            None => Ok(None),
            Some(true) => {
                let whole = self.whole(key).await?;
                Ok(whole.map(|blob| Blob { bytes: range.slice(&blob.bytes), ..blob }))
            }
            Some(false) => self.remote.get(key, range.clone()).await,
        }
    }

    /// Whether a value is to be fetched whole for a part of it; `None` if there is none.
    async fn is_short(&self, key: &Key, known: Option<Meta>) -> BackendResult<Option<bool>> {
        if known.is_none() && self.long.get(key).is_some() {
            return Ok(Some(false));
        }
        let meta = match known {
            Some(meta) => Some(meta),
            None => self.remote.head(key).await?,
        };
        let Some(meta) = meta else { return Ok(None) };
        let short = meta.size <= self.whole_up_to;
        if short {
            self.long.remove(key);
        } else {
            self.long.insert(key.clone(), ());
        }
        Ok(Some(short))
    }
}

fn same(one: Option<&Version>, other: Option<&Version>) -> bool {
    one.is_some() && one == other
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<R: KeyValueBackend, L: KeyValueBackend> KeyValueBackend for DiskCache<R, L> {
    fn capabilities(&self) -> Capabilities {
        let remote = self.remote.capabilities();
        let io = match (remote.io, self.local.store().capabilities().io) {
            (IoModel::Blocking, IoModel::Blocking) => IoModel::Blocking,
            _ => IoModel::Async,
        };
        Capabilities { io, prefers_whole: true, ..remote }
    }

    // As old as what a get answers: who reads parts compares their versions with this one.
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        if self.freshness == Freshness::Validate {
            return self.remote.head(key).await;
        }
        match self.look(key, &ByteRange::Bounded(0..0)).await? {
            Look::Hit(found) => Ok(found.map(|(blob, size)| Meta {
                key: key.clone(),
                size,
                version: blob.version,
                content_encoding: Some(blob.content_encoding),
            })),
            Look::Miss(Some(meta)) => Ok(Some(meta)),
            Look::Miss(None) => self.remote.head(key).await,
        }
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        if range == ByteRange::Full {
            return self.whole(key).await;
        }
        self.part(key, &range).await
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let writing = self.writing([key]);
        let outcome = self.remote.put(key, value, when).await;
        writing.done().await;
        outcome
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let writing = self.writing([key]);
        let outcome = self.remote.delete(key, when).await;
        writing.done().await;
        outcome
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        self.remote.list(prefix)
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let start = ranges.iter().map(|range| range.start).min().unwrap_or(0);
        let end = ranges.iter().map(|range| range.end).max().unwrap_or(0).max(start);
        let cut = |bytes: &Bytes, begin: u64| -> Vec<Bytes> {
            let inside = |range: &Range<u64>| {
                let at = range.start - begin;
                ByteRange::Bounded(at..(range.end.max(range.start) - begin)).slice(bytes)
            };
            ranges.iter().map(inside).collect()
        };
        let known = match self.look(key, &ByteRange::Bounded(start..end)).await? {
            Look::Hit(found) => return Ok(found.map(|(blob, _)| cut(&blob.bytes, start))),
            Look::Miss(known) => known,
        };
        match self.is_short(key, known).await? {
            None => Ok(None),
            Some(true) => Ok(self.whole(key).await?.map(|blob| cut(&blob.bytes, 0))),
            Some(false) => self.remote.get_ranges(key, ranges).await,
        }
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let gets = keys.iter().map(|key| self.get(key, ByteRange::Full)).collect::<Vec<_>>();
        stream::iter(gets).buffered(self.capabilities().concurrency.get().min(1024)).collect().await
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let keys: Vec<Key> = puts.iter().map(|put| put.key.clone()).collect();
        let writing = self.writing(&keys);
        let outcome = self.remote.put_batch(puts).await;
        writing.done().await;
        outcome
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let writing = self.writing(keys);
        let outcome = self.remote.delete_batch(keys).await;
        writing.done().await;
        outcome
    }
}

impl<R: fmt::Display, L> fmt::Display for DiskCache<R, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.remote.fmt(f)
    }
}
