//! Running the cases on a store.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{self, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::bench::{Bench, Stop, Verdict, list, panicked};
use super::cases::{Case, all_cases, unmet};
use super::report::{CaseResult, Outcome, Report};
use crate::backend::{
    BackendResult, Capabilities, DynBackend, ErrorKind, KeyValueBackend, Precondition, wait,
};
use crate::key::{Key, Prefix};

pub(super) type Open<'a> = Box<dyn Fn() -> BackendResult<DynBackend> + Sync + 'a>;

/// Opens the store with its server at an address.
pub(super) type Reach<'a> = Box<dyn Fn(SocketAddr) -> BackendResult<DynBackend> + Sync + 'a>;

/// Where the store's server is, and how to reach it by another way.
pub(super) struct Network<'a> {
    pub(super) server: SocketAddr,
    pub(super) open: Reach<'a>,
}

/// Runs every case that applies on the store that `open` opens.
///
/// Each call of `open` must give another handle on the same content.
pub fn run<B: KeyValueBackend>(open: impl Fn() -> BackendResult<B> + Sync) -> Report {
    Suite::new(open).run()
}

/// A run of the suite, and what it may know of the store beyond its capabilities.
///
/// ```
/// use bigarrays_core::conformance::Suite;
/// use bigarrays_core::memory::MemoryBackend;
/// use bigarrays_core::wrap::ReadOnly;
///
/// let store = MemoryBackend::new();
/// Suite::new(|| Ok(ReadOnly::new(store.clone())))
///     .writer(|| Ok(store.clone()))
///     .without("C1", "16 MiB are too much for this example")
///     .run()
///     .assert_ok();
/// ```
pub struct Suite<'a> {
    pub(super) open: Open<'a>,
    pub(super) writer: Option<Open<'a>>,
    pub(super) persistent: bool,
    pub(super) process: Option<Box<dyn Fn() -> Command + Sync + 'a>>,
    pub(super) overwrites: u64,
    pub(super) refusing: Vec<Open<'a>>,
    pub(super) network: Option<Network<'a>>,
    pub(super) stranger: Option<Reach<'a>>,
    only: Option<BTreeSet<String>>,
    without: BTreeMap<String, String>,
    stop: Option<Box<dyn Fn() -> bool + Sync + 'a>>,
}

impl<'a> Suite<'a> {
    /// The suite for the store that `open` opens: each call gives another handle on the same
    /// content.
    #[must_use]
    pub fn new<B: KeyValueBackend>(open: impl Fn() -> BackendResult<B> + Sync + 'a) -> Self {
        Self {
            open: erase(open),
            writer: None,
            persistent: false,
            process: None,
            overwrites: 1000,
            refusing: Vec::new(),
            network: None,
            stranger: None,
            only: None,
            without: BTreeMap::new(),
            stop: None,
        }
    }

    /// The content survives when its last handle is dropped: it is tested (C12).
    #[must_use]
    pub const fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// How to fill a store that itself only reads: what this store writes, the tested one must
    /// show.
    #[must_use]
    pub fn writer<B: KeyValueBackend>(
        mut self,
        open: impl Fn() -> BackendResult<B> + Sync + 'a,
    ) -> Self {
        self.writer = Some(erase(open));
        self
    }

    /// How to start another process on the same store (C16, C20). It must open the store and run the
    /// [`Job`](super::Job) that it finds in its environment (C16, C20).
    #[must_use]
    pub fn processes(mut self, command: impl Fn() -> Command + Sync + 'a) -> Self {
        self.process = Some(Box::new(command));
        self
    }

    /// A handle that must not be able to write: read-only, or on a full disk (C21). May be given
    /// several times.
    #[must_use]
    pub fn refusing<B: KeyValueBackend>(
        mut self,
        open: impl Fn() -> BackendResult<B> + Sync + 'a,
    ) -> Self {
        self.refusing.push(erase(open));
        self
    }

    /// Where the store's server is, and how to open the store with another address for it: that
    /// of a [`Proxy`](super::Proxy) which cuts, loses and stalls replies (C22, C24 to C27). Give
    /// this handle short timeouts, of a second or so.
    #[must_use]
    pub fn network<B: KeyValueBackend>(
        mut self,
        server: SocketAddr,
        open: impl Fn(SocketAddr) -> BackendResult<B> + Sync + 'a,
    ) -> Self {
        let open = reach(open);
        self.network = Some(Network { server, open });
        self
    }

    /// How to open the store, its server at an address, with credentials that it does not know
    /// (C27).
    #[must_use]
    pub fn stranger<B: KeyValueBackend>(
        mut self,
        open: impl Fn(SocketAddr) -> BackendResult<B> + Sync + 'a,
    ) -> Self {
        self.stranger = Some(reach(open));
        self
    }

    /// How often C13 overwrites a value under its readers; 1000 by default.
    #[must_use]
    pub const fn overwrites(mut self, count: u64) -> Self {
        self.overwrites = count;
        self
    }

    /// Runs only the cases with these numbers; the report has no others.
    #[must_use]
    pub fn only(mut self, ids: &[&str]) -> Self {
        self.only = Some(ids.iter().map(|&id| id.to_owned()).collect());
        self
    }

    /// Leaves out a case; the report says why.
    #[must_use]
    pub fn without(mut self, id: &str, reason: &str) -> Self {
        self.without.insert(id.to_owned(), reason.to_owned());
        self
    }

    /// Asked before each case; once it says so, the others are skipped. What the cases before wrote
    /// is removed as ever.
    #[must_use]
    pub fn stop_when(mut self, stop: impl Fn() -> bool + Sync + 'a) -> Self {
        self.stop = Some(Box::new(stop));
        self
    }

