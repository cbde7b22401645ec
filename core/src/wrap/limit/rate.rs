//! Bytes a second: each request gets its time, one after the other.

use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may pass at once after a pause.
const BURST: Duration = Duration::from_secs(1);
/// What the first value of unknown length is taken for: a small chunk.
const FIRST_GUESS: u64 = 64 << 10;

#[derive(Debug)]
pub(super) struct Rate {
    per_second: NonZeroU64,
    plan: Mutex<Plan>,
}

#[derive(Debug)]
struct Plan {
    /// When all that was planned will have passed.
    free_at: Duration,
    /// Of the values whose length was not known.
    mean: u64,
}

/// A time for a request. Dropped before it is used, it is given back.
#[derive(Debug)]
pub(super) struct Reserved<'a> {
    rate: &'a Rate,
    bytes: u64,
    wait: Duration,
    used: bool,
}

impl Rate {
    pub(super) const fn new(per_second: NonZeroU64) -> Self {
        let plan = Plan { free_at: Duration::ZERO, mean: FIRST_GUESS };
        Self { per_second, plan: Mutex::new(plan) }
    }

    /// What a value of unknown length is taken for.
    pub(super) fn mean(&self) -> u64 {
        self.plan().mean
    }

    /// Plans the next request: it may run when all before it have had their time.
    pub(super) fn reserve(&self, bytes: u64, now: Duration) -> Reserved<'_> {
        let mut plan = self.plan();
        plan.free_at = plan.free_at.max(now.saturating_sub(BURST));
        let wait = plan.free_at.saturating_sub(now);
        plan.free_at = plan.free_at.saturating_add(self.time_of(bytes));
        Reserved { rate: self, bytes, wait, used: false }
    }

    /// A request had so many bytes and not those that were planned.
    pub(super) fn correct(&self, planned: u64, bytes: u64) {
        let mut plan = self.plan();
        if planned != bytes {
            plan.free_at = plan.free_at.saturating_add(self.time_of(bytes));
            plan.free_at = plan.free_at.saturating_sub(self.time_of(planned));
        }
        if bytes > 0 {
            plan.mean = plan.mean / 8 * 7 + bytes / 8;
        }
    }

    fn time_of(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.per_second.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reserved<'_> {
    pub(super) const fn wait(&self) -> Duration {
        self.wait
    }

    pub(super) fn used(mut self) {
        self.used = true;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if !self.used {
            let time = self.rate.time_of(self.bytes);
            let mut plan = self.rate.plan();
            plan.free_at = plan.free_at.saturating_sub(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rate() -> Rate {
        Rate::new(NonZeroU64::new(1000).unwrap())
    }

    #[test]
    fn requests_follow_each_other_at_the_rate() {
        let rate = rate();
        let now = 100 * SECOND;
        let mut waits = Vec::new();
        for _ in 0..5 {
            let reserved = rate.reserve(500, now);
            waits.push(reserved.wait().as_millis());
            reserved.used();
        }
        // The first second's worth passes at once.
        assert_eq!(waits, [0, 0, 0, 500, 1000]);
        let later = rate.reserve(0, now + 10 * SECOND);
        assert_eq!(later.wait(), Duration::ZERO);
    }

    #[test]
    fn a_time_that_is_not_used_is_given_back_and_a_wrong_plan_set_right() {
        let rate = rate();
        let now = 100 * SECOND;
        rate.reserve(2000, now).used();
        drop(rate.reserve(1_000_000, now));
        assert_eq!(rate.reserve(0, now).wait(), SECOND);
        rate.correct(0, 3000);
        assert_eq!(rate.reserve(0, now).wait(), 4 * SECOND);
        rate.correct(3000, 0);
        assert_eq!(rate.reserve(0, now).wait(), SECOND);
        assert!(rate.mean() < FIRST_GUESS);
    }
}
