//! What a store is: the trait, its vocabulary and its errors.
//!
//! Everything that a store may be asked is in [`KeyValueBackend`]; the words of question and
//! answer are in `types`; conveniences for callers are in [`KeyValueBackendExt`]. A pointer to a
//! store is a store (`forward`), and so is a store in a [wrapper](crate::wrap).

mod coalesce;
mod contract;
mod error;
mod ext;
mod forward;
mod swap;
mod types;
mod wait;

pub(crate) use coalesce::{Limits, coalesce, overwritten, read_coalesced};
pub use contract::{DynBackend, KeyValueBackend};
pub use error::{BackendError, BackendResult, ErrorKind, Operation};
pub use ext::KeyValueBackendExt;
pub(crate) use swap::{SWAP_ATTEMPTS, pause, pauses, swaps, unchanged};
pub use types::{
    Blob, ByteRange, Capabilities, ConditionalPut, ContentEncoding, DeleteOutcome, IoModel, Meta,
    Precondition, Put, PutOutcome, Value, Version,
};
pub use wait::wait;
