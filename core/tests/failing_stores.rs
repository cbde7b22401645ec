//! The engine over stores that fail, and over stores that do not block.

#![expect(clippy::unwrap_used, reason = "test helpers outside test functions may fail a test")]

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use bigarrays_core::array::{OutOfBounds, Unaligned};
use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome, ErrorKind,
    IoModel, Meta, Operation, Precondition, PutOutcome, Value,
};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array4, ShapeBuilder};
use bigarrays_core::wrap::{Fault, Trace};
use bigarrays_core::{BigArray, DataType, Error, Key, KeyValueBackend, Prefix, VolumeInfo};
use futures::stream::BoxStream;

fn info() -> VolumeInfo {
    VolumeInfo::builder(DataType::Uint8, [60, 60, 60]).chunk_size([16, 16, 16]).build().unwrap()
}

fn ramp() -> Array4<u8> {
    let mut next = 0_u8;
    Array4::from_shape_simple_fn((60, 60, 60, 1).f(), || {
        next = next % 250 + 1;
        next
    })
}

fn filled() -> MemoryBackend {
    let store = MemoryBackend::new();
    BigArray::create(store.clone(), info()).unwrap().write([0; 3], ramp().view()).unwrap();
    store
}

/// A store whose answers always come at a later poll, as a network's do.
#[derive(Clone)]
struct Later {
    inner: MemoryBackend,
    concurrency: NonZeroUsize,
    in_flight: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Later {
    fn new(inner: MemoryBackend, concurrency: usize) -> Self {
        let concurrency = NonZeroUsize::new(concurrency).unwrap();
        Self { inner, concurrency, in_flight: Arc::default(), most: Arc::default() }
    }

    async fn later(&self) {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        let mut polls = 0;
        futures::future::poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls > 3 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("later://")
    }
}

#[async_trait]
impl KeyValueBackend for Later {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            io: IoModel::Async,
            concurrency: self.concurrency,
            ..self.inner.capabilities()
        }
    }
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.later().await;
        self.inner.head(key).await
    }
    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.later().await;
        self.inner.get(key, range).await
    }
    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.later().await;
        self.inner.put(key, value, when).await
    }
    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.later().await;
        self.inner.delete(key, when).await
    }
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        self.inner.list(prefix)
    }
}

#[test]
fn an_asynchronous_store_gives_the_same_voxels_with_many_requests_in_flight() {
    let store = Later::new(MemoryBackend::new(), 8);
    let array = BigArray::builder(store.clone())
        .unaligned(Unaligned::ReadModifyWrite)
        .create(info())
        .unwrap();
    array.write([0; 3], ramp().view()).unwrap();
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), ramp());
    assert_eq!(array.missing_chunks(array.bounds()).unwrap(), []);

    array.write([10, 20, 30], Array4::<u8>::zeros((30, 20, 10, 1)).view()).unwrap();
    let mut expected = ramp();
    expected.slice_mut(bigarrays_core::ndarray::s![10..40, 20..40, 30..40, ..]).fill(0);
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), expected);
    assert_eq!(
        array.read_points::<u8>(&[[0, 0, 0], [11, 21, 31]]).unwrap().column(0).to_vec(),
        [1, 0]
    );

    store.most.store(0, Ordering::Relaxed);
    array.read::<u8>(array.bounds()).unwrap();
    assert_eq!(store.most.load(Ordering::Relaxed), 8, "as many requests as the store likes");
}

#[test]
fn the_memory_budget_bounds_the_requests_in_flight() {
    let store = Later::new(filled(), 64);
    let two_chunks = 4 * 16 * 16 * 16;
    let array = BigArray::builder(store.clone()).memory(two_chunks).open().unwrap();
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), ramp());
    assert_eq!(store.most.load(Ordering::Relaxed), 2);
}

