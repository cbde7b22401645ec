//! Files behind a web server as a store that reads: [`HttpBackend`].
//!
//! Any server of files will do, the web side of a bucket too: a value is what the server answers
//! for the URL of the volume with the key behind it.
//!
//! ```no_run
//! use bigarrays_backends::http::HttpBackend;
//! use bigarrays_core::backend::{ByteRange, KeyValueBackend, wait};
//! use bigarrays_core::Key;
//!
//! let store = HttpBackend::new("https://example.org/volumes/brain")?;
//! let info = wait(store.get(&Key::new("info")?, ByteRange::Full))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//! - **Reading only.** Puts and deletes are refused as `ReadOnly`, a listing as `Unsupported`:
//!   the web has none.
//! - **Missing** is what is answered with 404 or 410. Every other refusal is an error. Some
//!   public buckets answer 403 for a key that is missing, to whoever may not list them; that is
//!   `PermissionDenied`, unless [`Forbidden::Missing`] says otherwise (`?missing=403`).
//! - **Whole.** A reply that ends before the length that it was announced with, or before its
//!   last chunk, is a `Transient` error. A reply that announces neither is refused, for nobody
//!   could tell whether it is whole.
//! - **Ranges** are asked for, and believed only if the answer says which bytes it has
//!   (`Content-Range`) and has them all. Of a server that ignores ranges the whole value is read
//!   and cut: right, but dear; no more than the range is kept in memory.
//! - **Versions** are strong ETags. Without one, the time of the last change together with the
//!   length serves, if the reply is at least two seconds younger than that change: two changes
//!   within a second could not be told apart. Otherwise there is no version, and several ranges
//!   of one value are read with one request. If a value is replaced between two requests that
//!   belong together, that is a `Transient` error.
//! - **Compression.** Nothing is decompressed here: what the server says of the encoding is
//!   passed on with the bytes. A whole value is asked for in the encodings that the array
//!   understands (`gzip, br, zstd`), so that values that are stored compressed come as they are.
//!   Ranges and sizes are asked for as they are stored (`Accept-Encoding: identity`): a range of
//!   what a server compresses on its way would not be one of stored bytes. If there is nothing
//!   under that name but a compressed form, that form is the value. A server that compresses on
//!   the fly gives whole values in another encoding, and mostly with another version, than their
//!   parts; what they decompress to is the same.
//! - **Redirects** are followed, ten at most, and never from https to http. A password or token
//!   is not sent on to another host, nor are the parameters of the URL.
//! - **Concurrency.** 32 requests at once by default, over HTTP/2 where the server offers it.
//!   Timeouts are those of [`Timeouts`](crate::remote::Timeouts).
//! - **Secrets.** A user and password in the URL become basic authentication; parameters of the
//!   URL (signatures, tokens) are sent with each request. None of them is ever shown.

mod address;
mod body;
mod date;
mod failure;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod headers;
mod options;
mod request;
mod store;

pub use options::{Forbidden, HttpOptions};
pub use store::HttpBackend;

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "http",
    schemes: &["https", "http"],
    what: "files behind a web server, for reading",
    atomicity: "reads only; a reply that is cut is an error",
    durability: "reads only",
    compare_and_swap: "none: reads only",
    concurrency: "32 requests at once by default, HTTP/2 where offered",
    limits: "no listing, no writing; ranges cost a whole value where the server has none",
    needs: "nothing",
};
