//! The only room with concurrency: runs many small jobs under a budget of threads and of bytes.
//!
//! A job is I/O and computation. For a blocking store the threads of a pool, with the calling
//! thread among them, take one job after another and do both. For an asynchronous store the
//! calling thread keeps many requests in flight and the pool computes. Either way the border is
//! crossed once per array call and not once per chunk, a single job runs on the calling thread
//! alone, and no more jobs are under way than the byte budget allows.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::backend::{Capabilities, IoModel, wait};
use crate::error::{Error, Result};

/// Threads and bytes that one array call may use.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    pool: Pool,
    memory: usize,
}

#[derive(Debug, Clone)]
enum Pool {
    /// The pool of all arrays that do not ask for one of their own.
    Shared,
    Own(Arc<ThreadPool>),
}

fn build_pool(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|n| format!("bigarrays-{n}"))
        .build()
        .map_err(|source| Error::Threads { threads, source })
}

fn shared_pool() -> Result<&'static ThreadPool> {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    if let Some(pool) = POOL.get() {
        return Ok(pool);
    }
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let pool = build_pool(threads)?;
    Ok(POOL.get_or_init(|| pool))
}

impl Driver {
    /// A driver with its own threads, or with those that all arrays share, one per core.
    pub(crate) fn new(threads: Option<NonZeroUsize>, memory: usize) -> Result<Self> {
        let pool = match threads {
            None => Pool::Shared,
            Some(threads) => Pool::Own(Arc::new(build_pool(threads.get())?)),
        };
        Ok(Self { pool, memory })
    }

    /// How many threads jobs of `cost` bytes run on.
    ///
    /// # Errors
    /// [`Error::Threads`] if the pool cannot be started.
    pub(crate) fn threads(&self, cost: usize) -> Result<usize> {
        Ok(self.pool()?.current_num_threads().min(self.jobs_in_memory(cost)))
    }

    fn pool(&self) -> Result<&ThreadPool> {
        match &self.pool {
            Pool::Shared => shared_pool(),
            Pool::Own(pool) => Ok(pool),
        }
    }

    /// How many jobs of `cost` bytes each may be under way.
    pub(crate) fn jobs_in_memory(&self, cost: usize) -> usize {
        (self.memory / cost.max(1)).max(1)
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
        S: Default + Send,
        Fut: Future<Output = Result<R>> + Send,
    {
        let mut items = items.peekable();
        let Some((place, item)) = items.next() else { return Ok(()) };
        if items.peek().is_none() {
            let fetched = wait(fetch(place))?;
            return work(place, item, fetched, &mut S::default());
        }
        let items = std::iter::once((place, item)).chain(items);
        match store.io {
            IoModel::Blocking => self.each(items, cost, |(place, item), scratch| {
                let fetched = wait(fetch(place))?;
                work(place, item, fetched, scratch)
            }),
            IoModel::Async => {
                let window = self.jobs_in_memory(cost).min(store.concurrency.get());
                self.overlap(items, window, fetch, work)
            }
        }
    }

    /// Does `job` for each item on the threads of the pool.
    ///
    /// # Errors
    /// The first error; no further item is begun then.
    pub(crate) fn each<T, S>(
        &self,
        items: impl Iterator<Item = T> + Send,
        cost: usize,
        job: impl Fn(T, &mut S) -> Result<()> + Sync,
    ) -> Result<()>
    where
        T: Send,
        S: Default,
    {
        let pool = self.pool()?;
        let threads = self.threads(cost)?;
        let upper = items.size_hint().1.unwrap_or(usize::MAX);
        let queue = Mutex::new(items);
        let failure = Failure::default();
        let worker = || {
            let mut scratch = S::default();
            while !failure.is_set() {
                let Some(item) = lock(&queue).next() else { break };
                if let Err(error) = job(item, &mut scratch) {
                    failure.set(error);
                }
            }
        };
        if threads.min(upper) <= 1 {
            worker();
        } else {
            // The calling thread is one of the workers.
            pool.in_place_scope(|scope| {
                for _ in 1..threads.min(upper) {
                    scope.spawn(|_| worker());
                }
                worker();
            });
        }
        failure.into_result()
    }

    /// Keeps up to `window` items between the start of their fetch and the end of their work.
    fn overlap<P, T, R, S, Fut>(
        &self,
        mut items: impl Iterator<Item = (P, T)> + Send,
        window: usize,
        fetch: impl Fn(P) -> Fut + Sync,
        work: impl Fn(P, T, R, &mut S) -> Result<()> + Sync,
    ) -> Result<()>
    where
        P: Copy + Send,
        T: Send,
        R: Send,
        S: Default + Send,
        Fut: Future<Output = Result<R>> + Send,
    {
        let failure = Failure::default();
        let idle: Mutex<Vec<S>> = Mutex::new(Vec::new());
        let pool = self.pool()?;
        pool.in_place_scope(|scope| {
            let (done, mut finished) = mpsc::unbounded();
            let mut fetches = FuturesUnordered::new();
            let (mut begun, mut ended) = (0_usize, 0_usize);
            loop {
                while begun - ended < window && !failure.is_set() {
                    let Some((place, item)) = items.next() else { break };
                    begun += 1;
                    let fetched = fetch(place);
                    fetches.push(async move { (place, item, fetched.await) });
                }
                if begun == ended {
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
                let Some((place, item, fetched)) = next else {
                    ended += 1;
                    continue;
                };
                match fetched {
                    Err(error) => {
                        failure.set(error);
                        ended += 1;
                    }
                    Ok(fetched) => {
                        let (done, work, idle, failure) = (done.clone(), &work, &idle, &failure);
                        scope.spawn(move |_| {
                            let mut scratch = lock(idle).pop().unwrap_or_default();
                            if !failure.is_set()
                                && let Err(error) = work(place, item, fetched, &mut scratch)
                            {
                                failure.set(error);
                            }
                            lock(idle).push(scratch);
                            // The receiver outlives the scope's tasks unless it is unwinding.
                            let _ = done.unbounded_send(());
                        });
                    }
                }
            }
        });
        failure.into_result()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A poisoned lock means that a job panicked; the panic itself is on its way to the caller.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first error of many workers.
#[derive(Default)]
struct Failure {
    flag: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl Failure {
    fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    fn set(&self, error: Error) {
        lock(&self.error).get_or_insert(error);
        self.flag.store(true, Ordering::Relaxed);
    }

    fn into_result(self) -> Result<()> {
        let error = self.error.into_inner().unwrap_or_else(PoisonError::into_inner);
        error.map_or(Ok(()), Err)
    }
}
