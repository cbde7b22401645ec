//! Finding values: with few requests, and all in one state of the file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::try_join_all;

use super::cache::{Minishard, Page};
use super::error::ShardError;
use super::file::{self, read_minishard_index, shard_index_len};
use super::format::{Entry, SHARD_INDEX_ENTRY, parse_shard_index};
use super::place::Place;
use super::store::{ShardStore, bad};
use crate::backend::{
    Blob, ByteRange, IoModel, KeyValueBackend, Limits, Version, coalesce, overwritten,
};
use crate::error::Result;
use crate::key::Key;

/// Entries of the shard index that are read and kept together: 64 KiB of the file.
const PAGE: u64 = 4096;
/// How often a file is read that others replace meanwhile.
pub(crate) const ATTEMPTS: u32 = 16;

/// A shard ready to be read: where the values asked for lie in one version of its file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opened {
    /// The version of the file; `None` too if there is no file.
    pub(crate) version: Option<Version>,
    /// Where the values lie, in the order of the ids; `None` for what is not stored.
    pub(crate) places: Vec<Option<Range<u64>>>,
    /// The whole file, if it was read.
    pub(crate) whole: Option<Bytes>,
}

/// One try: which version its pieces have so far.
#[derive(Default)]
struct Try {
    version: Option<Option<Version>>,
    fetched: bool,
}

impl Try {
    /// Whether a piece is of the same version as those before.
    fn agrees(&mut self, version: &Option<Version>) -> bool {
        self.version.get_or_insert_with(|| version.clone()) == version
    }
}

/// What became of a try.
enum Outcome<T> {
    Done(T),
    /// There is no such file.
    NoFile,
    /// Somebody replaced the file, or something kept is outdated.
    Stale,
}

impl<B: KeyValueBackend> ShardStore<B> {
    /// The stored value of an id.
    pub(crate) async fn read(&self, id: u64) -> Result<Option<Blob>> {
        let shard = self.place(id).shard;
        let key = self.key(shard)?;
        for attempt in 0..ATTEMPTS {
            let opened = self.open(shard, &[id], None, attempt > 0).await?;
            let Some(Some(place)) = opened.places.first() else { return Ok(None) };
            let blob = self.backend.get(&key, ByteRange::Bounded(place.clone())).await?;
            if let Some(blob) = blob.filter(|blob| blob.version == opened.version) {
                self.require_len(&key, &blob.bytes, place)?;
                return Ok(
                    Some(self.blob(blob.bytes, blob.version)).filter(|blob| !blob.bytes.is_empty())
                );
            }
        }
        Err(overwritten(&self.backend, &key).into())
    }

    /// Finds values of one shard. With `whole`, reads the whole file at once if it has fewer
    /// bytes than that. With `fresh`, nothing kept is trusted.
    pub(crate) async fn open(
        &self,
        shard: u64,
        ids: &[u64],
        whole: Option<u64>,
        fresh: bool,
    ) -> Result<Opened> {
        let key = self.key(shard)?;
        if let Some(limit) = whole {
            let blob = self.backend.get(&key, ByteRange::Bounded(0..limit)).await?;
            let Some(blob) = blob else { return Ok(absent(ids)) };
            if (blob.bytes.len() as u64) < limit {
                return self.open_whole(&key, shard, ids, blob);
            }
        }
        for attempt in 0..ATTEMPTS {
            match self.try_open(&key, shard, ids, fresh || attempt > 0).await? {
                Outcome::Done(opened) => return Ok(opened),
                Outcome::NoFile => return Ok(absent(ids)),
                Outcome::Stale => {}
            }
        }
        Err(overwritten(&self.backend, &key).into())
    }

    fn open_whole(&self, key: &Key, shard: u64, ids: &[u64], blob: Blob) -> Result<Opened> {
        let entries: BTreeMap<u64, Range<u64>> = self
            .parse(key, shard, &blob)?
            .into_iter()
            .map(|entry| (entry.id, entry.range))
            .collect();
        let places = ids.iter().map(|id| entries.get(id).cloned()).collect();
        Ok(Opened { version: blob.version, places, whole: Some(blob.bytes) })
    }

