//! The store.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    ErrorKind, IoModel, KeyValueBackend, Meta, Operation, Precondition, PutOutcome, Value, wait,
};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use tokio::runtime::Handle;

use super::failure;
use super::options::{ConditionalDelete, Dialect, ObjectOptions, VersionFrom};
use super::path;
use crate::remote::{Parts, Secret, handle, read_parts, run};

/// A store of the crate `object_store`. Cloning is cheap and gives another handle.
#[derive(Clone)]
pub struct ObjectBackend {
    inner: Arc<Inner>,
    runtime: Handle,
}

/// What the requests of a store share.
pub(super) struct Inner {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) name: String,
    pub(super) conditional: ConditionalPut,
    pub(super) deletes: Option<Arc<dyn ConditionalDelete>>,
    pub(super) read_only: bool,
    pub(super) suffixes: bool,
    pub(super) version_from: VersionFrom,
    pub(super) marks: bool,
    pub(super) multipart: u64,
    concurrency: NonZeroUsize,
    pub(super) max_value_len: Option<u64>,
    pub(super) cache_control: Option<String>,
    pub(super) content_types: bool,
    pub(super) dialect: Dialect,
    secrets: Vec<Secret>,
    /// Whether the container was seen.
    found: AtomicBool,
}

impl ObjectBackend {
    /// A store under the name that errors quote, best a URL without secrets. No condition is
    /// declared: see [`builder`](Self::builder).
    ///
    /// # Errors
    /// What the system says if it gives no threads.
    pub fn new(store: Arc<dyn ObjectStore>, name: impl Into<String>) -> BackendResult<Self> {
        Self::builder(store, name).open()
    }

    /// Options for a store under the name that errors quote.
    pub fn builder(store: Arc<dyn ObjectStore>, name: impl Into<String>) -> ObjectOptions {
        ObjectOptions::new(store, name.into())
    }

    pub(super) fn with(options: ObjectOptions) -> BackendResult<Self> {
        let probe = options.probe && !options.read_only;
        let mut inner = Inner::new(options);
        let runtime =
            handle().map_err(|error| BackendError::io(&inner.name, Operation::Open, error))?;
        if probe {
            let work = async move {
                let found = inner.probe().await;
                (inner, found)
            };
            let (back, found) = wait(run(&runtime, work));
            inner = back;
            inner.conditional = found?;
        }
        Ok(Self { inner: Arc::new(inner), runtime })
    }
}

impl Inner {
    fn new(options: ObjectOptions) -> Self {
        Self {
            store: options.store,
            name: options.name,
            conditional: options.conditional,
            deletes: options.deletes,
            read_only: options.read_only,
            suffixes: options.suffixes,
            version_from: options.version,
            marks: options.marks,
            multipart: options.multipart,
            concurrency: options.concurrency,
            max_value_len: options.max_value_len,
            cache_control: options.cache_control,
            content_types: options.content_types,
            dialect: options.dialect,
            secrets: options.secrets,
            found: AtomicBool::new(false),
        }
    }

    pub(super) fn path(&self, key: &Key, op: Operation) -> BackendResult<Path> {
        path::of_key(key, self.dialect)
            .map_err(|error| BackendError::invalid_key(&self.name, op, error))
    }

    pub(super) fn error(&self, kind: ErrorKind, op: Operation) -> BackendError {
        BackendError::new(kind, &self.name, op)
    }

    pub(super) fn failure(&self, error: object_store::Error, op: Operation) -> BackendError {
        failure::failure(error, &self.name, op, &self.secrets)
    }

    /// The value was replaced between two requests which need one state of it.
    pub(super) fn replaced(&self) -> BackendError {
        self.error(ErrorKind::Transient, Operation::Get)
            .with_note("the value was replaced between two requests of one read")
    }

    /// The name of an object's state.
    pub(super) fn state(&self, e_tag: Option<String>, version: Option<String>) -> Option<String> {
        let told = match self.version_from {
            VersionFrom::ETag => e_tag,
            VersionFrom::Version => version,
        };
        told.map(|told| self.dialect.quoted(told))
    }

    pub(super) fn exists(&self) {
        self.found.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_been_found(&self) -> bool {
        self.found.load(Ordering::Relaxed)
    }
}

impl Dialect {
    /// An ETag as conditions want it: Azure's listings leave the quotes out.
    fn quoted(self, told: String) -> String {
        match self {
            #[cfg(feature = "azure")]
            Self::Azure if !told.ends_with('"') => format!("\"{told}\""),
            _ => told,
        }
    }
}

#[async_trait]
impl KeyValueBackend for ObjectBackend {
    fn capabilities(&self) -> Capabilities {
        let writable = !self.inner.read_only;
        Capabilities {
            io: IoModel::Async,
            concurrency: self.inner.concurrency,
            writable,
            listable: true,
            range_reads: true,
            prefers_whole: false,
            batch_bytes: Capabilities::BATCH_BYTES,
            conditional_put: match writable {
                true => self.inner.conditional,
                false => ConditionalPut::Unsupported,
            },
            conditional_delete: writable && self.inner.deletes.is_some(),
            max_value_len: self.inner.max_value_len,
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let (inner, wanted) = (Arc::clone(&self.inner), key.clone());
        let answer = run(&self.runtime, async move { inner.head(&wanted).await }).await;
        answer.map_err(|error| error.with_key(key))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let (inner, wanted) = (Arc::clone(&self.inner), key.clone());
        let answer = run(&self.runtime, async move { inner.get(&wanted, &range).await }).await;
        answer.map_err(|error| error.with_key(key))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let (inner, wanted) = (Arc::clone(&self.inner), key.clone());
        let work = async move { inner.put(&wanted, &value, &when).await };
        run(&self.runtime, work).await.map_err(|error| error.with_key(key))
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let (inner, wanted) = (Arc::clone(&self.inner), key.clone());
        let work = async move { inner.delete(&wanted, &when).await };
        run(&self.runtime, work).await.map_err(|error| error.with_key(key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        // The outer option ends the listing, the inner one begins it.
        let pages = stream::unfold(Some(None), move |listing| async move {
            let (inner, prefix) = (Arc::clone(&self.inner), prefix.clone());
            let listing = listing?;
            let work = async move { inner.page(listing, &prefix).await };
            let (page, rest) = run(&self.runtime, work).await;
            Some((stream::iter(page), rest.map(Some)))
        });
        pages.flatten().boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let get = |range| self.get(key, ByteRange::Bounded(range));
        match read_parts(ranges, self.inner.concurrency.get(), get).await? {
            Some(Parts::Whole(parts)) => Ok(Some(parts)),
            Some(Parts::Missing) => Ok(None),
            Some(Parts::Torn) => Err(self.inner.replaced().with_key(key)),
            None => {
                let exists = self.head(key).await?.is_some();
                Ok(exists.then(|| vec![Bytes::new(); ranges.len()]))
            }
        }
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let (inner, keys) = (Arc::clone(&self.inner), keys.to_vec());
        run(&self.runtime, async move { inner.delete_all(&keys).await }).await
    }
}

impl fmt::Display for ObjectBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.name)
    }
}

impl fmt::Debug for ObjectBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is below may show its credentials.
        f.debug_struct("ObjectBackend")
            .field("name", &self.inner.name)
            .field("capabilities", &self.capabilities())
            .finish_non_exhaustive()
    }
}
