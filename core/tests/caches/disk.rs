//! Values of one store in another.

use std::thread;
use std::time::Duration;

use bigarrays_core::backend::{
    ByteRange, ContentEncoding, ErrorKind, IoModel, KeyValueBackend, KeyValueBackendExt, Operation,
    Precondition, Value, wait,
};
use bigarrays_core::key::Prefix;
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::{DiskCache, Fault, Freshness, LocalCache, Trace};
use futures::FutureExt;

use crate::gate::Gate;
use crate::{Hands, key, put, text};

type Far = Trace<MemoryBackend>;

/// A store far away, and the folder of its cache.
fn far() -> (Far, MemoryBackend) {
    (Trace::new(MemoryBackend::named("far")), MemoryBackend::named("folder"))
}

fn open<R: KeyValueBackend, L: KeyValueBackend>(far: R, folder: L) -> DiskCache<R, L> {
    DiskCache::new(far, &LocalCache::new(folder))
}

#[test]
fn a_later_process_uses_what_is_still_the_same() {
    let (far, folder) = far();
    let value = Value::encoded("zipped", ContentEncoding::Gzip);
    wait(far.put_always(&key("a"), value.clone())).unwrap();
    assert_eq!(text(&open(far.clone(), folder.clone()), "a").unwrap(), "zipped");
    let begun = far.counts();
    for _ in 0..2 {
        // Another wrapper on the folder knows nothing but what is in it.
        let store = open(far.clone(), folder.clone());
        let blob = wait(store.get(&key("a"), ByteRange::From(2))).unwrap().unwrap();
        assert_eq!((blob.bytes, blob.content_encoding), ("pped".into(), ContentEncoding::Gzip));
        assert_eq!(blob.version, wait(far.head(&key("a"))).unwrap().unwrap().version);
    }
    assert_eq!(far.counts().get, begun.get, "only heads");
    put(&far, "a", "changed by another");
    assert_eq!(text(&open(far.clone(), folder.clone()), "a").unwrap(), "changed by another");
    let _ = wait(far.delete(&key("a"), Precondition::Always)).unwrap();
    assert_eq!(text(&open(far, folder.clone()), "a"), None);
    assert!(folder.is_empty(), "what is gone is not kept");
}

#[test]
fn the_freshness_says_when_the_remote_store_is_asked() {
    let (far, folder) = far();
    put(&far, "a", "1");
    let clock = Hands::default();
    let open =
        |freshness| open(far.clone(), folder.clone()).freshness(freshness).clock(clock.clone());
    text(&open(Freshness::Validate), "a").unwrap();
    let asked = far.counts();
    let aged = open(Freshness::Age(Duration::from_secs(60)));
    text(&aged, "a").unwrap();
    text(&open(Freshness::Forever), "a").unwrap();
    assert_eq!(far.counts(), asked);
    clock.advance(Duration::from_secs(61));
    text(&aged, "a").unwrap();
    text(&aged, "a").unwrap();
    assert_eq!(far.counts().head, asked.head + 1, "the answer holds for another minute");
    put(far.inner(), "a", "2");
    assert_eq!(text(&aged, "a").unwrap(), "1");
    assert_eq!(text(&open(Freshness::Forever), "a").unwrap(), "1");
    let head = wait(open(Freshness::Forever).head(&key("a"))).unwrap().unwrap();
    let blob = wait(open(Freshness::Forever).get(&key("a"), ByteRange::Full)).unwrap().unwrap();
    assert_eq!(head.version, blob.version, "head is as old as get");
    assert_eq!(text(&open(Freshness::Validate), "a").unwrap(), "2");
}

#[test]
fn damage_is_noticed_and_the_value_fetched_again() {
    let (far, folder) = far();
    let value = "x".repeat(1000);
    put(&far, "a", &value);
    text(&open(far.clone(), folder.clone()), "a").unwrap();
    let name = wait(folder.list_all(&Prefix::root())).unwrap().remove(0).key;
    let entry = wait(folder.get_bytes(&name)).unwrap().unwrap();
    let mut bent = entry.to_vec();
    bent[entry.len() - 500] ^= 1;
    for damaged in [&bent[..], &entry[..entry.len() - 1], &entry[..10], &[]] {
        wait(folder.put_always(&name, damaged.to_vec())).unwrap();
        let gets = far.counts().get;
        let store = open(far.clone(), folder.clone()).freshness(Freshness::Forever);
        assert_eq!(text(&store, "a").unwrap(), value);
        assert_eq!(far.counts().get, gets + 1);
        assert_eq!(text(&store, "a").unwrap(), value);
        assert_eq!(far.counts().get, gets + 1, "the new entry is whole");
    }
}