    async fn try_open(
        &self,
        key: &Key,
        shard: u64,
        ids: &[u64],
        fresh: bool,
    ) -> Result<Outcome<Opened>> {
        let mut this_try = Try::default();
        let minishards: BTreeSet<u64> =
            ids.iter().map(|&id| Place::of(id, &self.sharding).minishard).collect();
        let places =
            match self.minishard_places(key, shard, &minishards, fresh, &mut this_try).await? {
                Outcome::Done(places) => places,
                Outcome::NoFile => return Ok(Outcome::NoFile),
                Outcome::Stale => return Ok(Outcome::Stale),
            };
        let indices = match self.minishard_indices(key, shard, places, fresh, &mut this_try).await?
        {
            Outcome::Done(indices) => indices,
            Outcome::NoFile | Outcome::Stale => return Ok(Outcome::Stale),
        };
        let places: Vec<_> = ids
            .iter()
            .map(|&id| {
                let index = indices.get(&Place::of(id, &self.sharding).minishard)?;
                let at = index.binary_search_by_key(&id, |entry| entry.id).ok()?;
                Some(index[at].range.clone())
            })
            .collect();
        let version = this_try.version.flatten();
        // Where a value will be read its version tells; an absence from what is kept must be
        // checked here, also beside values that will be read: they tell too late.
        if !this_try.fetched && places.iter().any(Option::is_none) {
            match self.backend.head(key).await? {
                Some(meta) if meta.version == version => {}
                Some(_) => return Ok(Outcome::Stale),
                None => return Ok(Outcome::NoFile),
            }
        }
        Ok(Outcome::Done(Opened { version, places, whole: None }))
    }

    /// Where the indices of minishards lie.
    async fn minishard_places(
        &self,
        key: &Key,
        shard: u64,
        minishards: &BTreeSet<u64>,
        fresh: bool,
        this_try: &mut Try,
    ) -> Result<Outcome<Vec<(u64, Range<u64>)>>> {
        let index_len = shard_index_len(&self.sharding);
        let numbers: BTreeSet<u64> = minishards.iter().map(|minishard| minishard / PAGE).collect();
        let mut pages: BTreeMap<u64, Page> = BTreeMap::new();
        if !fresh {
            let kept = |&page: &u64| Some((page, self.cache.page(shard, page)?));
            pages = numbers.iter().filter_map(kept).collect();
        }
        let wanted: Vec<u64> =
            numbers.iter().copied().filter(|page| !pages.contains_key(page)).collect();
        let bytes_of = |page: &u64| {
            let start = page * PAGE * SHARD_INDEX_ENTRY;
            start..(start + PAGE * SHARD_INDEX_ENTRY).min(index_len)
        };
        let ranges: Vec<Range<u64>> = wanted.iter().map(bytes_of).collect();
        let Outcome::Done(pieces) = self.fetch(key, &ranges, this_try).await? else {
            // With pages kept of a file that is gone, the next try finds nothing at all.
            return Ok(if pages.is_empty() { Outcome::NoFile } else { Outcome::Stale });
        };
        for ((page, range), (bytes, version)) in wanted.into_iter().zip(&ranges).zip(pieces) {
            self.require_len(key, &bytes, range)?;
            let content = parse_shard_index(&bytes, page * PAGE, index_len);
            let content = content.map_err(|source| bad(key, source))?;
            let content = Page { version, content: content.into() };
            self.cache.keep_page(shard, page, &content);
            pages.insert(page, content);
        }
        if !pages.values().all(|page| this_try.agrees(&page.version)) {
            return Ok(Outcome::Stale);
        }
        let place = |&minishard: &u64| {
            let at = usize::try_from(minishard % PAGE).ok()?;
            Some((minishard, pages.get(&(minishard / PAGE))?.content.get(at)?.clone()?))
        };
        Ok(Outcome::Done(minishards.iter().filter_map(place).collect()))
    }

