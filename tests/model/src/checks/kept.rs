//! Values that are loaded once for all who ask, while they are written.

use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

use crate::backend::wait;
use crate::kept::{Claim, Kept, Landing, Weigh};

#[derive(Debug, Clone, PartialEq)]
struct Number(u64);

impl Weigh for Number {
    fn bytes(&self) -> u64 {
        8
    }
}

/// A value in a store, what is kept of it, and the newest that anybody has seen.
struct Room {
    stored: AtomicU64,
    seen: AtomicU64,
    loads: AtomicU64,
    kept: Kept<u8, Number>,
}

impl Room {
    fn new() -> Arc<Self> {
        let [stored, seen, loads] = [0, 0, 0].map(AtomicU64::new);
        Arc::new(Self { stored, seen, loads, kept: Kept::new(1 << 20) })
    }

    fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.stored.load(Ordering::SeqCst)
    }

    /// Reads as the caches do; a load that fails is one of `failures`.
    fn read(&self, failures: bool) {
        let floor = self.seen.load(Ordering::SeqCst);
        let value = loop {
            match self.kept.claim(&1) {
                Claim::Kept(Number(value)) => break value,
                Claim::Lead(lead) => {
                    let fate = if failures { thread_rng().gen_range(0..4) } else { 3 };
                    let value = self.load();
                    match fate {
                        // Its caller was cancelled.
                        0 => drop(lead),
                        1 => lead.fail(),
                        2 => {
                            self.kept.share(lead, Number(value));
                            break value;
                        }
                        _ => {
                            self.kept.keep(lead, Number(value));
                            break value;
                        }
                    }
                }
                Claim::Wait(arrival) => match wait(arrival) {
                    Ok(Landing::Value(Number(value))) => break value,
                    Ok(Landing::Failed) => break self.load(),
                    Err(_) => {}
                },
            }
        };
        assert!(value >= floor, "{value} was read after {floor}");
        self.seen.fetch_max(value, Ordering::SeqCst);
    }

    /// Writes as the caches do.
    fn write(&self) {
        self.kept.begin_write(&1);
        let value = self.stored.fetch_add(1, Ordering::SeqCst) + 1;
        self.kept.end_write(&1);
        // Who reads from now on finds this value or a newer one.
        self.seen.fetch_max(value, Ordering::SeqCst);
    }

    fn run(self: Arc<Self>, roles: &[fn(&Self)]) {
        let threads = roles.iter().map(|role| {
            let (room, role) = (Arc::clone(&self), *role);
            thread::spawn(move || (0..3).for_each(|_| role(&room)))
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        // Nothing is left behind: the key can be loaded, and then is kept.
        self.read(false);
        assert_eq!(self.seen.load(Ordering::SeqCst), self.stored.load(Ordering::SeqCst));
        assert!(matches!(self.kept.claim(&1), Claim::Kept(_)), "nothing is kept at rest");
    }
}

/// Whoever reads, after anybody has read or written a value, gets it or a newer one.
pub fn a_reader_never_sees_an_older_value() {
    Room::new().run(&[|room| room.read(false), |room| room.read(false), Room::write]);
}

/// The same with loads that fail and callers that are cancelled, and with two who write; nobody
/// waits for ever.
pub fn who_waits_is_always_woken() {
    let read = |room: &Room| room.read(true);
    Room::new().run(&[read, read, Room::write, Room::write]);
}

/// Many who ask for a value that nobody writes load it once.
pub fn a_value_is_loaded_once() {
    let room = Room::new();
    let read = |room: &Room| room.read(false);
    Arc::clone(&room).run(&[read, read, read]);
    assert_eq!(room.loads.load(Ordering::SeqCst), 1);
}
