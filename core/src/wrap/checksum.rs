//! Checksums beside the values of any store.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join;
use futures::stream::{self, BoxStream, StreamExt};

mod record;

use record::{PIECE, Record};

use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, ErrorKind,
    KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome, Value, Version,
    read_coalesced,
};
use crate::key::{Key, Prefix};

/// The directory of all checksums.
const DIRECTORY: &str = ".sums/";

/// A store with a checksum beside each value that is put through it, which is compared when the
/// value is read.
///
/// For stores that keep none themselves. Values are stored as they are, so that other programs
/// read the same bytes; what is known of the value `KEY` is in a value `.sums/KEY`, which listings
/// through this wrapper leave out. Such keys are the wrapper's own: asked for one, it answers
/// [`InvalidKey`](ErrorKind::InvalidKey).
///
/// ```
/// # use bigarrays_core::{backend::{KeyValueBackendExt, wait}, key::Key, memory::MemoryBackend};
/// use bigarrays_core::wrap::Checksummed;
///
/// let store = Checksummed::new(MemoryBackend::new());
/// let key = Key::new("8_8_40/0-64_0-64_0-64")?;
/// wait(store.put_always(&key, "chunk"))?;
/// assert_eq!(wait(store.get_bytes(&key))?.unwrap(), "chunk");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is covered
/// A checksum tells which version of the value it belongs to, and counts for no other. It is put
/// after the value, when its version is known. So a value is covered, or not, but never taken for
/// damaged because somebody else overwrote it, with or without this wrapper, or because a writer
/// was killed between the two puts. Not covered are values that were put otherwise, those of a
/// store that tells no versions, and copies of a store: versions are the store's own. In a
/// directory tree a version is a file's number, time and length: what changes one of these is an
/// overwrite, and only what changes bytes behind the back of the file system is found.
///
/// # What is checked
/// There is a CRC32C of each piece of 1 MiB. A piece that is read whole is compared, every value
/// that is read whole, and of a longer one what a range covers. What does not match is an error of
/// kind [`Corrupt`](ErrorKind::Corrupt).
///
/// # What it costs
/// A read that may cover a whole piece is two reads at once, a write is two writes one after the
/// other. A batch of puts is no batch of the store below, for that would tell no versions: its
/// values are put side by side, and then all checksums as a batch.
#[derive(Debug, Clone)]
pub struct Checksummed<B> {
    inner: B,
}

impl<B> Checksummed<B> {
    /// `inner`, with checksums beside its values.
    #[must_use]
    pub const fn new(inner: B) -> Self {
        Self { inner }
    }

    /// The store that has the values and the checksums.
    #[must_use]
    pub const fn inner(&self) -> &B {
        &self.inner
    }
}

impl<B: KeyValueBackend> Checksummed<B> {
    /// Refuses the wrapper's own keys.
    fn allow(&self, key: &Key, op: Operation) -> BackendResult<()> {
        if !is_own(key) {
            return Ok(());
        }
        let note = format!("names below {DIRECTORY:?} are those of checksums");
        Err(BackendError::new(ErrorKind::InvalidKey, self, op).with_key(key).with_note(note))
    }

    /// What is known of a value; `None` also where that cannot be read: it is not covered then.
    async fn record(&self, key: &Key) -> Option<Record> {
        let found = self.inner.get(&name(key)?, ByteRange::Full).await;
        self.parse(key, found)
    }

    fn parse(&self, key: &Key, found: BackendResult<Option<Blob>>) -> Option<Record> {
        match found {
            Ok(blob) => {
                let record = Record::parse(&blob?.bytes);
                if record.is_none() {
                    tracing::warn!(store = %self.inner, %key, "its checksums are damaged");
                }
                record
            }
            Err(error) => {
                tracing::warn!(store = %self.inner, %key, %error, "its checksums cannot be read");
                None
            }
        }
    }

    /// Compares what was read of a value with what is known of it.
    fn check(
        &self,
        key: &Key,
        range: &ByteRange,
        blob: Option<Blob>,
        record: Option<Record>,
    ) -> BackendResult<Option<Blob>> {
        let (Some(blob), Some(record)) = (&blob, record) else { return Ok(blob) };
        match record.check(range, blob) {
            Ok(()) => Ok(Some(blob.clone())),
            Err(what) => Err(BackendError::new(ErrorKind::Corrupt, self, Operation::Get)
                .with_key(key)
                .with_note(what)),
        }
    }

    /// Keeps the checksums of a value that was put. The value is there: a failure only leaves it
    /// without.
    async fn cover(&self, records: Vec<Put>) {
        if records.is_empty() {
            return;
        }
        if let Err(error) = self.inner.put_batch(records).await {
            tracing::warn!(store = %self.inner, %error, "checksums cannot be written");
        }
    }

    async fn uncover(&self, keys: &[Key]) {
        let names: Vec<Key> = keys.iter().filter_map(name).collect();
        if let Err(error) = self.inner.delete_batch(&names).await {
            // They belong to versions that never come again.
            tracing::warn!(store = %self.inner, %error, "checksums cannot be deleted");
        }
    }
}

