//! Pointers to a store are stores: `Arc<B>` and `Box<B>`, sized or `dyn`.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::contract::KeyValueBackend;
use super::error::BackendResult;
use super::types::{
    Blob, ByteRange, Capabilities, DeleteOutcome, Meta, Precondition, Put, PutOutcome, Value,
};
use crate::key::{Key, Prefix};

// A default method that is not forwarded would silently lose the inner store's batch verb, so
// the lint makes a forgotten one an error.
macro_rules! forward {
    ($pointer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<B: KeyValueBackend + ?Sized> KeyValueBackend for $pointer<B> {
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }
            async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
                (**self).head(key).await
            }
            async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
                (**self).get(key, range).await
            }
            async fn put(
                &self,
                key: &Key,
                value: Value,
                when: Precondition,
            ) -> BackendResult<PutOutcome> {
                (**self).put(key, value, when).await
            }
            async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
                (**self).delete(key, when).await
            }
            fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
                (**self).list(prefix)
            }
            async fn get_ranges(
                &self,
                key: &Key,
                ranges: &[Range<u64>],
            ) -> BackendResult<Option<Vec<Bytes>>> {
                (**self).get_ranges(key, ranges).await
            }
            async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
                (**self).get_batch(keys).await
            }
            async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
                (**self).put_batch(puts).await
            }
            async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
                (**self).delete_batch(keys).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);
