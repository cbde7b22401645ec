//! Any store of the crate [`object_store`] as a store of ours: [`ObjectBackend`]; with the feature
//! `azure`, Azure Blob Storage by URL (`azure::AzureOptions`).
//!
//! ```
//! use std::sync::Arc;
//! use bigarrays_backends::object::{ObjectBackend, object_store::memory::InMemory};
//! use bigarrays_core::backend::{ConditionalPut, KeyValueBackendExt, wait};
//! use bigarrays_core::Key;
//!
//! let store = ObjectBackend::builder(Arc::new(InMemory::new()), "memory://example")
//!     .conditional(ConditionalPut::CompareAndSwap)
//!     .open()?;
//! wait(store.put_always(&Key::new("8_8_40/0-64_0-64_0-64")?, "chunk"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//! What the store below promises, and no more:
//!
//! - **Atomic.** A put of `object_store` is whole or not at all. Values over
//!   [`ObjectOptions::multipart`] are uploaded in parts and appear with the last step; a put that
//!   is abandoned midway can leave parts behind that the store removes by its own rules (Azure
//!   after a week; S3 by a rule of the bucket).
//! - **Durability** is the store's.
//! - **Compare-and-swap.** `object_store` cannot tell what its stores honour. So no condition is
//!   declared unless you say so ([`ObjectOptions::conditional`]) or let it be tried out on a
//!   scratch key ([`ObjectOptions::probe`]), which also finds servers that ignore conditions. What
//!   is not declared is refused. A conditional delete does not exist in `object_store` and is never
//!   put together from two steps: it is refused unless the store comes with one
//!   ([`ObjectOptions::conditional_delete`]; Azure does).
//! - **Lost answers.** With [`ObjectOptions::marks`] each conditional put writes a name of its own
//!   into the value's metadata (`bigarrayswrite`). If its answer is lost, the value is looked at:
//!   our name in it, or among those that it was written after, means written; another writer's
//!   after the same state means a conflict. Listings tell no versions then.
//! - **Versions** are ETags (or [`VersionFrom::Version`]). Stores whose ETag is a digest of the
//!   bytes, such as S3, tell equal values apart only by their bytes.
//! - **Ranges** are read alone; several ranges of one value are of one state, or the answer is
//!   `Transient`.
//! - **Encodings** are kept as `Content-Encoding`; a listing does not tell them. A store without
//!   attributes (directories) refuses compressed values as `Unsupported`.
//! - **Keys** are stored verbatim or refused as `InvalidKey`: control characters always, on Azure
//!   also backslashes and components that end in a dot. Objects whose names cannot be keys are not
//!   listed.
//! - **Concurrency.** 32 requests at once by default. All work is done on threads of ours, so any
//!   executor may poll.
//! - **Failures.** Retries belong to [`Retry`](bigarrays_core::wrap::Retry): turn those of a store
//!   that you make yourself off (`RetryConfig { max_retries: 0, .. }`), as is done for Azure here.
//! - **Secrets** of Azure are shown nowhere. `Debug` of a store never shows what is below it.

mod failure;
mod options;
mod path;
mod probe;
mod read;
mod store;
mod write;

#[cfg(feature = "azure")]
pub mod azure;

pub use object_store;
pub use options::{ConditionalDelete, ObjectOptions, VersionFrom};
pub use store::ObjectBackend;

use crate::StoreFacts;

/// What this store promises.
pub const FACTS: StoreFacts = StoreFacts {
    feature: "object",
    schemes: &["az"],
    what: "any store of the crate object_store; with `azure`, Azure Blob Storage",
    atomicity: "the store's; long values in parts that appear at once",
    durability: "the store's; Azure: several copies",
    compare_and_swap: "Azure: between all clients, deletes too; else as declared or probed",
    concurrency: "32 requests at once by default",
    limits: "no control characters in keys; Azure: 5000 MiB, no \\ and no final dot",
    needs: "Azure: an account and a container",
};
