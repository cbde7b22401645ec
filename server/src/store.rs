//! Calls of stores.
//!
//! A store that does not block is asked where the request is answered. One that blocks is asked on
//! threads of its own, so that a disk that is slow, or a share that hangs, keeps nobody else waiting.
//! To go there and back costs more than reading a chunk that is in memory anyway; so a store that has
//! answered quickly is read where the request is answered, too, by a part of the threads ([`Pace`]).

use std::io;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bigarrays::backend::{BackendError, BackendResult, ErrorKind, IoModel, Operation, wait};
use bigarrays::{DynBackend, KeyValueBackend};
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// An answer within this is a quick one.
const QUICK: Duration = Duration::from_millis(2);
/// What a slow answer adds to the doubt; a quick one takes one away. Where processors are short some
/// answers of the quickest store are slow.
const SLOW: u32 = 16;
/// A store that is doubted less is trusted.
const TRUSTED: u32 = 64;
/// Doubt of a store that nobody asked yet.
const FIRST: u32 = TRUSTED + 8;
/// Doubt is never greater.
const MOST: u32 = 256;

/// Asks a store.
pub(crate) async fn ask<T, F>(store: &DynBackend, question: F) -> BackendResult<T>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a dyn KeyValueBackend) -> BoxFuture<'a, BackendResult<T>> + Send + 'static,
{
    match store.capabilities().io {
        IoModel::Async => question(store).await,
        IoModel::Blocking => {
            let (name, store) = (store.to_string(), DynBackend::clone(store));
            let answer = spawn_blocking(move || wait(question(&*store))).await;
            answer.unwrap_or_else(|source| {
                let source = io::Error::other(source);
                Err(BackendError::new(ErrorKind::Other, name, Operation::Get).with_source(source))
            })
        }
    }
}

/// How quickly a store answers, and how many ask it where they are.
#[derive(Debug)]
pub(crate) struct Pace {
    doubt: AtomicU32,
    here: AtomicUsize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { doubt: AtomicU32::new(FIRST), here: AtomicUsize::new(0) }
    }
}

/// Somebody who asks where the request is answered.
struct Here<'a>(&'a Pace);

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.here.fetch_sub(1, Relaxed);
    }
}

/// Asks a store for little: one value, or a part of one.
pub(crate) async fn ask_little<T, F>(
    pace: Option<&Pace>,
    store: &DynBackend,
    question: F,
) -> BackendResult<T>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a dyn KeyValueBackend) -> BoxFuture<'a, BackendResult<T>> + Send + 'static,
{
    let pace = pace.filter(|_| store.capabilities().io == IoModel::Blocking);
    let Some(pace) = pace else { return ask(store, question).await };
    if let Some(_here) = pace.enter(Handle::current().metrics().num_workers()) {
        let begun = Instant::now();
        let answer = question(&**store).await;
        pace.note(begun.elapsed());
        return answer;
    }
    let timed = ask(store, move |store| {
        let begun = Instant::now();
        let question = question(store);
        Box::pin(async move { Ok((question.await, begun.elapsed())) })
    });
    let (answer, took) = timed.await?;
    pace.note(took);
    answer
}

impl Pace {
    /// Lets in as many as half of the threads: the others stay for those who need no store.
    fn enter(&self, threads: usize) -> Option<Here<'_>> {
        if self.doubt.load(Relaxed) >= TRUSTED {
            return None;
        }
        let before = self.here.fetch_add(1, Relaxed);
        let here = Here(self);
        (before < threads / 2).then_some(here)
    }

    fn note(&self, took: Duration) {
        let change = |doubt: u32| match took > QUICK {
            true => Some(doubt.saturating_add(SLOW).min(MOST)),
            false => doubt.checked_sub(1),
        };
        let _ = self.doubt.fetch_update(Relaxed, Relaxed, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_trusted_while_nearly_all_its_answers_are_quick() {
        let pace = Pace::default();
        let note = |quick: u32, slow: u32| {
            (0..quick).for_each(|_| pace.note(Duration::ZERO));
            (0..slow).for_each(|_| pace.note(QUICK * 2));
            pace.enter(8).is_some()
        };
        assert!(!note(8, 0));
        assert!(note(1, 0));
        // Now and then one of them waits for a processor.
        assert!((0..100).all(|_| note(40, 1)));
        assert!(!note(0, 4));
        assert!(!note(0, 1000));
        assert!(!note(MOST - TRUSTED, 0));
        assert!(note(1, 0));
    }

    #[test]
    fn half_of_the_threads_stay_free_of_stores() {
        let pace = Pace { doubt: AtomicU32::new(0), here: AtomicUsize::new(0) };
        let inside: Vec<_> = (0..6).map(|_| pace.enter(4)).collect();
        assert_eq!(inside.iter().flatten().count(), 2);
        drop(inside);
        assert_eq!(pace.here.load(Relaxed), 0);
        // One thread alone never waits for a store.
        assert!(pace.enter(1).is_none());
    }
}
