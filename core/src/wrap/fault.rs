//! Failures by plan: test equipment for everything that must survive a failing store.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

mod plan;

use plan::{Injection, Plan};

use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, ErrorKind,
    KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome, Value,
};
use crate::key::{Key, Prefix};

pub use plan::Rule;

/// A store that fails by plan, the same way at every run.
///
/// Calls are counted from 1 for each rule on its own, over all clones of the wrapper and in the
/// order in which the calls begin. Each key of a batch and each `get_ranges` counts as one call
/// of its operation; a batch's other keys still reach the inner store in one batch. Where several
/// rules apply to one call, all count it and the first one acts.
///
/// ```
/// use bigarrays_core::backend::{ErrorKind, KeyValueBackendExt, Operation, wait};
/// use bigarrays_core::key::Key;
/// use bigarrays_core::memory::MemoryBackend;
/// use bigarrays_core::wrap::Fault;
///
/// let store = Fault::new(MemoryBackend::new())
///     .fail_every(Operation::Get, 3, ErrorKind::Other)
///     .lose_reply_nth(Operation::Put, 1);
/// let key = Key::new("a")?;
/// // Stored, but the answer got lost:
/// let lost = wait(store.put_always(&key, "1")).unwrap_err();
/// assert_eq!(lost.kind(), ErrorKind::Transient);
/// assert!(wait(store.get_bytes(&key))?.is_some());
/// assert!(wait(store.get_bytes(&key))?.is_some());
/// assert!(wait(store.get_bytes(&key)).is_err());
/// assert_eq!(store.injected(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Fault<B> {
    inner: B,
    plan: Arc<Plan>,
}

impl<B> Fault<B> {
    /// `inner` with an empty plan.
    #[must_use]
    pub fn new(inner: B) -> Self {
        Self { inner, plan: Arc::default() }
    }

    /// Adds a rule to the plan.
    #[must_use]
    pub fn with(self, rule: Rule) -> Self {
        self.plan.add(rule);
        self
    }

    /// Adds a rule to the plan of a store in use, for all its clones.
    pub fn add(&self, rule: Rule) {
        self.plan.add(rule);
    }

    /// Every `n`-th call of `op` fails with an error of `kind` and has no effect.
    #[must_use]
    pub fn fail_every(self, op: Operation, n: u64, kind: ErrorKind) -> Self {
        self.with(Rule::on(op).every(n).fail(kind))
    }

    /// The `n`-th call of `op`, counted from 1, fails with an error of `kind` and has no effect.
    #[must_use]
    pub fn fail_nth(self, op: Operation, n: u64, kind: ErrorKind) -> Self {
        self.with(Rule::on(op).nth(n).fail(kind))
    }

    /// The first `n` calls of `op` fail with errors of `kind` and have no effect.
    #[must_use]
    pub fn fail_first(self, op: Operation, n: u64, kind: ErrorKind) -> Self {
        self.with(Rule::on(op).first(n).fail(kind))
    }

    /// Every call of `op` on a key that passes the test fails with an error of `kind`.
    #[must_use]
    pub fn fail_keys(
        self,
        op: Operation,
        kind: ErrorKind,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(Rule::on(op).keys(test).fail(kind))
    }

    /// Every `n`-th call of `op` takes effect, but its answer is a `Transient` error.
    #[must_use]
    pub fn lose_reply_every(self, op: Operation, n: u64) -> Self {
        self.with(Rule::on(op).every(n).lose_reply())
    }

    /// The `n`-th call of `op`, counted from 1, takes effect, but its answer is a `Transient`
    /// error.
    #[must_use]
    pub fn lose_reply_nth(self, op: Operation, n: u64) -> Self {
        self.with(Rule::on(op).nth(n).lose_reply())
    }

    /// Every `n`-th get answers only the first half of the bytes.
    #[must_use]
    pub fn truncate_every(self, n: u64) -> Self {
        self.with(Rule::on(Operation::Get).every(n).truncate())
    }

    /// The `n`-th get, counted from 1, answers only the first half of the bytes.
    #[must_use]
    pub fn truncate_nth(self, n: u64) -> Self {
        self.with(Rule::on(Operation::Get).nth(n).truncate())
    }

    /// Gets of keys that pass the test answer only the first half of the bytes.
    #[must_use]
    pub fn truncate_keys(self, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.with(Rule::on(Operation::Get).keys(test).truncate())
    }

    /// Empties the plan of this wrapper and all its clones: nothing fails any more.
    pub fn heal(&self) {
        self.plan.clear();
    }

    /// How many calls of `op` there were, failed or not.
    #[must_use]
    pub fn calls(&self, op: Operation) -> u64 {
        self.plan.calls(op)
    }

    /// How many failures were injected in all.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.plan.injected_in_all()
    }

    /// How many failures of `op` were injected.
    #[must_use]
    pub fn injected_in(&self, op: Operation) -> u64 {
        self.plan.injected(op)
    }

    /// The store behind the faults.
    #[must_use]
    pub const fn inner(&self) -> &B {
        &self.inner
    }
}

