//! The trait that a store implements.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::coalesce::read_coalesced;
use super::error::BackendResult;
use super::types::{
    Blob, ByteRange, Capabilities, DeleteOutcome, Meta, Precondition, Put, PutOutcome, Value,
};
use crate::key::{Key, Prefix};

/// A store shared by everyone who holds this pointer, of whatever type.
pub type DynBackend = Arc<dyn KeyValueBackend>;

/// A key-value store: all that the array engine needs to know of files, databases and buckets.
///
/// Six methods are required: they are what only the store can know. The others are correct as
/// they stand, and worth overriding where the store has a batch verb of its own (`MultiGet`, one
/// transaction, one request). `examples/custom_backend.rs` is a whole store in 60 lines; the
/// feature `conformance` has the suite that proves one right.
///
/// # Behaviour
/// - **Missing is not failed.** An absent key is `Ok(None)`. A store that cannot be reached is an
///   `Err`, and so can never be taken for a chunk of zeros.
/// - **A put is whole.** Concurrent readers, and readers after a crash, see the old value or the
///   new one, never a mix and never a part. An empty value is a value.
/// - **A condition is honoured or refused.** A store that cannot honour a [`Precondition`]
///   answers [`Unsupported`](super::ErrorKind::Unsupported); it never puts regardless. A
///   condition that does not hold is a `Conflict`, which is a value and not an error.
/// - **Versions** change with every overwrite, also with equal bytes.
/// - **Read your writes.** What a put or a delete reported done is seen by the next call, from
///   any handle on the same store.
/// - **Keys** are valid for us ([`Key`]); a store whose own rules are narrower answers
///   [`InvalidKey`](super::ErrorKind::InvalidKey) before it touches anything.
/// - **I/O model.** A store declares in its [`Capabilities`] whether its futures block
///   ([`IoModel::Blocking`](super::IoModel::Blocking): all work happens inside the first poll,
///   on the thread that polls, and `Pending` is never answered) or not
///   ([`IoModel::Async`](super::IoModel::Async): polling is always quick, any executor may
///   poll). The engine calls the first kind on its own threads and keeps many requests of the
///   second in flight.
/// - **`Display`** names the store in one line, best as a URL without secrets; errors quote it.
#[async_trait]
pub trait KeyValueBackend: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// What this store can do. Constant over its life and cheap to ask.
    fn capabilities(&self) -> Capabilities;

    /// Size and version of a value, or `None` if the key is absent.
    ///
    /// # Errors
    /// [`BackendError`](super::BackendError) if the store could not answer.
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>>;

    /// A value or a part of it, as stored (not decompressed), or `None` if the key is absent.
    /// Positions beyond the end are clipped ([`ByteRange`]).
    ///
    /// # Errors
    /// [`BackendError`](super::BackendError) if the store could not answer.
    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>>;

    /// Stores a whole value if `when` holds.
    ///
    /// # Errors
    /// [`BackendError`](super::BackendError) if the value was not stored, or if the store cannot
    /// honour `when`; the old value is then whole.
    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome>;

    /// Removes a value if `when` holds. An absent key counts as removed, except under
    /// [`Precondition::IfVersion`], which is then a conflict.
    ///
    /// # Errors
    /// [`BackendError`](super::BackendError) if the store could not answer or cannot honour
    /// `when`.
    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome>;

    /// All keys below a prefix, each once, in no promised order, with sizes. Temporary names of
    /// the store itself never appear. Keys put or deleted meanwhile may or may not appear.
    ///
    /// # Errors
    /// The stream yields a [`BackendError`](super::BackendError) and ends if the store could not
    /// answer.
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>>;

    /// Several parts of one state of one value, in the order asked, or `None` if the key is
    /// absent. Ranges are half-open, may overlap and repeat, and are clipped to the end.
    ///
    /// # Errors
    /// [`BackendError`](super::BackendError) if any part could not be read, or if the value was
    /// overwritten meanwhile (kind `Transient`).
    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        read_coalesced(self, key, ranges).await
    }

    /// Several whole values, in the order asked. One failure leaves the other answers intact.
    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let gets = keys.iter().map(|key| self.get(key, ByteRange::Full)).collect::<Vec<_>>();
        stream::iter(gets).buffered(self.capabilities().concurrency.get().min(1024)).collect().await
    }

    /// Stores several values unconditionally. Keys must differ.
    ///
    /// # Errors
    /// The first [`BackendError`](super::BackendError); each value is then whole-old or
    /// whole-new, and the batch can be repeated.
    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let puts = puts
            .into_iter()
            .map(|put| async move { self.put(&put.key, put.value, Precondition::Always).await })
            .collect::<Vec<_>>();
        let width = self.capabilities().concurrency.get().min(1024);
        let mut results = stream::iter(puts).buffer_unordered(width);
        while let Some(result) = results.next().await {
            let _always_written = result?;
        }
        Ok(())
    }

    /// Removes several values; absent keys count as removed.
    ///
    /// # Errors
    /// The first [`BackendError`](super::BackendError); some values may be removed then.
    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let deletes = keys.iter().map(|key| self.delete(key, Precondition::Always));
        let deletes = deletes.collect::<Vec<_>>();
        let width = self.capabilities().concurrency.get().min(1024);
        let mut results = stream::iter(deletes).buffer_unordered(width);
        while let Some(result) = results.next().await {
            let _always_deleted = result?;
        }
        Ok(())
    }
}