#[test]
fn a_store_in_which_every_third_get_fails_gives_errors_and_never_zeros() {
    for kind in [ErrorKind::Other, ErrorKind::Transient, ErrorKind::PermissionDenied] {
        let local = Fault::new(filled()).fail_every(Operation::Get, 3, kind);
        let remote = Fault::new(Later::new(filled(), 8)).fail_every(Operation::Get, 3, kind);
        let backends: [Arc<dyn KeyValueBackend>; 2] = [Arc::new(local), Arc::new(remote)];
        for store in backends {
            let array = BigArray::open(store).unwrap();
            for _ in 0..4 {
                match array.read::<u8>(array.bounds()) {
                    Err(Error::Backend(error)) => assert_eq!(error.kind(), kind),
                    other => panic!("{other:?}"),
                }
            }
            // Small reads: two of three succeed, and then they are right.
            let whole = ramp();
            let (mut good, mut bad) = (0, 0);
            for n in 0..60 {
                match array.read::<u8>([n..n + 1, 0..1, 0..1]) {
                    Ok(voxel) => {
                        good += 1;
                        assert_eq!(voxel[[0; 4]], whole[[usize::try_from(n).unwrap(), 0, 0, 0]]);
                    }
                    Err(_) => bad += 1,
                }
            }
            assert_eq!((good, bad), (40, 20));
        }
    }
}

#[test]
fn a_reply_that_is_cut_short_is_an_error_that_names_the_chunk() {
    let array =
        BigArray::open(Fault::new(filled()).truncate_keys(|key| key.contains("16-32_0-16_0-16")))
            .unwrap();
    match array.read::<u8>(array.bounds()) {
        Err(error @ Error::BadChunk { .. }) => {
            assert!(error.to_string().contains("1_1_1/16-32_0-16_0-16"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(array.read::<u8>([0..16, 0..60, 0..60]).is_ok());
}

#[test]
fn a_failed_write_is_an_error_and_can_be_repeated() {
    let store = Fault::new(MemoryBackend::new());
    let array = BigArray::create(store.clone(), info()).unwrap();
    let store = store.fail_nth(Operation::Put, 7, ErrorKind::StorageFull);
    let error = array.write([0; 3], ramp().view()).unwrap_err();
    assert!(
        matches!(&error, Error::Backend(error) if error.kind() == ErrorKind::StorageFull),
        "{error}"
    );
    store.heal();
    array.write([0; 3], ramp().view()).unwrap();
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), ramp());
}

#[test]
fn each_chunk_is_asked_for_once_and_an_aligned_write_reads_nothing() {
    let store = Trace::new(filled());
    let array = BigArray::open(store.clone()).unwrap();
    let before = store.counts();
    array.read::<u8>([15..33, 0..1, 0..1]).unwrap();
    assert_eq!(store.counts().get - before.get, 3);
    let points: Vec<[i64; 3]> = (0..60).map(|n| [n, n, n]).collect();
    let before = store.counts();
    array.read_points::<u8>(&points).unwrap();
    assert_eq!(store.counts().get - before.get, 4);
    let before = store.counts();
    array.write([0; 3], ramp().view()).unwrap();
    assert_eq!(store.counts().get - before.get, 0);
}

/// A store that promises nothing about two writers.
#[derive(Debug)]
struct NoConditions(MemoryBackend);

impl fmt::Display for NoConditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain://")
    }
}

#[async_trait]
impl KeyValueBackend for NoConditions {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_put: ConditionalPut::Unsupported,
            conditional_delete: false,
            ..self.0.capabilities()
        }
    }
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.0.head(key).await
    }
    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.0.get(key, range).await
    }
    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        assert_eq!(when, Precondition::Always, "a condition that the store did not declare");
        self.0.put(key, value, when).await
    }
    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.0.delete(key, when).await
    }
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        self.0.list(prefix)
    }
}

