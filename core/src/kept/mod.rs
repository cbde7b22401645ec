//! Values that are kept, bounded in bytes, and loaded by one caller at a time.
//!
//! | room | what it does |
//! |---|---|
//! | `flight` | one loader a key; the others wait for what it brings |
//! | `bounded` | the values, and the rule that a write is never followed by what was before it |
//!
//! The cache of encoded values ([`Cache`](crate::wrap::Cache)), the one on disk
//! ([`DiskCache`](crate::wrap::DiskCache)) and the one of decoded chunks
//! ([`ChunkCache`](crate::array::ChunkCache)) are made of these.

mod bounded;
mod flight;
mod stamp;

pub(crate) use bounded::{Kept, Weigh};
pub(crate) use flight::{Arrival, Claim, Flights, Landing, Lead};
pub(crate) use stamp::Stamp;

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that nothing else in this process has: who does not say what it is gets one.
pub(crate) fn unique() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}
