//! Conveniences over any store.

use std::future::Future;

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};

use super::contract::KeyValueBackend;
use super::error::BackendResult;
use super::types::{ByteRange, Meta, Precondition, Value};
use crate::key::{Key, Prefix};

/// Keys removed by one call of `delete_prefix` at a time: bounds its memory.
const DELETE_WAVE: usize = 1000;

/// What is made of the six methods; implemented for every store.
pub trait KeyValueBackendExt: KeyValueBackend {
    /// Whether the key holds a value.
    ///
    /// # Errors
    /// As [`head`](KeyValueBackend::head).
    fn exists(&self, key: &Key) -> impl Future<Output = BackendResult<bool>> + Send {
        async move { Ok(self.head(key).await?.is_some()) }
    }

    /// The whole value as stored, or `None`.
    ///
    /// # Errors
    /// As [`get`](KeyValueBackend::get).
    fn get_bytes(&self, key: &Key) -> impl Future<Output = BackendResult<Option<Bytes>>> + Send {
        async move { Ok(self.get(key, ByteRange::Full).await?.map(|blob| blob.bytes)) }
    }

    /// Stores a value whatever was there before.
    ///
    /// # Errors
    /// As [`put`](KeyValueBackend::put).
    fn put_always(
        &self,
        key: &Key,
        value: impl Into<Value> + Send,
    ) -> impl Future<Output = BackendResult<()>> + Send {
        let value = value.into();
        async move {
            let _always_written = self.put(key, value, Precondition::Always).await?;
            Ok(())
        }
    }

    /// All keys below a prefix, sorted. Holds them all in memory.
    ///
    /// # Errors
    /// As [`list`](KeyValueBackend::list).
    fn list_all(&self, prefix: &Prefix) -> impl Future<Output = BackendResult<Vec<Meta>>> + Send {
        async move {
            let mut all: Vec<Meta> = self.list(prefix).try_collect().await?;
            all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
            Ok(all)
        }
    }

    /// Removes every value below a prefix, and says how many there were.
    ///
    /// # Errors
    /// As [`list`](KeyValueBackend::list) and [`delete_batch`](KeyValueBackend::delete_batch).
    fn delete_prefix(&self, prefix: &Prefix) -> impl Future<Output = BackendResult<u64>> + Send {
        async move {
            let mut removed = 0;
            loop {
                // A listing is not held open while its keys go: not every store likes that.
                let wave: Vec<Meta> = self.list(prefix).take(DELETE_WAVE).try_collect().await?;
                if wave.is_empty() {
                    return Ok(removed);
                }
                removed += wave.len() as u64;
                let keys: Vec<Key> = wave.into_iter().map(|meta| meta.key).collect();
                self.delete_batch(&keys).await?;
            }
        }
    }
}

impl<B: KeyValueBackend + ?Sized> KeyValueBackendExt for B {}
