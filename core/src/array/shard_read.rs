//! Reading chunks out of shards.
//!
//! The chunks asked for are sorted by shard. As many shards at a time as fit in memory are opened:
//! their indices say where the chunks lie, or, where most of a shard is wanted, the file is read
//! whole with one request. Then neighbouring chunks are read together and decoded. Every read is
//! checked against the version that the index was of; chunks of a shard that somebody replaced
//! meanwhile are looked up again.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::big_array::BigArray;
use crate::backend::{
    Blob, ByteRange, IoModel, KeyValueBackend, Limits, Version, coalesce, overwritten,
};
use crate::chunk_store::{Fetched, Scratch, VolumeShards};
use crate::error::Result;
use crate::geometry::ChunkPart;
use crate::key::Key;
use crate::shard::{ATTEMPTS, Opened, ShardStore, shard_index_len};

/// A shard is read whole if at least so many percent of its chunks are wanted.
const MOST: u64 = 60;
/// The most bytes that are read together, unless a single chunk has more.
const MAX_RUN: u64 = 8 << 20;

/// A chunk that is wanted, its id, and what belongs to it.
struct Wanted<T> {
    id: u64,
    part: ChunkPart,
    item: T,
}

/// The chunks wanted of one shard.
struct Request<T> {
    shard: u64,
    key: Key,
    wanted: Vec<Wanted<T>>,
    /// Read whole if it has fewer bytes than this.
    whole: Option<u64>,
    /// Bytes of it that are in memory at once.
    cost: u64,
}

/// Bytes to be read, or to be had, at once.
#[derive(Clone)]
enum Source {
    Absent,
    Memory(Bytes),
    File(Range<u64>),
}

/// Chunks that come from one source.
struct Load<T> {
    request: usize,
    source: Source,
    /// Each with its place in the source.
    chunks: Vec<(Wanted<T>, Range<u64>)>,
}

pub(super) fn with_chunks<B: KeyValueBackend, T: Send>(
    array: &BigArray<B>,
    shards: &VolumeShards<Arc<B>>,
    chunks: impl Iterator<Item = (ChunkPart, T)> + Send,
    work: impl Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
) -> Result<()> {
    let reader = Reader { array, shards, work };
    let mut requests = reader.requests(chunks)?;
    for attempt in 0..ATTEMPTS {
        let mut outdated = Vec::new();
        for group in groups(requests, array.inner.driver.memory() as u64 / 2) {
            outdated.extend(reader.read_group(group, attempt > 0)?);
        }
        if outdated.is_empty() {
            return Ok(());
        }
        let again = outdated.into_iter().map(|wanted| (wanted.part, wanted.item));
        requests = reader.requests(again)?;
    }
    let key = requests.into_iter().next().map(|request| request.key);
    key.map_or(Ok(()), |key| Err(overwritten(array.backend(), &key).into()))
}

/// The chunks that no shard has, in the order given.
pub(super) fn absent<B: KeyValueBackend>(
    array: &BigArray<B>,
    shards: &VolumeShards<Arc<B>>,
    chunks: impl Iterator<Item = ChunkPart>,
) -> Result<Vec<ChunkPart>> {
    let reader = Reader { array, shards, work: () };
    let mut requests = reader.requests(chunks.enumerate().map(|(place, part)| (part, place)))?;
    for request in &mut requests {
        request.whole = None;
    }
    let mut absent = Vec::new();
    for group in groups(requests, array.inner.driver.memory() as u64 / 2) {
        // Fresh, because nothing is read that would tell of an outdated index.
        let opened = reader.open(&group, true)?;
        for (request, opened) in group.into_iter().zip(opened) {
            let places = opened.places.into_iter().map(Option::unwrap_or_default);
            let missing = request.wanted.into_iter().zip(places).filter(|(_, at)| at.is_empty());
            absent.extend(missing.map(|(wanted, _)| (wanted.item, wanted.part)));
        }
    }
    absent.sort_unstable_by_key(|(place, _)| *place);
    Ok(absent.into_iter().map(|(_, part)| part).collect())
}

/// Shards that are read together: as many as fit in memory, at least one.
fn groups<T>(requests: Vec<Request<T>>, memory: u64) -> impl Iterator<Item = Vec<Request<T>>> {
    let mut rest = requests.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut group = vec![rest.next()?];
        let mut cost = group[0].cost;
        while let Some(next) = rest.next_if(|next| cost.saturating_add(next.cost) <= memory) {
            cost += next.cost;
            group.push(next);
        }
        Some(group)
    })
}

