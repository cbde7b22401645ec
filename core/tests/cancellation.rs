//! Calls that are stopped, dropped, or broken by a panic: they end, and leave whole chunks.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "test helpers outside test functions may fail a test"
)]

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bigarrays_core::array::{Progress, Unaligned};
use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, IoModel, Meta, Operation,
    Precondition, PutOutcome, Value,
};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::ndarray::{Array4, ShapeBuilder};
use bigarrays_core::{
    BigArray, BoundingBox, DataType, DynBackend, Error, Key, KeyValueBackend, Prefix, VolumeInfo,
};
use bigarrays_info::{ShardEncoding, ShardHash, Sharding};
use futures::stream::BoxStream;

const SIDE: u64 = 64;

fn info(sharded: bool) -> VolumeInfo {
    let mut info = VolumeInfo::builder(DataType::Uint8, [SIDE; 3]).chunk_size([8; 3]);
    if sharded {
        info = info.sharding(Sharding {
            preshift_bits: 2,
            hash: ShardHash::Identity,
            minishard_bits: 1,
            shard_bits: 6,
            minishard_index_encoding: ShardEncoding::Raw,
            data_encoding: ShardEncoding::Raw,
        });
    }
    info.build().unwrap()
}

fn ones() -> Array4<u8> {
    let side = usize::try_from(SIDE).unwrap();
    Array4::ones((side, side, side, 1).f())
}

/// Says stop after so many chunks.
#[derive(Debug)]
struct StopAfter(AtomicU64);

impl Progress for StopAfter {
    fn advance(&self, chunks: u64, _: u64) {
        let left = self.0.load(Ordering::SeqCst).saturating_sub(chunks);
        self.0.store(left, Ordering::SeqCst);
    }
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

/// A store that can be told to panic or to lose every swap, and to answer at a later poll.
#[derive(Debug, Default)]
struct Tricky {
    inner: MemoryBackend,
    panics_at: Option<Operation>,
    is_armed: AtomicBool,
    always_conflicts: bool,
    is_async: bool,
    puts: AtomicU64,
}

impl fmt::Display for Tricky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tricky://")
    }
}

impl Tricky {
    async fn come(&self, operation: Operation) {
        if self.is_async {
            let mut polls = 0;
            futures::future::poll_fn(|context| {
                polls += 1;
                context.waker().wake_by_ref();
                if polls > 2 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        }
        let is_armed = self.is_armed.load(Ordering::SeqCst);
        assert!(!is_armed || self.panics_at != Some(operation), "a store that panics");
    }
}

#[async_trait]
impl KeyValueBackend for Tricky {
    fn capabilities(&self) -> Capabilities {
        let io = if self.is_async { IoModel::Async } else { IoModel::Blocking };
        Capabilities { io, ..self.inner.capabilities() }
    }
    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.come(Operation::Head).await;
        self.inner.head(key).await
    }
    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        self.come(Operation::Get).await;
        self.inner.get(key, range).await
    }
    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.come(Operation::Put).await;
        if self.always_conflicts && key.as_str() != "info" {
            self.puts.fetch_add(1, Ordering::SeqCst);
            return Ok(PutOutcome::Conflict);
        }
        self.inner.put(key, value, when).await
    }
    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.inner.delete(key, when).await
    }
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        self.inner.list(prefix)
    }
}

fn kinds() -> impl Iterator<Item = (bool, bool)> {
    [false, true].into_iter().flat_map(|is_async| [(is_async, false), (is_async, true)])
}

/// Whether each chunk is all old (0) or all new (1); how many are new.
fn whole_chunks<B: KeyValueBackend>(array: &BigArray<B>) -> u64 {
    let mut new = 0;
    for part in array.grid().cover(&array.bounds()) {
        let voxels = array.read::<u8>(part.chunk).unwrap();
        let first = voxels[[0, 0, 0, 0]];
        assert!(voxels.iter().all(|&voxel| voxel == first), "{} is torn", part.chunk);
        new += u64::from(first);
    }
    new
}

#[test]
fn a_stopped_call_begins_no_further_chunk_and_leaves_whole_ones() {
    for (is_async, sharded) in kinds() {
        let store = Arc::new(Tricky { is_async, ..Tricky::default() });
        let array = BigArray::builder(Arc::clone(&store) as DynBackend)
            .threads(NonZeroUsize::new(2).unwrap())
            .create(info(sharded))
            .unwrap();
        let stopped = array.clone().with_progress(Arc::new(StopAfter(AtomicU64::new(70))));
        assert!(matches!(stopped.write([0; 3], ones().view()), Err(Error::Cancelled)));
        let new = whole_chunks(&array);
        assert!((70..300).contains(&new), "{new} of 512 chunks");

        // The same call again finishes; reads and looks are stopped as writes are.
        array.write([0; 3], ones().view()).unwrap();
        assert_eq!(whole_chunks(&array), 512);
        let watched =
            |count| array.clone().with_progress(Arc::new(StopAfter(AtomicU64::new(count))));
        let bounds = array.bounds();
        assert!(matches!(watched(5).read::<u8>(bounds), Err(Error::Cancelled)));
        assert!(matches!(watched(0).missing_chunks(bounds), Err(Error::Cancelled)));
        assert!(matches!(watched(0).read_points::<u8>(&[[0; 3]]), Err(Error::Cancelled)));
        assert!(matches!(watched(0).delete(bounds), Err(Error::Cancelled)));
        assert_eq!(array.missing_chunks(bounds).unwrap(), []);
    }
}

