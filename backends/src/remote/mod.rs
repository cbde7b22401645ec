//! What all stores beyond a network share: a runtime of their own, timeouts, secrets that never
//! show, and what an HTTP status means.

#[cfg(any(feature = "s3", feature = "gcs", feature = "object"))]
mod conditional;
mod parts;
mod runtime;
mod secret;
mod status;
mod timeouts;

pub use secret::Secret;
pub use timeouts::Timeouts;

#[cfg(any(feature = "s3", feature = "gcs", feature = "object"))]
pub(crate) use self::conditional::{Found, MARK, Mark, settle, unique};
#[cfg_attr(
    not(feature = "http"),
    allow(unused_imports, reason = "not every feature needs all of it")
)]
pub(crate) use self::{
    parts::{Parts, read_parts},
    runtime::{handle, run},
    status::{kind_of_status, retry_after},
};
