//! The trait over a bucket.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    ErrorKind, IoModel, KeyValueBackend, Meta, Operation, Precondition, PutOutcome, Value, wait,
};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http::HeaderValue;
use tokio::runtime::Handle;

use super::client::Client;
use super::failure::Failure;
use super::inner::Inner;
use super::list::{PAGE, fits_xml};
use super::open::{self, Opened};
use super::options::{Conditional, S3Options};
use super::probe::{self, Conditions};
use crate::remote::{Parts, handle, read_parts, run};

/// A bucket as a store; see the [module](super).
pub struct S3Backend {
    inner: Arc<Inner>,
    runtime: Handle,
    concurrency: NonZeroUsize,
}

impl S3Backend {
    /// How to open a bucket.
    pub fn builder(bucket: impl Into<String>) -> S3Options {
        S3Options::new(bucket.into())
    }

    pub(super) fn with_options(options: S3Options) -> BackendResult<Self> {
        let Opened { place, bucket, anonymous, read_only } = open::prepare(&options)?;
        let fail = |failure: Failure| failure.of(&place, Operation::Open);
        let runtime = handle().map_err(|error| BackendError::io(&place, Operation::Open, error))?;
        let concurrency = options.concurrency;
        let client = Client::new(bucket, options.timeouts, concurrency.get(), anonymous);
        let mut inner = Inner {
            client: client.map_err(fail)?,
            conditions: Conditions::NONE,
            cache_control: cache_control(&options).map_err(fail)?,
            multipart_threshold: options.multipart_threshold,
            part_size: options.part_size,
            read_only,
            seen: AtomicBool::new(false),
            place: place.clone(),
        };
        if inner.read_only.is_none() {
            inner = find_conditions(&runtime, options.conditional, inner).map_err(fail)?;
        }
        Ok(Self { inner: Arc::new(inner), runtime, concurrency })
    }

    /// The name of a key in the bucket.
    fn name(&self, op: Operation, key: &Key) -> BackendResult<String> {
        let name = self.inner.place.name(key);
        name.map_err(|error| BackendError::invalid_key(self, op, error))
    }

    fn at<'a>(&'a self, op: Operation, key: &'a Key) -> impl Fn(Failure) -> BackendError + 'a {
        move |failure| failure.at(&self.inner.place, op, key)
    }

    /// Deletes keys of which all can be written in one request.
    async fn delete_page(&self, names: Vec<(Key, String)>) -> BackendResult<()> {
        let inner = Arc::clone(&self.inner);
        let work = async move {
            match inner.delete_many(&names).await {
                Ok(true) => Ok(Vec::new()),
                Ok(false) => Ok(names),
                Err((key, failure)) => Err(failure.at(&inner.place, Operation::Delete, &key)),
            }
        };
        let left = run(&self.runtime, work).await?;
        self.delete_each(left.into_iter().map(|(key, _)| key)).await
    }

    async fn delete_each(&self, keys: impl Iterator<Item = Key> + Send) -> BackendResult<()> {
        let keys = keys.collect::<Vec<_>>();
        let deletes = keys.iter().map(|key| self.delete(key, Precondition::Always));
        let deletes = deletes.collect::<Vec<_>>();
        let mut answers = stream::iter(deletes).buffer_unordered(self.concurrency.get());
        while let Some(answer) = answers.next().await {
            let _always_deleted = answer?;
        }
        Ok(())
    }
}

fn cache_control(options: &S3Options) -> Result<Option<HeaderValue>, Failure> {
    let value = options.cache_control.as_ref().map(HeaderValue::try_from).transpose();
    value.map_err(|error| {
        let note = "cache_control is not the value of a header";
        Failure::new(ErrorKind::InvalidConfig, note).because(error)
    })
}

