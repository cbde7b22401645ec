//! Failures by plan: test equipment for everything that must survive a failing store.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, ErrorKind,
    KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome, Value,
};
use crate::key::{Key, Prefix};

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
    rules: Vec<Arc<Armed>>,
    tally: Arc<Tally>,
}

/// One line of a plan: which calls fail, and how. See [`Fault::with`].
///
/// ```
/// # use bigarrays_core::{backend::{ErrorKind, Operation}, memory::MemoryBackend, wrap::{Fault, Rule}};
/// let store = Fault::new(MemoryBackend::new())
///     .with(Rule::on(Operation::Put).keys(|key| key.ends_with("/info")).first(2).fail(ErrorKind::StorageFull))
///     .with(Rule::on(Operation::Get).every(10).truncate());
/// ```
#[must_use = "a rule acts once it is given to a `Fault`"]
pub struct Rule {
    op: Operation,
    schedule: Schedule,
    keys: Option<Box<KeyTest>>,
    injection: Injection,
}

type KeyTest = dyn Fn(&str) -> bool + Send + Sync;

#[derive(Debug, Clone, Copy)]
enum Schedule {
    Always,
    Every(u64),
    Nth(u64),
    First(u64),
}

#[derive(Debug, Clone, Copy)]
enum Injection {
    /// An error before anything happens.
    Fail(ErrorKind),
    /// An error after it took effect.
    LoseReply(ErrorKind),
    /// The first half of the bytes, as if they were all.
    Truncate,
}

/// A rule of a plan in use.
struct Armed {
    rule: Rule,
    calls: AtomicU64,
}

/// What was asked and what was done about it, by operation.
#[derive(Default)]
struct Tally {
    calls: [AtomicU64; OPERATIONS],
    injected: [AtomicU64; OPERATIONS],
    healed: std::sync::atomic::AtomicBool,
}

const OPERATIONS: usize = 7;

const fn slot(op: Operation) -> usize {
    match op {
        Operation::Open => 0,
        Operation::Head => 1,
        Operation::Get => 2,
        Operation::Put => 3,
        Operation::Delete => 4,
        Operation::List => 5,
        Operation::Clean => 6,
    }
}

impl Rule {
    /// A rule for every call of `op`; without further words it fails with kind `Other`.
    pub fn on(op: Operation) -> Self {
        Self {
            op,
            schedule: Schedule::Always,
            keys: None,
            injection: Injection::Fail(ErrorKind::Other),
        }
    }

    /// Only every `n`-th call: the n-th, the 2n-th and so on. 0 is never.
    pub const fn every(mut self, n: u64) -> Self {
        self.schedule = Schedule::Every(n);
        self
    }

    /// Only the `n`-th call, counted from 1. 0 is never.
    pub const fn nth(mut self, n: u64) -> Self {
        self.schedule = Schedule::Nth(n);
        self
    }

    /// Only the first `n` calls.
    pub const fn first(mut self, n: u64) -> Self {
        self.schedule = Schedule::First(n);
        self
    }

    /// Only keys (for a listing: prefixes) that pass this test. Others are not counted.
    pub fn keys(mut self, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.keys = Some(Box::new(test));
        self
    }

    /// Answer with an error, and do nothing.
    pub const fn fail(mut self, kind: ErrorKind) -> Self {
        self.injection = Injection::Fail(kind);
        self
    }

    /// Do it, then answer with a [`Transient`](ErrorKind::Transient) error. A listing yields all
    /// its keys before the error.
    pub const fn lose_reply(mut self) -> Self {
        self.injection = Injection::LoseReply(ErrorKind::Transient);
        self
    }

    /// Answer with the first half of the bytes asked for, and no error: a short read. Acts on
    /// [`Operation::Get`] only.
    pub const fn truncate(mut self) -> Self {
        self.injection = Injection::Truncate;
        self
    }
}

impl Schedule {
    /// Whether call `n`, counted from 1, is meant.
    const fn fires(self, n: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Every(period) => period > 0 && n.is_multiple_of(period),
            Self::Nth(only) => n == only,
            Self::First(count) => n <= count,
        }
    }
}

impl<B> Fault<B> {
    /// `inner` with an empty plan.
    #[must_use]
    pub fn new(inner: B) -> Self {
        Self {
            inner,
            rules: Vec::new(),
            tally: Arc::default(),
        }
    }

    /// Adds a rule to the plan.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Self {
        let calls = AtomicU64::new(0);
        self.rules.push(Arc::new(Armed { rule, calls }));
        self
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

    /// Ends the plan for this wrapper and all its clones: from now on nothing fails.
    pub fn heal(&self) {
        self.tally.healed.store(true, Ordering::Relaxed);
    }

    /// How many calls of `op` there were, failed or not.
    #[must_use]
    pub fn calls(&self, op: Operation) -> u64 {
        self.tally.calls[slot(op)].load(Ordering::Relaxed)
    }

    /// How many failures were injected in all.
    #[must_use]
    pub fn injected(&self) -> u64 {
        let sum = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.tally.injected.iter().map(sum).sum()
    }

    /// How many failures of `op` were injected.
    #[must_use]
    pub fn injected_in(&self, op: Operation) -> u64 {
        self.tally.injected[slot(op)].load(Ordering::Relaxed)
    }

    /// The store behind the faults.
    #[must_use]
    pub const fn inner(&self) -> &B {
        &self.inner
    }

    /// Counts a call, and says what is to be done to it.
    fn verdict(&self, op: Operation, key: &str) -> Option<Injection> {
        self.tally.calls[slot(op)].fetch_add(1, Ordering::Relaxed);
        if self.tally.healed.load(Ordering::Relaxed) {
            return None;
        }
        let mut verdict = None;
        for armed in &self.rules {
            let rule = &armed.rule;
            if rule.op != op || rule.keys.as_ref().is_some_and(|test| !test(key)) {
                continue;
            }
            let n = armed.calls.fetch_add(1, Ordering::Relaxed) + 1;
            if verdict.is_none() && rule.schedule.fires(n) {
                verdict = Some(rule.injection);
            }
        }
        if verdict.is_some() {
            self.tally.injected[slot(op)].fetch_add(1, Ordering::Relaxed);
        }
        verdict
    }
}

impl<B: KeyValueBackend> Fault<B> {
    fn error(&self, kind: ErrorKind, op: Operation) -> BackendError {
        BackendError::new(kind, self, op).with_note("a planned fault")
    }

    /// The call's error if it is to fail before it has an effect.
    fn before(&self, op: Operation, key: &Key) -> (Option<Injection>, Option<BackendError>) {
        let verdict = self.verdict(op, key.as_str());
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
        match self.verdict(Operation::List, prefix.as_str()) {
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
        let planned: Vec<_> = keys
            .iter()
            .map(|key| self.before(Operation::Get, key))
            .collect();
        let passed = keys.iter().zip(&planned);
        let passed: Vec<Key> = passed
            .filter(|(_, (_, error))| error.is_none())
            .map(|(key, _)| key.clone())
            .collect();
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
        let rules: Vec<_> = self.rules.iter().map(|armed| &armed.rule).collect();
        f.debug_struct("Fault")
            .field("inner", &self.inner)
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            op,
            schedule,
            keys,
            injection,
        } = self;
        let keys = if keys.is_some() { " of some keys" } else { "" };
        write!(f, "{injection:?} on {op:?}{keys}, {schedule:?}")
    }
}
