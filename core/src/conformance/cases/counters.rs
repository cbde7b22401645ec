//! C15, C16: counting by compare-and-swap.

use std::env;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use super::crash;
use crate::backend::{ByteRange, KeyValueBackend, Precondition, PutOutcome, Value, Version, wait};
use crate::conformance::bench::{Bench, Stop, Verdict, ensure, fail, get, threads};
use crate::conformance::payload::sealed;
use crate::key::Key;

/// Conflicts in a row after which a store is taken to never accept a swap.
const PATIENCE: u32 = 100_000;

/// What a counter holds: how often each worker increased it. No two states of it are equal, so a
/// store that settles a lost reply by reading back cannot take another's value for its own; and a
/// worker sees whether an increment of its own is in it, whatever came after.
#[derive(Debug)]
struct Counter(Vec<u64>);

impl Counter {
    fn parse(bytes: &[u8]) -> Result<Self, Stop> {
        let text = std::str::from_utf8(bytes).ok();
        let counts = text.and_then(|text| {
            text.split_terminator(' ').map(|count| count.parse().ok()).collect::<Option<_>>()
        });
        counts.map(Self).ok_or_else(|| Stop::Fail("a counter holds what nobody put".to_owned()))
    }

    fn value(&self) -> Value {
        Value::plain(self.0.iter().map(|count| format!("{count} ")).collect::<String>())
    }

    fn of(&self, worker: usize) -> u64 {
        self.0.get(worker).copied().unwrap_or_default()
    }

    fn increase(&mut self, worker: usize) {
        if self.0.len() <= worker {
            self.0.resize(worker + 1, 0);
        }
        self.0[worker] += 1;
    }
}

/// What an answer of a store is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// A conflict means that nothing was put.
    Certain,
    /// Replies are lost. Whoever finds another's value in place of its own cannot know whether
    /// its own was there before, and is told a conflict.
    Lossy,
}

/// Adds one to a counter, `count` times.
pub(super) fn increase<B: KeyValueBackend + ?Sized>(
    store: &B,
    key: &Key,
    worker: usize,
    count: u64,
    answers: Answers,
) -> Verdict {
    let mut conflicts = 0;
    let mut done = 0;
    while done < count {
        let (mut now, version) = read(store, key)?;
        let found = now.of(worker);
        if answers == Answers::Lossy && conflicts > 0 && found == done + 1 {
            (done, conflicts) = (found, 0);
            continue;
        }
        ensure!(found == done, "of {done} increments that were written the counter holds {found}");
        // The moment in which another must be able to come between.
        thread::yield_now();
        now.increase(worker);
        match wait(store.put(key, now.value(), Precondition::IfVersion(version)))? {
            PutOutcome::Written { .. } => (done, conflicts) = (done + 1, 0),
            PutOutcome::Conflict => {
                conflicts += 1;
                ensure!(conflicts < PATIENCE, "{PATIENCE} swaps in a row were conflicts");
                thread::yield_now();
            }
        }
    }
    Ok(())
}

fn read<B: KeyValueBackend + ?Sized>(store: &B, key: &Key) -> Result<(Counter, Version), Stop> {
    let Some(blob) = wait(store.get(key, ByteRange::Full))? else {
        fail!("the counter is gone");
    };
    let Some(version) = blob.version else {
        fail!("the store declares conditional puts but tells no version");
    };
    Ok((Counter::parse(&blob.bytes)?, version))
}

/// Starts a counter at zero, and gives its key.
pub(super) fn start(bench: &Bench<'_>) -> Result<Key, Stop> {
    let key = bench.key("counter")?;
    match wait(bench.open()?.put(&key, Counter(vec![0]).value(), Precondition::IfAbsent))? {
        PutOutcome::Written { .. } => Ok(key),
        PutOutcome::Conflict => fail!("a new counter is not absent"),
    }
}

