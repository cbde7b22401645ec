//! Values in memory.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bigarrays_core::backend::{
    ByteRange, ErrorKind, IoModel, KeyValueBackend, KeyValueBackendExt, Operation, Precondition,
    PutOutcome, wait,
};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::{Cache, Fault, Freshness, SharedCache, Trace};
use futures::FutureExt;
use futures::future::join_all;

use crate::gate::Gate;
use crate::{Hands, key, put, text};

fn cached<B: KeyValueBackend>(inner: B, freshness: Freshness) -> (Cache<B>, SharedCache) {
    let memory = SharedCache::new(1 << 20);
    (Cache::new(inner, &memory).freshness(freshness), memory)
}

#[test]
fn concurrent_gets_of_a_blocking_store_ask_once() {
    let gate = Gate::new(IoModel::Blocking);
    put(gate.content(), "a", "1");
    let (store, memory) = cached(gate.clone(), Freshness::Forever);
    gate.close();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..8).map(|_| scope.spawn(|| text(&store, "a"))).collect();
        gate.until_held(1);
        gate.open();
        for reader in readers {
            assert_eq!(reader.join().unwrap().unwrap(), "1");
        }
    });
    assert_eq!(gate.asked(), (1, 0));
    assert_eq!(memory.hits_and_misses(), (7, 1));
}

#[test]
fn concurrent_gets_of_an_asynchronous_store_ask_once_and_block_nobody() {
    let gate = Gate::new(IoModel::Async);
    put(gate.content(), "a", "1");
    let (store, _) = cached(gate.clone(), Freshness::Forever);
    gate.close();
    // All on one thread: a waiter that blocked it would never end.
    let name = key("a");
    let gets = (0..8).map(|_| store.get(&name, ByteRange::Full)).collect::<Vec<_>>();
    let mut all = join_all(gets);
    assert!((&mut all).now_or_never().is_none());
    gate.open();
    for blob in wait(all) {
        assert_eq!(blob.unwrap().unwrap().bytes, "1");
    }
    let batch = wait(store.get_batch(&[key("a"), key("b"), key("a")]));
    assert_eq!(batch.len(), 3);
    assert_eq!(gate.asked().0, 2, "a once, and b");
}

#[test]
fn what_a_read_fetched_before_a_write_is_not_found_after_it() {
    for io in [IoModel::Blocking, IoModel::Async] {
        let gate = Gate::new(io);
        put(gate.content(), "a", "old");
        let (store, _) = cached(gate.clone(), Freshness::Forever);
        gate.close();
        thread::scope(|scope| {
            let reader = scope.spawn(|| text(&store, "a"));
            gate.until_held(1);
            put(&store, "a", "new");
            // A second reader begins after the write: it does not wait for the first.
            let late = scope.spawn(|| text(&store, "a"));
            gate.until_held(2);
            gate.open();
            assert_eq!(reader.join().unwrap().unwrap(), "old", "it began before the write");
            assert_eq!(late.join().unwrap().unwrap(), "new");
        });
        assert_eq!(text(&store, "a").unwrap(), "new");
    }
}

#[test]
fn a_cancelled_or_panicking_loader_leaves_nobody_waiting() {
    let gate = Gate::new(IoModel::Async);
    put(gate.content(), "a", "1");
    let (store, _) = cached(gate.clone(), Freshness::Forever);
    gate.close();
    let name = key("a");
    let mut first = store.get(&name, ByteRange::Full);
    assert!((&mut first).now_or_never().is_none());
    let mut second = store.get(&name, ByteRange::Full);
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    gate.open();
    assert_eq!(wait(second).unwrap().unwrap().bytes, "1");

    let panics =
        Fault::new(MemoryBackend::new()).fail_keys(Operation::Get, ErrorKind::Other, |key| {
            assert!(key != "bang", "a store that panics");
            false
        });
    let (store, _) = cached(panics, Freshness::Forever);
    for _ in 0..2 {
        let store = store.clone();
        thread::spawn(move || text(&store, "bang")).join().unwrap_err();
    }
}

#[test]
fn errors_are_not_kept_and_each_waiter_asks_for_itself() {
    let fault =
        Fault::new(MemoryBackend::new()).fail_first(Operation::Get, 1, ErrorKind::Transient);
    put(fault.inner(), "a", "1");
    let (store, memory) = cached(fault.clone(), Freshness::Forever);
    wait(store.get_bytes(&key("a"))).unwrap_err();
    assert!(memory.is_empty());
    assert_eq!(text(&store, "a").unwrap(), "1");
    assert_eq!(text(&store, "a").unwrap(), "1");
    assert_eq!(fault.calls(Operation::Get), 2);
}

