//! What a case works with: handles, scratch keys, and the ways to end.

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::StreamExt;

use super::payload::difference;
use super::suite::Suite;
use crate::backend::{
    BackendError, ByteRange, Capabilities, DeleteOutcome, DynBackend, KeyValueBackend, Meta,
    Precondition, PutOutcome, Value, Version, wait,
};
use crate::key::{InvalidKey, Key, Prefix};

/// Why a case ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    Fail(String),
    Skip(String),
}

pub(super) type Verdict = Result<(), Stop>;

/// Ends the case as failed.
macro_rules! fail {
    ($($message:tt)+) => {
        return Err($crate::conformance::bench::Stop::Fail(format!($($message)+)))
    };
}

/// Ends the case as failed unless something holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            $crate::conformance::bench::fail!($($message)+);
        }
    };
}

pub(super) use {ensure, fail};

impl From<BackendError> for Stop {
    fn from(error: BackendError) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // Writing to a string does not fail.
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        Self::Fail(text)
    }
}

impl From<InvalidKey> for Stop {
    fn from(error: InvalidKey) -> Self {
        Self::Fail(error.to_string())
    }
}

/// The work place of one case.
pub(super) struct Bench<'a> {
    pub(super) suite: &'a Suite<'a>,
    pub(super) capabilities: Capabilities,
    scratch: Prefix,
    keys: Mutex<BTreeSet<Key>>,
    notes: Mutex<Vec<String>>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(suite: &'a Suite<'a>, capabilities: Capabilities, scratch: Prefix) -> Self {
        Self { suite, capabilities, scratch, keys: Mutex::default(), notes: Mutex::default() }
    }

    /// A new handle on the store.
    pub(super) fn open(&self) -> Result<DynBackend, Stop> {
        Ok((self.suite.open)()?)
    }

    /// A new handle that can write into the store: the store itself, or the writer that was
    /// given for one that only reads.
    pub(super) fn writer(&self) -> Result<DynBackend, Stop> {
        match &self.suite.writer {
            Some(open) => Ok(open()?),
            None => self.open(),
        }
    }

    /// A key of this case, removed at its end.
    pub(super) fn key(&self, name: &str) -> Result<Key, Stop> {
        let key = Key::new(name)?.under(&self.scratch)?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.clone());
        Ok(key)
    }

    /// A prefix of this case; the empty name is that of all its keys.
    pub(super) fn prefix(&self, name: &str) -> Result<Prefix, Stop> {
        Ok(Prefix::new(name)?.under(&self.scratch)?)
    }

    /// Keeps in the report what the store chose where it had a choice.
    pub(super) fn note(&self, text: impl Into<String>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(text.into());
    }

    /// The keys that the case used and the notes that it took.
    pub(super) fn finish(self) -> (BTreeSet<Key>, Vec<String>) {
        (
            self.keys.into_inner().unwrap_or_else(PoisonError::into_inner),
            self.notes.into_inner().unwrap_or_else(PoisonError::into_inner),
        )
    }
}

/// Stores a value whatever was there before.
pub(super) fn put(
    store: &DynBackend,
    key: &Key,
    value: impl Into<Value>,
) -> Result<Option<Version>, Stop> {
    match wait(store.put(key, value.into(), Precondition::Always))? {
        PutOutcome::Written { version } => Ok(version),
        PutOutcome::Conflict => fail!("an unconditional put of {key} answered Conflict"),
    }
}

/// Removes a value whatever its state.
pub(super) fn delete(store: &DynBackend, key: &Key) -> Verdict {
    match wait(store.delete(key, Precondition::Always))? {
        DeleteOutcome::Deleted => Ok(()),
        DeleteOutcome::Conflict => fail!("an unconditional delete of {key} answered Conflict"),
    }
}

/// The whole value.
pub(super) fn get(store: &DynBackend, key: &Key) -> Result<Option<Bytes>, Stop> {
    let blob = wait(store.get(key, ByteRange::Full))?;
    Ok(blob.map(|blob| blob.bytes))
}