#[test]
fn what_the_folder_does_never_fails_a_read() {
    let operations = [Operation::Get, Operation::Put, Operation::Delete, Operation::List];
    for broken in operations {
        for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Transient] {
            let (far, folder) = far();
            put(&far, "a", "1");
            let store = open(far.clone(), Fault::new(folder).fail_every(broken, 1, kind));
            let store = store.freshness(Freshness::Forever);
            for value in ["1", "2", "3"] {
                put(&store, "a", value);
                assert_eq!(text(&store, "a").unwrap(), value, "{broken:?}");
                assert_eq!(text(&store, "a").unwrap(), value, "{broken:?}");
            }
        }
    }
}

#[test]
fn the_remote_stores_failure_is_the_answer() {
    let (far, folder) = far();
    put(&far, "a", "1");
    let fault = Fault::new(far);
    let store = open(fault.clone(), folder);
    text(&store, "a").unwrap();
    let cut =
        fault.with(bigarrays_core::wrap::Rule::on(Operation::Head).fail(ErrorKind::Transient));
    let error = wait(store.get_bytes(&key("a"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "an unchecked value is no answer");
    assert_eq!(text(&store.clone().freshness(Freshness::Forever), "a").unwrap(), "1");
    cut.heal();
    assert_eq!(text(&store, "a").unwrap(), "1");
}

#[test]
fn the_bound_holds_and_the_least_recently_used_go_first() {
    let (far, folder) = far();
    let local = LocalCache::new(folder.clone()).max_bytes(100_000);
    let store = DiskCache::new(far.clone(), &local).freshness(Freshness::Forever);
    let value = "x".repeat(9000);
    for n in 0..50 {
        put(&far, &format!("k{n}"), &value);
        text(&store, &format!("k{n}")).unwrap();
        text(&store, "k0").unwrap();
        assert!(folder.total_bytes() <= 100_000);
    }
    let usage = wait(store.usage()).unwrap();
    assert!(usage.entries >= 9 && usage.bytes == folder.total_bytes(), "{usage:?}");
    let gets = far.counts().get;
    text(&store, "k0").unwrap();
    text(&store, "k49").unwrap();
    assert_eq!(far.counts().get, gets);
    // One process after the other keeps the bound, too.
    for n in 0..50 {
        let local = LocalCache::new(folder.clone()).max_bytes(100_000);
        text(&DiskCache::new(far.clone(), &local), &format!("k{n}")).unwrap();
        assert!(folder.total_bytes() <= 100_000);
    }
    put(&folder, "mine", "not an entry");
    let flushed = wait(store.flush()).unwrap();
    assert!(flushed.entries > 5);
    assert_eq!((wait(store.usage()).unwrap().entries, folder.len()), (0, 1));
    let none = LocalCache::new(folder.clone()).max_bytes(0);
    text(&DiskCache::new(far, &none), "k1").unwrap();
    assert_eq!(folder.len(), 1);
}

#[test]
fn short_values_are_fetched_whole_for_a_part_and_long_ones_are_not() {
    let (far, folder) = far();
    put(&far, "short", &"s".repeat(100));
    put(&far, "long", &"l".repeat(101));
    let store = open(far.clone(), folder.clone()).whole_up_to(100).freshness(Freshness::Forever);
    for name in ["short", "long", "short", "long"] {
        let part = wait(store.get(&key(name), ByteRange::Bounded(5..7))).unwrap().unwrap();
        assert_eq!(part.bytes, &name.repeat(2)[..1].repeat(2));
        let parts = wait(store.get_ranges(&key(name), &[50..51, 90..300])).unwrap().unwrap();
        assert_eq!(parts[1].len(), if name == "short" { 10 } else { 11 });
    }
    assert_eq!(folder.len(), 1);
    let counts = far.counts();
    assert_eq!((counts.get, counts.get_ranges, counts.head), (3, 2, 2));
    assert_eq!(wait(store.get(&key("none"), ByteRange::From(1))).unwrap(), None);
}

#[test]
fn several_stores_share_a_folder_by_their_names() {
    let (far, folder) = far();
    let other = MemoryBackend::named("other");
    put(&far, "a", "1");
    put(&other, "a", "2");
    let local = LocalCache::new(folder);
    let far = DiskCache::new(far, &local).freshness(Freshness::Forever);
    let other = DiskCache::new(other, &local).freshness(Freshness::Forever);
    assert_eq!((text(&far, "a").unwrap(), text(&other, "a").unwrap()), ("1".into(), "2".into()));
    assert_eq!((text(&far, "a").unwrap(), text(&other, "a").unwrap()), ("1".into(), "2".into()));
    assert_eq!(wait(far.usage()).unwrap().entries, 2);
}

#[test]
fn concurrent_gets_ask_once() {
    for io in [IoModel::Blocking, IoModel::Async] {
        let gate = Gate::new(io);
        put(gate.content(), "a", "1");
        let store = open(gate.clone(), MemoryBackend::new()).freshness(Freshness::Forever);
        gate.close();
        thread::scope(|scope| {
            let readers: Vec<_> = (0..8)
                .map(|n| {
                    let store = &store;
                    scope.spawn(move || match n % 2 {
                        0 => text(store, "a").unwrap(),
                        _ => {
                            let part = wait(store.get(&key("a"), ByteRange::From(0)));
                            String::from_utf8(part.unwrap().unwrap().bytes.to_vec()).unwrap()
                        }
                    })
                })
                .collect();
            gate.until_held(1);
            gate.open();
            assert!(readers.into_iter().all(|reader| reader.join().unwrap() == "1"));
        });
        assert_eq!(gate.asked().0, 1);
    }
}

#[test]
fn what_a_read_fetched_before_a_write_is_not_found_after_it() {
    for io in [IoModel::Blocking, IoModel::Async] {
        let gate = Gate::new(io);
        let folder = MemoryBackend::new();
        put(gate.content(), "a", "old");
        let store = open(gate.clone(), folder.clone()).freshness(Freshness::Forever);
        gate.close();
        thread::scope(|scope| {
            let reader = scope.spawn(|| text(&store, "a"));
            gate.until_held(1);
            put(&store, "a", "new");
            gate.open();
            assert_eq!(reader.join().unwrap().unwrap(), "old");
        });
        assert!(folder.is_empty(), "and not stored either");
        assert_eq!(text(&store, "a").unwrap(), "new");
        assert_eq!(folder.len(), 1);
    }
}

#[test]
fn a_cancelled_write_leaves_its_key_distrusted() {
    let gate = Gate::new(IoModel::Async);
    put(gate.content(), "a", "old");
    let store = open(gate.clone(), MemoryBackend::new()).freshness(Freshness::Forever);
    assert_eq!(text(&store, "a").unwrap(), "old");
    let name = key("a");
    let mut write = store.put(&name, "new".into(), Precondition::Always);
    // The value arrives at the second poll; the answer would at the third.
    for _ in 0..2 {
        assert!((&mut write).now_or_never().is_none());
    }
    drop(write);
    assert_eq!(text(&store, "a").unwrap(), "new");
    let gets = gate.asked().0;
    assert_eq!(text(&store, "a").unwrap(), "new");
    assert_eq!(gate.asked().0, gets, "and is trusted again");
}

#[test]
fn readers_never_go_back_in_time() {
    // A folder that answers late makes entries land after the writes that made them outdated.
    let store = open(Gate::new(IoModel::Async), Gate::new(IoModel::Async));
    let store = store.freshness(Freshness::Forever);
    thread::scope(|scope| {
        let store = &store;
        scope.spawn(move || (0..2000).for_each(|n| put(store, "a", &n.to_string())));
        for _ in 0..3 {
            scope.spawn(move || {
                let mut latest = 0;
                while latest < 1999 {
                    let seen = text(store, "a").map_or(0, |text| text.parse().unwrap());
                    assert!(seen >= latest, "{seen} after {latest}");
                    latest = seen;
                }
            });
        }
    });
}
