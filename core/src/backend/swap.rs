//! Compare-and-swap in a loop: read, change, put back on condition, and again if somebody else
//! was faster.

use std::time::Duration;

use backon::BackoffBuilder;
use futures_timer::Delay;

use super::contract::KeyValueBackend;
use super::types::{Blob, ConditionalPut, IoModel, Precondition};

/// How often a value is tried before the writer gives up with a conflict: with the pauses between
/// them that is after two or three seconds of losing.
pub(crate) const SWAP_ATTEMPTS: u32 = 64;

/// How long to wait after each lost attempt: longer and longer, and each writer differently.
pub(crate) fn pauses() -> impl Iterator<Item = Duration> + Send {
    backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_micros(50))
        .with_max_delay(Duration::from_millis(20))
        .with_max_times(SWAP_ATTEMPTS as usize)
        .with_jitter()
        .build()
}

/// Waits as the store's callers wait.
pub(crate) async fn pause<B: KeyValueBackend + ?Sized>(backend: &B, pause: Duration) {
    match backend.capabilities().io {
        IoModel::Blocking => std::thread::sleep(pause),
        IoModel::Async => Delay::new(pause).await,
    }
}

/// Whether the store can put on condition that nobody changed the value.
pub(crate) fn swaps<B: KeyValueBackend + ?Sized>(backend: &B) -> bool {
    backend.capabilities().conditional_put == ConditionalPut::CompareAndSwap
}

/// The condition under which a value made of `read` may replace it; `None` if the store did not
/// tell which version that was.
pub(crate) fn unchanged(read: Option<&Blob>) -> Option<Precondition> {
    match read {
        None => Some(Precondition::IfAbsent),
        Some(blob) => blob.version.clone().map(Precondition::IfVersion),
    }
}
