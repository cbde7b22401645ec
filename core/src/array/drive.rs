//! The only room with concurrency: runs many small jobs under a budget of threads and of bytes.
//!
//! A job is I/O and computation. For a blocking store the threads, the calling one among them,
//! take one job after another and do both. For an asynchronous store the calling thread keeps
//! many requests in flight and the others compute. Either way the border is crossed once per
//! array call and not once per chunk, and no more jobs are under way than the byte budget allows.
//!
//! Threads live as long as the call. A pool that calls share would let a short read wait for
//! every job of a long one; starting a thread costs some 20 µs, and one is started only for
//! several jobs: a call of few jobs runs on the calling thread alone.

use std::any::Any;
use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;

use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::backend::{Capabilities, IoModel, wait};
use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, start};
use crate::sync::{Mutex, MutexGuard, PoisonError, mpsc as threads};

/// Fewer jobs a thread are not worth starting one.
const JOBS_A_THREAD: usize = 2;

/// Threads and bytes that one array call may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Driver {
    /// `None` is one per core.
    threads: Option<NonZeroUsize>,
    memory: usize,
}

impl Driver {
    /// A driver of so many threads, by default one per core.
    pub(crate) const fn new(threads: Option<NonZeroUsize>, memory: usize) -> Self {
        Self { threads, memory }
    }

    /// The same on the calling thread alone, for work that is done before another has started.
    pub(crate) const fn alone(self) -> Self {
        Self { threads: Some(NonZeroUsize::MIN), ..self }
    }

    /// Bytes that one array call may use.
    pub(crate) const fn memory(&self) -> usize {
        self.memory
    }

    /// How many jobs of `cost` bytes each may be under way.
    pub(crate) fn jobs_in_memory(&self, cost: usize) -> usize {
        (self.memory / cost.max(1)).max(1)
    }

    /// How many threads so many jobs of `cost` bytes each run on.
    pub(crate) fn threads(&self, jobs: usize, cost: usize) -> usize {
        let worth_starting = jobs.div_ceil(JOBS_A_THREAD).max(1);
        if worth_starting == 1 {
            return 1;
        }
        let threads = self.threads.map_or_else(cores, NonZeroUsize::get);
        threads.min(self.jobs_in_memory(cost)).min(worth_starting)
    }

    /// For each place and what belongs to it, does `fetch` at the place and then `work` on what
    /// that brought. Each needs at most `cost` bytes.
    ///
    /// # Errors
    /// The first error; nothing further is begun then.
    pub(crate) fn fetch_and_work<P, T, R, S, Fut>(
        &self,
        store: Capabilities,
        items: impl Iterator<Item = (P, T)> + Send,
        cost: usize,
        fetch: impl Fn(P) -> Fut + Sync,
        work: impl Fn(P, T, R, &mut S) -> Result<()> + Sync,
    ) -> Result<()>
    where
        P: Copy + Send,
        T: Send,
        R: Send,
        S: Default,
        Fut: Future<Output = Result<R>> + Send,
    {
        let threads = self.threads(most(&items), cost);
        match store.io {
            IoModel::Blocking => each(items, threads, |(place, item), scratch| {
                let fetched = wait(fetch(place))?;
                work(place, item, fetched, scratch)
            }),
            IoModel::Async => {
                let window = self.jobs_in_memory(cost).min(store.concurrency.get());
                overlap(items, window, threads, fetch, work)
            }
        }
    }

    /// Does `job` for each wave of up to `len` items. An item needs at most `cost` bytes.
    ///
    /// # Errors
    /// The first error; no further wave is begun then.
    pub(crate) fn in_waves<T: Send>(
        &self,
        items: impl Iterator<Item = T> + Send,
        len: usize,
        cost: usize,
        job: impl Fn(Vec<T>) -> Result<()> + Sync,
    ) -> Result<()> {
        self.in_waves_with(items, len, cost, |wave, _: &mut ()| job(wave))
    }

    /// The same, with what a thread keeps from one wave to the next.
    ///
    /// # Errors
    /// As [`in_waves`](Self::in_waves).
    pub(crate) fn in_waves_with<T: Send, S: Default>(
        &self,
        items: impl Iterator<Item = T> + Send,
        len: usize,
        cost: usize,
        job: impl Fn(Vec<T>, &mut S) -> Result<()> + Sync,
    ) -> Result<()> {
        let threads = self.threads(most(&items), cost);
        // Small enough that every thread has one, and that all under way fit in memory.
        let share = most(&items).div_ceil(threads);
        let bytes = Capabilities::BATCH_BYTES.min(self.memory / threads);
        let len = len.min(share).min(bytes / cost.max(1)).max(1);
        let mut items = items;
        let waves = std::iter::from_fn(move || {
            let wave: Vec<T> = items.by_ref().take(len).collect();
            (!wave.is_empty()).then_some(wave)
        });
        each(waves, threads, job)
    }
}

