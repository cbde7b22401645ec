//! The trait over a bucket.

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    ErrorKind, IoModel, KeyValueBackend, Meta, Operation, Precondition, PutOutcome, Value,
};
use bigarrays_core::key::{InvalidKey, Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::bucket::Bucket;
use super::failure::Failure;
use super::options::GcsOptions;
use super::probe::Manners;
use crate::remote::run;

/// A bucket as a store; see the [module](super).
pub struct GcsBackend {
    bucket: Arc<Bucket>,
    name: String,
    capabilities: Capabilities,
}

impl GcsBackend {
    /// Opens all of a bucket for reading and writing, with the credentials of the surroundings.
    ///
    /// # Errors
    /// As [`GcsOptions::open`].
    pub fn open(bucket: impl Into<String>) -> BackendResult<Self> {
        Self::builder(bucket).open()
    }

    /// How to open a bucket otherwise.
    pub fn builder(bucket: impl Into<String>) -> GcsOptions {
        GcsOptions::new(bucket.into())
    }

    pub(super) fn new(
        bucket: Arc<Bucket>,
        manners: Manners,
        concurrency: NonZeroUsize,
        read_only: bool,
    ) -> Self {
        let _ = bucket.manners.set(manners);
        let capabilities = Capabilities {
            io: IoModel::Async,
            concurrency,
            writable: !read_only,
            listable: true,
            range_reads: true,
            prefers_whole: false,
            batch_bytes: Capabilities::BATCH_BYTES,
            conditional_put: match manners.puts && !read_only {
                true => ConditionalPut::CompareAndSwap,
                false => ConditionalPut::Unsupported,
            },
            conditional_delete: manners.deletes && !read_only,
            max_value_len: None,
        };
        Self { name: bucket.place.name(), bucket, capabilities }
    }

    /// The name of a key's object.
    fn object(&self, op: Operation, key: &Key) -> BackendResult<String> {
        self.bucket.place.object(key.as_str()).map_err(|reason| {
            let invalid = InvalidKey { text: key.to_string(), reason };
            BackendError::invalid_key(self, op, invalid)
        })
    }

    /// Whether a change may be asked for.
    fn allowed(&self, op: Operation, key: &Key, honoured: bool) -> BackendResult<()> {
        let refused =
            |kind, note: &str| Err(BackendError::new(kind, self, op).with_key(key).with_note(note));
        if !self.capabilities.writable {
            return refused(ErrorKind::ReadOnly, "it was opened for reading only");
        }
        if !honoured {
            let note = "this server ignores the condition and would write regardless, or lets us not write";
            return refused(ErrorKind::Unsupported, note);
        }
        Ok(())
    }

    /// Does work for a key on the runtime of the remote stores.
    async fn run<T: Send + 'static>(
        &self,
        op: Operation,
        key: &Key,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> BackendResult<T> {
        run(&self.bucket.runtime, work).await.map_err(|failure| failure.at(self, op, key))
    }
}

#[async_trait]
impl KeyValueBackend for GcsBackend {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let name = self.object(Operation::Head, key)?;
        let (bucket, asked) = (Arc::clone(&self.bucket), key.clone());
        let work = async move {
            let Some(document) = bucket.head(&name).await? else {
                return Ok(None);
            };
            Ok(Some(Meta {
                key: asked,
                size: document.size,
                version: Some(document.version()),
                content_encoding: Some(document.encoding()?),
            }))
        };
        self.run(Operation::Head, key, work).await
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let name = self.object(Operation::Get, key)?;
        let bucket = Arc::clone(&self.bucket);
        let work = async move { bucket.get(&name, &range, None).await };
        self.run(Operation::Get, key, work).await
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let honoured = when == Precondition::Always
            || self.capabilities.conditional_put == ConditionalPut::CompareAndSwap;
        self.allowed(Operation::Put, key, honoured)?;
        let name = self.object(Operation::Put, key)?;
        let (bucket, key) = (Arc::clone(&self.bucket), key.clone());
        let work = async move { bucket.put(&key, name, value, when).await };
        run(&self.bucket.runtime, work).await
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let honoured =
            !matches!(when, Precondition::IfVersion(_)) || self.capabilities.conditional_delete;
        self.allowed(Operation::Delete, key, honoured)?;
        let name = self.object(Operation::Delete, key)?;
        let bucket = Arc::clone(&self.bucket);
        let work = async move { bucket.delete(&name, when).await };
        self.run(Operation::Delete, key, work).await
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let start = Some(None::<String>);
        let pages = stream::unfold(start, move |from| async move {
            let from = from?;
            let bucket = Arc::clone(&self.bucket);
            let objects = format!("{}{prefix}", bucket.place.prefix);
            let work = async move { bucket.page(&objects, from.as_deref()).await };
            Some(match run(&self.bucket.runtime, work).await {
                Ok(page) => {
                    let metas = page.metas.into_iter().map(Ok).collect::<Vec<_>>();
                    (metas, page.next.map(Some))
                }
                Err(failure) => {
                    let error = failure.of(self, Operation::List).with_prefix(prefix);
                    (vec![Err(error)], None)
                }
            })
        });
        pages.flat_map(stream::iter).boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let name = self.object(Operation::Get, key)?;
        let (bucket, ranges) = (Arc::clone(&self.bucket), ranges.to_vec());
        let (key, width) = (key.clone(), self.capabilities.concurrency.get());
        let work = async move { bucket.get_ranges(&key, &name, &ranges, width).await };
        run(&self.bucket.runtime, work).await
    }
}

impl fmt::Display for GcsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The name alone: there are credentials inside.
impl fmt::Debug for GcsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcsBackend({})", self.name)
    }
}
