//! The body of a request, sent in slices so that it is seen to move.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use tokio::time::{Instant, sleep_until};

/// How much is handed to the connection at once.
const SLICE: usize = 128 * 1024;

/// Bytes that are sent one after the other and never copied together.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces(Vec<Bytes>);

impl Pieces {
    pub(super) fn new(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self(pieces.into_iter().filter(|piece| !piece.is_empty()).collect())
    }

    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    /// All bytes in slices; each that is taken is a sign of life.
    pub(super) fn stream(
        &self,
        progress: Progress,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let left = self.0.clone().into_iter();
        stream::unfold((left, Bytes::new()), move |(mut left, mut now)| {
            progress.mark();
            if now.is_empty() {
                now = left.next().unwrap_or_default();
            }
            let slice = now.split_to(now.len().min(SLICE));
            let next = (!slice.is_empty()).then_some((Ok(slice), (left, now)));
            std::future::ready(next)
        })
    }
}

/// When a request last moved.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    pub(super) fn begin() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(super) fn mark(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends once nothing has moved for so long.
    pub(super) async fn stalled(&self, idle: Duration) {
        loop {
            let due = self.last() + idle;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use futures::executor::block_on;

    #[test]
    fn pieces_arrive_whole_in_slices_and_in_order() {
        let long = Bytes::from(vec![7; 2 * SLICE + 5]);
        let short = Bytes::from_static(b"end");
        let pieces = Pieces::new([Bytes::new(), long.clone(), Bytes::new(), short.clone()]);
        assert_eq!(pieces.len(), (long.len() + short.len()) as u64);
        let slices: Vec<Bytes> = block_on(pieces.stream(Progress::begin()).try_collect()).unwrap();
        let lens: Vec<usize> = slices.iter().map(Bytes::len).collect();
        assert_eq!(lens, [SLICE, SLICE, 5, 3]);
        assert_eq!(slices.concat(), [&long[..], &short[..]].concat());
    }
}