/// How many cores this process may use. Linux is asked once: it answers with files to be read, in
/// as much time as a chunk.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
}

/// How many items there are at the most.
fn most(items: &impl Iterator) -> usize {
    items.size_hint().1.unwrap_or(usize::MAX)
}

/// Does `job` for each item on so many threads, the calling one included.
fn each<T, S>(
    items: impl Iterator<Item = T> + Send,
    threads: usize,
    job: impl Fn(T, &mut S) -> Result<()> + Sync,
) -> Result<()>
where
    T: Send,
    S: Default,
{
    let queue = Mutex::new(items);
    let failure = Failure::default();
    let worker = || {
        let mut scratch = S::default();
        while !failure.is_set() {
            let Some(item) = lock(&queue).next() else { break };
            failure.watch(|| job(item, &mut scratch));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // With fewer threads it only takes longer.
            let _ = start(scope, worker);
        }
        worker();
    });
    failure.into_result()
}

/// Keeps up to `window` items between the start of their fetch and the end of their work.
fn overlap<P, T, R, S, Fut>(
    items: impl Iterator<Item = (P, T)> + Send,
    window: usize,
    threads: usize,
    fetch: impl Fn(P) -> Fut + Sync,
    work: impl Fn(P, T, R, &mut S) -> Result<()> + Sync,
) -> Result<()>
where
    P: Copy + Send,
    T: Send,
    R: Send,
    S: Default,
    Fut: Future<Output = Result<R>> + Send,
{
    let mut items = items;
    let failure = Failure::default();
    let (hand_over, handed_over) = threads::channel();
    let handed_over = Mutex::new(handed_over);
    let (done, mut finished) = mpsc::unbounded::<()>();
    let compute = |scratch: &mut S, (place, item, fetched)| {
        if !failure.is_set() {
            failure.watch(|| work(place, item, fetched, scratch));
        }
    };
    let worker = |done: mpsc::UnboundedSender<()>| {
        let mut scratch = S::default();
        // One thread waits for work with the lock, the others for the lock.
        while let Ok(job) = { lock(&handed_over).recv() } {
            compute(&mut scratch, job);
            // The caller listens until every job is done.
            let _ = done.unbounded_send(());
        }
    };
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 1..threads {
            let done = done.clone();
            started += usize::from(start(scope, || worker(done)));
        }
        let mut scratch = S::default();
        let mut fetches = FuturesUnordered::new();
        let mut under_way = 0_usize;
        loop {
            while under_way < window && !failure.is_set() {
                let Some((place, item)) = items.next() else { break };
                under_way += 1;
                let fetched = fetch(place);
                fetches.push(async move { (place, item, fetched.await) });
            }
            if under_way == 0 {
                break;
            }
            // Whichever comes first: bytes to work on, or room for the next fetch.
            let next = wait(async {
                if fetches.is_empty() {
                    finished.next().await;
                    return None;
                }
                match select(fetches.next(), finished.next()).await {
                    Either::Left((fetched, _)) => fetched,
                    Either::Right(_) => None,
                }
            });
            match next {
                None => under_way -= 1,
                Some((_, _, Err(error))) => {
                    failure.set(error);
                    under_way -= 1;
                }
                Some((place, item, Ok(fetched))) if started == 0 => {
                    compute(&mut scratch, (place, item, fetched));
                    under_way -= 1;
                }
                // The workers listen until this end is dropped.
                Some((place, item, Ok(fetched))) => {
                    let _ = hand_over.send((place, item, fetched));
                }
            }
        }
        drop(hand_over);
    });
    failure.into_result()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A poisoned lock means that a job panicked; the panic itself is on its way to the caller.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first error, or panic, of many workers.
#[derive(Default)]
struct Failure {
    flag: AtomicBool,
    error: Mutex<Option<Error>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Failure {
    fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    fn set(&self, error: Error) {
        lock(&self.error).get_or_insert(error);
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Does a job and keeps its failure. A panic, of a user's store or progress bar, is kept for
    /// the calling thread: a worker that died of it would leave others waiting.
    fn watch(&self, job: impl FnOnce() -> Result<()>) {
        match panic::catch_unwind(AssertUnwindSafe(job)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.set(error),
            Err(payload) => {
                lock(&self.panic).get_or_insert(payload);
                self.flag.store(true, Ordering::Relaxed);
            }
        }
    }

    fn into_result(self) -> Result<()> {
        if let Some(payload) = self.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            panic::resume_unwind(payload);
        }
        let error = self.error.into_inner().unwrap_or_else(PoisonError::into_inner);
        error.map_or(Ok(()), Err)
    }
}