pub(super) fn check(bench: &Bench<'_>, key: &Key, want: u64) -> Verdict {
    let bytes = get(&bench.open()?, key)?.unwrap_or_default();
    let got: u64 = Counter::parse(&bytes)?.0.iter().sum();
    ensure!(got == want, "{want} increments were written but the counter says {got}");
    Ok(())
}

pub(super) fn threads_count(bench: &Bench<'_>) -> Verdict {
    const THREADS: usize = 4;
    let key = start(bench)?;
    threads(THREADS, |worker| increase(&bench.open()?, &key, worker, 100, Answers::Certain))?;
    check(bench, &key, THREADS as u64 * 100)
}

pub(super) fn processes_count(bench: &Bench<'_>) -> Verdict {
    const PROCESSES: usize = 4;
    let Some(process) = &bench.suite.process else {
        return Ok(());
    };
    let key = start(bench)?;
    threads(PROCESSES, |worker| {
        let task = Task::Count { worker, increments: 50 };
        let job = Job { key: key.clone(), task };
        let output = process().env(Job::ENV, job.to_string()).output();
        let output = output.map_err(|error| Stop::Fail(format!("no process starts: {error}")))?;
        ensure!(
            output.status.success(),
            "a process ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    })?;
    check(bench, &key, PROCESSES as u64 * 50)
}

/// Overwrites keys in turn with values that prove themselves whole, until it is killed.
fn write_for_ever<B: KeyValueBackend + ?Sized>(store: &B, stem: &Key) -> Verdict {
    // Nobody kills it: then the suite is gone.
    let patience = Instant::now() + Duration::from_mins(2);
    for number in 1.. {
        let key = Key::new(format!("{stem}{}", number % crash::KEYS))?;
        let value = sealed(number, crash::length(number)).into();
        let _always = wait(store.put(&key, value, Precondition::Always))?;
        ensure!(Instant::now() < patience, "nobody killed this process");
    }
    Ok(())
}

/// The work of another process, told by its environment: in the store under test to count, or to
/// write until it is killed.
///
/// ```no_run
/// # use bigarrays_core::{conformance::Job, memory::MemoryBackend};
/// # let open_the_same_store = MemoryBackend::new;
/// // In the program or the test that `Suite::processes` starts:
/// if let Some(job) = Job::from_env() {
///     job.run(&open_the_same_store())?;
/// }
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct Job {
    key: Key,
    task: Task,
}

#[derive(Debug, Clone, Copy)]
enum Task {
    Count { worker: usize, increments: u64 },
    Write,
}

impl Job {
    /// The environment variable that holds the job.
    pub const ENV: &'static str = "BIGARRAYS_CONFORMANCE_JOB";

    /// To overwrite the keys that begin with `stem`.
    pub(super) const fn write(stem: Key) -> Self {
        Self { key: stem, task: Task::Write }
    }

    /// The job of this process, or `None` if the suite did not start it.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        let text = env::var(Self::ENV).ok()?;
        let mut words = text.splitn(4, ' ');
        let task = match words.next()? {
            "write" => Task::Write,
            _ => Task::Count {
                worker: words.next()?.parse().ok()?,
                increments: words.next()?.parse().ok()?,
            },
        };
        // A key may hold spaces.
        let key = words.collect::<Vec<_>>().join(" ");
        Some(Self { key: Key::new(key).ok()?, task })
    }

    /// Does the job.
    ///
    /// # Errors
    /// What went wrong, in words. The process should end as failed then.
    pub fn run<B: KeyValueBackend + ?Sized>(&self, store: &B) -> Result<(), String> {
        let done = match self.task {
            Task::Count { worker, increments } => {
                increase(store, &self.key, worker, increments, Answers::Certain)
            }
            Task::Write => write_for_ever(store, &self.key),
        };
        match done {
            Ok(()) => Ok(()),
            Err(Stop::Fail(why) | Stop::Skip(why)) => Err(why),
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Task::Count { worker, increments } => {
                write!(f, "count {worker} {increments} {}", self.key)
            }
            Task::Write => write!(f, "write {}", self.key),
        }
    }
}
