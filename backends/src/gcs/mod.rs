//! A Google Cloud Storage bucket as a store: [`GcsBackend`], in which a value is an object.
//!
//! ```no_run
//! use bigarrays_backends::gcs::{Credentials, GcsBackend};
//! use bigarrays_core::Key;
//! use bigarrays_core::backend::{KeyValueBackendExt, wait};
//!
//! let store = GcsBackend::builder("my-bucket")
//!     .prefix("brain/em")
//!     .credentials(Credentials::file("service-account.json"))
//!     .open()?;
//! wait(store.put_always(&Key::new("8_8_40/0-64_0-64_0-64")?, "chunk"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//! - **Atomic.** An object appears as a whole, or not at all; each value of a batch for itself.
//!   What was being sent when a program died leaves nothing to be seen: Google drops unfinished
//!   uploads after a week.
//! - **Durability** is Google's: what was reported done is stored in several places.
//! - **Compare-and-swap** holds between all programs everywhere. A conditional put whose answer
//!   was lost is settled: it carries a name of its own in the object's metadata
//!   (`bigarrays-write`), by which it is found again. Only if others have replaced it since, or
//!   nothing can be found out, it fails as `Transient`.
//! - **Versions** are Google's generations. Several ranges of one value are read from one
//!   generation.
//! - **Read your writes** holds for all who ask with a token. Public objects may be shown by
//!   caches in between; so values are written with `Cache-Control: no-cache`
//!   ([`GcsOptions::cache_control`]).
//! - **Integrity.** Values are sent with their CRC32C, which Google checks; whole values are
//!   checked against it when they are read, parts by their length.
//! - **Compression.** Values are read as they are stored: the server is told not to unpack what
//!   is stored compressed, and the content encoding is told instead.
//! - **Concurrency.** 64 requests at once by default, over as many connections. Google allows
//!   one write of the same object a second, in the long run; more fail as `Transient`.
//! - **Sizes.** Google takes 5 TiB. Values over 16 MiB are sent in parts, and after a failure
//!   the parts that arrived are not sent again. A value is in memory when it is put or read.
//! - **Keys** that end in a name over 1024 bytes with the prefix, or that have line breaks, are
//!   refused. Objects whose names are no keys (`folder/`, `a//b`) are not listed.
//!
//! # Credentials
//! [`Credentials`] tells which there are and which are found by themselves. Tokens are asked for
//! with the scope `devstorage.read_write`, or `devstorage.read_only` for a store that only reads.
//! All requests share a token, which is replaced some minutes before its end. If the server
//! refuses a token that was good, one new token is made for all, and each request is repeated
//! once; a second refusal is `Unauthenticated`.
//!
//! # Other servers
//! `STORAGE_EMULATOR_HOST`, or the endpoint given, is a server that speaks the same JSON API. It
//! gets no credentials but those given for it. Emulators ignore conditions that Google honours.
//! So when a store is opened for writing to another server than Google's, it tries that out with
//! an object of its own (`.bigarrays-probe-...`, which no listing shows) and declares what it
//! found: fake-gcs-server honours conditional puts, but not conditional deletes, which the store
//! then refuses as `Unsupported`. Conditional puts are always sent in one request there.
//!
//! # Format
//! One object a key, named prefix and key, of the type `application/octet-stream`, with its
//! content encoding in `contentEncoding`: what CloudVolume, TensorStore and neuroglancer read and
//! write. The API is <https://cloud.google.com/storage/docs/json_api>.

mod bucket;
mod checksum;
mod credentials;
mod discover;
mod document;
mod failure;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod list;
mod options;
mod pieces;
mod place;
mod probe;
mod ranges;
mod read;
mod resumable;
mod source;
mod states;
mod store;
mod tokens;
mod upload;
mod wire;
mod write;

pub use credentials::Credentials;
pub use options::GcsOptions;
pub use store::GcsBackend;

/// What this store promises.
pub const FACTS: crate::StoreFacts = crate::StoreFacts {
    feature: "gcs",
    schemes: &["gs"],
    what: "a Google Cloud Storage bucket; a value is an object",
    atomicity: "an object appears whole, a batch does not",
    durability: "what Google promises: several places",
    compare_and_swap: "between all programs everywhere, by generation",
    concurrency: "64 requests at once; one write a second and object",
    limits: "5 TiB; names to 1024 bytes, without line breaks",
    needs: "a bucket, and credentials unless it is public",
};
