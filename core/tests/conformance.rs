//! The suite on every store that this crate has, and on every wrapper.
#![cfg(feature = "conformance")]

use std::env;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, DynBackend, IoModel,
    KeyValueBackend, Meta, Precondition, PutOutcome, Value,
};
use bigarrays_core::backend::{ErrorKind, Operation};
use bigarrays_core::conformance::{self, Job, Outcome, Report, Suite};
use bigarrays_core::key::{Key, Prefix};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::{Fault, Prefixed, ReadOnly, Retry, Rule, Trace};
use futures::stream::{self, BoxStream, StreamExt};

/// What a blocking store in memory cannot be asked: it has no limit of a value's length, and is
/// gone with its process.
const OF_MEMORY: [&str; 3] = ["C12", "C16", "X8"];

/// What only stores with processes, servers and full disks are asked.
const OF_OTHERS: [&str; 8] = ["C20", "C21", "C22", "C23", "C24", "C25", "C26", "C27"];

#[track_caller]
fn assert_complete(report: &Report, skipped: &[&str]) {
    report.assert_ok();
    let (others, own): (Vec<_>, Vec<_>) =
        report.skipped().into_iter().partition(|id| OF_OTHERS.contains(id));
    assert_eq!((others.as_slice(), own.as_slice()), (&OF_OTHERS[..], skipped), "{report}");
    assert_eq!(report.cases().len(), 39, "{report}");
}

#[test]
fn memory() {
    let store = MemoryBackend::new();
    let report = conformance::run(|| Ok(store.clone()));
    assert_complete(&report, &OF_MEMORY);
    assert!(store.is_empty());
}

#[test]
fn pointers() {
    let shared: DynBackend = Arc::new(MemoryBackend::new());
    assert_complete(&conformance::run(|| Ok(Arc::clone(&shared))), &OF_MEMORY);
    let store = MemoryBackend::new();
    let boxed = || Ok(Box::new(store.clone()) as Box<dyn KeyValueBackend>);
    assert_complete(&conformance::run(boxed), &OF_MEMORY);
}

#[test]
fn prefixed_beside_other_content() {
    let store = MemoryBackend::new();
    let part = Prefixed::new(store.clone(), Prefix::new("some/where").unwrap());
    assert_complete(&conformance::run(|| Ok(part.clone())), &OF_MEMORY);
    assert!(store.is_empty());
    let whole = Prefixed::new(store, Prefix::root());
    assert_complete(&conformance::run(|| Ok(whole.clone())), &OF_MEMORY);
}

#[test]
fn retry_and_trace_and_a_fault_without_a_plan() {
    let retry = Retry::new(MemoryBackend::new());
    assert_complete(&conformance::run(|| Ok(retry.clone())), &OF_MEMORY);
    let trace = Trace::new(MemoryBackend::new());
    assert_complete(&conformance::run(|| Ok(trace.clone())), &OF_MEMORY);
    let counts = trace.counts();
    assert!(counts.get > 1000 && counts.put > 1000 && counts.conflicts > 0);
    assert_eq!(counts.failed, 0);
    let fault = Fault::new(MemoryBackend::new());
    assert_complete(&conformance::run(|| Ok(fault.clone())), &OF_MEMORY);
    assert_eq!(fault.injected(), 0);
}

#[test]
fn read_only_with_a_writer_is_read_and_without_one_is_left_alone() {
    let store = MemoryBackend::new();
    let reader = ReadOnly::new(store.clone());
    let report = Suite::new(|| Ok(reader.clone())).writer(|| Ok(store.clone())).run();
    let writes = ["C8", "C10", "C12", "C14", "C15", "C16", "C17", "C18", "X3", "X4", "X8", "X10"];
    assert_complete(&report, &writes);
    assert!(store.is_empty());

    let report = conformance::run(|| Ok(reader.clone()));
    report.assert_ok();
    let passed = report.cases().iter().filter(|case| case.outcome == Outcome::Passed);
    let passed: Vec<_> = passed.map(|case| case.id).collect();
    assert_eq!(passed, ["C2", "X5", "X6", "X11"], "{report}");
    let why = report.outcome("C1").unwrap();
    let reason = "the store is read-only, and no writer was given";
    assert_eq!(*why, Outcome::Skipped(reason.to_owned()));
}

/// A stack that loses every seventh request and every ninth answer, and hides it. What reading
/// back cannot tell is told at `Retry`: those two cases can fail by it.
#[test]
fn a_retry_hides_a_failing_store() {
    let mut fault = Fault::new(MemoryBackend::named("flaky"));
    for op in [Operation::Head, Operation::Get, Operation::Put, Operation::Delete] {
        let rule = Rule::on(op).every(7).fail(ErrorKind::Transient);
        fault = fault.with(rule).lose_reply_every(op, 9);
    }
    fault = fault.fail_every(Operation::List, 7, ErrorKind::Transient);
    let retry = Retry::new(fault.clone()).max_attempts(20).sleep_with(|_| {});
    let stack = Trace::new(Prefixed::new(Arc::new(retry), Prefix::new("a").unwrap()));
    let report = Suite::new(|| Ok(stack.clone()))
        .without("C15", "a value that was replaced does not tell who wrote it")
        .without("C18", "an absent value does not tell who deleted it")
        .run();
    assert_complete(&report, &["C12", "C15", "C16", "C18", "X8"]);
    assert!(fault.injected() > 1000);
}

#[test]
fn an_asynchronous_store() {
    let store = Remote(MemoryBackend::named("remote"));
    let skipped = ["C12", "C16", "X6", "X8"];
    assert_complete(&conformance::run(|| Ok(store.clone())), &skipped);
    let retry = Retry::new(Prefixed::new(store, Prefix::new("b").unwrap()));
    assert_complete(&conformance::run(|| Ok(Trace::new(retry.clone()))), &skipped);
}

/// The processes of C16 end, so that this test sees how the suite starts and reads them; the
/// counting itself needs a store that processes share.
#[test]
fn processes_are_started_and_their_failures_told() {
    let store = MemoryBackend::new();
    let this = env::current_exe().unwrap();
    let report = Suite::new(|| Ok(store.clone()))
        .processes(|| {
            let mut command = Command::new(&this);
            command.args(["--exact", "the_job_of_a_started_process"]);
            command
        })
        .only(&["C16"])
        .run();
    let Some(Outcome::Failed(why)) = report.outcome("C16") else {
        panic!("a process cannot see this memory: {report}");
    };
    assert!(why.contains("a process ended with exit status"), "{why}");
}

#[test]
fn the_job_of_a_started_process() {
    if let Some(job) = Job::from_env() {
        job.run(&MemoryBackend::new()).unwrap();
    }
}

/// Like a store behind a network: answers `Pending` once, wakes, and limits what is in flight.
#[derive(Debug, Clone)]
struct Remote(MemoryBackend);

struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[async_trait]
impl KeyValueBackend for Remote {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            io: IoModel::Async,
            concurrency: NonZeroUsize::new(16).unwrap_or(NonZeroUsize::MIN),
            ..self.0.capabilities()
        }
    }
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        Yield(false).await;
        self.0.head(key).await
    }
    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        Yield(false).await;
        self.0.get(key, range).await
    }
    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        Yield(false).await;
        let outcome = self.0.put(key, value, when).await;
        Yield(false).await;
        outcome
    }
    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        Yield(false).await;
        self.0.delete(key, when).await
    }
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let late = stream::once(Yield(false)).flat_map(|()| stream::empty());
        late.chain(self.0.list(prefix)).boxed()
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
