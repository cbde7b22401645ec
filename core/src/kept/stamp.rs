//! When the store last said that something is so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A time that all copies of a kept value share. It also tells one loading of a key from another.
#[derive(Debug, Clone)]
pub(crate) struct Stamp(Arc<AtomicU64>);

impl Stamp {
    pub(crate) fn new(now: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(nanos(now))))
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// The store said so again. Several may hear it at once, in any order.
    pub(crate) fn touch(&self, now: Duration) {
        self.0.fetch_max(nanos(now), Ordering::Relaxed);
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
