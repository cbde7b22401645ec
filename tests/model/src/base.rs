//! What the rooms need of the core, and the counterpart of `core::sync`.

pub(crate) mod backend {
    pub(crate) use bigarrays_core::backend::*;
    /// Waits as `bigarrays_core::backend::wait` does, on a thread of the scheduler.
    pub(crate) use shuttle::future::block_on as wait;
}

pub(crate) mod error {
    pub(crate) use bigarrays_core::{Error, Result};
}

pub(crate) mod key {
    pub(crate) use bigarrays_core::key::{Key, Prefix};
}

pub(crate) mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard, mpsc};
    pub(crate) use std::sync::PoisonError;

    pub(crate) mod atomic {
        pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    }

    pub(crate) mod thread {
        use shuttle::rand::{Rng, thread_rng};
        pub(crate) use shuttle::thread::{Scope, scope};

        /// Starts a thread; now and then the system has none to give.
        pub(crate) fn start<'scope>(
            scope: &'scope Scope<'scope, '_>,
            work: impl FnOnce() + Send + 'scope,
        ) -> bool {
            let has_one = !thread_rng().gen_bool(0.1);
            if has_one {
                scope.spawn(work);
            }
            has_one
        }
    }
}
