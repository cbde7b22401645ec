//! A directory of a store as a store of its own.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

use super::generate::generate;
use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, KeyValueBackend,
    Meta, Operation, Precondition, Put, PutOutcome, Value,
};
use crate::key::{InvalidKey, Key, Prefix};

/// The part of a store below a prefix, seen with keys relative to it.
///
/// Nothing outside of the prefix can be reached. Keys in answers and errors are the ones that
/// the caller uses; the inner store's own error is the cause of the one that is returned.
///
/// ```
/// # use bigarrays_core::{backend::{KeyValueBackendExt, wait}, key::{Key, Prefix}};
/// # use bigarrays_core::{memory::MemoryBackend, wrap::Prefixed};
/// let store = MemoryBackend::named("lab");
/// let volume = Prefixed::new(store.clone(), Prefix::new("fish/em")?);
/// wait(volume.put_always(&Key::new("info")?, "{}"))?;
/// assert!(wait(store.exists(&Key::new("fish/em/info")?))?);
/// assert_eq!(volume.to_string(), "mem://lab/fish/em");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prefixed<B> {
    inner: B,
    prefix: Prefix,
}

impl<B> Prefixed<B> {
    /// The part of `inner` below `prefix`.
    #[must_use]
    pub const fn new(inner: B, prefix: Prefix) -> Self {
        Self { inner, prefix }
    }

    /// The prefix below which everything lies.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The whole store.
    #[must_use]
    pub const fn inner(&self) -> &B {
        &self.inner
    }
}

impl<B: KeyValueBackend> Prefixed<B> {
    /// The inner store's name of the caller's `key`.
    fn inward(&self, op: Operation, key: &Key) -> BackendResult<Key> {
        key.under(&self.prefix).map_err(|reason| self.too_long(op, reason).with_key(key))
    }

    fn too_long(&self, op: Operation, reason: InvalidKey) -> BackendError {
        BackendError::invalid_key(self, op, reason)
    }

    /// The caller's name of an inner key. A store that answers a key from elsewhere is broken;
    /// its answer is dropped.
    fn outward(&self, mut meta: Meta) -> Option<Meta> {
        meta.key = meta.key.strip(&self.prefix)?;
        Some(meta)
    }

    /// The inner store's error in the caller's words.
    fn explain(&self, cause: BackendError) -> BackendError {
        let error = BackendError::new(cause.kind(), self, cause.op());
        let error = match cause.retry_after() {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
        let relative =
            cause.key().and_then(|key| key.strip_prefix(self.prefix.as_str())).map(str::to_owned);
        let error = match relative.as_deref().map(|text| (Key::new(text), text)) {
            Some((Ok(key), _)) => error.with_key(&key),
            Some((Err(_), text)) => match Prefix::new(text) {
                Ok(prefix) => error.with_prefix(&prefix),
                Err(_) => error,
            },
            None => error,
        };
        error.with_source(cause)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: KeyValueBackend> KeyValueBackend for Prefixed<B> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let inner = self.inward(Operation::Head, key)?;
        let meta = self.inner.head(&inner).await;
        let meta = meta.map_err(|error| self.explain(error).with_key(key))?;
        Ok(meta.map(|meta| Meta { key: key.clone(), ..meta }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let inner = self.inward(Operation::Get, key)?;
        let blob = self.inner.get(&inner, range).await;
        blob.map_err(|error| self.explain(error).with_key(key))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let inner = self.inward(Operation::Put, key)?;
        let outcome = self.inner.put(&inner, value, when).await;
        outcome.map_err(|error| self.explain(error).with_key(key))
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let inner = self.inward(Operation::Delete, key)?;
        let outcome = self.inner.delete(&inner, when).await;
        outcome.map_err(|error| self.explain(error).with_key(key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        generate(move |out| async move {
            let inner = match prefix.under(&self.prefix) {
                Ok(inner) => inner,
                Err(reason) => {
                    let error = self.too_long(Operation::List, reason);
                    return out.give(Err(error.with_prefix(prefix))).await;
                }
            };
            let mut metas = self.inner.list(&inner);
            while let Some(item) = metas.next().await {
                match item.map(|meta| self.outward(meta)) {
                    Ok(Some(meta)) => out.give(Ok(meta)).await,
                    Ok(None) => {}
                    Err(error) => {
                        let error = self.explain(error).with_prefix(prefix);
                        out.give(Err(error)).await;
                    }
                }
            }
        })
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let inner = self.inward(Operation::Get, key)?;
        let parts = self.inner.get_ranges(&inner, ranges).await;
        parts.map_err(|error| self.explain(error).with_key(key))
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let inner: Vec<BackendResult<Key>> =
            keys.iter().map(|key| self.inward(Operation::Get, key)).collect();
        let valid: Vec<Key> = inner.iter().flatten().cloned().collect();
        let mut answers = self.inner.get_batch(&valid).await.into_iter();
        keys.iter()
            .zip(inner)
            .filter_map(|(key, inner)| match inner {
                Err(error) => Some(Err(error)),
                Ok(_) => answers
                    .next()
                    .map(|answer| answer.map_err(|error| self.explain(error).with_key(key))),
            })
            .collect()
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let inner: BackendResult<Vec<Put>> = puts
            .into_iter()
            .map(|put| Ok(Put { key: self.inward(Operation::Put, &put.key)?, value: put.value }))
            .collect();
        let outcome = self.inner.put_batch(inner?).await;
        outcome.map_err(|error| self.explain(error))
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let inner: BackendResult<Vec<Key>> =
            keys.iter().map(|key| self.inward(Operation::Delete, key)).collect();
        let outcome = self.inner.delete_batch(&inner?).await;
        outcome.map_err(|error| self.explain(error))
    }
}

impl<B: fmt::Display> fmt::Display for Prefixed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.inner.to_string();
        let path = self.prefix.as_str().trim_end_matches('/');
        let slash = if store.ends_with('/') || path.is_empty() { "" } else { "/" };
        write!(f, "{store}{slash}{path}")
    }
}