/// Sets which conditions the server honours.
fn find_conditions(
    runtime: &Handle,
    conditional: Conditional,
    mut inner: Inner,
) -> Result<Inner, Failure> {
    let known = match conditional {
        Conditional::Trust => Some(Conditions::ALL),
        Conditional::None => Some(Conditions::NONE),
        Conditional::Probe if inner.place.is_amazon() => Some(Conditions::ALL),
        Conditional::Probe => probe::remembered(&inner.place),
    };
    if let Some(conditions) = known {
        return Ok(Inner { conditions, ..inner });
    }
    let work = async move {
        inner.conditions = probe::probe(&inner.client, &inner.place).await?;
        Ok(inner)
    };
    wait(run(runtime, work))
}

#[async_trait]
impl KeyValueBackend for S3Backend {
    fn capabilities(&self) -> Capabilities {
        let writable = self.inner.read_only.is_none();
        Capabilities {
            io: IoModel::Async,
            concurrency: self.concurrency,
            writable,
            conditional_put: match writable {
                true => self.inner.conditions.level(),
                false => ConditionalPut::Unsupported,
            },
            conditional_delete: writable && self.inner.conditions.delete,
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let (inner, name) = (Arc::clone(&self.inner), self.name(Operation::Head, key)?);
        let head = run(&self.runtime, async move { inner.head(&name).await }).await;
        let head = head.map_err(self.at(Operation::Head, key))?;
        Ok(head.map(|head| Meta {
            key: key.clone(),
            size: head.size,
            version: head.version,
            content_encoding: Some(head.encoding),
        }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let (inner, name) = (Arc::clone(&self.inner), self.name(Operation::Get, key)?);
        let get = run(&self.runtime, async move { inner.get(&name, range).await }).await;
        get.map_err(self.at(Operation::Get, key))
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let get = |range| self.get(key, ByteRange::Bounded(range));
        match read_parts(ranges, self.concurrency.get(), get).await? {
            Some(Parts::Whole(parts)) => Ok(Some(parts)),
            Some(Parts::Missing) => Ok(None),
            Some(Parts::Torn) => {
                let note = "the value was overwritten between two ranges of one read";
                let torn = Failure::new(ErrorKind::Transient, note);
                Err(self.at(Operation::Get, key)(torn))
            }
            None => {
                let exists = self.head(key).await?.is_some();
                Ok(exists.then(|| vec![Bytes::new(); ranges.len()]))
            }
        }
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let (inner, name) = (Arc::clone(&self.inner), self.name(Operation::Put, key)?);
        let key = key.clone();
        run(&self.runtime, async move { inner.put(&key, &name, &value, &when).await }).await
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let (inner, name) = (Arc::clone(&self.inner), self.name(Operation::Delete, key)?);
        let delete = run(&self.runtime, async move { inner.delete(&name, &when).await }).await;
        delete.map_err(self.at(Operation::Delete, key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let pages =
            stream::try_unfold(Some(None), move |token: Option<Option<String>>| async move {
                let Some(token) = token else { return Ok(None) };
                let (inner, asked) = (Arc::clone(&self.inner), prefix.clone());
                let page = run(&self.runtime, async move { inner.page(&asked, token).await }).await;
                let page = page.map_err(|failure| {
                    failure.of(&self.inner.place, Operation::List).with_prefix(prefix)
                })?;
                let metas = stream::iter(page.metas).map(Ok);
                Ok::<_, BackendError>(Some((metas, page.next.map(Some))))
            });
        pages.try_flatten().boxed()
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let writable = self.inner.writable();
        writable.map_err(|failure| failure.of(&self.inner.place, Operation::Delete))?;
        let mut together = Vec::with_capacity(keys.len());
        let mut alone = Vec::new();
        for key in keys {
            let name = self.name(Operation::Delete, key)?;
            if fits_xml(&name) {
                together.push((key.clone(), name));
            } else {
                alone.push(key.clone());
            }
        }
        for page in together.chunks(PAGE) {
            self.delete_page(page.to_vec()).await?;
        }
        self.delete_each(alone.into_iter()).await
    }
}

impl fmt::Display for S3Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner.place, f)
    }
}

impl fmt::Debug for S3Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Backend")
            .field("place", &self.inner.place)
            .field("conditions", &self.inner.conditions)
            .field("read_only", &self.inner.read_only)
            .finish_non_exhaustive()
    }
}
