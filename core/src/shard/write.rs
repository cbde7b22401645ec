//! Putting shards: built once and put once, or merged with what is there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::file::{self, GZIP_LEVEL, Value, content_encoding};
use super::store::{ShardStore, bad};
use crate::backend::{
    Blob, ByteRange, ContentEncoding, KeyValueBackend, Precondition, PutOutcome, SWAP_ATTEMPTS,
    Value as StoredValue, pause, pauses, swaps, unchanged, wait,
};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::shard::ShardError;
use crate::transport::Transport;

/// What becomes of an id: its stored bytes, or nothing.
pub(crate) type Change<'a> = Option<Cow<'a, [u8]>>;

/// A shard as it was read to be merged.
#[derive(Debug)]
pub(crate) struct Old {
    blob: Option<Blob>,
    places: BTreeMap<u64, Range<u64>>,
}

impl Old {
    /// The stored bytes of an id.
    pub(crate) fn get(&self, id: u64) -> Option<Bytes> {
        let whole = &self.blob.as_ref()?.bytes;
        let bytes = file::slice(whole, self.places.get(&id)?)?;
        (!bytes.is_empty()).then(|| whole.slice_ref(bytes))
    }

    /// The values that stay.
    fn kept(&self, changes: &BTreeMap<u64, Change<'_>>) -> impl Iterator<Item = Value<'_>> {
        let whole = self.blob.as_ref().map(|blob| &blob.bytes[..]).unwrap_or_default();
        self.places
            .iter()
            .filter(|(id, _)| !changes.contains_key(id))
            .filter_map(|(id, place)| Some((*id, Cow::Borrowed(file::slice(whole, place)?))))
    }
}

impl<B: KeyValueBackend> ShardStore<B> {
    /// Sets (`Some`) or removes (`None`) values. Each shard that holds one of them is read, merged
    /// and put back under compare-and-swap, so that other writers' values are never lost; a shard
    /// without values is removed.
    ///
    /// # Errors
    /// [`Error::NeedsCompareAndSwap`]; [`Error::ShardConflict`]; [`Error::BadShard`];
    /// [`Error::Backend`]. Each shard is whole-old or whole-new then.
    pub fn update(&self, changes: impl IntoIterator<Item = (u64, Option<Vec<u8>>)>) -> Result<()> {
        if !swaps(&self.backend) {
            return Err(Error::NeedsCompareAndSwap { backend: self.backend.to_string() });
        }
        let mut shards: BTreeMap<u64, BTreeMap<u64, Option<Vec<u8>>>> = BTreeMap::new();
        for (id, value) in changes {
            shards.entry(self.place(id).shard).or_default().insert(id, value);
        }
        for (shard, values) in shards {
            let key = self.key(shard)?;
            let stored = |(id, value): (u64, Option<Vec<u8>>)| {
                Ok((id, value.map(|value| self.compress(&key, value)).transpose()?))
            };
            let stored: BTreeMap<_, _> = values.into_iter().map(stored).collect::<Result<_>>()?;
            let changes = |_: &Old| {
                let changes = stored.iter();
                Ok(changes.map(|(id, value)| (*id, value.as_deref().map(Cow::Borrowed))).collect())
            };
            wait(self.merge(shard, true, changes))?;
        }
        Ok(())
    }

    /// Puts a whole shard without reading what is there. Values that do not belong to it are
    /// refused.
    ///
    /// # Errors
    /// [`Error::BadShard`] for ids that belong elsewhere; [`Error::Backend`].
    pub fn write(
        &self,
        shard: u64,
        values: impl IntoIterator<Item = (u64, Vec<u8>)>,
    ) -> Result<()> {
        let key = self.key(shard)?;
        let mut stored = BTreeMap::new();
        for (id, value) in values {
            if self.place(id).shard != shard {
                let what = format!(
                    "the id {id} belongs to the shard {:?}",
                    self.key(self.place(id).shard)?
                );
                return Err(bad(&key, ShardError::corrupt(what)));
            }
            stored.insert(id, Cow::Owned(self.compress(&key, value)?));
        }
        wait(self.put(&key, stored.into_iter().collect(), Precondition::Always)).map(|_written| ())
    }

    /// Builds a shard of values as they are stored, all its own, and puts it. A shard without
    /// values is removed.
    pub(crate) async fn put(
        &self,
        key: &Key,
        values: Vec<Value<'_>>,
        when: Precondition,
    ) -> Result<PutOutcome> {
        // A shard without values is a shard too; where it cannot be removed on condition, it stays.
        let removable =
            when == Precondition::Always || self.backend.capabilities().conditional_delete;
        if values.is_empty() && removable {
            let outcome = self.backend.delete(key, when).await?;
            return Ok(match outcome {
                crate::backend::DeleteOutcome::Deleted => PutOutcome::Written { version: None },
                crate::backend::DeleteOutcome::Conflict => PutOutcome::Conflict,
            });
        }
        let file = file::build(values, &self.sharding).map_err(|source| bad(key, source))?;
        Ok(self.backend.put(key, StoredValue::plain(file), when).await?)
    }

    /// Reads a shard, asks what becomes of its values, and puts it back on condition that it is
    /// still the same, as often as it takes. Without `swaps` there must be no other writer.
    pub(crate) async fn merge<'a>(
        &self,
        shard: u64,
        swaps: bool,
        changes: impl Fn(&Old) -> Result<BTreeMap<u64, Change<'a>>>,
    ) -> Result<()> {
        let key = self.key(shard)?;
        let mut pauses = pauses();
        for _ in 0..SWAP_ATTEMPTS {
            let old = self.read_old(&key, shard).await?;
            let changes = changes(&old)?;
            let when = match swaps {
                false => Precondition::Always,
                true => unchanged(old.blob.as_ref()).ok_or_else(|| Error::NeedsCompareAndSwap {
                    backend: self.backend.to_string(),
                })?,
            };
            let mut values: Vec<Value<'_>> = old.kept(&changes).collect();
            values.extend(
                changes
                    .iter()
                    .filter_map(|(id, change)| Some((*id, Cow::Borrowed(change.as_deref()?)))),
            );
            if values.is_empty() && old.blob.is_none() {
                return Ok(());
            }
            match self.put(&key, values, when).await? {
                PutOutcome::Written { .. } => return Ok(()),
                PutOutcome::Conflict => {
                    pause(&self.backend, pauses.next().unwrap_or_default()).await;
                }
            }
        }
        Err(Error::ShardConflict { key, attempts: SWAP_ATTEMPTS })
    }

    async fn read_old(&self, key: &Key, shard: u64) -> Result<Old> {
        let blob = self.backend.get(key, ByteRange::Full).await?;
        let entries = match &blob {
            Some(blob) => self.parse(key, shard, blob)?,
            None => Vec::new(),
        };
        let places = entries.into_iter().map(|entry| (entry.id, entry.range)).collect();
        Ok(Old { blob, places })
    }

    fn compress(&self, key: &Key, value: Vec<u8>) -> Result<Vec<u8>> {
        match content_encoding(self.sharding.data_encoding) {
            ContentEncoding::Gzip => Transport::Gzip(GZIP_LEVEL)
                .compress(value)
                .map(|value| value.bytes.into())
                .map_err(|source| bad(key, ShardError::Value { source })),
            _ => Ok(value),
        }
    }
}
