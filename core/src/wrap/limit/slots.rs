//! Room for so many requests: who comes first is served first.

use std::collections::VecDeque;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::channel::oneshot;

#[derive(Debug)]
pub(super) struct Slots {
    most: NonZeroUsize,
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    free: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// The room of one request; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot(Option<Arc<Slots>>);

/// A place in the line. Dropped, it leaves the line, and gives back a slot that it was just given.
#[derive(Debug)]
pub(super) struct Next(oneshot::Receiver<Slot>);

impl Slots {
    pub(super) fn new(most: NonZeroUsize) -> Self {
        let line = Line { free: most.get(), waiting: VecDeque::new() };
        Self { most, line: Mutex::new(line) }
    }

    pub(super) const fn most(&self) -> NonZeroUsize {
        self.most
    }

    /// A slot, or a place in the line for one.
    pub(super) fn take(self: &Arc<Self>) -> Result<Slot, Next> {
        let mut line = self.line();
        // A slot is free only while nobody waits.
        if line.free > 0 {
            line.free -= 1;
            return Ok(Slot(Some(Arc::clone(self))));
        }
        let (sender, receiver) = oneshot::channel();
        line.waiting.push_back(sender);
        Err(Next(receiver))
    }

    /// Gives a slot to the next who still waits.
    fn release(self: &Arc<Self>) {
        loop {
            let next = {
                let mut line = self.line();
                let next = line.waiting.pop_front();
                if next.is_none() {
                    line.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Slot(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // It has left the line. The slot is still ours to give.
                Err(mut slot) => slot.0 = None,
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = self.0.take() {
            slots.release();
        }
    }
}

impl Future for Next {
    type Output = Slot;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Slot> {
        // The sender stays in the line until it sends.
        Pin::new(&mut self.0).poll(context).map(|slot| slot.unwrap_or(Slot(None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::wait;
    use futures::FutureExt;

    fn slots(most: usize) -> Arc<Slots> {
        Arc::new(Slots::new(NonZeroUsize::new(most).unwrap()))
    }

    #[test]
    fn who_comes_first_is_served_first() {
        let slots = slots(1);
        let first = slots.take().unwrap();
        let mut second = slots.take().unwrap_err();
        let mut third = slots.take().unwrap_err();
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none());
        let second = wait(second);
        assert!((&mut third).now_or_never().is_none());
        drop(second);
        drop(wait(third));
        assert!(slots.take().is_ok());
    }

    #[test]
    fn who_leaves_the_line_loses_no_slot() {
        let slots = slots(1);
        let first = slots.take().unwrap();
        let leaves = slots.take().unwrap_err();
        let given = slots.take().unwrap_err();
        let last = slots.take().unwrap_err();
        drop(leaves);
        drop(first);
        // It was given the slot and never looked.
        drop(given);
        drop(wait(last));
        assert_eq!(slots.line().free, 1);
    }
}
