//! A store in memory: the reference implementation of the contract.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, Range};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::backend::{
    BackendResult, Blob, ByteRange, Capabilities, ContentEncoding, DeleteOutcome, KeyValueBackend,
    Meta, Precondition, Put, PutOutcome, Value, Version,
};
use crate::key::{Key, Prefix};

/// Keys that a listing takes under one lock.
const PAGE: usize = 1024;

/// Values in the memory of this process, for tests, scratch volumes and as the model of a store.
///
/// A clone is another handle on the same content, which lives as long as its last handle. Reads
/// are not copied: a [`Blob`] shares its bytes with the store, and a stored [`Bytes`] that is a
/// slice of a larger buffer keeps that buffer alive.
///
/// ```
/// use bigarrays_core::backend::{KeyValueBackendExt, wait};
/// use bigarrays_core::key::Key;
/// use bigarrays_core::memory::MemoryBackend;
///
/// let store = MemoryBackend::new();
/// let key = Key::new("info")?;
/// wait(store.put_always(&key, "{}"))?;
/// assert_eq!(wait(store.get_bytes(&key))?.unwrap(), "{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryBackend {
    name: Arc<str>,
    content: Arc<RwLock<Content>>,
}

#[derive(Default)]
struct Content {
    // Sorted, so that a listing can go on after its last key whatever happened meanwhile.
    entries: BTreeMap<Key, Entry>,
    last_version: u64,
}

#[derive(Clone)]
struct Entry {
    bytes: Bytes,
    content_encoding: ContentEncoding,
    version: u64,
}

impl MemoryBackend {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that calls itself `mem://name`. Two stores of one name share nothing.
    #[must_use]
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), content: Arc::default() }
    }

    /// How many values are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().entries.len()
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read().entries.is_empty()
    }

    /// The sum of the sizes of all values, in bytes.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        let sizes = |entry: &Entry| entry.bytes.len() as u64;
        self.read().entries.values().map(sizes).sum()
    }

    // Every change of the content is one insert or remove, so a lock whose holder panicked still
    // guards whole values.
    fn read(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Content> {
        self.content.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next keys below `prefix` after `after`, in order.
    fn page(&self, prefix: &Prefix, after: Option<&Key>) -> Vec<Meta> {
        let from =
            after.map_or(Bound::Included(prefix.as_str()), |key| Bound::Excluded(key.as_str()));
        self.read()
            .entries
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| prefix.contains(key))
            .take(PAGE)
            .map(|(key, entry)| entry.meta(key))
            .collect()
    }
}

impl Content {
    fn version(&self, key: &Key) -> Option<Version> {
        self.entries.get(key).map(Entry::version)
    }

    /// Stores a value in a state that no value of this store ever had, and gives back the old
    /// one, so that its memory is freed after the lock.
    fn insert(&mut self, key: Key, value: Value) -> (Version, Option<Entry>) {
        self.last_version += 1;
        let entry = Entry {
            bytes: value.bytes,
            content_encoding: value.content_encoding,
            version: self.last_version,
        };
        (entry.version(), self.entries.insert(key, entry))
    }
}

impl Entry {
    fn version(&self) -> Version {
        Version::from_u64(self.version)
    }

    fn meta(&self, key: &Key) -> Meta {
        Meta {
            key: key.clone(),
            size: self.bytes.len() as u64,
            version: Some(self.version()),
            content_encoding: Some(self.content_encoding),
        }
    }

    fn blob(&self, range: &ByteRange) -> Blob {
        Blob {
            bytes: range.slice(&self.bytes),
            version: Some(self.version()),
            content_encoding: self.content_encoding,
        }
    }
}

