//! The plan of a [`Fault`](super::Fault): which calls fail, and how.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::backend::{ErrorKind, Operation};

/// One line of a plan: which calls fail, and how. See [`Fault::with`](super::Fault::with).
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
pub(super) enum Injection {
    /// An error before anything happens.
    Fail(ErrorKind),
    /// An error after it took effect.
    LoseReply(ErrorKind),
    /// The first half of the bytes, as if they were all.
    Truncate,
}

/// The rules in use, and what they did.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: RwLock<Vec<Armed>>,
    calls: [AtomicU64; OPERATIONS],
    injected: [AtomicU64; OPERATIONS],
}

#[derive(Debug)]
struct Armed {
    rule: Rule,
    calls: AtomicU64,
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

impl Plan {
    pub(super) fn add(&self, rule: Rule) {
        let calls = AtomicU64::new(0);
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.push(Armed { rule, calls });
    }

    pub(super) fn clear(&self) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.clear();
    }

    pub(super) fn calls(&self, op: Operation) -> u64 {
        self.calls[slot(op)].load(Ordering::Relaxed)
    }

    pub(super) fn injected(&self, op: Operation) -> u64 {
        self.injected[slot(op)].load(Ordering::Relaxed)
    }

    pub(super) fn injected_in_all(&self) -> u64 {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.injected.iter().map(load).sum()
    }

    /// Counts a call, and says what is to be done to it.
    pub(super) fn verdict(&self, op: Operation, key: &str) -> Option<Injection> {
        self.calls[slot(op)].fetch_add(1, Ordering::Relaxed);
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let mut verdict = None;
        for armed in rules.iter() {
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
            self.injected[slot(op)].fetch_add(1, Ordering::Relaxed);
        }
        verdict
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, schedule, keys, injection } = self;
        let keys = if keys.is_some() { " of some keys" } else { "" };
        write!(f, "{injection:?} on {op:?}{keys}, {schedule:?}")
    }
}
