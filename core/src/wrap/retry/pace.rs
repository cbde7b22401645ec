//! How often and after which waits a [`Retry`](super::Retry) tries again.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_timer::Delay;

use crate::backend::IoModel;

/// The longest wait that may be asked for.
const LONGEST: Duration = Duration::from_hours(1);

/// Attempts, waits, and the clock to wait by.
#[derive(Clone)]
pub(super) struct Pace {
    pub(super) max_attempts: usize,
    pub(super) min_delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) sleep: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
            sleep: None,
        }
    }
}

/// The waits that are left to one operation.
pub(super) struct Waits<'a> {
    pace: &'a Pace,
    io: IoModel,
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
        let pace = self;
        Waits { pace, io, delays }
    }
}

impl Waits<'_> {
    /// Waits and answers true, or answers false if no attempt is left.
    pub(super) async fn wait(&mut self) -> bool {
        let Some(delay) = self.delays.next() else {
            return false;
        };
        match (&self.pace.sleep, self.io) {
            (Some(sleep), _) => sleep(delay),
            // The futures of a blocking store must not answer `Pending`.
            (None, IoModel::Blocking) => thread::sleep(delay),
            (None, IoModel::Async) => Delay::new(delay).await,
        }
        true
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
    use std::sync::Mutex;

    #[test]
    fn waits_double_up_to_the_longest_and_are_jittered_by_at_most_as_much() {
        let slept = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&slept);
        let pace = Pace {
            max_attempts: 6,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(5),
            sleep: Some(Arc::new(move |delay| log.lock().unwrap().push(delay))),
        };
        let mut waits = pace.start(IoModel::Async);
        while wait(waits.wait()) {}
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
            sleep: Some(Arc::new(|delay| assert!(delay <= 2 * LONGEST))),
        };
        assert!(wait(pace.start(IoModel::Blocking).wait()));
        for max_attempts in [0, 1] {
            let pace = Pace { max_attempts, ..pace.clone() };
            assert!(!wait(pace.start(IoModel::Blocking).wait()));
        }
    }
}