struct Reader<'a, B: KeyValueBackend, W> {
    array: &'a BigArray<B>,
    shards: &'a VolumeShards<Arc<B>>,
    work: W,
}

impl<B: KeyValueBackend, W> Reader<'_, B, W> {
    /// Sorts chunks by shard.
    fn requests<T>(&self, chunks: impl Iterator<Item = (ChunkPart, T)>) -> Result<Vec<Request<T>>> {
        let mut by_shard: BTreeMap<u64, Vec<Wanted<T>>> = BTreeMap::new();
        for (part, item) in chunks {
            let (id, shard) = (self.shards.id(part.cell), self.shards.shard(part.cell));
            by_shard.entry(shard).or_default().push(Wanted { id, part, item });
        }
        by_shard.into_iter().map(|(shard, wanted)| self.request(shard, wanted)).collect()
    }

    fn request<T>(&self, shard: u64, wanted: Vec<Wanted<T>>) -> Result<Request<T>> {
        let key = self.shards.store.key(shard)?;
        let count = wanted.len() as u64;
        let all = self.shards.chunks_beside(wanted[0].part.cell).max(count);
        // An encoded chunk is seldom larger than its voxels; if it is, the indices are read.
        let chunk = self.array.inner.store.largest_chunk_bytes() as u64 + 1024;
        let bytes = chunk.saturating_mul(all);
        let bytes = bytes.saturating_add(shard_index_len(self.shards.store.sharding()));
        let memory = self.array.inner.driver.memory() as u64 / 2;
        let is_most = count.saturating_mul(100) >= all.saturating_mul(MOST);
        let whole = (is_most && bytes <= memory).then_some(bytes);
        Ok(Request { shard, key, wanted, whole, cost: whole.unwrap_or(64 * count) })
    }
}

