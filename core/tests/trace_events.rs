//! What `Trace` tells to `tracing`. Alone in its program: `tracing` remembers for all threads
//! which of its call sites somebody listens to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bigarrays_core::backend::{KeyValueBackendExt, wait};
use bigarrays_core::key::Key;
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::Trace;

/// Notes the span and event fields that it is given.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeSet<String>>>, Arc<AtomicU64>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl tracing::field::Visit for Notes {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.lock().insert(format!("{field}={value:?}"));
    }
}

impl tracing::Subscriber for Notes {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "bigarrays::store"
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(self.1.fetch_add(1, Ordering::Relaxed) + 1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn operations_are_told_to_tracing() {
    let notes = Notes::default();
    tracing::subscriber::with_default(notes.clone(), || {
        let store = Trace::new(MemoryBackend::named("t"));
        wait(store.put_always(&Key::new("some/key").unwrap(), "12345")).unwrap();
        wait(store.get_bytes(&Key::new("none").unwrap())).unwrap();
    });
    let notes = notes.lock();
    for expected in [
        "op=\"put\"",
        "key=\"some/key\"",
        "store=mem://t",
        "bytes=5",
        "outcome=\"done\"",
        "outcome=\"absent\"",
    ] {
        assert!(notes.contains(expected), "{expected} in {notes:?}");
    }
}
