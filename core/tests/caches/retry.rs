//! Stores that say how long they want to be left alone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, ErrorKind, IoModel,
    KeyValueBackend, KeyValueBackendExt, Meta, Operation, Precondition, PutOutcome, Value, wait,
};
use bigarrays_core::key::{Key, Prefix};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::Retry;
use futures::stream::BoxStream;

use crate::{Hands, key};

/// Refuses every request and says when to come again.
#[derive(Debug, Clone)]
struct Busy {
    io: IoModel,
    kind: ErrorKind,
    after: Duration,
    asked: Arc<AtomicU64>,
}

impl Busy {
    fn new(kind: ErrorKind, after: u64) -> Self {
        let after = Duration::from_secs(after);
        Self { io: IoModel::Async, kind, after, asked: Arc::default() }
    }

    fn asked(&self) -> u64 {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn refuse<T>(&self, op: Operation) -> BackendResult<T> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Err(BackendError::new(self.kind, self, op).with_retry_after(self.after))
    }
}

#[async_trait]
impl KeyValueBackend for Busy {
    fn capabilities(&self) -> Capabilities {
        Capabilities { io: self.io, ..Capabilities::local() }
    }
    async fn head(&self, _: &Key) -> BackendResult<Option<Meta>> {
        self.refuse(Operation::Head)
    }
    async fn get(&self, _: &Key, _: ByteRange) -> BackendResult<Option<Blob>> {
        self.refuse(Operation::Get)
    }
    async fn put(&self, _: &Key, _: Value, _: Precondition) -> BackendResult<PutOutcome> {
        self.refuse(Operation::Put)
    }
    async fn delete(&self, _: &Key, _: Precondition) -> BackendResult<DeleteOutcome> {
        self.refuse(Operation::Delete)
    }
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let _ = prefix;
        let refused = async { self.refuse(Operation::List) };
        Box::pin(futures::stream::once(refused))
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("busy://")
    }
}

/// Every operation once, each to its failure.
fn ask_all(store: &impl KeyValueBackend) {
    let a = key("a");
    wait(store.head(&a)).unwrap_err();
    wait(store.get_bytes(&a)).unwrap_err();
    wait(store.get_ranges(&a, &[0..1, 5..6])).unwrap_err();
    wait(store.get_batch(std::slice::from_ref(&a))).remove(0).unwrap_err();
    wait(store.put_always(&a, "1")).unwrap_err();
    wait(store.put(&a, "1".into(), Precondition::IfAbsent)).unwrap_err();
    wait(store.delete(&a, Precondition::Always)).unwrap_err();
    wait(store.list_all(&Prefix::root())).unwrap_err();
}

#[test]
fn a_store_is_left_alone_as_long_as_it_asks() {
    for io in [IoModel::Async, IoModel::Blocking] {
        let (busy, clock) = (Busy { io, ..Busy::new(ErrorKind::Transient, 20) }, Hands::default());
        let store = Retry::new(busy.clone()).clock(clock.clone());
        wait(store.get_bytes(&key("a"))).unwrap_err();
        assert_eq!(busy.asked(), 5);
        let waits = clock.waits();
        let is_asked = |wait: &Duration| (20_000..21_000).contains(&wait.as_millis());
        assert!(waits.len() == 4 && waits.iter().all(is_asked), "{waits:?}");
    }
}

#[test]
fn a_store_that_asks_for_too_long_is_not_asked_again_and_its_error_says_so() {
    let (busy, clock) = (Busy::new(ErrorKind::Transient, 61), Hands::default());
    let store = Retry::new(busy.clone()).clock(clock.clone());
    let error = wait(store.get_bytes(&key("a"))).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(61)));
    assert_eq!(busy.asked(), 1);
    let patient = store.max_retry_after(Duration::from_secs(61));
    wait(patient.get_bytes(&key("a"))).unwrap_err();
    assert_eq!(busy.asked(), 5);
}

#[test]
fn no_attempt_begins_after_the_deadline() {
    let (busy, clock) = (Busy::new(ErrorKind::Transient, 20), Hands::default());
    let store = Retry::new(busy.clone()).clock(clock.clone()).deadline(Duration::from_secs(50));
    wait(store.put_always(&key("a"), "1")).unwrap_err();
    assert_eq!((busy.asked(), clock.waits().len()), (3, 2), "at 0, 20 and 40 seconds");
}

#[test]
fn who_is_not_let_in_is_asked_exactly_once() {
    for kind in [ErrorKind::Unauthenticated, ErrorKind::PermissionDenied, ErrorKind::ReadOnly] {
        let (busy, clock) = (Busy::new(kind, 1), Hands::default());
        ask_all(&Retry::new(busy.clone()).clock(clock.clone()));
        assert_eq!(busy.asked(), 8, "eight operations");
        assert!(clock.waits().is_empty());
    }
    let store = Retry::new(MemoryBackend::new()).deadline(Duration::ZERO);
    assert_eq!(wait(store.get_bytes(&key("a"))).unwrap(), None, "a first attempt always is");
}
