//! A bucket of Amazon S3, or of a server that speaks its language, as a store: [`S3Backend`], in
//! which a value is an object.
//!
//! ```no_run
//! use bigarrays_backends::s3::{Credentials, S3Backend};
//! use bigarrays_core::backend::{KeyValueBackendExt, wait};
//! use bigarrays_core::{Key, Prefix};
//!
//! let store = S3Backend::builder("my-bucket")
//!     .endpoint("http://127.0.0.1:9000")
//!     .credentials(Credentials::new("access", "secret"))
//!     .prefix(Prefix::new("volumes/em")?)
//!     .open()?;
//! wait(store.put_always(&Key::new("8_8_40/0-64_0-64_0-64")?, "chunk"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! As a URL: `s3://bucket/path`, or `s3://http://host:port/bucket/path` as CloudVolume has it, or
//! `s3://bucket/path?endpoint=http://host:port`.
//!
//! # Guarantees
//! - **Atomic.** A put is one request, or an upload in parts that is there as a whole or not at
//!   all. A batch is many puts.
//! - **Durability** is that of the server: a put is reported when the server has said so.
//! - **Read your writes**, also after deletes and in listings, as S3 has promised since 2020.
//! - **Compare-and-swap** holds between all clients that set conditions, if the server honours
//!   `If-None-Match` and `If-Match`. Some ignore both and overwrite without a word, so the first
//!   opening for writing finds out ([`Conditional::Probe`]), and what is not honoured is refused
//!   as `Unsupported`. Deletes of one version need `If-Match` of deletes, which is found out for
//!   itself: a server may lack it alone.
//! - **Exactly once.** Every put carries a name of its own in the object's metadata
//!   (`x-amz-meta-bigarrays-write`), and a conditional one the name of what it replaces. If the
//!   answer to a conditional put is lost, the object tells whether it arrived; it is sent again
//!   only if it did not, at most 4 times in all. What cannot be told fails as `Transient`, and
//!   says so.
//! - **Versions** are the ETag and the name of the write, so that they change with equal bytes
//!   too. The server compares ETags, which are made of the bytes: a condition also holds if
//!   somebody has put the very same bytes again meanwhile. Listings tell no versions.
//! - **Concurrency.** Requests run on two threads that all remote stores share, 128 at once by
//!   default, each on a connection of its own that is kept for the next.
//! - **Failures** that may pass are `Transient` and carry `Retry-After`; nothing is tried again
//!   here but for conditional puts and parts: wrap the store in
//!   [`Retry`](bigarrays_core::wrap::Retry).
//! - **Limits.** Values up to 5 TB. Those over 64 MiB go in parts of 16 MiB, and what was begun
//!   and fails is given up at the server too; after a killed process its parts stay until a rule
//!   of the bucket removes them. Names that end in a component that begins with
//!   `.bigarrays-probe-` belong to the store; names with a backslash are refused but at Amazon,
//!   for some servers store them under a slash.
//!
//! # What is stored
//! A key is the object's name, below the prefix. `Content-Encoding` is the value's; bytes are
//! read as they are stored, and never unpacked on the way. `Content-Type` is `application/json`
//! for `info`, `provenance` and `*.json`, else `application/octet-stream`. A listing does not know
//! encodings; [`head`] and [`get`] tell them. Objects whose names are
//! no keys, such as the markers that some tools make for directories (`a/`), are not listed.
//!
//! A missing object is `None` only if the server says `NoSuchKey`: a missing bucket or an address
//! at which something else answers is an error, not an empty volume. Who may not list a bucket of
//! Amazon gets `AccessDenied` for missing objects, and so a `PermissionDenied`.
//!
//! # Credentials
//! The first of:
//! 1. those given in code, or [`anonymous`](S3Options::anonymous);
//! 2. the section [`profile`](S3Options::profile) of the files of 4;
//! 3. the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`;
//! 4. the section `AWS_PROFILE`, or `default`, of `~/.aws/credentials`
//!    (`AWS_SHARED_CREDENTIALS_FILE`) and `~/.aws/config` (`AWS_CONFIG_FILE`);
//! 5. `BUCKET-aws-secret.json`, then `aws-secret.json`, in `~/.cloudvolume/secrets`,
//!    `~/.cloudfiles/secrets` and `/secrets`, as CloudVolume has them;
//! 6. the machine, if [`instance_metadata`](S3Options::instance_metadata) is set.
//!
//! A store that only reads and finds none is anonymous. Endpoint and region come from the options,
//! the environment (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_REGION`,
//! `AWS_DEFAULT_REGION`), or the place of the credentials.
//!
//! Source of the protocol: the Amazon S3 API reference; of the files: the guides of the AWS tools,
//! and the source of cloud-files.
//!
//! [`head`]: bigarrays_core::backend::KeyValueBackend::head
//! [`get`]: bigarrays_core::backend::KeyValueBackend::get

mod client;
mod credentials;
mod failure;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod ini;
mod inner;
mod list;
mod multipart;
mod open;
mod options;
mod place;
mod probe;
mod read;
mod reply;
mod store;
mod write;
mod xml;

pub use credentials::Credentials;
pub use options::{Conditional, S3Options};
pub use store::S3Backend;

/// What this store promises.
pub const FACTS: crate::StoreFacts = crate::StoreFacts {
    feature: "s3",
    schemes: &["s3"],
    what: "a bucket of S3; a value is an object",
    atomicity: "one request, or an upload in parts; each value for itself",
    durability: "that of the server",
    compare_and_swap: "between all clients, if the server honours it: it is asked",
    concurrency: "128 requests at once; nobody waits for another",
    limits: "5 TB a value; listings tell no versions and no encodings",
    needs: "nothing",
};
