//! A store that is broken in one way.

use std::fmt;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, ContentEncoding,
    DeleteOutcome, ErrorKind, KeyValueBackend, KeyValueBackendExt, Meta, Operation, Precondition,
    Put, PutOutcome, Value, Version,
};
use crate::key::{Key, Prefix};
use crate::memory::MemoryBackend;

/// One way to be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// None: the test of the tests.
    Sound,
    /// Puts write a value in two steps.
    Tears,
    /// Bytes and encoding are stored one after the other.
    TearsEncoding,
    /// `IfVersion` is checked, and the value put some time later.
    LosesUpdates,
    /// `IfAbsent` is checked, and the value put some time later.
    CreatesTwice,
    /// A version is checked, and its value deleted some time later.
    DeletesTwice,
    /// Listings show temporary names.
    ListsTemporary,
    /// Listings show every key twice.
    ListsTwice,
    /// Listings end after the first page.
    ListsOnePage,
    /// Listings tell sizes of zero.
    ListsNoSizes,
    /// Listings take a prefix for the beginning of a name.
    ListsLookalikes,
    /// A delete takes its key for the beginning of a name.
    DeletesLookalikes,
    /// An empty value is taken for a missing one.
    EmptyIsMissing,
    /// Missing is an error.
    MissingIsError,
    /// Conditions are declared and not looked at.
    IgnoresConditions,
    /// Conditions are not declared and not refused either.
    DropsConditions,
    /// The version is the same for ever.
    ConstantVersions,
    /// The version follows from the bytes.
    ContentVersions,
    /// A range beyond the end is an error.
    RefusesPastEnd,
    /// Ranges of one request come sorted.
    SortsRanges,
    /// A range of a value is read as its whole.
    ForgetsRanges,
    /// Values of a batch come in the order of their keys.
    SortsBatches,
    /// One failure fails the whole batch.
    SpreadsFailures,
    /// The last value of a batch is not stored.
    DropsFromBatches,
    /// Keys are decoded like parts of a URL.
    DecodesPercent,
    /// Keys are made lower case.
    FoldsCase,
    /// A value at `a` hides those below `a/`.
    HidesBelow,
    /// The encoding is not kept.
    ForgetsEncodings,
    /// Values over one MiB are cut.
    Truncates,
    /// A limit is declared and longer values are cut to it.
    TruncatesAtLimit,
    /// Read-only by its own words only.
    WritesThough,
    /// Does not list by its own words, and shows nothing.
    ListsNothing,
    /// Answers `Pending`, though it is declared blocking.
    AnswersPending,
    /// Deletes are taken and not done.
    DeletesNothing,
    /// Panics at long keys.
    Panics,
    /// No name.
    Anonymous,
}

#[derive(Debug, Clone)]
pub(super) struct Broken {
    pub(super) inner: MemoryBackend,
    pub(super) flaw: Flaw,
}

impl Broken {
    /// A pause in which other threads do what must not happen here.
    fn pause() {
        thread::sleep(Duration::from_micros(300));
    }

    async fn read(&self, key: &Key) -> Option<Blob> {
        // Reading the model never fails.
        let mut blob = self.inner.get(key, ByteRange::Full).await.ok()??;
        match self.flaw {
            Flaw::EmptyIsMissing if blob.bytes.is_empty() => return None,
            Flaw::ConstantVersions => blob.version = Some(Version::from_u64(1)),
            Flaw::ContentVersions => blob.version = Some(Version::new(&blob.bytes)),
            Flaw::ForgetsEncodings => blob.content_encoding = ContentEncoding::Identity,
            _ => {}
        }
        Some(blob)
    }

    fn error(&self, kind: ErrorKind, op: Operation, key: &Key) -> BackendError {
        BackendError::new(kind, "broken", op).with_key(key)
    }

    /// The key as this store understands it.
    fn known(&self, key: &Key, op: Operation) -> BackendResult<Key> {
        let text = key.as_str();
        let text = match self.flaw {
            Flaw::DecodesPercent => text.replace("%2F", "/").replace("%41", "A"),
            Flaw::FoldsCase => text.to_lowercase(),
            Flaw::SpreadsFailures if text.contains(&"n".repeat(200)) => {
                return Err(self.error(ErrorKind::InvalidKey, op, key));
            }
            Flaw::Panics if text.contains(&"k".repeat(200)) => {
                std::panic::panic_any("too long".to_owned())
            }
            _ => text.to_owned(),
        };
        Key::new(text).map_err(|reason| BackendError::invalid_key("broken", op, reason))
    }
}

