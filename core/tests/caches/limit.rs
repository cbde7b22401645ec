//! Requests in flight and bytes a second.

use std::num::{NonZeroU64, NonZeroUsize};
use std::thread;
use std::time::Duration;

use bigarrays_core::backend::{ByteRange, IoModel, KeyValueBackend, KeyValueBackendExt, wait};
use bigarrays_core::key::{Key, Prefix};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::Limit;
use futures::FutureExt;
use futures::stream::StreamExt;

use crate::gate::Gate;
use crate::{Hands, key, put, text};

fn most(requests: usize) -> NonZeroUsize {
    NonZeroUsize::new(requests).unwrap()
}

#[test]
fn no_more_requests_run_than_allowed() {
    for io in [IoModel::Blocking, IoModel::Async] {
        let gate = Gate::new(io);
        put(gate.content(), "a", "1");
        let store = Limit::new(gate.clone()).requests(most(3));
        assert_eq!(store.capabilities().concurrency, most(3));
        gate.close();
        thread::scope(|scope| {
            let readers: Vec<_> = (0..10).map(|_| scope.spawn(|| text(&store, "a"))).collect();
            gate.until_held(3);
            // The others wait in the line; a fourth at the gate would be counted here.
            assert_eq!(gate.asked().0, 3);
            gate.open();
            assert!(readers.into_iter().all(|reader| reader.join().unwrap().is_some()));
        });
        assert_eq!(gate.asked().0, 10);
    }
}

#[test]
fn a_batch_of_an_asynchronous_store_counts_key_by_key() {
    let gate = Gate::new(IoModel::Async);
    let keys: Vec<Key> = (0..10).map(|n| key(&n.to_string())).collect();
    keys.iter().for_each(|key| put(gate.content(), key.as_str(), "x"));
    let store = Limit::new(gate.clone()).requests(most(4));
    gate.close();
    let mut batch = store.get_batch(&keys);
    // Some polls, for an executor is given back its turn now and then.
    for _ in 0..20 {
        assert!((&mut batch).now_or_never().is_none());
    }
    assert_eq!(gate.asked().0, 4);
    // Dropped, it leaves the line and makes room.
    drop(batch);
    gate.open();
    assert!(wait(store.get_batch(&keys)).into_iter().all(|blob| blob.unwrap().is_some()));
    wait(store.delete_batch(&keys)).unwrap();
    assert!(gate.content().is_empty());
}

#[test]
fn requests_made_while_a_listing_is_read_do_not_wait_for_its_end() {
    let memory = MemoryBackend::new();
    (0..5).for_each(|n| put(&memory, &n.to_string(), "x"));
    let store = Limit::new(memory).requests(most(1));
    let root = Prefix::root();
    let mut keys = store.list(&root);
    let mut count = 0;
    while let Some(meta) = wait(keys.next()) {
        assert!(wait(store.get_bytes(&meta.unwrap().key)).unwrap().is_some());
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn bytes_pass_at_the_rate_read_and_written() {
    for io in [IoModel::Blocking, IoModel::Async] {
        let clock = Hands::default();
        clock.advance(Duration::from_secs(1000));
        let store = Limit::new(Gate::new(io))
            .bytes_per_second(NonZeroU64::new(1000).unwrap())
            .clock(clock.clone());
        let value = "x".repeat(1000);
        for n in 0..10 {
            put(&store, &n.to_string(), &value);
        }
        for n in 0..10 {
            assert!(text(&store, &n.to_string()).is_some());
        }
        wait(store.get(&key("0"), ByteRange::Bounded(0..500))).unwrap();
        for _ in 0..100 {
            wait(store.head(&key("0"))).unwrap();
        }
        // 20 500 bytes, less what passes at once and what is still owed.
        let passed = clock.waits().iter().sum::<Duration>();
        let rate = Duration::from_secs(18)..Duration::from_secs(100);
        assert!(rate.contains(&passed), "{passed:?}");
        wait(store.put_always(&key("end"), "x")).unwrap();
        wait(store.put_always(&key("end"), "x")).unwrap();
        let passed = clock.waits().iter().sum::<Duration>();
        assert!((19..=21).contains(&passed.as_secs()), "{passed:?}");
    }
}