fn is_own(key: &Key) -> bool {
    key.as_str().starts_with(DIRECTORY)
}

/// Where the checksums of a value are; `None` if its key is too long to have any.
fn name(key: &Key) -> Option<Key> {
    Key::new(format!("{DIRECTORY}{key}")).ok()
}

/// The checksums of a value, to be put.
fn record_of(key: &Key, value: &Bytes, version: Option<&Version>) -> Option<Put> {
    let record = Record::of(value, version?).to_bytes()?;
    Some(Put { key: name(key)?, value: Value::plain(record) })
}

/// Whether a range may cover a whole piece of a value, whatever its length is.
fn may_cover_a_piece(range: &ByteRange) -> bool {
    match range {
        ByteRange::Full | ByteRange::From(_) => true,
        ByteRange::Suffix(len) => *len > 0,
        // From the first border between pieces on there is one, if the value ends soon enough.
        ByteRange::Bounded(range) => {
            range.start.checked_next_multiple_of(PIECE).is_some_and(|border| border < range.end)
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: KeyValueBackend> KeyValueBackend for Checksummed<B> {
    fn capabilities(&self) -> Capabilities {
        Capabilities { prefers_whole: true, ..self.inner.capabilities() }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.allow(key, Operation::Head)?;
        self.inner.head(key).await
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.allow(key, Operation::Get)?;
        if !may_cover_a_piece(&range) {
            return self.inner.get(key, range).await;
        }
        let (blob, record) = join(self.inner.get(key, range.clone()), self.record(key)).await;
        self.check(key, &range, blob?, record)
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.allow(key, Operation::Put)?;
        let bytes = value.bytes.clone();
        let outcome = self.inner.put(key, value, when).await?;
        if let PutOutcome::Written { version } = &outcome {
            let record = record_of(key, &bytes, version.as_ref());
            self.cover(record.into_iter().collect()).await;
        }
        Ok(outcome)
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.allow(key, Operation::Delete)?;
        let outcome = self.inner.delete(key, when).await?;
        if outcome == DeleteOutcome::Deleted {
            self.uncover(std::slice::from_ref(key)).await;
        }
        Ok(outcome)
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let is_shown = |meta: &BackendResult<Meta>| {
            std::future::ready(!meta.as_ref().is_ok_and(|meta| is_own(&meta.key)))
        };
        self.inner.list(prefix).filter(is_shown).boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        self.allow(key, Operation::Get)?;
        let covers = |range: &Range<u64>| may_cover_a_piece(&ByteRange::Bounded(range.clone()));
        if ranges.iter().any(covers) {
            // Only single reads tell which version they are of.
            return read_coalesced(self, key, ranges).await;
        }
        self.inner.get_ranges(key, ranges).await
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let (mut wanted, mut names) = (Vec::new(), Vec::new());
        for key in keys {
            if let (false, Some(name)) = (is_own(key), name(key)) {
                wanted.push(key.clone());
                names.push(name);
            }
        }
        if wanted.len() < keys.len() {
            // One that is refused or has no checksums: the others are read one by one.
            let gets = keys.iter().map(|key| self.get(key, ByteRange::Full)).collect::<Vec<_>>();
            let width = self.capabilities().concurrency.get().min(1024);
            return stream::iter(gets).buffered(width).collect().await;
        }
        let (blobs, records) =
            join(self.inner.get_batch(&wanted), self.inner.get_batch(&names)).await;
        let answers = keys.iter().zip(blobs).zip(records);
        let check = |((key, blob), record): ((&Key, BackendResult<_>), _)| {
            self.check(key, &ByteRange::Full, blob?, self.parse(key, record))
        };
        answers.map(check).collect()
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        for put in &puts {
            self.allow(&put.key, Operation::Put)?;
        }
        let puts = puts.into_iter().map(|Put { key, value }| async move {
            let bytes = value.bytes.clone();
            let outcome = self.inner.put(&key, value, Precondition::Always).await?;
            Ok(match outcome {
                PutOutcome::Written { version } => record_of(&key, &bytes, version.as_ref()),
                PutOutcome::Conflict => None,
            })
        });
        let puts = puts.collect::<Vec<_>>();
        let width = self.capabilities().concurrency.get().min(1024);
        let mut results = stream::iter(puts).buffer_unordered(width);
        let mut records = Vec::new();
        let mut failure = None;
        while let Some(result) = results.next().await {
            match result {
                Ok(record) => records.extend(record),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        drop(results);
        self.cover(records).await;
        failure.map_or(Ok(()), Err)
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        for key in keys {
            self.allow(key, Operation::Delete)?;
        }
        self.inner.delete_batch(keys).await?;
        self.uncover(keys).await;
        Ok(())
    }
}

impl<B: fmt::Display> fmt::Display for Checksummed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
