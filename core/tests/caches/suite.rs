//! The conformance suite on every wrapper, over a blocking and over an asynchronous store.

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;

use bigarrays_core::backend::{DynBackend, IoModel, KeyValueBackend};
use bigarrays_core::conformance::{Report, Suite};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::{
    Cache, Checksummed, DiskCache, Freshness, Layered, Limit, LocalCache, SharedCache, WriteTo,
};

use crate::gate::Gate;

const OF_MEMORY: [&str; 3] = ["C12", "C16", "X8"];
const OF_REMOTE: [&str; 4] = ["C12", "C16", "X6", "X8"];

#[track_caller]
fn complete(report: &Report, skipped: &[&str]) {
    report.assert_ok();
    let known: Vec<_> = report.skipped().into_iter().filter(|id| !NEW.contains(id)).collect();
    assert_eq!(known, skipped, "{report}");
}

/// Cases about servers and killed processes, which a wrapper cannot be asked.
const NEW: [&str; 8] = ["C20", "C21", "C22", "C23", "C24", "C25", "C26", "C27"];

/// The suite over a store in memory, or over one that answers `Pending`.
#[track_caller]
fn both<W: KeyValueBackend + Clone>(wrap: impl Fn(DynBackend) -> W) {
    let store = wrap(Arc::new(MemoryBackend::new()));
    complete(&Suite::new(|| Ok(store.clone())).overwrites(300).run(), &OF_MEMORY);
    let store = wrap(Arc::new(Gate::new(IoModel::Async)));
    complete(&Suite::new(|| Ok(store.clone())).overwrites(300).run(), &OF_REMOTE);
}

const ALL: [Freshness; 3] =
    [Freshness::Forever, Freshness::Age(std::time::Duration::from_millis(1)), Freshness::Validate];

#[test]
fn cache() {
    for freshness in ALL {
        let memory = SharedCache::new(4 << 20);
        both(|store| Cache::new(store, &memory).freshness(freshness).keep_absent(true));
        assert!(memory.bytes() <= 4 << 20);
    }
}

/// Every handle has a memory of its own: only asking the store helps.
#[test]
fn caches_of_their_own_that_validate() {
    let inner = MemoryBackend::new();
    let open = || Ok(Cache::new(inner.clone(), &SharedCache::new(1 << 20)));
    complete(&Suite::new(open).overwrites(300).run(), &OF_MEMORY);
}

#[test]
fn checksummed() {
    both(Checksummed::new);
}

#[test]
fn disk_cache() {
    for freshness in ALL {
        let local = LocalCache::new(MemoryBackend::new()).max_bytes(4 << 20);
        both(|store| DiskCache::new(store, &local).freshness(freshness).whole_up_to(1 << 20));
    }
    let remote = MemoryBackend::named("far");
    let folder = MemoryBackend::new();
    let open = || Ok(DiskCache::new(remote.clone(), &LocalCache::new(folder.clone())));
    complete(&Suite::new(open).overwrites(300).run(), &OF_MEMORY);
    // A local store that answers late.
    let local = LocalCache::new(Gate::new(IoModel::Async));
    let store = DiskCache::new(remote, &local).freshness(Freshness::Forever);
    complete(&Suite::new(|| Ok(store.clone())).overwrites(300).run(), &OF_REMOTE);
}

#[test]
fn limit() {
    both(|store| {
        Limit::new(store)
            .requests(NonZeroUsize::new(3).unwrap())
            .bytes_per_second(NonZeroU64::new(1 << 50).unwrap())
    });
    both(Limit::new);
}

#[test]
fn layered() {
    for write_to in [WriteTo::First, WriteTo::All] {
        let mut of_memory = OF_MEMORY.to_vec();
        let mut of_remote = OF_REMOTE.to_vec();
        if write_to == WriteTo::All {
            let conditions = ["C15", "C17", "C18", "X4"];
            of_memory.extend(conditions);
            of_remote.extend(conditions);
            of_memory.sort_unstable();
            of_remote.sort_unstable();
        }
        let wrap = |first: DynBackend| {
            let lower: DynBackend = Arc::new(MemoryBackend::named("lower"));
            Layered::new(first).over(lower).write_to(write_to)
        };
        let store = wrap(Arc::new(MemoryBackend::new()));
        complete(&Suite::new(|| Ok(store.clone())).overwrites(300).run(), &of_memory);
        let store = wrap(Arc::new(Gate::new(IoModel::Async)));
        complete(&Suite::new(|| Ok(store.clone())).overwrites(300).run(), &of_remote);
    }
}

/// All of them at once, as a pointer.
#[test]
fn a_stack() {
    let far = Limit::new(Gate::new(IoModel::Async)).requests(NonZeroUsize::new(4).unwrap());
    let disk = DiskCache::new(far, &LocalCache::new(MemoryBackend::new()));
    let cached = Cache::new(disk, &SharedCache::new(1 << 20));
    let store: DynBackend = Arc::new(Layered::new(Arc::new(cached)));
    complete(&Suite::new(|| Ok(Arc::clone(&store))).overwrites(300).run(), &OF_REMOTE);
}
