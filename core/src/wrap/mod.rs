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
//! | [`Retry`] | tries again what failed for the moment |
//! | [`Trace`] | events of `tracing`, and counts of requests |
//! | [`Fault`] | failures by plan, for tests |

mod fault;
mod generate;
mod prefix;
mod read_only;
mod retry;
mod trace;

pub use fault::{Fault, Rule};
pub use prefix::Prefixed;
pub use read_only::ReadOnly;
pub use retry::Retry;
pub use trace::{Counts, Trace};
