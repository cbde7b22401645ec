//! Seeing what is asked of a store.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use tracing::Instrument;

use crate::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, KeyValueBackend, Meta,
    Precondition, Put, PutOutcome, Value,
};
use crate::key::{Key, Prefix};

/// The target of the events and spans.
const TARGET: &str = "bigarrays::store";

/// A store that reports every operation to [`tracing`] and counts it.
///
/// Each operation runs in a span `store` at level DEBUG with the fields `op`, `key` and `store`,
/// and ends with an event in that span: `outcome`, `bytes` and `elapsed`, at DEBUG, or at WARN if
/// it failed. All have the target `bigarrays::store`.
///
/// Counts are shared by all clones. A batch is one request, as it reached this wrapper; what the
/// inner store makes of it is counted by a `Trace` further inside.
///
/// ```
/// # use bigarrays_core::{backend::{KeyValueBackendExt, wait}, key::Key};
/// # use bigarrays_core::{memory::MemoryBackend, wrap::Trace};
/// let store = Trace::new(MemoryBackend::new());
/// let key = Key::new("a")?;
/// wait(store.put_always(&key, "four"))?;
/// let before = store.counts();
/// wait(store.get_bytes(&key))?;
/// let counts = store.counts().since(&before);
/// assert_eq!((counts.get, counts.requests(), counts.bytes_read), (1, 1, 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trace<B> {
    inner: B,
    counters: Arc<Counters>,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What was asked of a store so far.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        struct Counters {
            $($name: AtomicU64,)*
        }

        impl Counters {
            fn load(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Counts {
            /// What came after `earlier`.
            #[must_use]
            pub const fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }
    };
}

counters! {
    /// Calls of `head`.
    head,
    /// Calls of `get`.
    get,
    /// Calls of `get_ranges`.
    get_ranges,
    /// Calls of `get_batch`.
    get_batch,
    /// Calls of `put`.
    put,
    /// Calls of `put_batch`.
    put_batch,
    /// Calls of `delete`.
    delete,
    /// Calls of `delete_batch`.
    delete_batch,
    /// Calls of `list`.
    list,
    /// Keys in all batches.
    batch_keys,
    /// Keys that listings yielded.
    listed_keys,
    /// Bytes of values and parts that were read.
    bytes_read,
    /// Bytes of values that were sent to be stored.
    bytes_written,
    /// Answers `None`: the key was absent. Batches count each key.
    absent,
    /// Answers `Conflict`.
    conflicts,
    /// Failures. Batches of gets count each key.
    failed,
}

