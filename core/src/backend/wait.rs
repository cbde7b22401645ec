//! Waiting for a future on an ordinary thread, without a runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread, sleeping while it is pending.
///
/// A future of a [`Blocking`](super::IoModel::Blocking) store is done at the first poll, so this
/// costs no more than the call. Works inside any executor, and blocks its thread there.
pub fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // The waker is made only for a future that needs one.
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return output;
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_woken_by_another_thread_ends() {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let helper = thread::spawn(move || sender.send(42));
        assert_eq!(wait(receiver), Ok(42));
        helper.join().unwrap().unwrap();
    }
}