/// The version of a value that must exist, from a store that must tell versions.
pub(super) fn version(store: &DynBackend, key: &Key) -> Result<Version, Stop> {
    match wait(store.get(key, ByteRange::Full))? {
        Some(blob) => match blob.version {
            Some(version) => Ok(version),
            None => fail!("the store declares conditional puts but get({key}) tells no version"),
        },
        None => fail!("{key} is missing after it was put"),
    }
}

/// Fails unless the key holds exactly these bytes, as told by `get` and `head`.
pub(super) fn holds(store: &DynBackend, key: &Key, want: &[u8]) -> Verdict {
    let Some(got) = get(store, key)? else {
        fail!("get({key}) finds nothing after it was put");
    };
    ensure!(got == want, "get({key}) gave {}", difference(&got, want));
    let Some(meta) = wait(store.head(key))? else {
        fail!("head({key}) finds nothing after it was put");
    };
    ensure!(meta.key == *key, "head({key}) names the key {}", meta.key);
    let (size, len) = (meta.size, want.len());
    ensure!(size == len as u64, "head({key}) gives {size} bytes instead of {len}");
    Ok(())
}

/// Fails unless the key is absent, as told by `get` and `head`.
pub(super) fn is_absent(store: &DynBackend, key: &Key) -> Verdict {
    let got = get(store, key)?;
    ensure!(
        got.is_none(),
        "get({key}) should find nothing but gave {} bytes",
        got.map_or(0, |bytes| bytes.len())
    );
    let meta = wait(store.head(key))?;
    ensure!(meta.is_none(), "head({key}) should find nothing: {meta:?}");
    Ok(())
}

/// All that a listing yields, as it comes.
pub(super) fn list(store: &DynBackend, prefix: &Prefix) -> Result<Vec<Meta>, Stop> {
    let items = wait(store.list(prefix).collect::<Vec<_>>());
    Ok(items.into_iter().collect::<Result<_, _>>()?)
}

/// Runs the work of several threads at once. The first failure is that of all.
pub(super) fn threads<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T, Stop> + Sync,
) -> Result<Vec<T>, Stop> {
    let (work, waiting) = (&work, &AtomicUsize::new(count));
    thread::scope(|scope| {
        let begin = |n| {
            // Together, or the first would be done before the last is there.
            waiting.fetch_sub(1, Ordering::Relaxed);
            while waiting.load(Ordering::Relaxed) > 0 {
                thread::yield_now();
            }
            work(n)
        };
        let running: Vec<_> = (0..count).map(|n| scope.spawn(move || begin(n))).collect();
        // Every thread is joined before the first failure is told.
        let ended: Vec<_> = running
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(answer) => answer,
                Err(panic) => Err(Stop::Fail(panicked(&*panic))),
            })
            .collect();
        ended.into_iter().collect()
    })
}

/// Raises a flag at its end, however that comes.
pub(super) struct Raise<'a>(pub(super) &'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Writes while two readers read again and again, each at least once before and once after the
/// writing. Gives the number of reads.
pub(super) fn beside_readers<R: FnMut() -> Verdict>(
    write: impl Fn() -> Verdict + Sync,
    reader: impl Fn(usize) -> Result<R, Stop> + Sync,
) -> Result<u64, Stop> {
    const READERS: usize = 2;
    let (reading, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let reads = threads(1 + READERS, |n| {
        if n == READERS {
            let _done = Raise(&done);
            // A reader that fails at once never reads: then its failure is all that matters.
            let patience = Instant::now() + Duration::from_secs(5);
            while reading.load(Ordering::Relaxed) < READERS && Instant::now() < patience {
                thread::yield_now();
            }
            return write().map(|()| 0);
        }
        let mut read = reader(n)?;
        read()?;
        reading.fetch_add(1, Ordering::Relaxed);
        let mut reads = 1;
        loop {
            let last = done.load(Ordering::Relaxed);
            read()?;
            reads += 1;
            if last {
                return Ok(reads);
            }
        }
    })?;
    Ok(reads.into_iter().sum())
}

/// What a panic said.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the store panicked: {}", text.unwrap_or("no message"))
}
