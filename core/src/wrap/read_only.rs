//! A store that cannot be written by mistake.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    ErrorKind, KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome, Value,
};
use crate::key::{Key, Prefix};

/// A store that answers every put and delete with [`ErrorKind::ReadOnly`].
#[derive(Debug, Clone)]
pub struct ReadOnly<B> {
    inner: B,
}

impl<B> ReadOnly<B> {
    /// `inner`, for reading only.
    #[must_use]
    pub const fn new(inner: B) -> Self {
        Self { inner }
    }

    /// The store that is protected.
    #[must_use]
    pub const fn inner(&self) -> &B {
        &self.inner
    }
}

impl<B: KeyValueBackend> ReadOnly<B> {
    fn refuse(&self, op: Operation, key: &Key) -> BackendError {
        BackendError::new(ErrorKind::ReadOnly, self, op).with_key(key)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: KeyValueBackend> KeyValueBackend for ReadOnly<B> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            writable: false,
            conditional_put: ConditionalPut::Unsupported,
            conditional_delete: false,
            ..self.inner.capabilities()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.inner.head(key).await
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.inner.get(key, range).await
    }

    async fn put(&self, key: &Key, _: Value, _: Precondition) -> BackendResult<PutOutcome> {
        Err(self.refuse(Operation::Put, key))
    }

    async fn delete(&self, key: &Key, _: Precondition) -> BackendResult<DeleteOutcome> {
        Err(self.refuse(Operation::Delete, key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        self.inner.list(prefix)
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        self.inner.get_ranges(key, ranges).await
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        self.inner.get_batch(keys).await
    }

    // A batch of nothing asks for no write, and so is not refused.
    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        match puts.first() {
            Some(put) => Err(self.refuse(Operation::Put, &put.key)),
            None => Ok(()),
        }
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        match keys.first() {
            Some(key) => Err(self.refuse(Operation::Delete, key)),
            None => Ok(()),
        }
    }
}

impl<B: fmt::Display> fmt::Display for ReadOnly<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
