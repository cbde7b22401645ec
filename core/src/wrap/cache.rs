//! Values in memory, as they are stored.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

mod shared;

use super::clock::{Clock, SystemClock};
use super::freshness::Freshness;
use crate::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, IoModel, KeyValueBackend, Meta,
    Precondition, Put, PutOutcome, Value, wait,
};
use crate::kept::{Arrival, Claim, Landing, Lead, unique};
use crate::key::{Key, Prefix};
use shared::{Entry, Identity, Name};

pub use shared::{DEFAULT_CACHE, SharedCache};

/// A store whose values are kept in memory, as they are stored, bounded in bytes.
///
/// For whole values that are read again and again: chunks, `info` files, meshes. For decoded
/// voxels there is [`ChunkCache`](crate::array::ChunkCache), for values that outlive the process
/// [`DiskCache`](super::DiskCache).
///
/// ```
/// # use bigarrays_core::{backend::{KeyValueBackendExt, wait}, key::Key, memory::MemoryBackend};
/// use bigarrays_core::wrap::{Cache, Freshness, SharedCache};
///
/// let memory = SharedCache::new(64 << 20);
/// let store = Cache::new(MemoryBackend::new(), &memory).freshness(Freshness::Forever);
/// let key = Key::new("info")?;
/// wait(store.put_always(&key, "{}"))?;
/// for _ in 0..3 {
///     assert_eq!(wait(store.get_bytes(&key))?.unwrap(), "{}");
/// }
/// assert_eq!(memory.hits_and_misses(), (2, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is kept
/// - Whole values that were read whole. A part of a kept value is cut from it; a part of another
///   one is asked of the store, and not kept.
/// - Never an error. That a key is absent only by [`keep_absent`](Self::keep_absent).
/// - A value is kept with the bytes that the store gave; where those are a piece of a larger
///   buffer, that buffer stays in memory.
///
/// # What is asked of the store
/// - Of several callers who want one missing value at once, one asks and the others wait for the
///   answer. If it is an error each of them asks for itself; if the one who asks is cancelled or
///   panics, another takes over.
/// - When the store is asked whether a kept value is still the same is the [`Freshness`]; by
///   default always.
/// - A write through this wrapper, its clones, or others of the same [identity](Self::identity)
///   and memory is seen by every read that begins after it: what is kept is forgotten, and what a
///   read was fetching meanwhile is not kept. A write that was cancelled may still arrive later;
///   it is then as another's write.
/// - Listings are not kept.
#[derive(Debug)]
pub struct Cache<B> {
    inner: Arc<B>,
    shared: SharedCache,
    identity: Identity,
    freshness: Freshness,
    keep_absent: bool,
    clock: Arc<dyn Clock>,
}

impl<B> Clone for Cache<B> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            shared: self.shared.clone(),
            identity: self.identity.clone(),
            freshness: self.freshness,
            keep_absent: self.keep_absent,
            clock: Arc::clone(&self.clock),
        }
    }
}

impl<B> Cache<B> {
    /// `inner`, with its values kept in `memory`.
    #[must_use]
    pub fn new(inner: B, memory: &SharedCache) -> Self {
        Self {
            inner: Arc::new(inner),
            shared: memory.clone(),
            identity: Identity::Own(unique()),
            freshness: Freshness::default(),
            keep_absent: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// Names the store: wrappers that share a memory and say the same name share their values.
    /// By default a wrapper shares only with its clones, for two stores may have one `Display`.
    #[must_use]
    pub fn identity(mut self, name: impl Into<Arc<str>>) -> Self {
        self.identity = Identity::Named(name.into());
        self
    }

    /// When the store is asked whether a kept value is still the same. Default:
    /// [`Freshness::Validate`].
    #[must_use]
    pub const fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// Whether it is kept, too, that a key is absent: for volumes with many missing chunks.
    /// Default: no.
    #[must_use]
    pub const fn keep_absent(mut self, keep: bool) -> Self {
        self.keep_absent = keep;
        self
    }

    /// Tells ages by this clock instead of the machine's: for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store behind the cache.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.inner
    }

    fn name(&self, key: &Key) -> Name {
        Name { store: self.identity.clone(), key: key.clone() }
    }

    /// Forgets these keys now and when it is dropped, when their write is done, failed or
    /// cancelled; between them nothing of them is kept.
    fn forgetting<'a>(&'a self, keys: impl IntoIterator<Item = &'a Key>) -> Forgetting<'a> {
        let names: Vec<Name> = keys.into_iter().map(|key| self.name(key)).collect();
        names.iter().for_each(|name| self.shared.kept.begin_write(name));
        Forgetting { shared: &self.shared, names }
    }
}

struct Forgetting<'a> {
    shared: &'a SharedCache,
    names: Vec<Name>,
}

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            self.shared.kept.end_write(name);
        }
    }
}

impl<B: KeyValueBackend> Cache<B> {
    /// Whether an entry may be used: without a question, or because the store says that it is
    /// still the same.
    async fn holds(&self, name: &Name, entry: &Entry) -> BackendResult<bool> {
        let now = self.clock.now();
        if self.freshness.trusts(entry.checked.time(), now) {
            return Ok(true);
        }
        let meta = self.inner.head(&name.key).await?;
        let same = match &meta {
            None => entry.blob.is_none(),
            Some(meta) => meta.version.is_some() && meta.version.as_ref() == entry.version(),
        };
        if same {
            entry.checked.touch(now);
        } else {
            self.shared.kept.forget_if(name, |kept| kept.checked.is(&entry.checked));
        }
        Ok(same)
    }