#[async_trait]
impl KeyValueBackend for MemoryBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities::local()
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        Ok(self.read().entries.get(key).map(|entry| entry.meta(key)))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        Ok(self.read().entries.get(key).map(|entry| entry.blob(&range)))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let mut content = self.write();
        if !when.holds(content.version(key).as_ref()) {
            return Ok(PutOutcome::Conflict);
        }
        let (version, old) = content.insert(key.clone(), value);
        drop(content);
        drop(old);
        Ok(PutOutcome::Written { version: Some(version) })
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let mut content = self.write();
        if !when.holds(content.version(key).as_ref()) {
            return Ok(DeleteOutcome::Conflict);
        }
        let old = content.entries.remove(key);
        drop(content);
        drop(old);
        Ok(DeleteOutcome::Deleted)
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let pages = stream::unfold(Some(None), move |after: Option<Option<Key>>| async move {
            let page = self.page(prefix, after?.as_ref());
            // A short page is the last one.
            let next = (page.len() == PAGE).then(|| page.last().map(|meta| meta.key.clone()));
            Some((stream::iter(page.into_iter().map(Ok)), next))
        });
        pages.flatten().boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let Some(whole) = self.read().entries.get(key).map(|e| e.bytes.clone()) else {
            return Ok(None);
        };
        let cut = |range: &Range<u64>| ByteRange::Bounded(range.clone()).slice(&whole);
        Ok(Some(ranges.iter().map(cut).collect()))
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let content = self.read();
        let get = |key| content.entries.get(key).map(|e| e.blob(&ByteRange::Full));
        keys.iter().map(|key| Ok(get(key))).collect()
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        let mut content = self.write();
        let put = |put: Put| content.insert(put.key, put.value);
        let old: Vec<_> = puts.into_iter().map(put).collect();
        drop(content);
        drop(old);
        Ok(())
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        let mut content = self.write();
        let old: Vec<_> = keys.iter().map(|key| content.entries.remove(key)).collect();
        drop(content);
        drop(old);
        Ok(())
    }
}

impl fmt::Display for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mem://{}", self.name)
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend").field("name", &self.name).field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{KeyValueBackendExt, wait};

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    #[test]
    fn a_clone_is_another_handle_and_a_name_is_not() {
        let store = MemoryBackend::named("x");
        wait(store.put_always(&key("a"), "1")).unwrap();
        assert_eq!(store.clone().len(), 1);
        assert!(MemoryBackend::named("x").is_empty());
        assert_eq!(store.to_string(), "mem://x");
        assert_eq!(MemoryBackend::new().to_string(), "mem://");
    }

    #[test]
    fn reads_share_the_stored_bytes() {
        let store = MemoryBackend::new();
        let bytes = Bytes::from(vec![7; 100]);
        let address = bytes.as_ptr();
        wait(store.put_always(&key("a"), bytes)).unwrap();
        let blob = wait(store.get(&key("a"), ByteRange::From(10))).unwrap();
        assert_eq!(blob.unwrap().bytes.as_ptr(), address.wrapping_add(10));
    }

    #[test]
    fn a_version_never_returns_even_after_a_delete() {
        let store = MemoryBackend::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10 {
            wait(store.put_always(&key("a"), "same")).unwrap();
            let meta = wait(store.head(&key("a"))).unwrap().unwrap();
            assert!(seen.insert(meta.version.unwrap()));
            let _ = wait(store.delete(&key("a"), Precondition::Always)).unwrap();
        }
    }

    #[test]
    fn a_listing_of_exactly_full_pages_ends() {
        let store = MemoryBackend::new();
        for count in [PAGE, PAGE + 1] {
            let puts = (0..count).map(|n| Put { key: key(&format!("d/{n}")), value: "".into() });
            wait(store.put_batch(puts.collect())).unwrap();
            let prefix = Prefix::new("d").unwrap();
            assert_eq!(wait(store.list_all(&prefix)).unwrap().len(), count);
        }
    }

    #[test]
    fn a_lock_left_by_a_panic_still_serves() {
        let store = MemoryBackend::new();
        wait(store.put_always(&key("a"), "1")).unwrap();
        let poisoner = store.clone();
        let panicked = std::thread::spawn(move || {
            let _guard = poisoner.write();
            std::panic::resume_unwind(Box::new("poisoning the lock"));
        });
        panicked.join().unwrap_err();
        assert_eq!(wait(store.get_bytes(&key("a"))).unwrap().unwrap(), "1");
        wait(store.put_always(&key("a"), "2")).unwrap();
    }
}