#[test]
fn the_staleness_policy_holds_between_two_handles_with_a_cache_each() {
    let inner = MemoryBackend::new();
    put(&inner, "a", "1");
    let clock = Hands::default();
    let minute = Freshness::Age(Duration::from_secs(60));
    let handle = |freshness| cached(inner.clone(), freshness).0.clock(clock.clone());
    let (writer, forever, aged, validating) = (
        handle(Freshness::Validate),
        handle(Freshness::Forever),
        handle(minute),
        handle(Freshness::Validate),
    );
    for store in [&forever, &aged, &validating] {
        assert_eq!(text(store, "a").unwrap(), "1");
    }
    put(&writer, "a", "2");
    assert_eq!(text(&writer, "a").unwrap(), "2");
    assert_eq!(text(&validating, "a").unwrap(), "2");
    assert_eq!(text(&aged, "a").unwrap(), "1");
    clock.advance(Duration::from_secs(61));
    assert_eq!(text(&aged, "a").unwrap(), "2");
    assert_eq!(text(&forever, "a").unwrap(), "1");
    // What head says is as old as what get says.
    let (head, got) = (
        wait(forever.head(&key("a"))).unwrap(),
        wait(forever.get(&key("a"), ByteRange::Full)).unwrap(),
    );
    assert_eq!(head.unwrap().version, got.unwrap().version);
    // A stale version does not swap, and is forgotten by the try.
    let stale = wait(forever.get(&key("a"), ByteRange::Full)).unwrap().unwrap().version.unwrap();
    let outcome = wait(forever.put(&key("a"), "3".into(), Precondition::IfVersion(stale))).unwrap();
    assert_eq!(outcome, PutOutcome::Conflict);
    assert_eq!(text(&forever, "a").unwrap(), "2");
    let _ = wait(writer.delete(&key("a"), Precondition::Always)).unwrap();
    assert_eq!(text(&validating, "a"), None);
}

#[test]
fn parts_are_cut_from_kept_values_and_else_passed_on() {
    let trace = Trace::new(MemoryBackend::new());
    put(trace.inner(), "a", "0123456789");
    let (store, memory) = cached(trace.clone(), Freshness::Forever);
    let part = |range| wait(store.get(&key("a"), range)).unwrap().unwrap().bytes;
    assert_eq!(part(ByteRange::Bounded(2..4)), "23");
    assert!(memory.is_empty(), "a part is not kept");
    assert_eq!(part(ByteRange::Full), "0123456789");
    assert_eq!(part(ByteRange::Suffix(3)), "789");
    let parts = wait(store.get_ranges(&key("a"), &[8..99, 0..1])).unwrap().unwrap();
    assert_eq!(parts, ["89", "0"]);
    assert_eq!((trace.counts().get, trace.counts().get_ranges), (2, 0));
}

#[test]
fn absence_is_kept_by_option_and_ends_with_a_write() {
    let trace = Trace::new(MemoryBackend::new());
    let (plain, memory) = cached(trace.clone(), Freshness::Forever);
    assert_eq!((text(&plain, "a"), text(&plain, "a")), (None, None));
    assert_eq!(trace.counts().get, 2);
    let store = plain.keep_absent(true);
    assert_eq!((text(&store, "a"), text(&store, "a")), (None, None));
    assert_eq!((trace.counts().get, memory.len()), (3, 1));
    assert_eq!(wait(store.head(&key("a"))).unwrap(), None);
    put(&store, "a", "1");
    assert_eq!(text(&store, "a").unwrap(), "1");
}

#[test]
fn one_memory_holds_many_stores_apart_unless_they_say_the_same_name() {
    let memory = SharedCache::new(100_000);
    let stores: Vec<_> = ["1", "2"]
        .iter()
        .map(|value| {
            let inner = MemoryBackend::named("same");
            put(&inner, "a", value);
            Cache::new(inner, &memory).freshness(Freshness::Forever)
        })
        .collect();
    assert_eq!(text(&stores[0], "a").unwrap(), "1");
    assert_eq!(text(&stores[1], "a").unwrap(), "2");
    let one = Arc::new(Trace::new(MemoryBackend::new()));
    put(&one, "a", "3");
    let named =
        || Cache::new(Arc::clone(&one), &memory).identity("x").freshness(Freshness::Forever);
    assert_eq!(text(&named(), "a").unwrap(), "3");
    assert_eq!(text(&named(), "a").unwrap(), "3");
    assert_eq!(one.counts().get, 1);
    for n in 0..1000 {
        let name = format!("k{n}");
        put(&one, &name, &"x".repeat(1000));
        text(&named(), &name).unwrap();
        assert!(memory.bytes() <= 100_000);
    }
    assert!(memory.len() > 20);
    memory.clear();
    assert!(memory.is_empty());
}

/// Readers and writers of few keys at once: no reader sees an older value after a newer one, and
/// after all writes the last one is seen.
#[test]
fn readers_never_go_back_in_time() {
    for (io, freshness) in [
        (IoModel::Blocking, Freshness::Forever),
        (IoModel::Blocking, Freshness::Validate),
        (IoModel::Async, Freshness::Forever),
    ] {
        let (store, _) = cached(Gate::new(io), freshness);
        let store = store.keep_absent(true);
        thread::scope(|scope| {
            for name in ["a", "b"] {
                let store = &store;
                scope.spawn(move || (0..2000).for_each(|n| put(store, name, &n.to_string())));
                for _ in 0..2 {
                    scope.spawn(move || {
                        let mut latest = 0;
                        while latest < 1999 {
                            let seen = text(store, name).map_or(0, |text| text.parse().unwrap());
                            assert!(seen >= latest, "{seen} after {latest}");
                            latest = seen;
                        }
                    });
                }
            }
        });
    }
}