    /// Runs the cases. Never panics, also if the store does: that is a failed case.
    pub fn run(&self) -> Report {
        let (name, capabilities) = match self.look() {
            Ok(known) => known,
            Err(why) => {
                let case = result("C0", "the_store_opens", Outcome::Failed(why));
                return Report::new("a store that does not open".to_owned(), vec![case]);
            }
        };
        let root = scratch_name();
        let mut litter = Vec::new();
        let mut results = Vec::new();
        for (n, case) in all_cases().enumerate() {
            if self.only.as_ref().is_none_or(|ids| ids.contains(case.id)) {
                let scratch = format!("{root}/case-{n:02}");
                results.push(self.run_case(&case, capabilities, &scratch, &mut litter));
            }
        }
        if self.can_fill(&capabilities) && self.only.is_none() {
            results.push(self.check_litter(capabilities, &root, &litter));
        }
        Report::new(name, results)
    }

    /// Whether content can be written, by the store or for it.
    pub(super) const fn can_fill(&self, capabilities: &Capabilities) -> bool {
        capabilities.writable || self.writer.is_some()
    }

    /// The store's name and capabilities.
    fn look(&self) -> Result<(String, Capabilities), String> {
        let look = || {
            let store = (self.open)().map_err(|error| failure(error.into()))?;
            Ok((store.to_string(), store.capabilities()))
        };
        catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| Err(panicked(&*panic)))
    }

    fn run_case(
        &self,
        case: &Case,
        capabilities: Capabilities,
        scratch: &str,
        litter: &mut Vec<String>,
    ) -> CaseResult {
        let skipped = |why: String| result(case.id, case.name, Outcome::Skipped(why));
        if let Some(reason) = self.without.get(case.id) {
            return skipped(reason.clone());
        }
        if self.stop.as_ref().is_some_and(|stop| stop()) {
            return skipped("the run was stopped".to_owned());
        }
        if let Some(reason) = case.needs.iter().find_map(|&n| unmet(n, self, &capabilities)) {
            return skipped(reason.to_owned());
        }
        let bench = match Prefix::new(scratch) {
            Ok(prefix) => Bench::new(self, capabilities, prefix),
            Err(error) => return skipped(error.to_string()),
        };
        let begun = Instant::now();
        let outcome = judge(|| (case.run)(&bench));
        let elapsed = begun.elapsed();
        let (keys, notes) = bench.finish();
        if self.can_fill(&capabilities)
            && let Outcome::Failed(why) = judge(|| self.tidy(&keys))
        {
            litter.push(format!("after {}: {why}", case.id));
        }
        CaseResult { id: case.id, name: case.name, outcome, notes, elapsed }
    }

    /// Removes the keys of a case.
    fn tidy(&self, keys: &BTreeSet<Key>) -> Verdict {
        let store = match &self.writer {
            Some(open) => open()?,
            None => (self.open)()?,
        };
        let keys: Vec<Key> = keys.iter().cloned().collect();
        if wait(store.delete_batch(&keys)).is_ok() {
            return Ok(());
        }
        for key in &keys {
            match wait(store.delete(key, Precondition::Always)) {
                // A key that the store refuses is not in it.
                Err(error) if error.kind() != ErrorKind::InvalidKey => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The last case: what all others left behind.
    fn check_litter(
        &self,
        capabilities: Capabilities,
        root: &str,
        litter: &[String],
    ) -> CaseResult {
        let outcome = judge(|| {
            if let Some(first) = litter.first() {
                return Err(Stop::Fail(first.clone()));
            }
            if capabilities.listable {
                let left = list(&(self.open)()?, &Prefix::new(root)?)?;
                if let Some(meta) = left.first() {
                    let (key, count) = (&meta.key, left.len());
                    let why = format!("{count} keys are listed after their removal: {key}");
                    return Err(Stop::Fail(why));
                }
            }
            Ok(())
        });
        result("X12", "nothing_of_the_suite_is_left_behind", outcome)
    }
}

fn erase<'a, B: KeyValueBackend>(open: impl Fn() -> BackendResult<B> + Sync + 'a) -> Open<'a> {
    Box::new(move || open().map(|store| Arc::new(store) as DynBackend))
}

fn reach<'a, B: KeyValueBackend>(
    open: impl Fn(SocketAddr) -> BackendResult<B> + Sync + 'a,
) -> Reach<'a> {
    Box::new(move |server| open(server).map(|store| Arc::new(store) as DynBackend))
}

const fn result(id: &'static str, name: &'static str, outcome: Outcome) -> CaseResult {
    CaseResult { id, name, outcome, notes: Vec::new(), elapsed: Duration::ZERO }
}

/// Runs a case to its outcome, whatever happens.
fn judge(case: impl FnOnce() -> Verdict) -> Outcome {
    match catch_unwind(AssertUnwindSafe(case)) {
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(Stop::Fail(why))) => Outcome::Failed(why),
        Ok(Err(Stop::Skip(why))) => Outcome::Skipped(why),
        Err(panic) => Outcome::Failed(panicked(&*panic)),
    }
}

fn failure(stop: Stop) -> String {
    match stop {
        Stop::Fail(why) | Stop::Skip(why) => why,
    }
}

/// A name that no other run uses, also not one in another process at the same time.
fn scratch_name() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    format!("conformance-{}-{nanos:x}-{run}", process::id())
}

impl fmt::Debug for Suite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("persistent", &self.persistent)
            .field("only", &self.only)
            .field("without", &self.without)
            .finish_non_exhaustive()
    }
}
