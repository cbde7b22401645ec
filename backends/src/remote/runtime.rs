//! The runtime that does the input and output of remote stores.
//!
//! A remote store's futures may be polled by any executor, or by none that knows tokio. So the
//! requests run here, and what the caller polls is a handle.

use std::future::Future;
use std::panic;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Threads that move bytes; decoding is done elsewhere.
const THREADS: usize = 2;

/// The runtime of all remote stores of this process.
///
/// # Errors
/// What the system says if it gives no threads.
pub(crate) fn handle() -> std::io::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("bigarrays-io")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| runtime).handle().clone())
}

/// Does `work` on the runtime. Whoever drops the answer stops the work.
pub(crate) fn run<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    Running(runtime.spawn(work))
}

struct Running<T>(JoinHandle<T>);

impl<T> Future for Running<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.0).poll(context) {
            Poll::Ready(Ok(answer)) => Poll::Ready(answer),
            Poll::Ready(Err(error)) => match error.try_into_panic() {
                Ok(payload) => panic::resume_unwind(payload),
                // Only `drop` below stops the work, and nobody polls after that.
                Err(_) => Poll::Pending,
            },
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays_core::backend::wait;
    use std::time::Duration;

    #[test]
    fn work_is_done_for_a_caller_without_a_runtime() {
        let runtime = handle().unwrap();
        let work = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            7
        };
        assert_eq!(wait(run(&runtime, work)), 7);
    }

    #[test]
    fn dropping_the_answer_stops_the_work() {
        let runtime = handle().unwrap();
        let (alive, mut dropped) = tokio::sync::mpsc::channel::<()>(1);
        let work = async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        };
        drop(run(&runtime, work));
        assert_eq!(wait(run(&runtime, async move { dropped.recv().await })), None);
    }
}
