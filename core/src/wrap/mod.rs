//! Stores around stores: one concern each, for every store at once.
//!
//! A wrapper holds any [`KeyValueBackend`](crate::backend::KeyValueBackend) and is one itself, so
//! wrappers stack: `Retry::new(Prefixed::new(store, prefix))`. The order matters only where it
//! says so.
//!
//! | wrapper | what it adds |
//! |---|---|
//! | [`Fault`] | failures by plan, for tests |

mod fault;

pub use fault::{Fault, Rule};
