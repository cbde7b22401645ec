//! How often and after which waits a [`Retry`](super::Retry) tries again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use crate::backend::{BackendError, IoModel};
use crate::wrap::clock::{Clock, SystemClock, pass};

/// The longest wait that may be asked for.
const LONGEST: Duration = Duration::from_hours(1);

/// Attempts, waits, and the clock to wait by.
#[derive(Clone)]
pub(super) struct Pace {
    pub(super) max_attempts: usize,
    pub(super) min_delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) max_retry_after: Duration,
    pub(super) deadline: Option<Duration>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(60),
            deadline: None,
            clock: Arc::new(SystemClock),
        }
    }
}

/// The waits that are left to one operation.
pub(super) struct Waits<'a> {
    pace: &'a Pace,
    io: IoModel,
    begun: Duration,
    delays: <ExponentialBuilder as BackoffBuilder>::Backoff,
}

impl Pace {
    /// The waits of a new operation on a store of this I/O model.
    pub(super) fn start(&self, io: IoModel) -> Waits<'_> {
        let delays = ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(self.min_delay.min(LONGEST))
            .with_max_delay(self.max_delay.min(LONGEST))
            .with_max_times(self.max_attempts.saturating_sub(1))
            .build();
        Waits { pace: self, io, begun: self.clock.now(), delays }
    }
}

impl Waits<'_> {
    /// Waits after a failure and answers true, or answers false if there is to be no further
    /// attempt.
    pub(super) async fn after(&mut self, error: &BackendError) -> bool {
        self.wait(error.retry_after()).await
    }

    /// The same, where it is known how long the store asks to be left alone.
    pub(super) async fn wait(&mut self, asked: Option<Duration>) -> bool {
        let Some(delay) = self.delays.next() else { return false };
        let delay = match asked {
            None => delay,
            // Earlier it would be refused again.
            Some(asked) if asked > self.pace.max_retry_after => return false,
            // All clients are told the same time: the random part keeps them apart.
            Some(asked) => {
                let apart = delay.min(self.pace.min_delay.saturating_mul(2));
                delay.max(asked.saturating_add(apart))
            }
        };
        let clock = &*self.pace.clock;
        let then = clock.now().saturating_sub(self.begun).saturating_add(delay);
        if self.pace.deadline.is_some_and(|deadline| then >= deadline) {
            return false;
        }
        pass(clock, self.io, delay).await;
        true
    }
}

/// A clock that tells the waits instead of waiting, and on which only they take time.
pub(super) struct Told<F> {
    tell: F,
    now: Mutex<Duration>,
}

impl<F: Fn(Duration) + Send + Sync + 'static> Told<F> {
    pub(super) const fn new(tell: F) -> Self {
        Self { tell, now: Mutex::new(Duration::ZERO) }
    }
}

impl<F> fmt::Debug for Told<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl<F: Fn(Duration) + Send + Sync + 'static> Clock for Told<F> {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn block(&self, wait: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(wait);
        drop(now);
        (self.tell)(wait);
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        self.block(wait);
        ready(()).boxed()
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (attempts, min, max) = (self.max_attempts, self.min_delay, self.max_delay);
        write!(f, "{attempts} attempts, waits of {min:?} to {max:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::wait;

    #[test]
    fn waits_double_up_to_the_longest_and_are_jittered_by_at_most_as_much() {
        let slept = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&slept);
        let pace = Pace {
            max_attempts: 6,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(5),
            clock: Arc::new(Told::new(move |delay| log.lock().unwrap().push(delay))),
            ..Pace::default()
        };
        let mut waits = pace.start(IoModel::Async);
        while wait(waits.wait(None)) {}
        let slept = slept.lock().unwrap();
        assert_eq!(slept.len(), 5);
        for (delay, base) in slept.iter().zip([1, 2, 4, 5, 5]) {
            let base = Duration::from_secs(base);
            assert!((base..=2 * base).contains(delay), "{delay:?} from {base:?}");
        }
    }

    #[test]
    fn absurd_delays_are_cut_and_one_attempt_never_waits() {
        let pace = Pace {
            max_attempts: 2,
            min_delay: Duration::MAX,
            max_delay: Duration::MAX,
            clock: Arc::new(Told::new(|delay| assert!(delay <= 2 * LONGEST))),
            ..Pace::default()
        };
        assert!(wait(pace.start(IoModel::Blocking).wait(None)));
        for max_attempts in [0, 1] {
            let pace = Pace { max_attempts, ..pace.clone() };
            assert!(!wait(pace.start(IoModel::Blocking).wait(None)));
        }
    }

    #[test]
    fn a_store_that_asks_to_be_left_alone_is() {
        let slept = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&slept);
        let pace = Pace {
            max_delay: Duration::from_secs(1),
            clock: Arc::new(Told::new(move |delay| log.lock().unwrap().push(delay))),
            ..Pace::default()
        };
        let seconds = Duration::from_secs;
        assert!(wait(pace.start(IoModel::Async).wait(Some(seconds(20)))), "longer than max_delay");
        assert!(wait(pace.start(IoModel::Async).wait(Some(Duration::ZERO))));
        assert!(!wait(pace.start(IoModel::Async).wait(Some(seconds(61)))), "that is too long");
        let slept = slept.lock().unwrap();
        assert!((seconds(20)..seconds(21)).contains(&slept[0]), "{slept:?}");
        assert!(slept[1] >= Duration::from_millis(100), "{slept:?}");
        assert_eq!(slept.len(), 2);
    }

    #[test]
    fn no_attempt_begins_after_the_deadline() {
        let pace = Pace {
            max_attempts: 100,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(1),
            deadline: Some(Duration::from_secs(10)),
            clock: Arc::new(Told::new(|_| {})),
            ..Pace::default()
        };
        let mut waits = pace.start(IoModel::Async);
        let mut count = 0;
        while wait(waits.wait(None)) {
            count += 1;
        }
        assert!((4..10).contains(&count), "{count} waits of one to two seconds in ten");
        assert!(pace.clock.now() < Duration::from_secs(10));
    }
}