impl<B, W> Reader<'_, B, W>
where
    B: KeyValueBackend,
{
    /// Reads chunks of several shards. What turned out to be outdated comes back.
    fn read_group<T: Send>(&self, group: Vec<Request<T>>, fresh: bool) -> Result<Vec<Wanted<T>>>
    where
        W: Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    {
        let opened = self.open(&group, fresh)?;
        let mut heads: Vec<(Key, Option<Version>)> = Vec::new();
        let mut loads = Vec::new();
        for (request, opened) in group.into_iter().zip(opened) {
            heads.push((request.key.clone(), opened.version.clone()));
            loads.extend(self.loads(heads.len() - 1, request.wanted, opened));
        }
        self.read_loads(&heads, loads)
    }

    /// Looks up where the chunks lie, in many shards at once.
    fn open<T: Send>(&self, group: &[Request<T>], fresh: bool) -> Result<Vec<Opened>> {
        let questions: Vec<(u64, Vec<u64>, Option<u64>)> = group
            .iter()
            .map(|request| {
                let ids = request.wanted.iter().map(|wanted| wanted.id).collect();
                (request.shard, ids, request.whole)
            })
            .collect();
        let opened = Mutex::new(vec![Opened::default(); group.len()]);
        let cost = group.iter().map(|request| request.cost).max().unwrap_or(0);
        self.array.inner.driver.fetch_and_work(
            self.array.backend().capabilities(),
            (0..questions.len()).map(|place| (place, ())),
            usize::try_from(cost).unwrap_or(usize::MAX),
            |place| {
                let (shard, ids, whole) = &questions[place];
                self.shards.store.open(*shard, ids, *whole, fresh)
            },
            |place, (), found, _: &mut ()| {
                opened.lock().unwrap_or_else(PoisonError::into_inner)[place] = found;
                Ok(())
            },
        )?;
        Ok(opened.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is read together of one shard.
    fn loads<T>(&self, request: usize, wanted: Vec<Wanted<T>>, opened: Opened) -> Vec<Load<T>> {
        let places: Vec<Range<u64>> =
            opened.places.into_iter().map(Option::unwrap_or_default).collect();
        let mut wanted: Vec<Option<Wanted<T>>> = wanted.into_iter().map(Some).collect();
        let mut take = |n: usize| wanted[n].take().map(|wanted| (wanted, places[n].clone()));
        let mut loads: Vec<Load<T>> = Vec::new();
        match opened.whole {
            Some(whole) => {
                let present = (0..places.len()).filter(|&n| !places[n].is_empty());
                loads.extend(present.map(|n| {
                    let source = Source::Memory(ShardStore::<B>::slice(&whole, &places[n]));
                    Load { request, source, chunks: take(n).into_iter().collect() }
                }));
            }
            None => {
                for run in coalesce(&places, self.limits(places.len())) {
                    let chunks = run.members.into_iter().filter_map(&mut take).collect();
                    loads.push(Load { request, source: Source::File(run.range), chunks });
                }
            }
        }
        let absent = (0..places.len()).filter(|&n| places[n].is_empty()).filter_map(take);
        loads.extend(absent.map(|chunk| Load {
            request,
            source: Source::Absent,
            chunks: vec![chunk],
        }));
        loads
    }

    /// What is read with one request. A store of this machine answers fast: there every thread
    /// gets its share to decode.
    fn limits(&self, wanted: usize) -> Limits {
        let driver = &self.array.inner.driver;
        let threads = driver.threads(wanted, 1);
        let members = match self.array.backend().capabilities().io {
            IoModel::Blocking => wanted.div_ceil(2 * threads),
            IoModel::Async => usize::MAX,
        };
        let len = (driver.memory() as u64 / 4 / threads as u64).min(MAX_RUN);
        Limits { gap: self.shards.store.gap().min(len), len, members }
    }

    /// Reads, checks and works on chunks.
    fn read_loads<T: Send>(
        &self,
        heads: &[(Key, Option<Version>)],
        loads: Vec<Load<T>>,
    ) -> Result<Vec<Wanted<T>>>
    where
        W: Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    {
        let longest = loads.iter().map(|load| match &load.source {
            Source::File(range) => range.end - range.start,
            Source::Memory(_) | Source::Absent => 0,
        });
        let longest = usize::try_from(longest.max().unwrap_or(0)).unwrap_or(usize::MAX);
        let cost = longest.saturating_add(self.array.chunk_cost());
        let (sources, chunks): (Vec<_>, Vec<_>) =
            loads.into_iter().map(|load| ((load.request, load.source), load.chunks)).unzip();
        let outdated = Mutex::new(Vec::new());
        self.array.inner.driver.fetch_and_work(
            self.array.backend().capabilities(),
            chunks.into_iter().enumerate(),
            cost,
            |place| {
                let (request, source) = sources[place].clone();
                let (key, version) = &heads[request];
                self.load(key, version.as_ref(), source)
            },
            |place, chunks, loaded, scratch| {
                let (request, source) = &sources[place];
                match loaded {
                    Some(bytes) => self.deliver(&heads[*request], source, &bytes, chunks, scratch),
                    None => {
                        let chunks = chunks.into_iter().map(|(wanted, _)| wanted);
                        outdated.lock().unwrap_or_else(PoisonError::into_inner).extend(chunks);
                        Ok(())
                    }
                }
            },
        )?;
        Ok(mem::take(&mut outdated.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Does the work on each chunk of a source.
    fn deliver<T>(
        &self,
        (key, version): &(Key, Option<Version>),
        source: &Source,
        bytes: &Bytes,
        chunks: Vec<(Wanted<T>, Range<u64>)>,
        scratch: &mut Scratch,
    ) -> Result<()>
    where
        W: Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    {
        for (Wanted { part, item, .. }, place) in chunks {
            let stored = match source {
                Source::Absent => None,
                Source::Memory(bytes) => Some(bytes.clone()),
                Source::File(range) => {
                    let inside = place.start - range.start..place.end - range.start;
                    Some(ByteRange::Bounded(inside).slice(bytes))
                }
            };
            let blob = stored.map(|bytes| self.shards.store.blob(bytes, version.clone()));
            (self.work)(Fetched { part: &part, key, blob }, item, scratch)?;
        }
        Ok(())
    }

    /// The bytes of a source, or `None` if the file is another by now.
    async fn load(
        &self,
        key: &Key,
        version: Option<&Version>,
        source: Source,
    ) -> Result<Option<Bytes>> {
        let range = match source {
            Source::Absent => return Ok(Some(Bytes::new())),
            Source::Memory(bytes) => return Ok(Some(bytes)),
            Source::File(range) => range,
        };
        let blob = self.array.backend().get(key, ByteRange::Bounded(range.clone())).await?;
        match blob {
            Some(Blob { bytes, version: found, .. }) if found.as_ref() == version => {
                self.shards.store.require_len(key, &bytes, &range)?;
                Ok(Some(bytes))
            }
            _ => Ok(None),
        }
    }
}
