//! Memory that all requests share.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory is counted in pieces of so many bytes.
const UNIT: u64 = 1024;

/// How many bytes requests may have in memory together.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    all: u32,
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held(OwnedSemaphorePermit);

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let all = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let all = all.clamp(1, most);
        Self { units: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits for so many bytes; for all there are, where that is less. Who holds some must not ask
    /// for more: two such could wait for each other.
    pub(crate) async fn hold(&self, bytes: u64) -> Option<Held> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.all);
        // It fails only if it is closed, which it never is.
        Arc::clone(&self.units).acquire_many_owned(units).await.ok().map(Held)
    }
}

impl Held {
    /// Gives back all but so many bytes.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let needed = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX);
        let spare = self.0.num_permits().saturating_sub(needed);
        drop(self.0.split(spare));
    }

    /// Bytes that give the budget back when the last copy of them is gone: when they are sent.
    pub(crate) fn with(mut self, bytes: Bytes) -> Bytes {
        struct Both(Bytes, #[expect(dead_code, reason = "it is there to be dropped")] Held);
        impl AsRef<[u8]> for Both {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        if bytes.is_empty() {
            return bytes;
        }
        self.shrink(bytes.len() as u64);
        Bytes::from_owner(Both(bytes, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_is_given_back_when_its_bytes_are_gone() {
        let budget = Budget::new(10 * UNIT);
        let held = budget.hold(8 * UNIT).await.unwrap();
        assert_eq!(budget.units.available_permits(), 2);
        let bytes = held.with(Bytes::from(vec![1; 3 * 1024]));
        assert_eq!(budget.units.available_permits(), 7);
        let copy = bytes.slice(5..6);
        drop(bytes);
        assert_eq!(budget.units.available_permits(), 7);
        drop(copy);
        assert_eq!(budget.units.available_permits(), 10);
    }

    #[tokio::test]
    async fn who_wants_more_than_there_is_gets_all() {
        let budget = Budget::new(10 * UNIT);
        let held = budget.hold(u64::MAX).await.unwrap();
        assert_eq!(budget.units.available_permits(), 0);
        drop(held);
        assert_eq!(budget.units.available_permits(), 10);
    }
}
