//! The model of an object store that holds a [`Volume`].

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bigarrays::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ContentEncoding, DeleteOutcome,
    ErrorKind, IoModel, KeyValueBackend, Meta, Operation, Precondition, PutOutcome, Value, Version,
};
use bigarrays::{Key, Prefix};
use futures::stream::{self, BoxStream, StreamExt};

use crate::clock::Clock;
use crate::model::{Line, Network};
use crate::volume::{SCALE, Volume};

/// Keys in one answer of a listing, as S3 has them.
pub const PAGE: u64 = 1000;

/// What a store was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests of all kinds.
    pub requests: u64,
    /// Bytes of values.
    pub bytes: u64,
    /// The most requests in flight at once.
    pub in_flight: usize,
}

/// A volume as a store far away. Clones are one store.
#[derive(Debug, Clone)]
pub struct Model {
    volume: Volume,
    clock: Clock,
    concurrency: NonZeroUsize,
    is_empty: bool,
    is_whole: bool,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    line: Line,
    counts: Counts,
}

impl Model {
    /// A store that answers as the network does, and takes up to 256 requests at once from a call.
    #[must_use]
    pub fn new(volume: Volume, network: Network, clock: &Clock) -> Self {
        let shared = Shared { line: Line::new(network), counts: Counts::default() };
        Self {
            volume,
            clock: clock.clone(),
            concurrency: NonZeroUsize::MIN.saturating_add(255),
            is_empty: false,
            is_whole: false,
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// So many requests at once from a call.
    #[must_use]
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = NonZeroUsize::new(requests).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// The same without its chunks: what is left is the cost of asking for them.
    #[must_use]
    pub const fn empty(mut self) -> Self {
        self.is_empty = true;
        self
    }

    /// The same for whole values only, as if its chunks were compressed.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.is_whole = true;
        self
    }

    /// The volume.
    #[must_use]
    pub const fn volume(&self) -> &Volume {
        &self.volume
    }

    /// What it was asked for so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared().counts
    }

    /// Begins to count anew.
    pub fn reset(&self) {
        self.shared().counts = Counts::default();
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the time of a request pass.
    async fn request(&self, bytes: u64) {
        let now = self.clock.now();
        let end = {
            let shared = &mut *self.shared();
            let (end, in_flight) = shared.line.request(now, bytes);
            shared.counts.requests += 1;
            shared.counts.bytes += bytes;
            shared.counts.in_flight = shared.counts.in_flight.max(in_flight);
            end
        };
        if end > now {
            self.clock.until(end).await;
        }
    }

    fn is_absent(&self, key: &Key) -> bool {
        self.is_empty && key.as_str() != "info"
    }

    fn read_only(&self, operation: Operation, key: &Key) -> BackendError {
        BackendError::new(ErrorKind::ReadOnly, self, operation).with_key(key)
    }

    /// A key of the directory as a listing tells it.
    fn meta(&self, number: u64) -> BackendResult<Meta> {
        let (key, size) = self.volume.key(number);
        let invalid = |_| BackendError::new(ErrorKind::InvalidKey, self, Operation::List);
        let key = Key::new(key).map_err(invalid)?;
        let content_encoding = Some(ContentEncoding::Identity);
        Ok(Meta { key, size, version: Some(version()), content_encoding })
    }
}

/// Nothing is ever written.
fn version() -> Version {
    Version::from_u64(1)
}

#[async_trait]
impl KeyValueBackend for Model {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            io: IoModel::Async,
            concurrency: self.concurrency,
            writable: false,
            prefers_whole: self.is_whole,
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.request(0).await;
        let object = self.volume.object(key).filter(|_| !self.is_absent(key));
        Ok(object.map(|object| Meta {
            key: key.clone(),
            size: self.volume.len(&object),
            version: Some(version()),
            content_encoding: Some(ContentEncoding::Identity),
        }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        if self.is_absent(key) {
            self.request(0).await;
            return Ok(None);
        }
        let Some(object) = self.volume.object(key) else {
            self.request(0).await;
            return Ok(None);
        };
        let range = range.resolve(self.volume.len(&object));
        self.request(range.end - range.start).await;
        Ok(Some(Blob {
            bytes: self.volume.bytes(&object, range),
            version: Some(version()),
            content_encoding: ContentEncoding::Identity,
        }))
    }

    async fn put(&self, key: &Key, _: Value, _: Precondition) -> BackendResult<PutOutcome> {
        Err(self.read_only(Operation::Put, key))
    }

    async fn delete(&self, key: &Key, _: Precondition) -> BackendResult<DeleteOutcome> {
        Err(self.read_only(Operation::Delete, key))
    }

    /// Page after page, as there is no other way to list a bucket.
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let is_here = prefix.is_root() || prefix.as_str().trim_end_matches('/') == SCALE;
        let keys = if is_here && !self.is_empty { self.volume.keys() } else { 0 };
        stream::iter(0..keys.div_ceil(PAGE).max(1))
            .then(move |page| async move {
                self.request(0).await;
                page * PAGE..((page + 1) * PAGE).min(keys)
            })
            .flat_map(move |page| stream::iter(page.map(move |number| self.meta(number))))
            .boxed()
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model://{}-chunks", self.volume.chunks())
    }
}
