//! Stores around stores: one concern each, for every store at once.
//!
//! A wrapper holds any [`KeyValueBackend`](crate::backend::KeyValueBackend) and is one itself, so
//! wrappers stack: `Retry::new(Prefixed::new(store, prefix))`. The order matters only where it
//! says so.
//!
//! | wrapper | what it adds |
//! |---|---|
//! | [`Prefixed`] | a directory of a store as a store of its own |
//! | [`ReadOnly`] | refuses every write |
//! | [`Cache`] | keeps values in memory, as they are stored |
//! | [`DiskCache`] | keeps values in another store: a folder for one that is far away |
//! | [`Checksummed`] | keeps a checksum beside each value, and compares it |
//! | [`Layered`] | several stores, one above the other, as one |
//! | [`Limit`] | bounds requests in flight and bytes a second |
//! | [`Retry`] | tries again what failed for the moment |
//! | [`Trace`] | events of `tracing`, and counts of requests |
//! | [`Fault`] | failures by plan, for tests |

mod cache;
mod checksum;
mod clock;
mod disk_cache;
mod fault;
mod freshness;
mod generate;
mod layered;
mod limit;
mod prefix;
mod read_only;
mod retry;
mod trace;

pub use cache::{Cache, DEFAULT_CACHE, SharedCache};
pub use checksum::Checksummed;
pub use clock::{Clock, SystemClock};
pub use disk_cache::{DEFAULT_DISK_CACHE, DiskCache, DiskUsage, LocalCache};
pub use fault::{Fault, Rule};
pub use freshness::Freshness;
pub use layered::{Layered, WriteTo};
pub use limit::Limit;
pub use prefix::Prefixed;
pub use read_only::ReadOnly;
pub use retry::Retry;
pub use trace::{Counts, Trace};
