//! One loader a key: who asks for what somebody else is already fetching waits for it.
//!
//! A *flight* is a load under way. The first to claim a key leads its flight; who claims it
//! meanwhile waits. A leader that is dropped, by a cancelled future or a panic, frees the key and
//! wakes all who wait, so that one of them leads the next flight. A write *detaches* a flight:
//! what it brings may be older than the write, so nobody new waits for it and it is not kept. A
//! flight that begins while its key is being written is detached from the start.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use futures::channel::oneshot;

use crate::sync::{Mutex, MutexGuard, PoisonError};

/// All flights of a cache.
#[derive(Debug)]
pub(crate) struct Flights<K, V>(Mutex<Board<K, V>>);

#[derive(Debug)]
struct Board<K, V> {
    flights: HashMap<K, Flight<V>>,
    /// Detached flights whose leaders are still at work, by key.
    detached: HashMap<K, usize>,
    /// Writes under way, by key.
    written: HashMap<K, usize>,
    last: u64,
}

/// Takes one away; a key without any is not kept.
fn discount<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[derive(Debug)]
struct Flight<V> {
    number: u64,
    waiting: Vec<oneshot::Sender<Landing<V>>>,
}

/// What a flight brought to those who waited.
#[derive(Debug, Clone)]
pub(crate) enum Landing<V> {
    /// The value.
    Value(V),
    /// The leader's load failed. Errors are not shared: who waited asks for itself.
    Failed,
}

/// What a flight that somebody else leads will bring; cancelled if its leader gave up, or if it
/// was detached.
pub(crate) type Arrival<V> = oneshot::Receiver<Landing<V>>;

/// What a claim of a key came to.
#[derive(Debug)]
pub(crate) enum Claim<K: Eq + Hash + Clone, V: Clone> {
    /// It is there.
    Kept(V),
    /// This caller loads it.
    Lead(Lead<K, V>),
    /// Somebody else does.
    Wait(Arrival<V>),
}

