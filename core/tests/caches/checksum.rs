//! Checksums: what they find, and what they must not take for damage.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, ErrorKind, KeyValueBackend,
    KeyValueBackendExt, Meta, Operation, Precondition, Put, PutOutcome, Value, wait,
};
use bigarrays_core::key::{Key, Prefix};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::{Checksummed, Fault, Rule};
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{key, put, text};

/// A store that loses a bit of a value, and does not know it.
#[derive(Debug, Clone, Default)]
struct Rotten {
    inner: MemoryBackend,
    at: Arc<Mutex<Option<Key>>>,
}

impl Rotten {
    fn rot(&self, name: &str) {
        *self.at.lock().unwrap() = Some(key(name));
    }
}

impl fmt::Display for Rotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl KeyValueBackend for Rotten {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.inner.head(key).await
    }
    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let Some(mut blob) = self.inner.get(key, ByteRange::Full).await? else { return Ok(None) };
        if self.at.lock().unwrap().as_ref() == Some(key) {
            let mut bytes = blob.bytes.to_vec();
            bytes[2] ^= 4;
            blob.bytes = bytes.into();
        }
        blob.bytes = range.slice(&blob.bytes);
        Ok(Some(blob))
    }
    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.inner.put(key, value, when).await
    }
    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.inner.delete(key, when).await
    }
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        self.inner.list(prefix)
    }
}

fn names(store: &impl KeyValueBackend) -> Vec<String> {
    let metas = wait(store.list_all(&Prefix::root())).unwrap();
    let mut names: Vec<String> = metas.into_iter().map(|meta| meta.key.to_string()).collect();
    names.sort();
    names
}

#[test]
fn a_lost_bit_is_told_by_every_way_of_reading_a_whole_value() {
    let rotten = Rotten::default();
    let store = Checksummed::new(rotten.clone());
    put(&store, "a/b", "123456789");
    let batch = ["a/c", "a/d"].map(|name| Put { key: key(name), value: name.to_owned().into() });
    wait(store.put_batch(batch.into())).unwrap();
    assert_eq!(text(&store, "a/b").unwrap(), "123456789");
    for name in ["a/b", "a/d"] {
        rotten.rot(name);
        for range in [ByteRange::Full, ByteRange::Bounded(0..99), ByteRange::From(0)] {
            let error = wait(store.get(&key(name), range)).unwrap_err();
            assert_eq!((error.kind(), error.key()), (ErrorKind::Corrupt, Some(name)), "{error}");
        }
        assert!(wait(store.get_ranges(&key(name), &[0..1, 0..9])).is_err());
        assert!(wait(store.get(&key(name), ByteRange::Bounded(1..9))).is_ok(), "not the whole");
        let found = wait(store.get_batch(&["a/b", "a/c", "a/d"].map(key)));
        let damaged: Vec<bool> = found.iter().map(Result::is_err).collect();
        assert_eq!(damaged, [name == "a/b", false, name == "a/d"]);
    }
    rotten.rot("a/b");
    let error = wait(store.get_bytes(&key("a/b"))).unwrap_err().to_string();
    assert!(error.contains("e3069283 was stored"), "{error}");
}

#[test]
fn values_that_others_put_are_not_covered_and_not_damaged() {
    let inner = MemoryBackend::new();
    let store = Checksummed::new(inner.clone());
    put(&inner, "theirs", "never put through the wrapper");
    put(&store, "ours", "first");
    put(&inner, "ours", "of another program");
    assert_eq!(text(&store, "ours").unwrap(), "of another program");
    assert!(text(&store, "theirs").is_some());
    // Two writers whose checksums come in the other order.
    put(&store, "ours", "old");
    let old = wait(inner.get_bytes(&key(".sums/ours"))).unwrap().unwrap();
    put(&store, "ours", "new");
    wait(inner.put_always(&key(".sums/ours"), old)).unwrap();
    assert_eq!(text(&store, "ours").unwrap(), "new");
    // Damaged checksums leave a value uncovered.
    for record in ["", "basums_1", "something else that is longer than that"] {
        put(&inner, ".sums/ours", record);
        assert_eq!(text(&store, "ours").unwrap(), "new");
    }
}

#[test]
fn checksums_are_hidden_and_go_with_their_values() {
    let inner = MemoryBackend::new();
    let store = Checksummed::new(inner.clone());
    for name in ["a", "b/c", "b/d", "e"] {
        put(&store, name, name);
    }
    assert_eq!(names(&store), ["a", "b/c", "b/d", "e"]);
    assert_eq!(names(&inner)[..4], [".sums/a", ".sums/b/c", ".sums/b/d", ".sums/e"]);
    let own = key(".sums/a");
    let refused = [
        wait(store.head(&own)).map(drop),
        wait(store.get(&own, ByteRange::Full)).map(drop),
        wait(store.put_always(&own, "x")),
        wait(store.delete(&own, Precondition::Always)).map(drop),
        wait(store.get_batch(&[key("a"), own.clone()])).remove(1).map(drop),
        wait(store.delete_batch(&[key("a"), own.clone()])),
    ];
    for answer in refused {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidKey);
    }
    let _always = wait(store.delete(&key("a"), Precondition::Always)).unwrap();
    wait(store.delete_batch(&["b/c", "b/d", "e"].map(key))).unwrap();
    assert_eq!(names(&inner), [""; 0]);
    // A key so long that its checksums have none.
    let long = format!("{}x", "long/".repeat(204));
    put(&store, &long, "value");
    assert_eq!(text(&store, &long).unwrap(), "value");
    assert_eq!(wait(store.get_batch(&[key(&long)])).len(), 1);
}

#[test]
fn a_value_is_put_also_where_its_checksums_cannot_be() {
    let inner = Fault::new(MemoryBackend::new());
    let is_own = |name: &str| name.starts_with(".sums/");
    let store = Checksummed::new(
        inner
            .clone()
            .with(Rule::on(Operation::Put).keys(is_own).fail(ErrorKind::StorageFull))
            .with(Rule::on(Operation::Get).keys(is_own).fail(ErrorKind::Transient))
            .with(Rule::on(Operation::Delete).keys(is_own).fail(ErrorKind::Transient)),
    );
    put(&store, "a", "value");
    assert_eq!(text(&store, "a").unwrap(), "value");
    let _always = wait(store.delete(&key("a"), Precondition::Always)).unwrap();
    assert_eq!(names(&inner), [""; 0]);
    assert!(inner.injected() >= 3);
}

#[test]
fn many_who_overwrite_one_value_never_see_damage() {
    let store = Checksummed::new(MemoryBackend::new());
    std::thread::scope(|scope| {
        for n in 0..3_u8 {
            let store = &store;
            scope.spawn(move || {
                for len in 0..300 {
                    let value = Bytes::from(vec![n; len]);
                    wait(store.put_always(&key("a"), value)).unwrap();
                    let found = wait(store.get_bytes(&key("a"))).unwrap().unwrap();
                    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
                }
            });
        }
    });
}