#[async_trait]
impl KeyValueBackend for Broken {
    fn capabilities(&self) -> Capabilities {
        let mut can = self.inner.capabilities();
        match self.flaw {
            // These would else fail every case about conditions too.
            Flaw::DropsConditions | Flaw::ConstantVersions | Flaw::ContentVersions => {
                can.conditional_put = ConditionalPut::Unsupported;
                can.conditional_delete = false;
            }
            Flaw::TruncatesAtLimit => can.max_value_len = Some(1 << 20),
            Flaw::WritesThough => can.writable = false,
            Flaw::ListsNothing => can.listable = false,
            _ => {}
        }
        can
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let blob = self.get(key, ByteRange::Full).await?;
        Ok(blob.map(|blob| Meta {
            key: key.clone(),
            size: blob.bytes.len() as u64,
            version: blob.version,
            content_encoding: Some(blob.content_encoding),
        }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        if self.flaw == Flaw::AnswersPending {
            let mut first = true;
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::take(&mut first) {
                    std::task::Poll::Pending
                } else {
                    std::task::Poll::Ready(())
                }
            })
            .await;
        }
        let known = self.known(key, Operation::Get)?;
        let Some(mut blob) = self.read(&known).await else {
            return if self.flaw == Flaw::MissingIsError {
                Err(self.error(ErrorKind::Other, Operation::Get, key))
            } else {
                Ok(None)
            };
        };
        let len = blob.bytes.len() as u64;
        match (&range, self.flaw) {
            (ByteRange::Bounded(range), Flaw::RefusesPastEnd) if range.end > len => {
                return Err(self.error(ErrorKind::Other, Operation::Get, key));
            }
            (_, Flaw::ForgetsRanges) => {}
            _ => blob.bytes = range.slice(&blob.bytes),
        }
        Ok(Some(blob))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let key = &self.known(key, Operation::Put)?;
        let mut value = value;
        let mut when = when;
        match self.flaw {
            Flaw::Truncates | Flaw::TruncatesAtLimit => value.bytes.truncate(1 << 20),
            Flaw::IgnoresConditions | Flaw::DropsConditions => when = Precondition::Always,
            Flaw::ConstantVersions | Flaw::ContentVersions if when != Precondition::Always => {
                return Err(self.error(ErrorKind::Unsupported, Operation::Put, key));
            }
            Flaw::HidesBelow => {
                let below = Prefix::new(key.as_str()).unwrap_or_default();
                self.inner.delete_prefix(&below).await?;
            }
            Flaw::Tears | Flaw::TearsEncoding if when == Precondition::Always => {
                if let Some(old) = self.read(key).await {
                    let mut half = value.clone();
                    if self.flaw == Flaw::TearsEncoding {
                        half.content_encoding = old.content_encoding;
                    } else if old.content_encoding == value.content_encoding {
                        let cut = old.bytes.len().min(value.bytes.len()) / 2;
                        half.bytes = [&value.bytes[..cut], &old.bytes[cut..]].concat().into();
                    }
                    self.inner.put_always(key, half).await?;
                    Self::pause();
                }
            }
            _ => {}
        }
        let late = matches!(
            (self.flaw, &when),
            (Flaw::LosesUpdates, Precondition::IfVersion(_))
                | (Flaw::CreatesTwice, Precondition::IfAbsent)
        );
        if late {
            let current = self.inner.head(key).await?.and_then(|meta| meta.version);
            if !when.holds(current.as_ref()) {
                return Ok(PutOutcome::Conflict);
            }
            Self::pause();
            when = Precondition::Always;
        }
        let outcome = self.inner.put(key, value, when).await?;
        let tells = !matches!(self.flaw, Flaw::ConstantVersions | Flaw::ContentVersions);
        Ok(match outcome {
            PutOutcome::Written { version } => {
                PutOutcome::Written { version: version.filter(|_| tells) }
            }
            PutOutcome::Conflict => PutOutcome::Conflict,
        })
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let key = &self.known(key, Operation::Delete)?;
        let mut when = when;
        match self.flaw {
            Flaw::IgnoresConditions | Flaw::DropsConditions => when = Precondition::Always,
            Flaw::ConstantVersions | Flaw::ContentVersions if when != Precondition::Always => {
                return Err(self.error(ErrorKind::Unsupported, Operation::Delete, key));
            }
            Flaw::DeletesNothing => return Ok(DeleteOutcome::Deleted),
            Flaw::DeletesLookalikes => {
                for meta in self.inner.list_all(&Prefix::root()).await? {
                    if meta.key.as_str().starts_with(key.as_str()) && meta.key != *key {
                        self.inner.delete_batch(&[meta.key]).await?;
                    }
                }
            }
            Flaw::DeletesTwice if when != Precondition::Always => {
                let current = self.inner.head(key).await?.and_then(|meta| meta.version);
                if !when.holds(current.as_ref()) {
                    return Ok(DeleteOutcome::Conflict);
                }
                Self::pause();
                when = Precondition::Always;
            }
            _ => {}
        }
        self.inner.delete(key, when).await
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let flaw = self.flaw;
        if flaw == Flaw::ListsNothing {
            return stream::empty().boxed();
        }
        if flaw == Flaw::ListsLookalikes {
            static ROOT: Prefix = Prefix::root();
            let begin = prefix.as_str().trim_end_matches('/');
            let alike = move |item: &BackendResult<Meta>| {
                let alike = item.as_ref().is_ok_and(|meta| meta.key.as_str().starts_with(begin));
                std::future::ready(alike)
            };
            return self.inner.list(&ROOT).filter(alike).boxed();
        }
        let pages = if flaw == Flaw::ListsOnePage { 1000 } else { usize::MAX };
        self.inner
            .list(prefix)
            .take(pages)
            .flat_map(move |item| {
                let mut items = Vec::new();
                if let Ok(meta) = &item {
                    let temporary = Key::new(format!("{}~", meta.key));
                    let extra = match (flaw, temporary) {
                        (Flaw::ListsTwice, _) => Some(meta.key.clone()),
                        (Flaw::ListsTemporary, Ok(key)) => Some(key),
                        _ => None,
                    };
                    let meta = meta.clone();
                    items.extend(extra.map(|key| Ok(Meta { key, ..meta })));
                }
                items.push(item.map(|mut meta| {
                    match flaw {
                        Flaw::ListsNoSizes => meta.size = 0,
                        Flaw::ConstantVersions | Flaw::ContentVersions => meta.version = None,
                        _ => {}
                    }
                    meta
                }));
                stream::iter(items)
            })
            .boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let mut ranges = ranges.to_vec();
        if self.flaw == Flaw::SortsRanges {
            ranges.sort_by_key(|range| (range.start, range.end));
        }
        let Some(blob) = self.get(key, ByteRange::Full).await? else {
            return Ok(None);
        };
        let cut = |range| ByteRange::Bounded(range).slice(&blob.bytes);
        Ok(Some(ranges.into_iter().map(cut).collect()))
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let mut keys = keys.to_vec();
        if self.flaw == Flaw::SortsBatches {
            keys.sort();
        }
        let mut answers = Vec::new();
        for key in &keys {
            answers.push(self.get(key, ByteRange::Full).await);
        }
        if self.flaw == Flaw::SpreadsFailures && answers.iter().any(Result::is_err) {
            let error = |key| Err(self.error(ErrorKind::Other, Operation::Get, key));
            return keys.iter().map(error).collect();
        }
        answers
    }

    async fn put_batch(&self, mut puts: Vec<Put>) -> BackendResult<()> {
        if self.flaw == Flaw::DropsFromBatches {
            puts.pop();
        }
        for put in puts {
            let _written = self.put(&put.key, put.value, Precondition::Always).await?;
        }
        Ok(())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.flaw == Flaw::Anonymous {
            return Ok(());
        }
        write!(f, "broken: {:?}", self.flaw)
    }
}
