//! Locks, counters, channels and threads of the rooms with concurrency: the standard library's.
//!
//! `array::drive`, `kept` and `wrap::cache` take them from here and nowhere else, because
//! `tests/model` compiles the same files with others, whose order a scheduler chooses.

pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}

pub(crate) mod thread {
    pub(crate) use std::thread::{Scope, scope};

    /// Starts a thread; `false` if the system has none to give.
    pub(crate) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        work: impl FnOnce() + Send + 'scope,
    ) -> bool {
        let builder = std::thread::Builder::new().name("bigarrays".into());
        builder.spawn_scoped(scope, work).is_ok()
    }
}
