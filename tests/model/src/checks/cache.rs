//! The cache of stored values, around a store that anybody may write at any time.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ContentEncoding, DeleteOutcome,
    ErrorKind, IoModel, KeyValueBackend, Meta, Operation, Precondition, PutOutcome, Value, Version,
};
use crate::key::{Key, Prefix};
use crate::wrap::Freshness;
use crate::wrap::cache::{Cache, SharedCache};

/// A store of one number, whatever the key. Each request takes effect at one moment in it.
#[derive(Debug)]
struct Store {
    number: AtomicU64,
    gets: AtomicU64,
    io: IoModel,
}

impl Store {
    async fn at_some_time(&self) {
        thread::yield_now();
        if self.io == IoModel::Async {
            shuttle::future::yield_now().await;
        }
    }

    fn failure(op: Operation) -> BackendError {
        BackendError::new(ErrorKind::Transient, "a store", op)
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store of one number")
    }
}

#[async_trait]
impl KeyValueBackend for Store {
    fn capabilities(&self) -> Capabilities {
        Capabilities { io: self.io, ..Capabilities::local() }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.at_some_time().await;
        let number = self.number.load(Ordering::SeqCst).to_le_bytes();
        let version = Some(Version::new(&number));
        let content_encoding = Some(ContentEncoding::Identity);
        Ok(Some(Meta { key: key.clone(), size: 8, version, content_encoding }))
    }

    async fn get(&self, _: &Key, _: ByteRange) -> BackendResult<Option<Blob>> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        self.at_some_time().await;
        let number = self.number.load(Ordering::SeqCst).to_le_bytes();
        self.at_some_time().await;
        if thread_rng().gen_bool(0.1) {
            return Err(Self::failure(Operation::Get));
        }
        Ok(Some(Blob {
            bytes: Bytes::copy_from_slice(&number),
            version: Some(Version::new(&number)),
            content_encoding: ContentEncoding::Identity,
        }))
    }

    async fn put(&self, _: &Key, _: Value, _: Precondition) -> BackendResult<PutOutcome> {
        self.at_some_time().await;
        let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
        self.at_some_time().await;
        Ok(PutOutcome::Written { version: Some(Version::new(&number.to_le_bytes())) })
    }

    async fn delete(&self, _: &Key, _: Precondition) -> BackendResult<DeleteOutcome> {
        Err(Self::failure(Operation::Delete))
    }

    fn list<'a>(&'a self, _: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        stream::empty().boxed()
    }
}

/// Three threads that read and write through one cache.
fn run(io: IoModel, freshness: Freshness) {
    let memory = SharedCache::new(1 << 20);
    let store = Store { number: AtomicU64::new(0), gets: AtomicU64::new(0), io };
    let cache = Cache::new(store, &memory).freshness(freshness);
    let seen = Arc::new(AtomicU64::new(0));
    let key = Key::new("k").unwrap();
    let threads = [0, 0, 1].map(|writers| {
        let (cache, seen, key) = (cache.clone(), Arc::clone(&seen), key.clone());
        thread::spawn(move || {
            for _ in 0..3 {
                let floor = seen.load(Ordering::SeqCst);
                if writers == 1 {
                    let value = Value::plain(Bytes::new());
                    let put = block_on(cache.put(&key, value, Precondition::Always));
                    if let Ok(PutOutcome::Written { version: Some(version) }) = put {
                        let number = version.as_bytes().try_into().unwrap();
                        seen.fetch_max(u64::from_le_bytes(number), Ordering::SeqCst);
                    }
                    continue;
                }
                if let Ok(Some(blob)) = block_on(cache.get(&key, ByteRange::Full)) {
                    let number = u64::from_le_bytes(blob.bytes[..].try_into().unwrap());
                    assert!(number >= floor, "{number} was read after {floor}");
                    seen.fetch_max(number, Ordering::SeqCst);
                }
            }
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
    // At rest a value is kept: the second time it is not fetched.
    while block_on(cache.get(&key, ByteRange::Full)).is_err() {}
    let gets = cache.inner().gets.load(Ordering::SeqCst);
    let again = block_on(cache.get(&key, ByteRange::Full)).unwrap().unwrap();
    assert_eq!(cache.inner().gets.load(Ordering::SeqCst), gets, "nothing is kept at rest");
    assert_eq!(again.bytes[..], cache.inner().number.load(Ordering::SeqCst).to_le_bytes());
}

/// Values that are trusted for ever, in a store that blocks.
pub fn no_older_value_of_a_blocking_store() {
    run(IoModel::Blocking, Freshness::Forever);
}

/// Values that are trusted for ever, in a store whose futures wait.
pub fn no_older_value_of_an_asynchronous_store() {
    run(IoModel::Async, Freshness::Forever);
}

/// Values that are asked for every time.
pub fn no_older_value_where_versions_are_compared() {
    run(IoModel::Async, Freshness::Validate);
}