    /// A kept entry that may be used.
    async fn kept(&self, key: &Key) -> BackendResult<Option<Entry>> {
        let name = self.name(key);
        let Some(entry) = self.shared.kept.get(&name) else { return Ok(None) };
        Ok(self.holds(&name, &entry).await?.then_some(entry))
    }

    /// A whole value, kept or fetched once for all who want it.
    async fn whole(&self, key: &Key) -> BackendResult<Option<Blob>> {
        let name = self.name(key);
        loop {
            let entry = match self.shared.kept.claim(&name) {
                Claim::Kept(entry) => entry,
                Claim::Lead(lead) => {
                    let begun = self.clock.now();
                    let answer = self.inner.get(key, ByteRange::Full).await;
                    self.land(lead, begun, answer.as_ref().ok());
                    return answer;
                }
                Claim::Wait(arrival) => match self.arrive(arrival).await {
                    Some(Landing::Value(entry)) => entry,
                    Some(Landing::Failed) => return self.inner.get(key, ByteRange::Full).await,
                    None => continue,
                },
            };
            if self.holds(&name, &entry).await? {
                return Ok(entry.blob);
            }
        }
    }

    /// What another caller fetched; `None` if it gave up.
    async fn arrive(&self, arrival: Arrival<Entry>) -> Option<Landing<Entry>> {
        match self.inner.capabilities().io {
            // The other caller is inside its poll, on a thread of its own, until it is done.
            IoModel::Blocking => wait(arrival).ok(),
            IoModel::Async => arrival.await.ok(),
        }
    }

    /// Keeps an answer if it is one to keep, and gives it to who waits. `None`: it is an error.
    fn land(
        &self,
        lead: Lead<Name, Entry>,
        begun: std::time::Duration,
        answer: Option<&Option<Blob>>,
    ) {
        let Some(blob) = answer else { return lead.fail() };
        let entry = Entry::new(blob.clone(), begun);
        match blob {
            // Nothing could ever say that it is still the same.
            Some(blob) if blob.version.is_none() && self.freshness == Freshness::Validate => {
                lead.fail();
            }
            None if !self.keep_absent => self.shared.kept.share(lead, entry),
            _ => self.shared.kept.keep(lead, entry),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: KeyValueBackend> KeyValueBackend for Cache<B> {
    fn capabilities(&self) -> Capabilities {
        Capabilities { prefers_whole: true, ..self.inner.capabilities() }
    }

    // As old as what a get answers: who reads parts compares their versions with this one.
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        if let Some(entry) = self.shared.kept.get(&self.name(key))
            && self.freshness.trusts(entry.checked.time(), self.clock.now())
        {
            return Ok(entry.blob.map(|blob| Meta {
                key: key.clone(),
                size: blob.bytes.len() as u64,
                version: blob.version,
                content_encoding: Some(blob.content_encoding),
            }));
        }
        self.inner.head(key).await
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        if range == ByteRange::Full {
            return self.whole(key).await;
        }
        match self.kept(key).await? {
            Some(entry) => {
                Ok(entry.blob.map(|blob| Blob { bytes: range.slice(&blob.bytes), ..blob }))
            }
            None => self.inner.get(key, range).await,
        }
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let _forgetting = self.forgetting([key]);
        self.inner.put(key, value, when).await
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let _forgetting = self.forgetting([key]);
        self.inner.delete(key, when).await
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        self.inner.list(prefix)
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let Some(entry) = self.kept(key).await? else {
            return self.inner.get_ranges(key, ranges).await;
        };
        let cut = |blob: Blob| {
            let cut = |range: &Range<u64>| ByteRange::Bounded(range.clone()).slice(&blob.bytes);
            ranges.iter().map(cut).collect()
        };
        Ok(entry.blob.map(cut))
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let mut answers: Vec<Option<BackendResult<Option<Blob>>>> =
            keys.iter().map(|_| None).collect();
        let (mut leads, mut missing) = (Vec::new(), Vec::new());
        let begun = self.clock.now();
        for (place, key) in keys.iter().enumerate() {
            match self.shared.kept.claim(&self.name(key)) {
                Claim::Kept(entry) if self.freshness.trusts(entry.checked.time(), begun) => {
                    answers[place] = Some(Ok(entry.blob));
                }
                Claim::Lead(lead) => {
                    leads.push((place, lead));
                    missing.push(key.clone());
                }
                // Asked for below, when nobody waits for this batch any more.
                Claim::Kept(_) | Claim::Wait(_) => {}
            }
        }
        if !missing.is_empty() {
            let fetched = self.inner.get_batch(&missing).await;
            for ((place, lead), answer) in leads.into_iter().zip(fetched) {
                self.land(lead, begun, answer.as_ref().ok());
                answers[place] = Some(answer);
            }
        }
        let late: Vec<usize> = (0..keys.len()).filter(|&n| answers[n].is_none()).collect();
        let width = self.capabilities().concurrency.get().min(1024);
        let gets: Vec<_> = late.iter().map(|&place| self.whole(&keys[place])).collect();
        let mut gets = stream::iter(gets).buffered(width);
        for &place in &late {
            answers[place] = gets.next().await;
        }
        answers.into_iter().map(|answer| answer.unwrap_or(Ok(None))).collect()
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let keys: Vec<Key> = puts.iter().map(|put| put.key.clone()).collect();
        let _forgetting = self.forgetting(&keys);
        self.inner.put_batch(puts).await
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let _forgetting = self.forgetting(keys);
        self.inner.delete_batch(keys).await
    }
}

impl<B: fmt::Display> fmt::Display for Cache<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
