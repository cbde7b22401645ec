//! Many jobs under a budget of threads and of bytes.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicUsize, Ordering};

use crate::array::drive::Driver;
use crate::backend::{Capabilities, IoModel};
use crate::error::{Error, Result};

/// What a job needs.
const COST: usize = 10;

/// Counts what is under way, and the most that ever was.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// What one job does, other than to be done.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Done,
    FetchFails,
    WorkFails,
    WorkPanics,
}

fn failure() -> Error {
    Error::NoSuchScale { wanted: "another".into(), available: String::new() }
}

/// Runs six jobs on three threads with memory for `fit`, of which the one of number 2 has a fate.
fn run(io: IoModel, fit: usize, fate: Fate) {
    const JOBS: usize = 6;
    let driver = Driver::new(NonZeroUsize::new(3), fit * COST);
    let (memory, threads) = (Gauge::default(), Gauge::default());
    let done: [AtomicUsize; JOBS] = std::array::from_fn(|_| AtomicUsize::new(0));
    let fate_of = |job| if job == 2 { fate } else { Fate::Done };
    let fetch = |job| {
        memory.enter();
        let waits = io == IoModel::Async && thread_rng().gen_bool(0.7);
        async move {
            if waits {
                shuttle::future::yield_now().await;
            }
            if fate_of(job) == Fate::FetchFails { Err(failure()) } else { Ok(job) }
        }
    };
    let work = |place: usize, item: usize, fetched: usize, scratch: &mut usize| -> Result<()> {
        threads.enter();
        assert!(place == item && item == fetched, "{place} {item} {fetched}");
        *scratch += 1;
        done[item].fetch_add(1, Ordering::SeqCst);
        threads.leave();
        memory.leave();
        match fate_of(item) {
            Fate::WorkFails => Err(failure()),
            Fate::WorkPanics => std::panic::resume_unwind(Box::new("a job")),
            _ => Ok(()),
        }
    };
    let store = Capabilities { io, ..Capabilities::local() };
    let items = (0..JOBS).map(|job| (job, job));
    let call = || driver.fetch_and_work(store, items, COST, fetch, work);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    match fate {
        Fate::Done => {
            assert!(matches!(outcome, Ok(Ok(()))), "{outcome:?}");
            let done = done.each_ref().map(|count| count.load(Ordering::SeqCst));
            assert_eq!(done, [1; JOBS]);
        }
        Fate::FetchFails | Fate::WorkFails => {
            assert!(matches!(outcome, Ok(Err(Error::NoSuchScale { .. }))), "{outcome:?}");
        }
        Fate::WorkPanics => {
            let payload = outcome.unwrap_err();
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"a job"));
        }
    }
    assert!(done.iter().all(|count| count.load(Ordering::SeqCst) <= 1), "a job is done twice");
    assert!(threads.most() <= 3, "{} threads", threads.most());
    assert!(memory.most() <= fit, "{} jobs where {fit} fit", memory.most());
}

fn each_fate(io: IoModel) {
    let fates = [Fate::Done, Fate::Done, Fate::FetchFails, Fate::WorkFails, Fate::WorkPanics];
    let fate = fates[thread_rng().gen_range(0..fates.len())];
    // With memory for one there is one thread, and no order to choose.
    run(io, thread_rng().gen_range(2..5), fate);
}

/// All jobs are done or the first error is told; budgets hold; a panic ends the call.
pub fn jobs_of_a_blocking_store() {
    each_fate(IoModel::Blocking);
}

/// The same, with requests in flight on the calling thread.
pub fn jobs_of_an_asynchronous_store() {
    each_fate(IoModel::Async);
}

/// Waves hold every item once, in memory that is there.
pub fn waves() {
    let fit = thread_rng().gen_range(2..5);
    let fails = thread_rng().gen_bool(0.3);
    let driver = Driver::new(NonZeroUsize::new(3), fit * COST);
    let memory = Arc::new(Gauge::default());
    let seen: [AtomicUsize; 7] = std::array::from_fn(|_| AtomicUsize::new(0));
    let outcome = driver.in_waves(0..seen.len(), 2, COST, |wave: Vec<usize>| {
        wave.iter().for_each(|_| memory.enter());
        for item in &wave {
            seen[*item].fetch_add(1, Ordering::SeqCst);
        }
        wave.iter().for_each(|_| memory.leave());
        if fails && wave.contains(&3) { Err(failure()) } else { Ok(()) }
    });
    let seen = seen.map(|count| count.load(Ordering::SeqCst));
    assert_eq!(outcome.is_err(), fails);
    assert!(seen.iter().all(|count| *count <= 1), "{seen:?}");
    assert!(fails || seen == [1; 7], "{seen:?}");
    assert!(memory.most() <= fit, "{} items where {fit} fit", memory.most());
}