    /// The indices of minishards that lie in such places.
    async fn minishard_indices(
        &self,
        key: &Key,
        shard: u64,
        places: Vec<(u64, Range<u64>)>,
        fresh: bool,
        this_try: &mut Try,
    ) -> Result<Outcome<BTreeMap<u64, Arc<[Entry]>>>> {
        let mut indices = BTreeMap::new();
        let (mut wanted, mut ranges) = (Vec::new(), Vec::new());
        for (minishard, place) in places {
            let kept = if fresh { None } else { self.cache.minishard(shard, minishard) };
            match kept.filter(|kept| this_try.agrees(&kept.version)) {
                Some(kept) => {
                    indices.insert(minishard, kept.content);
                }
                None => {
                    wanted.push(minishard);
                    ranges.push(place);
                }
            }
        }
        let Outcome::Done(pieces) = self.fetch(key, &ranges, this_try).await? else {
            return Ok(Outcome::Stale);
        };
        for ((minishard, range), (bytes, version)) in wanted.into_iter().zip(&ranges).zip(pieces) {
            if !this_try.agrees(&version) {
                return Ok(Outcome::Stale);
            }
            self.require_len(key, &bytes, range)?;
            let entries = read_minishard_index(&bytes, minishard, &self.sharding);
            let content: Arc<[Entry]> = entries.map_err(|source| bad(key, source))?.into();
            let kept = Minishard { version, content: Arc::clone(&content) };
            self.cache.keep_minishard(shard, minishard, &kept);
            indices.insert(minishard, content);
        }
        Ok(Outcome::Done(indices))
    }

    /// The bytes of ranges, each with the version of the file they are of.
    async fn fetch(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
        this_try: &mut Try,
    ) -> Result<Outcome<Vec<(Bytes, Option<Version>)>>> {
        let limits = Limits { gap: self.gap(), len: u64::MAX, members: usize::MAX };
        let runs = coalesce(ranges, limits);
        let gets =
            runs.iter().map(|run| self.backend.get(key, ByteRange::Bounded(run.range.clone())));
        let blobs = try_join_all(gets).await?;
        this_try.fetched |= !runs.is_empty();
        let mut pieces = vec![(Bytes::new(), None); ranges.len()];
        for (run, blob) in runs.iter().zip(blobs) {
            let Some(blob) = blob else { return Ok(Outcome::NoFile) };
            self.require_plain(key, &blob)?;
            for &member in &run.members {
                pieces[member] = (run.cut(&blob.bytes, &ranges[member]), blob.version.clone());
            }
        }
        Ok(Outcome::Done(pieces))
    }

    /// Bytes between two ranges that are cheaper to read than to leave out.
    pub(crate) fn gap(&self) -> u64 {
        match self.backend.capabilities().io {
            IoModel::Blocking => 32 << 10,
            IoModel::Async => 1 << 20,
        }
    }

    /// Refuses a file that ends before it should.
    pub(crate) fn require_len(&self, key: &Key, bytes: &Bytes, range: &Range<u64>) -> Result<()> {
        let found = bytes.len() as u64;
        if found == range.end - range.start {
            return Ok(());
        }
        let end = range.start + found;
        let what =
            format!("it ends after {end} bytes; its index says that something lies at {range:?}");
        Err(bad(key, ShardError::corrupt(what)))
    }

    /// Bytes of a whole file in memory.
    pub(crate) fn slice(whole: &Bytes, range: &Range<u64>) -> Bytes {
        file::slice(whole, range).map(|bytes| whole.slice_ref(bytes)).unwrap_or_default()
    }
}

fn absent(ids: &[u64]) -> Opened {
    Opened { version: None, places: vec![None; ids.len()], whole: None }
}
