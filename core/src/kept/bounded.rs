//! Values by key, bounded in bytes.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::flight::{Claim, Flights, Lead};
use crate::sync::atomic::{AtomicU64, Ordering};

/// How many values there are is not known; this decides only into how many parts, each with a
/// lock, the values are divided. A value larger than a part is not kept.
const TYPICAL: u64 = 1 << 20;
/// What a value costs beside its bytes.
const OVERHEAD: u64 = 128;

/// Knows how many bytes it keeps in memory.
pub(crate) trait Weigh {
    fn bytes(&self) -> u64;
}

#[derive(Debug, Clone)]
struct Bytes;

impl<K, V: Weigh> Weighter<K, V> for Bytes {
    fn weight(&self, _: &K, value: &V) -> u64 {
        value.bytes().saturating_add(OVERHEAD)
    }
}

/// Values that are kept, bounded in bytes: what was not used for long goes first.
///
/// Values reach it only by a flight, and a value that was [written](Self::begin_write) while it was
/// loaded is not kept. So what a write makes outdated is never found after that write.
pub(crate) struct Kept<K, V: Weigh> {
    values: Cache<K, V, Bytes>,
    flights: Arc<Flights<K, V>>,
    hits: AtomicU64,
    misses: AtomicU64,
    changes: AtomicU64,
}

impl<K: Eq + Hash + Clone, V: Weigh + Clone> Kept<K, V> {
    /// Nothing yet, and at most so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let typical = usize::try_from(bytes / TYPICAL).unwrap_or(usize::MAX).max(1);
        Self {
            values: Cache::with_weighter(typical, bytes, Bytes),
            flights: Arc::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        }
    }

    /// The value, if it is kept.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let found = self.values.get(key);
        if found.is_some() {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// The value, or the right to load it, or a ticket to wait for it.
    pub(crate) fn claim(&self, key: &K) -> Claim<K, V> {
        if let Some(value) = self.get(key) {
            return Claim::Kept(value);
        }
        // It may have landed since.
        let claim = self.flights.claim(key, || self.values.get(key));
        let counter = match claim {
            Claim::Lead(_) => &self.misses,
            Claim::Kept(_) | Claim::Wait(_) => &self.hits,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        claim
    }

    /// Keeps what was loaded, unless it was forgotten meanwhile, and gives it to all who wait.
    pub(crate) fn keep(&self, lead: Lead<K, V>, value: V) {
        lead.land(value, |key, value| self.values.insert(key.clone(), value));
    }

    /// Gives what was loaded to all who wait, and does not keep it.
    #[expect(clippy::unused_self, reason = "the counterpart of keep")]
    pub(crate) fn share(&self, lead: Lead<K, V>, value: V) {
        lead.land(value, |_, _| {});
    }

    /// Forgets a value, and also one that is being loaded; until the write is over nothing of the
    /// key is kept.
    pub(crate) fn begin_write(&self, key: &K) {
        self.flights.begin_write(key, || {
            self.values.remove(key);
        });
    }

    /// Forgets a value, and also one that is being loaded.
    pub(crate) fn end_write(&self, key: &K) {
        self.flights.end_write(key, || {
            self.values.remove(key);
            self.changes.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// How many writes are over. Who claimed a key and then finds the number that there was before
    /// it loaded something knows that no write of the key lies between.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Forgets all values whose keys pass a test.
    pub(crate) fn forget_where(&self, test: impl Fn(&K) -> bool) {
        self.flights.detach_where(&test, || {
            self.values.retain(|key, _| !test(key));
            self.changes.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Forgets a value if it is one that passes a test; what is being loaded stays.
    pub(crate) fn forget_if(&self, key: &K, test: impl FnOnce(&V) -> bool) {
        self.values.remove_if(key, test);
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.values.weight()
    }

    /// How many values are kept.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// How often a value was found, or waited for, and how often it had to be loaded.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }
}

impl<K: Eq + Hash + Clone, V: Weigh + Clone> fmt::Debug for Kept<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values, {} of {} bytes", self.len(), self.bytes(), self.values.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Sized(u64);

    impl Weigh for Sized {
        fn bytes(&self) -> u64 {
            self.0
        }
    }

    fn load(kept: &Kept<u32, Sized>, key: u32, bytes: u64) {
        match kept.claim(&key) {
            Claim::Lead(lead) => kept.keep(lead, Sized(bytes)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_bound_holds_whatever_is_kept() {
        let kept = Kept::new(10_000);
        for key in 0..1000 {
            load(&kept, key, 700);
            assert!(kept.bytes() <= 10_000);
        }
        assert!(kept.len() > 5);
        load(&kept, 5000, 20_000);
        assert_eq!(kept.get(&5000), None, "larger than all");
    }

    #[test]
    fn what_was_forgotten_while_it_was_loaded_is_not_kept() {
        let kept = Kept::new(10_000);
        let Claim::Lead(lead) = kept.claim(&1) else { panic!() };
        kept.begin_write(&1);
        kept.end_write(&1);
        kept.keep(lead, Sized(1));
        assert_eq!(kept.get(&1), None);
        load(&kept, 1, 2);
        kept.forget_if(&1, |value| value.0 == 99);
        assert_eq!(kept.get(&1), Some(Sized(2)));
        kept.forget_where(|key| *key == 1);
        assert_eq!(kept.get(&1), None);
    }
}
