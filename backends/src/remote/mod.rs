//! What all stores beyond a network share: a runtime of their own, timeouts, secrets that never
//! show, and what an HTTP status means.

#[cfg(any(feature = "s3", feature = "gcs"))]
mod conditional;
mod runtime;
mod secret;
mod status;
mod timeouts;

pub use secret::Secret;
pub use timeouts::Timeouts;

#[cfg(any(feature = "s3", feature = "gcs"))]
pub(crate) use self::conditional::{Found, MARK, Mark, settle, unique};
pub(crate) use self::{
    runtime::{handle, run},
    status::{kind_of_status, retry_after},
};
