//! Sparing a store, or a line to it: requests in flight and bytes a second.

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

mod rate;
mod slots;

use super::clock::{Clock, SystemClock, pass};
use super::generate::generate;
use crate::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, IoModel, KeyValueBackend, Meta,
    Precondition, Put, PutOutcome, Value, wait,
};
use crate::key::{Key, Prefix};
use rate::Rate;
use slots::{Slot, Slots};

/// A store that is not asked more than so much at once, and not for more than so many bytes a
/// second.
///
/// ```
/// # use bigarrays_core::memory::MemoryBackend;
/// use std::num::{NonZeroU64, NonZeroUsize};
/// use bigarrays_core::wrap::Limit;
///
/// let ten_megabytes = NonZeroU64::new(10_000_000).unwrap();
/// let store = Limit::new(MemoryBackend::new())
///     .requests(NonZeroUsize::new(8).unwrap())
///     .bytes_per_second(ten_megabytes);
/// ```
///
/// Without a limit set nothing is limited. Clones, and arrays on them, share one limit.
///
/// # Requests
/// Who comes first is served first. A request that is cancelled while it waits leaves the line;
/// one that is cancelled while it runs makes room. A batch of a
/// [`Blocking`](IoModel::Blocking) store is one request, and keeps its batch verb; of an
/// [`Async`](IoModel::Async) one each key is. A listing counts while it is waiting for its next
/// key, and not while its reader works on one.
///
/// # Bytes
/// The bytes of values that are read and written count together; keys and listings do not. Over
/// any longer time no more than the rate passes; after a pause up to a second's worth at once. A
/// value is not divided: one of ten seconds' worth passes, and the next one waits ten seconds.
/// What a whole value will have is not known before it is there, so its turn is planned by the
/// mean of those before, and set right afterwards.
#[derive(Debug, Clone)]
pub struct Limit<B> {
    inner: B,
    slots: Option<Arc<Slots>>,
    rate: Option<Arc<Rate>>,
    clock: Arc<dyn Clock>,
}

impl<B> Limit<B> {
    /// `inner`, as yet without a limit.
    #[must_use]
    pub fn new(inner: B) -> Self {
        Self { inner, slots: None, rate: None, clock: Arc::new(SystemClock) }
    }

    /// At most so many requests in flight.
    #[must_use]
    pub fn requests(mut self, most: NonZeroUsize) -> Self {
        self.slots = Some(Arc::new(Slots::new(most)));
        self
    }

    /// At most so many bytes a second, read and written together.
    #[must_use]
    pub fn bytes_per_second(mut self, rate: NonZeroU64) -> Self {
        self.rate = Some(Arc::new(Rate::new(rate)));
        self
    }

    /// Waits by this clock instead of the machine's: for tests, which never sleep.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store that is spared.
    #[must_use]
    pub const fn inner(&self) -> &B {
        &self.inner
    }
}

/// How many bytes a request will have.
#[derive(Clone, Copy)]
enum Size {
    Known(u64),
    /// At most so many, if that is known.
    Unknown(Option<u64>),
}

/// A request that may run. Whoever holds it says at the end how many bytes it had.
struct Turn<'a> {
    _slot: Option<Slot>,
    rate: Option<(&'a Rate, u64)>,
}

impl Turn<'_> {
    fn end(self, bytes: usize) {
        if let Some((rate, planned)) = self.rate {
            rate.correct(planned, bytes as u64);
        }
    }
}

impl<B: KeyValueBackend> Limit<B> {
    /// Waits until a request may run.
    async fn turn(&self, size: Size) -> Turn<'_> {
        let io = self.inner.capabilities().io;
        let slot = match &self.slots {
            None => None,
            Some(slots) => Some(match (slots.take(), io) {
                (Ok(slot), _) => slot,
                // Who holds a slot is inside its poll, on a thread of its own.
                (Err(next), IoModel::Blocking) => wait(next),
                (Err(next), IoModel::Async) => next.await,
            }),
        };
        let Some(rate) = &self.rate else { return Turn { _slot: slot, rate: None } };
        let planned = match size {
            Size::Known(0) => return Turn { _slot: slot, rate: None },
            Size::Known(bytes) => bytes,
            Size::Unknown(most) => rate.mean().min(most.unwrap_or(u64::MAX)),
        };
        let reserved = rate.reserve(planned, self.clock.now());
        if !reserved.wait().is_zero() {
            pass(&*self.clock, io, reserved.wait()).await;
        }
        reserved.used();
        Turn { _slot: slot, rate: Some((rate, planned)) }
    }

    /// Whether a batch is passed on as one.
    fn is_one_request(&self) -> bool {
        self.slots.is_none() || self.inner.capabilities().io == IoModel::Blocking
    }

    fn width(&self) -> usize {
        self.inner.capabilities().concurrency.get().min(1024)
    }
}