/// A writer in a store in which somebody else is always faster.
fn starve(is_async: bool, sharded: bool) {
    let store = Arc::new(Tricky { is_async, always_conflicts: true, ..Tricky::default() });
    let array = BigArray::builder(Arc::clone(&store) as DynBackend)
        .unaligned(Unaligned::ReadModifyWrite)
        .create(info(sharded))
        .unwrap();
    let voxel = Array4::<u8>::ones((1, 1, 1, 1));
    match array.write([1, 1, 1], voxel.view()) {
        Err(Error::Conflict { attempts, chunk, .. }) if !sharded => {
            assert_eq!((attempts, chunk), (64, BoundingBox::new([0; 3], [8; 3])));
        }
        Err(Error::ShardConflict { attempts, .. }) if sharded => assert_eq!(attempts, 64),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.puts.load(Ordering::SeqCst), 64);
    // Whoever watches need not wait for all of them.
    let stopped = array.with_progress(Arc::new(StopAfter(AtomicU64::new(0))));
    assert!(matches!(stopped.write([1, 1, 1], voxel.view()), Err(Error::Cancelled)));
    assert_eq!(store.puts.load(Ordering::SeqCst), 64);
}

#[test]
fn a_writer_that_starves_gets_a_conflict_after_bounded_attempts() {
    // They mostly wait, each longer and longer.
    std::thread::scope(|scope| {
        let writers =
            kinds().map(|(is_async, sharded)| scope.spawn(move || starve(is_async, sharded)));
        for writer in writers.collect::<Vec<_>>() {
            writer.join().unwrap();
        }
    });
}

#[test]
fn a_store_that_panics_ends_the_call_with_its_panic_and_the_volume_stays() {
    for (is_async, sharded) in kinds() {
        for operation in [Operation::Get, Operation::Put] {
            let store =
                Arc::new(Tricky { is_async, panics_at: Some(operation), ..Tricky::default() });
            let array = BigArray::builder(Arc::clone(&store) as DynBackend)
                .threads(NonZeroUsize::new(4).unwrap())
                .create(info(sharded))
                .unwrap();
            store.is_armed.store(true, Ordering::SeqCst);
            let broken = AssertUnwindSafe(|| match operation {
                Operation::Get => array.read::<u8>(array.bounds()).map(|_| ()),
                _ => array.write([0; 3], ones().view()),
            });
            let payload = catch_unwind(broken).unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&"a store that panics"));
            store.is_armed.store(false, Ordering::SeqCst);
            whole_chunks(&array);
            array.write([0; 3], ones().view()).unwrap();
            assert_eq!(whole_chunks(&array), 512);
        }
    }
}

#[cfg(feature = "tokio")]
mod dropped {
    use std::future::Future;
    use std::sync::mpsc;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use super::*;

    /// Tells of each chunk, and does not go on before it is let.
    struct Gate {
        reached: mpsc::SyncSender<()>,
        open: std::sync::Mutex<mpsc::Receiver<()>>,
    }

    impl Progress for Gate {
        fn advance(&self, _: u64, _: u64) {
            let _ = self.reached.send(());
            // An error means that the gate is open for good.
            let _ = self.open.lock().unwrap().recv();
        }
    }

    /// Drops a call after its first chunk; returns when its threads are gone.
    fn drop_in_the_middle<F: Future>(begin: impl FnOnce(BigArray) -> F, array: BigArray) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (reached, first) = mpsc::sync_channel(1);
        let (open, gate) = mpsc::channel();
        let gate = Gate { reached, open: std::sync::Mutex::new(gate) };
        let watched = array.with_progress(Arc::new(gate));
        {
            let _inside = runtime.enter();
            let mut call = Box::pin(begin(watched));
            let mut context = Context::from_waker(std::task::Waker::noop());
            assert!(matches!(call.as_mut().poll(&mut context), Poll::Pending));
            first.recv().unwrap();
        }
        // Dropped by now; only then the first chunk's thread goes on.
        drop((open, first));
        runtime.shutdown_timeout(Duration::from_secs(60));
    }

    #[test]
    fn a_dropped_write_ends_with_the_chunks_under_way_and_a_dropped_read_too() {
        for (is_async, sharded) in kinds() {
            let store: DynBackend = Arc::new(Tricky { is_async, ..Tricky::default() });
            let array = BigArray::builder(Arc::clone(&store))
                .threads(NonZeroUsize::MIN)
                .create(info(sharded))
                .unwrap();
            let write = |array: BigArray| async move { array.write_async([0; 3], ones()).await };
            drop_in_the_middle(write, array.clone());
            let new = whole_chunks(&array);
            assert!((1..=64).contains(&new), "{new} of 512 chunks");
            array.write([0; 3], ones().view()).unwrap();
            let read =
                |array: BigArray| async move { array.read_async::<u8>(array.bounds()).await };
            drop_in_the_middle(read, array.clone());
            assert_eq!(whole_chunks(&array), 512);
        }
    }
}
