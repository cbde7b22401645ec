//! A stream written as an async block.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures::stream::{self, BoxStream, StreamExt};

/// Where the block puts its items, one at a time.
pub(super) struct Outlet<T>(Arc<Mutex<Option<T>>>);

/// The items that `body` gives out, until it ends.
///
/// The block may hold what its items are borrowed from, which no combinator of streams can: a
/// listing below a joined prefix lives no longer than that prefix. It must await nothing but the
/// outlet and futures that wake their own task.
pub(super) fn generate<'a, T, F>(body: impl FnOnce(Outlet<T>) -> F) -> BoxStream<'a, T>
where
    T: Send + 'a,
    F: Future<Output = ()> + Send + 'a,
{
    let slot = Arc::new(Mutex::new(None));
    let body: Pin<Box<F>> = Box::pin(body(Outlet(Arc::clone(&slot))));
    let mut body = Some(body);
    stream::poll_fn(move |context| {
        if let Some(running) = &mut body
            && running.as_mut().poll(context).is_ready()
        {
            body = None;
        }
        match lock(&slot).take() {
            Some(item) => Poll::Ready(Some(item)),
            None if body.is_none() => Poll::Ready(None),
            None => Poll::Pending,
        }
    })
    .boxed()
}

impl<T> Outlet<T> {
    /// Gives out an item, and comes back when the reader of the stream asks for the next one.
    pub(super) async fn give(&self, item: T) {
        *lock(&self.0) = Some(item);
        // No waker: the stream answers with this item, and its reader polls again for more.
        poll_fn(|_| match *lock(&self.0) {
            Some(_) => Poll::Pending,
            None => Poll::Ready(()),
        })
        .await;
    }
}

fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::wait;
    use futures::FutureExt;

    #[test]
    fn items_arrive_in_order_and_without_a_pending() {
        let numbers = generate(|out| async move {
            let owned = [1, 2, 3];
            for n in &owned {
                out.give(*n).await;
            }
        });
        let all = numbers.collect::<Vec<_>>();
        assert_eq!(all.now_or_never().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn an_ended_stream_stays_ended() {
        let mut none = generate::<u8, _>(|_| async {});
        assert_eq!(wait(none.next()), None);
        assert_eq!(wait(none.next()), None);
    }
}