fn read_size(range: &ByteRange) -> Size {
    match range {
        ByteRange::Full | ByteRange::From(_) => Size::Unknown(None),
        // Where the value ends is not known.
        ByteRange::Bounded(range) => Size::Unknown(Some(range.end.saturating_sub(range.start))),
        ByteRange::Suffix(count) => Size::Unknown(Some(*count)),
    }
}

fn bytes_of(answer: &BackendResult<Option<Blob>>) -> usize {
    match answer {
        Ok(Some(blob)) => blob.bytes.len(),
        Ok(None) | Err(_) => 0,
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: KeyValueBackend> KeyValueBackend for Limit<B> {
    fn capabilities(&self) -> Capabilities {
        let inner = self.inner.capabilities();
        let most = self.slots.as_ref().map_or(inner.concurrency, |slots| slots.most());
        Capabilities { concurrency: inner.concurrency.min(most), ..inner }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let turn = self.turn(Size::Known(0)).await;
        let meta = self.inner.head(key).await;
        turn.end(0);
        meta
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let turn = self.turn(read_size(&range)).await;
        let blob = self.inner.get(key, range).await;
        turn.end(bytes_of(&blob));
        blob
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let len = value.bytes.len();
        let turn = self.turn(Size::Known(len as u64)).await;
        let outcome = self.inner.put(key, value, when).await;
        turn.end(len);
        outcome
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let turn = self.turn(Size::Known(0)).await;
        let outcome = self.inner.delete(key, when).await;
        turn.end(0);
        outcome
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        generate(move |out| async move {
            let mut metas = self.inner.list(prefix);
            loop {
                let turn = self.turn(Size::Known(0)).await;
                let next = metas.next().await;
                turn.end(0);
                let Some(item) = next else { break };
                out.give(item).await;
            }
        })
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let most = ranges.iter().map(|range| range.end.saturating_sub(range.start));
        let most = most.fold(0, u64::saturating_add);
        let turn = self.turn(Size::Unknown(Some(most))).await;
        let parts = self.inner.get_ranges(key, ranges).await;
        let bytes = parts.as_ref().ok().and_then(Option::as_ref);
        turn.end(bytes.map_or(0, |parts| parts.iter().map(Bytes::len).sum()));
        parts
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        if !self.is_one_request() {
            let gets: Vec<_> = keys.iter().map(|key| self.get(key, ByteRange::Full)).collect();
            return stream::iter(gets).buffered(self.width()).collect().await;
        }
        let turn = self.turn(Size::Unknown(None)).await;
        let answers = self.inner.get_batch(keys).await;
        turn.end(answers.iter().map(bytes_of).sum());
        answers
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        if !self.is_one_request() {
            let put =
                |put: Put| async move { self.put(&put.key, put.value, Precondition::Always).await };
            let puts: Vec<_> = puts.into_iter().map(put).collect();
            let mut outcomes = stream::iter(puts).buffer_unordered(self.width());
            while let Some(outcome) = outcomes.next().await {
                let _always_written = outcome?;
            }
            return Ok(());
        }
        let len = puts.iter().map(|put| put.value.bytes.len()).sum();
        let turn = self.turn(Size::Known(len as u64)).await;
        let outcome = self.inner.put_batch(puts).await;
        turn.end(len);
        outcome
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        if !self.is_one_request() {
            let deletes: Vec<_> =
                keys.iter().map(|key| self.delete(key, Precondition::Always)).collect();
            let mut outcomes = stream::iter(deletes).buffer_unordered(self.width());
            while let Some(outcome) = outcomes.next().await {
                let _always_deleted = outcome?;
            }
            return Ok(());
        }
        let turn = self.turn(Size::Known(0)).await;
        let outcome = self.inner.delete_batch(keys).await;
        turn.end(0);
        outcome
    }
}

impl<B: fmt::Display> fmt::Display for Limit<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
