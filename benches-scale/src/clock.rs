//! Simulated time: it passes only while everybody waits.
//!
//! A client is a thread that calls the library. One client runs at a time; it is idle when its
//! earliest timer has been polled again and again and nothing new was begun meanwhile. Then the
//! time moves on to the earliest timer of all, and its client runs. So a run takes as long as its
//! computation, has the same result whatever else the machine does, and needs no executor of ours:
//! the library waits as it always does.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// A timer that was polled so often without news is what its client waits for. Futures inside
/// futures are polled twice a level before others have their turn.
const SETTLED: u32 = 8;

thread_local! {
    /// The client that this thread is. The main thread is client 0.
    static CLIENT: Cell<usize> = const { Cell::new(0) };
}

/// A clock that all clients of a simulation share.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    ready: Condvar,
}

/// When, and the how many-th timer of all: no two are equal.
type At = (Duration, u64);

#[derive(Debug, Default)]
struct State {
    now: Duration,
    timers: u64,
    /// The timers of each client.
    waiting: BTreeMap<usize, Client>,
    /// Who runs; nobody while clients are started.
    running: Option<usize>,
    started: usize,
}

#[derive(Debug, Default)]
struct Client {
    timers: BTreeMap<At, Waker>,
    /// Changes with each timer that begins or ends.
    news: u64,
}

impl State {
    /// Lets the client of the earliest timer run; of several at one time the first client, for the
    /// order in which threads came here is not the same every time.
    fn pass(&mut self) {
        let first = |(client, waiting): (&usize, &Client)| {
            let (at, waker) = waiting.timers.first_key_value()?;
            Some((*at, *client, waker.clone()))
        };
        let first = self
            .waiting
            .iter()
            .filter_map(first)
            .min_by_key(|(at, client, _)| (at.0, *client, at.1));
        self.running = first.as_ref().map(|(_, client, _)| *client);
        if let Some(((at, _), _, waker)) = first {
            self.now = self.now.max(at);
            waker.wake();
        }
    }
}

impl Clock {
    /// A clock at zero, for the thread that it is made on and for [`clients`](Self::clients).
    #[must_use]
    pub fn new() -> Self {
        let clock = Self::default();
        clock.state().running = Some(0);
        clock
    }

    /// The time that has passed.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.state().now
    }

    /// Is done when the time has come.
    #[must_use]
    pub fn until(&self, at: Duration) -> Timer {
        Timer { clock: self.clone(), at, key: None, seen: 0, polls: 0 }
    }

    /// Runs so many clients, all from now on, and waits for the last one. The answers are in their
    /// order.
    ///
    /// # Panics
    /// If a client panicked.
    pub fn clients<T: Send>(&self, count: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
        {
            let mut state = self.state();
            state.running = None;
            state.started = 0;
        }
        let client = |number: usize| {
            CLIENT.set(number + 1);
            // Also after a panic: the others would wait for ever.
            let _turn = Turn(self, number + 1);
            futures::executor::block_on(self.until(self.now()));
            run(number)
        };
        let answers = thread::scope(|scope| {
            let threads: Vec<_> = (0..count)
                .map(|number| {
                    scope.spawn({
                        let client = &client;
                        move || client(number)
                    })
                })
                .collect();
            let mut state = self.state();
            while state.started < count {
                state = self.shared.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.pass();
            drop(state);
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        self.state().running = Some(0);
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client that lets the others go on when it ends.
struct Turn<'a>(&'a Clock, usize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.waiting.remove(&self.1);
        state.pass();
    }
}

/// A future that is done at its time.
#[derive(Debug)]
pub struct Timer {
    clock: Clock,
    at: Duration,
    /// The client and the timer, once it has begun.
    key: Option<(usize, At)>,
    /// What was news when it was polled last.
    seen: u64,
    polls: u32,
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.get_mut();
        let shared = Arc::clone(&timer.clock.shared);
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = timer.key.is_none();
        let (me, key) = *timer.key.get_or_insert_with(|| {
            state.timers += 1;
            (CLIENT.get(), (timer.at, state.timers))
        });
        let client = state.waiting.entry(me).or_default();
        client.timers.insert(key, context.waker().clone());
        client.news += u64::from(is_new);
        let (news, is_first) =
            (client.news, client.timers.first_key_value().is_some_and(|(first, _)| *first == key));
        match state.running {
            None => {
                // All clients begin together.
                state.started += usize::from(is_new);
                shared.ready.notify_one();
                return Poll::Pending;
            }
            Some(running) if running != me => return Poll::Pending,
            Some(_) if state.now < timer.at && !is_first => return Poll::Pending,
            Some(_) if state.now < timer.at => {
                if timer.seen != news {
                    (timer.seen, timer.polls) = (news, 0);
                }
                timer.polls += 1;
                if timer.polls < SETTLED {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                timer.polls = 0;
                state.pass();
                if state.running != Some(me) || state.now < timer.at {
                    return Poll::Pending;
                }
            }
            Some(_) => {}
        }
        timer.end(&mut state);
        Poll::Ready(())
    }
}

impl Timer {
    /// Forgets the timer; the next one of its client is asked anew whether that client is idle.
    fn end(&mut self, state: &mut State) {
        let Some((client, key)) = self.key.take() else { return };
        if let Some(client) = state.waiting.get_mut(&client) {
            client.timers.remove(&key);
            client.news += 1;
            if let Some((_, next)) = client.timers.first_key_value() {
                next.wake_by_ref();
            }
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let shared = Arc::clone(&self.clock.shared);
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.end(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::stream::{FuturesUnordered, StreamExt};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_waits_together_takes_no_longer_than_the_longest() {
        let clock = Clock::new();
        let timers = [3, 1, 2].map(|seconds| {
            let clock = clock.clone();
            async move {
                clock.until(clock.now() + seconds * SECOND).await;
                seconds
            }
        });
        let order: Vec<_> = block_on(timers.into_iter().collect::<FuturesUnordered<_>>().collect());
        assert_eq!(order, [1, 2, 3]);
        assert_eq!(clock.now(), 3 * SECOND);
    }

    #[test]
    fn clients_share_the_time_and_take_turns() {
        let clock = Clock::new();
        let ends = clock.clients(3, |client| {
            for _ in 0..10 {
                let later = clock.now() + SECOND * u32::try_from(client + 1).unwrap();
                block_on(clock.until(later));
            }
            clock.now()
        });
        assert_eq!(ends, [10 * SECOND, 20 * SECOND, 30 * SECOND]);
    }

    #[test]
    fn a_timer_that_is_given_up_keeps_nobody_waiting() {
        let clock = Clock::new();
        block_on(async {
            let long = clock.until(9 * SECOND);
            let short = clock.until(SECOND);
            futures::pin_mut!(long, short);
            futures::future::select(long, short).await.factor_first();
        });
        assert_eq!(clock.now(), SECOND);
    }
}