impl<B: KeyValueBackend> Fault<B> {
    fn error(&self, kind: ErrorKind, op: Operation) -> BackendError {
        BackendError::new(kind, self, op).with_note("a planned fault")
    }

    /// The call's error if it is to fail before it has an effect.
    fn before(&self, op: Operation, key: &Key) -> (Option<Injection>, Option<BackendError>) {
        let verdict = self.plan.verdict(op, key.as_str());
        let error = match verdict {
            Some(Injection::Fail(kind)) => Some(self.error(kind, op).with_key(key)),
            _ => None,
        };
        (verdict, error)
    }

    /// The call's error if it is to fail after it took effect.
    fn after(&self, verdict: Option<Injection>, op: Operation, key: &Key) -> BackendResult<()> {
        match verdict {
            Some(Injection::LoseReply(kind)) => Err(self.error(kind, op).with_key(key)),
            _ => Ok(()),
        }
    }

    /// The verdicts of a batch: which calls may go on, and the first planned error of the others.
    fn split<T>(
        &self,
        op: Operation,
        batch: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> &Key,
    ) -> (Vec<T>, BackendResult<()>) {
        let mut passed = Vec::new();
        let mut outcome = Ok(());
        for item in batch {
            let (verdict, error) = self.before(op, key(&item));
            let planned = match error {
                Some(error) => Err(error),
                None => {
                    let after = self.after(verdict, op, key(&item));
                    passed.push(item);
                    after
                }
            };
            outcome = outcome.and(planned);
        }
        (passed, outcome)
    }
}

/// The first half of `bytes`; a single byte becomes none.
fn half(bytes: &Bytes) -> Bytes {
    bytes.slice(..bytes.len() / 2)
}

fn cut(verdict: Option<Injection>, blob: &mut Option<Blob>) {
    if let (Some(Injection::Truncate), Some(blob)) = (verdict, blob) {
        blob.bytes = half(&blob.bytes);
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: KeyValueBackend> KeyValueBackend for Fault<B> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let (verdict, error) = self.before(Operation::Head, key);
        error.map_or(Ok(()), Err)?;
        let meta = self.inner.head(key).await?;
        self.after(verdict, Operation::Head, key)?;
        Ok(meta)
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let (verdict, error) = self.before(Operation::Get, key);
        error.map_or(Ok(()), Err)?;
        let mut blob = self.inner.get(key, range).await?;
        self.after(verdict, Operation::Get, key)?;
        cut(verdict, &mut blob);
        Ok(blob)
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let (verdict, error) = self.before(Operation::Put, key);
        error.map_or(Ok(()), Err)?;
        let outcome = self.inner.put(key, value, when).await?;
        self.after(verdict, Operation::Put, key)?;
        Ok(outcome)
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let (verdict, error) = self.before(Operation::Delete, key);
        error.map_or(Ok(()), Err)?;
        let outcome = self.inner.delete(key, when).await?;
        self.after(verdict, Operation::Delete, key)?;
        Ok(outcome)
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let error = |kind| Err(self.error(kind, Operation::List).with_prefix(prefix));
        match self.plan.verdict(Operation::List, prefix.as_str()) {
            Some(Injection::Fail(kind)) => stream::iter([error(kind)]).boxed(),
            Some(Injection::LoseReply(kind)) => {
                let end = stream::iter([error(kind)]);
                self.inner.list(prefix).chain(end).boxed()
            }
            Some(Injection::Truncate) | None => self.inner.list(prefix),
        }
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let (verdict, error) = self.before(Operation::Get, key);
        error.map_or(Ok(()), Err)?;
        let mut parts = self.inner.get_ranges(key, ranges).await?;
        self.after(verdict, Operation::Get, key)?;
        if let (Some(Injection::Truncate), Some(parts)) = (verdict, &mut parts) {
            parts.iter_mut().for_each(|part| *part = half(part));
        }
        Ok(parts)
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let planned: Vec<_> = keys.iter().map(|key| self.before(Operation::Get, key)).collect();
        let passed = keys.iter().zip(&planned);
        let passed: Vec<Key> =
            passed.filter(|(_, (_, error))| error.is_none()).map(|(key, _)| key.clone()).collect();
        let mut answers = self.inner.get_batch(&passed).await.into_iter();
        keys.iter()
            .zip(planned)
            .filter_map(|(key, (verdict, error))| {
                if let Some(error) = error {
                    return Some(Err(error));
                }
                let answer = answers.next()?;
                Some(answer.and_then(|mut blob| {
                    self.after(verdict, Operation::Get, key)?;
                    cut(verdict, &mut blob);
                    Ok(blob)
                }))
            })
            .collect()
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let (passed, outcome) = self.split(Operation::Put, puts, |put| &put.key);
        self.inner.put_batch(passed).await?;
        outcome
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let (passed, outcome) =
            self.split(Operation::Delete, keys.iter().cloned(), |key: &Key| key);
        self.inner.delete_batch(&passed).await?;
        outcome
    }
}

impl<B: fmt::Display> fmt::Display for Fault<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<B: fmt::Debug> fmt::Debug for Fault<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault").field("inner", &self.inner).field("plan", &self.plan).finish()
    }
}