#[test]
fn unaligned_writes_without_compare_and_swap_need_the_promise_of_a_single_writer() {
    let array = BigArray::builder(NoConditions(MemoryBackend::new()))
        .unaligned(Unaligned::ReadModifyWrite)
        .bounds(OutOfBounds::Crop)
        .create(info())
        .unwrap();
    let ones = Array4::<u8>::ones((5, 5, 5, 1));
    match array.write([1, 1, 1], ones.view()) {
        Err(error @ Error::NeedsCompareAndSwap { .. }) => {
            assert!(error.to_string().contains("plain://"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let alone = array.to_builder().unaligned(Unaligned::SingleWriter).open().unwrap();
    alone.write([1, 1, 1], ones.view()).unwrap();
    assert_eq!(
        alone.read::<u8>([0..3, 1..2, 1..2]).unwrap().into_raw_vec_and_offset().0,
        [0, 1, 1]
    );
}

#[test]
fn a_store_that_swaps_but_tells_no_version_gets_no_unconditional_put() {
    /// Declares compare-and-swap, and does not say what to compare.
    #[derive(Debug)]
    struct Silent(MemoryBackend);
    impl fmt::Display for Silent {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("silent://")
        }
    }
    #[async_trait]
    impl KeyValueBackend for Silent {
        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }
        async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
            self.0.head(key).await
        }
        async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
            Ok(self.0.get(key, range).await?.map(|blob| Blob { version: None, ..blob }))
        }
        async fn put(
            &self,
            key: &Key,
            value: Value,
            when: Precondition,
        ) -> BackendResult<PutOutcome> {
            self.0.put(key, value, when).await
        }
        async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
            self.0.delete(key, when).await
        }
        fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
            self.0.list(prefix)
        }
    }
    let array =
        BigArray::builder(Silent(filled())).unaligned(Unaligned::ReadModifyWrite).open().unwrap();
    let refused = array.write([1, 1, 1], Array4::<u8>::zeros((2, 2, 2, 1)).view());
    assert!(matches!(refused, Err(Error::NeedsCompareAndSwap { .. })), "{refused:?}");
    assert_eq!(array.read::<u8>(array.bounds()).unwrap(), ramp());
}

#[test]
fn threads_that_write_parts_of_the_same_chunks_lose_none_of_each_others_voxels() {
    let array = BigArray::builder(MemoryBackend::new())
        .unaligned(Unaligned::ReadModifyWrite)
        .create(info())
        .unwrap();
    std::thread::scope(|scope| {
        for n in 0..6_u8 {
            let array = &array;
            scope.spawn(move || {
                for row in (i64::from(n)..60).step_by(6) {
                    let line = Array4::<u8>::from_elem((60, 1, 60, 1), n + 1);
                    array.write([0, row, 0], line.view()).unwrap();
                }
            });
        }
    });
    let read = array.read::<u8>(array.bounds()).unwrap();
    for ((_, y, _, _), &voxel) in read.indexed_iter() {
        assert_eq!(usize::from(voxel), y % 6 + 1);
    }
}

#[test]
fn a_writer_that_always_loses_ends_with_a_conflict_and_not_in_a_hang() {
    /// Every put finds that somebody was faster.
    #[derive(Debug)]
    struct Contested(MemoryBackend);
    impl fmt::Display for Contested {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("contested://")
        }
    }
    #[async_trait]
    impl KeyValueBackend for Contested {
        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }
        async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
            self.0.head(key).await
        }
        async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
            self.0.get(key, range).await
        }
        async fn put(&self, key: &Key, value: Value, _: Precondition) -> BackendResult<PutOutcome> {
            if key.as_str() == "info" {
                return self.0.put(key, value, Precondition::Always).await;
            }
            Ok(PutOutcome::Conflict)
        }
        async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
            self.0.delete(key, when).await
        }
        fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
            self.0.list(prefix)
        }
    }
    let array = BigArray::builder(Contested(MemoryBackend::new()))
        .unaligned(Unaligned::ReadModifyWrite)
        .create(info())
        .unwrap();
    match array.write([1, 1, 1], Array4::<u8>::ones((2, 2, 2, 1)).view()) {
        Err(Error::Conflict { key, .. }) => assert_eq!(key.as_str(), "1_1_1/0-16_0-16_0-16"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_panic_on_another_thread_reaches_the_caller_and_nobody_hangs() {
    struct Panics;
    impl bigarrays_core::array::Progress for Panics {
        fn advance(&self, _chunks: u64, _bytes: u64) {
            panic!("of the progress bar");
        }
    }
    let stores: [Arc<dyn KeyValueBackend>; 2] =
        [Arc::new(filled()), Arc::new(Later::new(filled(), 8))];
    for store in stores {
        let threads = NonZeroUsize::new(4).unwrap();
        let array = BigArray::builder(store).threads(threads).open().unwrap();
        let array = array.with_progress(Arc::new(Panics));
        let read = std::panic::AssertUnwindSafe(|| array.read::<u8>(array.bounds()));
        let payload = std::panic::catch_unwind(read).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"of the progress bar"));
    }
}
