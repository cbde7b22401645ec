//! Volumes as they are not stored: stores around stores.
//!
//! | view | what it shows |
//! |---|---|
//! | `@unsharded` | chunks of sharded scales, each under its own name |
//! | `@pyramid` | coarser scales that nobody stored, made when they are asked for |
//!
//! A view is a store that is only read. It knows a volume by its `info`: a key is looked for in the
//! volume nearest above it.

mod pyramid;
mod slots;
mod unsharded;
mod volume;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bigarrays::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    ErrorKind, Meta, Operation, Precondition, PutOutcome, Value,
};
use bigarrays::{DynBackend, Key, KeyValueBackend, Prefix};
use futures::stream::{self, BoxStream, StreamExt};

use volume::Volumes;

/// How a store can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum View {
    Unsharded,
    Pyramid,
}

impl View {
    pub(crate) const ALL: [Self; 2] = [Self::Unsharded, Self::Pyramid];

    /// The view that stands behind the `@` of a path.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Unsharded => "unsharded",
            Self::Pyramid => "pyramid",
        }
    }
}

/// A view of a store.
pub(crate) fn around(view: View, store: DynBackend) -> DynBackend {
    Arc::new(Viewed { view, volumes: Volumes::new(DynBackend::clone(&store)), store })
}

#[derive(Debug)]
struct Viewed {
    view: View,
    store: DynBackend,
    volumes: Volumes,
}

impl fmt::Display for Viewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.store, self.view.name())
    }
}

impl Viewed {
    /// The whole value of a key as this view shows it. It may block.
    fn show(&self, key: &Key) -> bigarrays::Result<Option<Blob>> {
        match self.view {
            View::Unsharded => unsharded::show(&self.volumes, key),
            View::Pyramid => pyramid::show(&self.volumes, key),
        }
    }

    fn blob(&self, key: &Key, op: Operation) -> BackendResult<Option<Blob>> {
        self.show(key).map_err(|error| match error {
            bigarrays::Error::Backend(error) => error,
            error => {
                let kind = match &error {
                    bigarrays::Error::UnsupportedScale { .. } => ErrorKind::Unsupported,
                    _ => ErrorKind::Corrupt,
                };
                BackendError::new(kind, self, op).with_key(key).with_source(error)
            }
        })
    }

    fn read_only(&self, op: Operation, key: &Key) -> BackendError {
        BackendError::new(ErrorKind::ReadOnly, self, op).with_key(key)
    }
}

#[async_trait]
impl KeyValueBackend for Viewed {
    /// It blocks, whatever the store does: what it shows is computed.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            writable: false,
            listable: false,
            range_reads: false,
            conditional_put: ConditionalPut::Unsupported,
            conditional_delete: false,
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let blob = self.blob(key, Operation::Head)?;
        Ok(blob.map(|blob| Meta {
            key: key.clone(),
            size: blob.bytes.len() as u64,
            version: blob.version,
            content_encoding: Some(blob.content_encoding),
        }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let blob = self.blob(key, Operation::Get)?;
        Ok(blob.map(|blob| Blob { bytes: range.slice(&blob.bytes), ..blob }))
    }

    async fn put(&self, key: &Key, _: Value, _: Precondition) -> BackendResult<PutOutcome> {
        Err(self.read_only(Operation::Put, key))
    }

    async fn delete(&self, key: &Key, _: Precondition) -> BackendResult<DeleteOutcome> {
        Err(self.read_only(Operation::Delete, key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let error = BackendError::new(ErrorKind::Unsupported, self, Operation::List);
        stream::iter([Err(error.with_prefix(prefix))]).boxed()
    }
}
