//! Trying again what failed for the moment, and only what can safely be tried again.

use std::fmt;
use std::future::{Future, ready};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

mod doubt;
mod pace;

use super::clock::Clock;
use super::generate::generate;
use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, ErrorKind,
    KeyValueBackend, Meta, Precondition, Put, PutOutcome, Value,
};
use crate::key::{Key, Prefix};
use pace::{Pace, Told, Waits};

/// A store whose [`Transient`](ErrorKind::Transient) failures are tried again; no other kind is.
///
/// By default an operation is attempted 5 times. The waits between begin at 100 ms and double up
/// to 10 s; each is lengthened by a random part of up to its own length, so that clients that
/// failed together do not come back together. A store that says how long it wants to be left alone
/// is left alone so long, and a random part longer. A [`Blocking`](crate::backend::IoModel::Blocking)
/// store waits on its thread, an [`Async`](crate::backend::IoModel::Async) one gives it away.
///
/// # What is tried again
/// - Reads, and of a batch only the answers that failed.
/// - A listing, as long as it has not yielded a key: after that it could yield one twice.
/// - Unconditional puts and deletes; a batch that failed twice goes on one by one. Repeating one is harmless to the value, though not invisible:
///   a first attempt that did arrive may be followed by another client's value and then by the
///   second attempt.
/// - Conditional puts and deletes, **by reading back**. If only the answer of a successful put was
///   lost, the put's own new version makes the next attempt a conflict. So after a failure the
///   key is read:
///   - it holds the very bytes and encoding that were put, in another state than the expected one:
///     that is our put, and the answer is `Written` in that state;
///   - the precondition still holds: nothing arrived, so the put is tried again;
///   - anything else is somebody else's value: a `Conflict`.
///
///   A `Conflict` that follows a failed attempt is read back in the same way, for that attempt
///   may have arrived late.
///
/// # The limit of reading back
/// A value cannot tell who wrote it, nor its absence who removed it. If another client put equal
/// bytes or deleted the same version meanwhile, that counts as ours; and if another client
/// replaced ours already, that counts as a conflict. Neither matters where a value says all there
/// is to say and an update may be made twice, as for chunks and `info` files: the store ends in
/// the state asked for. It does matter for counters and locks: let such a value tell what each
/// writer did (then whoever is told of a conflict reads whether its own put came before), and do
/// not take a delete for a claim.
#[derive(Debug, Clone)]
pub struct Retry<B> {
    inner: B,
    pace: Pace,
}

impl<B> Retry<B> {
    /// `inner` with 5 attempts and waits of 100 ms to 10 s.
    #[must_use]
    pub fn new(inner: B) -> Self {
        let pace = Pace::default();
        Self { inner, pace }
    }

    /// How often an operation is attempted in all. 0 counts as 1: no retry.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: usize) -> Self {
        self.pace.max_attempts = attempts;
        self
    }

    /// The first wait, before the random part. At most an hour.
    #[must_use]
    pub const fn min_delay(mut self, delay: Duration) -> Self {
        self.pace.min_delay = delay;
        self
    }

    /// The longest wait of our own choice, before the random part. At most an hour. What the store
    /// asks for may be longer.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.pace.max_delay = delay;
        self
    }

    /// The longest that a store may ask to be left alone
    /// ([`retry_after`](BackendError::retry_after)). Up to this it is waited for at least so long;
    /// if it asks for more, its error is returned at once, for an earlier attempt would be
    /// refused. Default: a minute.
    #[must_use]
    pub const fn max_retry_after(mut self, wait: Duration) -> Self {
        self.pace.max_retry_after = wait;
        self
    }

    /// The time that an operation may take in all: no attempt begins after it, and one that could
    /// only begin after it is not waited for. An attempt under way is not cut off. Default: none.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.pace.deadline = Some(deadline);
        self
    }

    /// Waits by this clock instead of the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.pace.clock = Arc::new(clock);
        self
    }

    /// Calls `sleep` for every wait instead of sleeping: for tests, which never sleep. Only these
    /// waits count for the [`deadline`](Self::deadline) then.
    #[must_use]
    pub fn sleep_with(self, sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.clock(Told::new(sleep))
    }

    /// The store that is asked again.
    #[must_use]
    pub const fn inner(&self) -> &B {
        &self.inner
    }
}