/// The right and duty to load a value.
#[derive(Debug)]
pub(crate) struct Lead<K: Eq + Hash + Clone, V: Clone> {
    flights: Arc<Flights<K, V>>,
    key: K,
    number: u64,
    landed: bool,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        let (flights, detached, written) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self(Mutex::new(Board { flights, detached, written, last: 0 }))
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Flights<K, V> {
    /// Joins or begins the flight of a key, unless `kept` has it. No flight of the key lands
    /// between that question and the answer.
    pub(crate) fn claim(
        self: &Arc<Self>,
        key: &K,
        kept: impl FnOnce() -> Option<V>,
    ) -> Claim<K, V> {
        let mut board = self.board();
        if let Some(value) = kept() {
            return Claim::Kept(value);
        }
        if let Some(flight) = board.flights.get_mut(key) {
            let (sender, arrival) = oneshot::channel();
            flight.waiting.push(sender);
            return Claim::Wait(arrival);
        }
        board.last += 1;
        let number = board.last;
        if board.written.contains_key(key) {
            *board.detached.entry(key.clone()).or_default() += 1;
        } else {
            board.flights.insert(key.clone(), Flight { number, waiting: Vec::new() });
        }
        Claim::Lead(Lead { flights: Arc::clone(self), key: key.clone(), number, landed: false })
    }

    /// Detaches the flight of a key and does `forget` before anything can land.
    pub(crate) fn detach(&self, key: &K, forget: impl FnOnce()) {
        self.detach_and(key, forget, |_| {});
    }

    /// The same at the beginning of a write. Until its end no flight of the key is kept: it may
    /// bring the old value after others have seen the new one.
    pub(crate) fn begin_write(&self, key: &K, forget: impl FnOnce()) {
        self.detach_and(key, forget, |board| {
            *board.written.entry(key.clone()).or_default() += 1;
        });
    }

    /// The same at the end of a write.
    pub(crate) fn end_write(&self, key: &K, forget: impl FnOnce()) {
        self.detach_and(key, forget, |board| discount(&mut board.written, key));
    }

    fn detach_and(&self, key: &K, forget: impl FnOnce(), also: impl FnOnce(&mut Board<K, V>)) {
        let mut board = self.board();
        forget();
        also(&mut board);
        let flight = board.flights.remove(key);
        if flight.is_some() {
            *board.detached.entry(key.clone()).or_default() += 1;
        }
        drop(board);
        // Those who wait are woken without the lock.
        drop(flight);
    }

    /// The same for all keys that pass a test.
    pub(crate) fn detach_where(&self, test: impl Fn(&K) -> bool, forget: impl FnOnce()) {
        let mut board = self.board();
        forget();
        let keys: Vec<K> = board.flights.keys().filter(|key| test(key)).cloned().collect();
        let mut flights = Vec::new();
        for key in keys {
            flights.extend(board.flights.remove(&key));
            *board.detached.entry(key).or_default() += 1;
        }
        drop(board);
        drop(flights);
    }

    /// Whether a leader is still at work on an outdated value of this key.
    pub(crate) fn is_in_limbo(&self, key: &K) -> bool {
        self.board().detached.contains_key(key)
    }

    fn board(&self) -> MutexGuard<'_, Board<K, V>> {
        // Every change of the board is whole before anything that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Board<K, V> {
    /// Ends a flight. `None` if it was detached.
    fn end(&mut self, key: &K, number: u64) -> Option<Flight<V>> {
        if self.flights.get(key).is_some_and(|flight| flight.number == number) {
            return self.flights.remove(key);
        }
        discount(&mut self.detached, key);
        None
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Lead<K, V> {
    /// Brings the value to those who wait. `keep` is done first, unless the flight was detached:
    /// the value may be outdated then.
    pub(crate) fn land(mut self, value: V, keep: impl FnOnce(&K, V)) {
        self.landed = true;
        let mut board = self.flights.board();
        let Some(flight) = board.end(&self.key, self.number) else { return };
        keep(&self.key, value.clone());
        drop(board);
        for sender in flight.waiting {
            // Who no longer waits does not want it.
            let _ = sender.send(Landing::Value(value.clone()));
        }
    }

    /// Tells those who wait that the load failed.
    pub(crate) fn fail(mut self) {
        self.landed = true;
        let flight = self.flights.board().end(&self.key, self.number);
        for sender in flight.into_iter().flat_map(|flight| flight.waiting) {
            let _ = sender.send(Landing::Failed);
        }
    }

    /// Whether nothing was written to the key since the flight began.
    pub(crate) fn is_current(&self) -> bool {
        let board = self.flights.board();
        board.flights.get(&self.key).is_some_and(|flight| flight.number == self.number)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Drop for Lead<K, V> {
    fn drop(&mut self) {
        if !self.landed {
            let flight = self.flights.board().end(&self.key, self.number);
            drop(flight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::wait;

    type Board = Arc<Flights<&'static str, u32>>;

    fn lead(board: &Board) -> Lead<&'static str, u32> {
        match board.claim(&"k", || None) {
            Claim::Lead(lead) => lead,
            other => panic!("{other:?}"),
        }
    }

    fn join(board: &Board) -> Arrival<u32> {
        match board.claim(&"k", || None) {
            Claim::Wait(arrival) => arrival,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_waits_gets_what_the_leader_brings() {
        let board = Board::default();
        let first = lead(&board);
        let (one, two) = (join(&board), join(&board));
        drop(one);
        let mut kept = None;
        first.land(7, |_, value| kept = Some(value));
        assert_eq!(kept, Some(7));
        assert!(matches!(wait(two), Ok(Landing::Value(7))));
        assert!(matches!(board.claim(&"k", || Some(9)), Claim::Kept(9)));
    }

    #[test]
    fn a_dropped_leader_wakes_all_and_frees_the_key() {
        let board = Board::default();
        let first = lead(&board);
        let waiting = join(&board);
        drop(first);
        assert!(wait(waiting).is_err());
        lead(&board).fail();
        let failing = lead(&board);
        let waiting = join(&board);
        failing.fail();
        assert!(matches!(wait(waiting), Ok(Landing::Failed)));
    }

    #[test]
    fn a_detached_flight_is_not_kept_and_disturbs_no_later_one() {
        let board = Board::default();
        let old = lead(&board);
        let waiting = join(&board);
        board.detach(&"k", || {});
        assert!(wait(waiting).is_err(), "who waited asks again");
        assert!(!old.is_current() && board.is_in_limbo(&"k"));
        let new = lead(&board);
        let waiting = join(&board);
        old.land(1, |_, _| panic!("an outdated value is kept"));
        assert!(!board.is_in_limbo(&"k") && new.is_current());
        new.land(2, |_, _| {});
        assert!(matches!(wait(waiting), Ok(Landing::Value(2))));
    }

    #[test]
    fn a_dropped_detached_leader_leaves_no_trace() {
        let board = Board::default();
        let old = lead(&board);
        board.detach_where(|key| *key == "k", || {});
        assert!(board.is_in_limbo(&"k"));
        drop(old);
        assert!(!board.is_in_limbo(&"k"));
        drop(lead(&board));
    }

    #[test]
    fn what_is_loaded_during_a_write_reaches_who_loads_it_and_is_not_kept() {
        let board: Arc<Flights<&str, u8>> = Arc::default();
        let lead = || match board.claim(&"k", || None) {
            Claim::Lead(lead) => lead,
            other => panic!("nobody is waited for during a write: {other:?}"),
        };
        let before = lead();
        board.begin_write(&"k", || {});
        let during = lead();
        lead().land(1, |_, _| panic!("kept"));
        before.land(1, |_, _| panic!("kept"));
        board.end_write(&"k", || {});
        let mut kept = false;
        lead().land(2, |_, _| kept = true);
        during.land(1, |_, _| panic!("kept"));
        assert!(kept && !board.is_in_limbo(&"k"));
    }
}
