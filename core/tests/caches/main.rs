//! The wrappers that keep, spare and stack: the suite on each, and the races between readers and
//! writers that a cache must not lose.
#![cfg(feature = "conformance")]
#![expect(clippy::unwrap_used, reason = "the helpers belong to the tests")]

mod cache;
mod checksum;
mod chunks;
mod disk;
mod gate;
mod layered;
mod limit;
mod retry;
mod suite;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bigarrays_core::backend::{KeyValueBackend, KeyValueBackendExt, wait};
use bigarrays_core::key::Key;
use bigarrays_core::wrap::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn put(store: &impl KeyValueBackend, name: &str, value: &str) {
    wait(store.put_always(&key(name), value.to_owned())).unwrap();
}

fn text(store: &impl KeyValueBackend, name: &str) -> Option<String> {
    let bytes = wait(store.get_bytes(&key(name))).unwrap()?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

/// Lets readers look while a writer counts up to `last`: no reader goes back in time, and what is
/// read after the last write is the last value.
fn counting(last: u64, write: impl Fn(u64) + Sync, readers: &[&(dyn Fn() -> u64 + Sync)]) {
    let done = AtomicBool::new(false);
    let write = &write;
    thread::scope(|scope| {
        let done = &done;
        scope.spawn(move || {
            (1..=last).for_each(write);
            done.store(true, Ordering::SeqCst);
        });
        for read in readers {
            scope.spawn(move || {
                let mut latest = 0;
                while !done.load(Ordering::SeqCst) {
                    let seen = read();
                    assert!(seen >= latest, "{seen} after {latest}");
                    latest = seen;
                }
                assert_eq!(read(), last);
            });
        }
    });
}

/// A clock on which only waits, and the test, let time pass.
#[derive(Debug, Clone, Default)]
struct Hands(Arc<Mutex<Time>>);

#[derive(Debug, Default)]
struct Time {
    now: Duration,
    waits: Vec<Duration>,
}

impl Hands {
    fn advance(&self, by: Duration) {
        self.0.lock().unwrap().now += by;
    }

    fn waits(&self) -> Vec<Duration> {
        self.0.lock().unwrap().waits.clone()
    }
}

impl Clock for Hands {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn block(&self, wait: Duration) {
        let mut time = self.0.lock().unwrap();
        time.now += wait;
        time.waits.push(wait);
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        self.block(wait);
        std::future::ready(()).boxed()
    }
}
