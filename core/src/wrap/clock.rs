//! Time as wrappers see it, so that tests need not sleep.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::BoxFuture;
use futures_timer::Delay;

use crate::backend::IoModel;

/// Tells the time and lets it pass.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time since the Unix epoch. Never goes back while the process lives.
    fn now(&self) -> Duration;

    /// Waits on this thread: what a [`Blocking`](IoModel::Blocking) store does.
    fn block(&self, wait: Duration);

    /// Waits without a thread: what an [`Async`](IoModel::Async) store does.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()>;
}

/// The time of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        // The wall clock may be set back; it is asked once.
        static BEGIN: LazyLock<(Instant, Duration)> = LazyLock::new(|| {
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            (Instant::now(), wall)
        });
        let (begin, wall) = *BEGIN;
        wall.saturating_add(begin.elapsed())
    }

    fn block(&self, wait: Duration) {
        std::thread::sleep(wait);
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Delay::new(wait).boxed()
    }
}

/// Waits as the callers of a store of this I/O model wait.
pub(super) async fn pass(clock: &dyn Clock, io: IoModel, wait: Duration) {
    match io {
        // The futures of a blocking store must not answer `Pending`.
        IoModel::Blocking => clock.block(wait),
        IoModel::Async => clock.sleep(wait).await,
    }
}