impl Counts {
    /// All calls, a batch being one.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.head
            + self.get
            + self.get_ranges
            + self.get_batch
            + self.put
            + self.put_batch
            + self.delete
            + self.delete_batch
            + self.list
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

/// The length of something in memory.
fn len(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

impl<B> Trace<B> {
    /// `inner`, watched; all counts are zero.
    #[must_use]
    pub fn new(inner: B) -> Self {
        let counters = Arc::default();
        Self { inner, counters }
    }

    /// What was asked so far, of this wrapper and its clones.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.load()
    }

    /// The store that is watched.
    #[must_use]
    pub const fn inner(&self) -> &B {
        &self.inner
    }
}

/// How an operation ended, for counters and events.
enum Ending {
    /// With so many bytes read or written.
    Done(u64),
    Absent,
    Conflict,
}

impl<B: KeyValueBackend> Trace<B> {
    /// Runs an operation in its span, counts how it ended, and reports that.
    async fn watch<T>(
        &self,
        op: &'static str,
        key: &str,
        work: impl Future<Output = BackendResult<T>> + Send,
        ending: impl FnOnce(&T) -> Ending + Send,
    ) -> BackendResult<T> {
        let span = tracing::debug_span!(target: TARGET, "store", op, key, store = %self.inner);
        let begun = Instant::now();
        let answer = work.instrument(span.clone()).await;
        let elapsed = begun.elapsed();
        let report = |outcome: &str, bytes: u64| {
            tracing::debug!(target: TARGET, parent: &span, outcome, bytes, ?elapsed);
        };
        match answer.as_ref().map(ending) {
            Ok(Ending::Done(bytes)) => report("done", bytes),
            Ok(Ending::Absent) => {
                add(&self.counters.absent, 1);
                report("absent", 0);
            }
            Ok(Ending::Conflict) => {
                add(&self.counters.conflicts, 1);
                report("conflict", 0);
            }
            Err(error) => {
                add(&self.counters.failed, 1);
                tracing::warn!(target: TARGET, parent: &span, outcome = "failed", %error, ?elapsed);
            }
        }
        answer
    }
}

/// Counts the keys of a listing; its end, early or not, is the drop of this.
struct Listing {
    span: tracing::Span,
    counters: Arc<Counters>,
    begun: Instant,
    keys: u64,
    failed: bool,
}

impl Listing {
    fn see(&mut self, item: &BackendResult<Meta>) {
        match item {
            Ok(_) => self.keys += 1,
            Err(error) => {
                self.failed = true;
                tracing::warn!(target: TARGET, parent: &self.span, outcome = "failed", %error);
            }
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        add(&self.counters.listed_keys, self.keys);
        add(&self.counters.failed, u64::from(self.failed));
        let (keys, elapsed) = (self.keys, self.begun.elapsed());
        tracing::debug!(target: TARGET, parent: &self.span, outcome = "listed", keys, ?elapsed);
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: KeyValueBackend> KeyValueBackend for Trace<B> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        add(&self.counters.head, 1);
        let ending =
            |meta: &Option<Meta>| meta.as_ref().map_or(Ending::Absent, |_| Ending::Done(0));
        self.watch("head", key.as_str(), self.inner.head(key), ending).await
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        add(&self.counters.get, 1);
        let ending = |blob: &Option<Blob>| match blob {
            Some(blob) => {
                let bytes = len(blob.bytes.len());
                add(&self.counters.bytes_read, bytes);
                Ending::Done(bytes)
            }
            None => Ending::Absent,
        };
        self.watch("get", key.as_str(), self.inner.get(key, range), ending).await
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let bytes = len(value.bytes.len());
        add(&self.counters.put, 1);
        add(&self.counters.bytes_written, bytes);
        let ending = |outcome: &PutOutcome| match outcome {
            PutOutcome::Written { .. } => Ending::Done(bytes),
            PutOutcome::Conflict => Ending::Conflict,
        };
        let work = self.inner.put(key, value, when);
        self.watch("put", key.as_str(), work, ending).await
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        add(&self.counters.delete, 1);
        let ending = |outcome: &DeleteOutcome| match outcome {
            DeleteOutcome::Deleted => Ending::Done(0),
            DeleteOutcome::Conflict => Ending::Conflict,
        };
        let work = self.inner.delete(key, when);
        self.watch("delete", key.as_str(), work, ending).await
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        add(&self.counters.list, 1);
        let key = prefix.as_str();
        let mut listing = Listing {
            span: tracing::debug_span!(target: TARGET, "store", op = "list", key, store = %self.inner),
            counters: Arc::clone(&self.counters),
            begun: Instant::now(),
            keys: 0,
            failed: false,
        };
        self.inner.list(prefix).inspect(move |item| listing.see(item)).boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        add(&self.counters.get_ranges, 1);
        let ending = |parts: &Option<Vec<Bytes>>| match parts {
            Some(parts) => {
                let bytes = parts.iter().map(|part| len(part.len())).sum();
                add(&self.counters.bytes_read, bytes);
                Ending::Done(bytes)
            }
            None => Ending::Absent,
        };
        let work = self.inner.get_ranges(key, ranges);
        self.watch("get_ranges", key.as_str(), work, ending).await
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        add(&self.counters.get_batch, 1);
        add(&self.counters.batch_keys, len(keys.len()));
        let span = tracing::debug_span!(
            target: TARGET, "store", op = "get_batch", keys = keys.len(), store = %self.inner
        );
        let begun = Instant::now();
        let answers = self.inner.get_batch(keys).instrument(span.clone()).await;
        let (mut bytes, mut absent, mut failed) = (0, 0, 0);
        for answer in &answers {
            match answer {
                Ok(Some(blob)) => bytes += len(blob.bytes.len()),
                Ok(None) => absent += 1,
                Err(error) => {
                    failed += 1;
                    tracing::warn!(target: TARGET, parent: &span, outcome = "failed", %error);
                }
            }
        }
        add(&self.counters.bytes_read, bytes);
        add(&self.counters.absent, absent);
        add(&self.counters.failed, failed);
        let elapsed = begun.elapsed();
        tracing::debug!(
            target: TARGET, parent: &span, outcome = "done", bytes, absent, failed, ?elapsed
        );
        answers
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let bytes = puts.iter().map(|put| len(put.value.bytes.len())).sum();
        add(&self.counters.put_batch, 1);
        add(&self.counters.batch_keys, len(puts.len()));
        add(&self.counters.bytes_written, bytes);
        let first = puts.first().map(|put| put.key.clone());
        let first = first.as_ref().map_or("", Key::as_str);
        let work = self.inner.put_batch(puts);
        self.watch("put_batch", first, work, |()| Ending::Done(bytes)).await
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        add(&self.counters.delete_batch, 1);
        add(&self.counters.batch_keys, len(keys.len()));
        let first = keys.first().map_or("", Key::as_str);
        let work = self.inner.delete_batch(keys);
        self.watch("delete_batch", first, work, |()| Ending::Done(0)).await
    }
}

impl<B: fmt::Display> fmt::Display for Trace<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