impl<B: KeyValueBackend> Retry<B> {
    fn waits(&self) -> Waits<'_> {
        self.pace.start(self.inner.capabilities().io)
    }

    /// Attempts an operation that may be repeated.
    async fn again<T, F>(&self, attempt: impl FnMut() -> F + Send) -> BackendResult<T>
    where
        F: Future<Output = BackendResult<T>> + Send,
        T: Send,
    {
        again(&mut self.waits(), attempt).await
    }

    /// Attempts a batch twice. `None`: what failed is left to be done one by one, for of a long
    /// batch some part would fail at every attempt.
    async fn again_as_a_batch<F>(
        &self,
        mut attempt: impl FnMut() -> F + Send,
    ) -> Option<BackendResult<()>>
    where
        F: Future<Output = BackendResult<()>> + Send,
    {
        let mut waits = self.waits();
        for _ in 0..2 {
            let answer = attempt().await;
            match &answer {
                Err(error) if is_transient(error) => {
                    if !waits.after(error).await {
                        return Some(answer);
                    }
                }
                _ => return Some(answer),
            }
        }
        None
    }

    /// Runs all, as many at once as the store likes, up to the first failure.
    async fn all<T, F>(&self, work: Vec<F>) -> BackendResult<()>
    where
        F: Future<Output = BackendResult<T>> + Send,
        T: Send,
    {
        let width = self.inner.capabilities().concurrency.get().min(1024);
        stream::iter(work).buffer_unordered(width).try_for_each(|_| ready(Ok(()))).await
    }
}

/// Attempts an operation that may be repeated, as often as there are waits left.
async fn again<T, F>(
    waits: &mut Waits<'_>,
    mut attempt: impl FnMut() -> F + Send,
) -> BackendResult<T>
where
    F: Future<Output = BackendResult<T>> + Send,
    T: Send,
{
    loop {
        match attempt().await {
            Err(error) if is_transient(&error) => {
                if !waits.after(&error).await {
                    return Err(error);
                }
            }
            answer => return answer,
        }
    }
}

/// Whether an attempt failed in a way that the next one may not. Says so in the log.
fn is_transient(error: &BackendError) -> bool {
    let transient = error.kind() == ErrorKind::Transient;
    if transient {
        tracing::debug!(target: "bigarrays::retry", %error, "an attempt failed");
    }
    transient
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: KeyValueBackend> KeyValueBackend for Retry<B> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.again(|| self.inner.head(key)).await
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.again(|| self.inner.get(key, range.clone())).await
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        if when == Precondition::Always {
            let put = || self.inner.put(key, value.clone(), Precondition::Always);
            return self.again(put).await;
        }
        doubt::put(&self.inner, self.waits(), key, value, when).await
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        match when {
            Precondition::IfVersion(version) => {
                doubt::delete(&self.inner, self.waits(), key, version).await
            }
            // `IfAbsent` never removes anything, so it may be repeated too.
            when => self.again(|| self.inner.delete(key, when.clone())).await,
        }
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        generate(move |out| async move {
            let mut waits = self.waits();
            let mut metas = self.inner.list(prefix);
            let mut first = metas.next().await;
            while let Some(Err(error)) = &first {
                if !is_transient(error) || !waits.after(error).await {
                    break;
                }
                metas = self.inner.list(prefix);
                first = metas.next().await;
            }
            let mut next = first;
            while let Some(item) = next {
                out.give(item).await;
                next = metas.next().await;
            }
        })
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        self.again(|| self.inner.get_ranges(key, ranges)).await
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let mut waits = self.waits();
        let mut answers = self.inner.get_batch(keys).await;
        loop {
            // Positions, not keys: a key may be asked twice.
            let failed: Vec<usize> = (0..answers.len())
                .filter(|&n| answers[n].as_ref().is_err_and(is_transient))
                .collect();
            let asked =
                failed.iter().filter_map(|&n| answers[n].as_ref().err()?.retry_after()).max();
            if failed.is_empty() || !waits.wait(asked).await {
                return answers;
            }
            let again: Vec<Key> = failed.iter().map(|&n| keys[n].clone()).collect();
            let retried = self.inner.get_batch(&again).await;
            for (n, answer) in failed.into_iter().zip(retried) {
                answers[n] = answer;
            }
        }
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let batch = || self.inner.put_batch(puts.clone());
        if let Some(answer) = self.again_as_a_batch(batch).await {
            return answer;
        }
        let puts = puts
            .into_iter()
            .map(|put| async move { self.put(&put.key, put.value, Precondition::Always).await });
        self.all(puts.collect()).await
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let batch = || self.inner.delete_batch(keys);
        if let Some(answer) = self.again_as_a_batch(batch).await {
            return answer;
        }
        let deletes = keys.iter().map(|key| self.delete(key, Precondition::Always));
        self.all(deletes.collect()).await
    }
}

impl<B: fmt::Display> fmt::Display for Retry<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
