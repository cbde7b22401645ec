//! Reading chunks out of shards.
//!
//! The chunks asked for are sorted by shard. As many shards at a time as fit in memory are opened:
//! their indices say where the chunks lie, or, where most of a shard is wanted, the file is read
//! whole with one request. Then neighbouring chunks are read together and decoded. Every read is
//! checked against the version that the index was of; chunks of a shard that somebody replaced
//! meanwhile are looked up again.
//!
//! With a chunk cache, chunks that are kept are worked on first (`shard_kept`), and the shards are
//! read for the others.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::big_array::BigArray;
use super::chunk_cache::{ArrayCache, ChunkArrival, ChunkClaim, ChunkLead};
use crate::backend::{
    Blob, ByteRange, IoModel, KeyValueBackend, Limits, Version, coalesce, overwritten,
};
use crate::chunk_store::{Fetched, Found, Scratch, VolumeShards};
use crate::error::Result;
use crate::geometry::ChunkPart;
use crate::kept::Claim;
use crate::key::Key;
use crate::shard::{ATTEMPTS, Opened, ShardStore, shard_index_len};

/// A shard is read whole if at least so many percent of its chunks are wanted.
const MOST: u64 = 60;
/// The most bytes that are read together, unless a single chunk has more.
const MAX_RUN: u64 = 8 << 20;

/// A chunk that is wanted, its id, and what belongs to it.
pub(super) struct Wanted<T> {
    id: u64,
    pub(super) part: ChunkPart,
    pub(super) item: T,
}

/// A chunk that another call reads, and the version of the shard that this one saw.
pub(super) struct Waiting<T> {
    pub(super) wanted: Wanted<T>,
    pub(super) key: Key,
    pub(super) version: Option<Version>,
    pub(super) arrival: ChunkArrival,
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

/// What was loaded of a source: its bytes, and for each chunk, if there is a chunk cache, who
/// decodes it. Without bytes nobody here does.
struct Loaded {
    bytes: Bytes,
    claims: Vec<Option<ChunkClaim>>,
    begun: Duration,
}

/// What a load is, as the fetch of it needs to know.
struct Plan {
    request: usize,
    source: Source,
    /// The cells of chunks that may be kept.
    cells: Vec<Option<[u64; 3]>>,
    /// How many writes were over when the shards were opened.
    changes: u64,
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
    let reader = Reader { array, shards, cache: array.inner.cache.as_ref(), work };
    let mut requests = match reader.cache {
        None => reader.requests(chunks)?,
        Some(cache) => reader.requests(reader.without_kept(cache, chunks)?.into_iter())?,
    };
    for attempt in 0..ATTEMPTS {
        let (mut outdated, waiting) = (Vec::new(), Mutex::new(Vec::new()));
        for group in groups(requests, array.inner.driver.memory() as u64 / 2) {
            outdated.extend(reader.read_group(group, attempt > 0, &waiting)?);
        }
        // Only now, when nobody waits for this call any more.
        if let Some(cache) = reader.cache {
            outdated.extend(reader.settle(cache, take(&waiting))?);
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
    let reader = Reader { array, shards, cache: None, work: () };
    let mut requests = reader.requests(chunks.enumerate().map(|(place, part)| (part, place)))?;
    for request in &mut requests {
        request.whole = None;
    }
    let mut absent = Vec::new();
    for group in groups(requests, array.inner.driver.memory() as u64 / 2) {
        array.go_on()?;
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

pub(super) struct Reader<'a, B: KeyValueBackend, W> {
    pub(super) array: &'a BigArray<B>,
    pub(super) shards: &'a VolumeShards<Arc<B>>,
    cache: Option<&'a ArrayCache>,
    pub(super) work: W,
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
    fn read_group<T: Send>(
        &self,
        group: Vec<Request<T>>,
        fresh: bool,
        waiting: &Mutex<Vec<Waiting<T>>>,
    ) -> Result<Vec<Wanted<T>>>
    where
        W: Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    {
        let changes = self.changes();
        let opened = self.open(&group, fresh)?;
        let mut heads: Vec<(Key, Option<Version>)> = Vec::new();
        let mut loads = Vec::new();
        for (request, opened) in group.into_iter().zip(opened) {
            heads.push((request.key.clone(), opened.version.clone()));
            loads.extend(self.loads(heads.len() - 1, request.wanted, opened));
        }
        self.read_loads(&heads, loads, changes, waiting)
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
        changes: u64,
        waiting: &Mutex<Vec<Waiting<T>>>,
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
        let (plans, chunks): (Vec<_>, Vec<_>) =
            loads.into_iter().map(|load| (self.plan(&load, changes), load.chunks)).unzip();
        let outdated = Mutex::new(Vec::new());
        self.array.inner.driver.fetch_and_work(
            self.array.backend().capabilities(),
            chunks.into_iter().enumerate(),
            cost,
            |place| {
                let plan = &plans[place];
                let (key, version) = &heads[plan.request];
                self.load(key, version.as_ref(), plan)
            },
            |place, chunks, loaded, scratch| {
                let plan = &plans[place];
                let head = &heads[plan.request];
                match loaded {
                    Some(loaded) => {
                        let late = self.deliver(head, &plan.source, loaded, chunks, scratch)?;
                        waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(late);
                        Ok(())
                    }
                    None => {
                        let chunks = chunks.into_iter().map(|(wanted, _)| wanted);
                        outdated.lock().unwrap_or_else(PoisonError::into_inner).extend(chunks);
                        Ok(())
                    }
                }
            },
        )?;
        Ok(take(&outdated))
    }

    /// What the fetch of a load needs to know.
    fn plan<T>(&self, load: &Load<T>, changes: u64) -> Plan {
        let may_be_kept = |part: &ChunkPart| !self.array.is_decoded_alone(part);
        let cells = load.chunks.iter().map(|(wanted, _)| &wanted.part);
        let cells = match load.source {
            Source::Absent => Vec::new(),
            _ => cells.map(|part| may_be_kept(part).then_some(part.cell)).collect(),
        };
        Plan { request: load.request, source: load.source.clone(), cells, changes }
    }

    fn changes(&self) -> u64 {
        self.cache.map(ArrayCache::changes).unwrap_or_default()
    }

    /// Does the work on each chunk of a source. What another call reads comes back.
    fn deliver<T>(
        &self,
        (key, version): &(Key, Option<Version>),
        source: &Source,
        loaded: Loaded,
        chunks: Vec<(Wanted<T>, Range<u64>)>,
        scratch: &mut Scratch,
    ) -> Result<Vec<Waiting<T>>>
    where
        W: Fn(Fetched<'_>, T, &mut Scratch) -> Result<()> + Sync,
    {
        let Loaded { bytes, claims, begun } = loaded;
        let mut claims = claims.into_iter();
        let mut waiting = Vec::new();
        for (wanted, place) in chunks {
            let stored = || match source {
                Source::Absent => None,
                Source::Memory(bytes) => Some(bytes.clone()),
                Source::File(range) => {
                    let inside = place.start - range.start..place.end - range.start;
                    Some(ByteRange::Bounded(inside).slice(&bytes))
                }
            };
            let blob = || stored().map(|bytes| self.shards.store.blob(bytes, version.clone()));
            let found = match (claims.next().flatten(), self.cache) {
                (Some(Claim::Wait(arrival)), _) => {
                    let (key, version) = (key.clone(), version.clone());
                    waiting.push(Waiting { wanted, key, version, arrival });
                    continue;
                }
                (Some(Claim::Kept(chunk)), _) => chunk.voxels.map_or(Found::Absent, Found::Decoded),
                (Some(Claim::Lead(lead)), Some(cache)) => match blob() {
                    Some(blob) => {
                        let lead = (&blob, ChunkLead(lead, begun));
                        self.array.decode_for_all(cache, &wanted.part, key, lead, scratch)?
                    }
                    None => Found::Absent,
                },
                _ => blob().into(),
            };
            let Wanted { part, item, .. } = wanted;
            (self.work)(Fetched { part: &part, key, found }, item, scratch)?;
        }
        Ok(waiting)
    }

    /// The bytes of a source, or `None` if the file is another by now.
    async fn load(
        &self,
        key: &Key,
        version: Option<&Version>,
        plan: &Plan,
    ) -> Result<Option<Loaded>> {
        let begun = self.cache.map(ArrayCache::now).unwrap_or_default();
        let claims = self.claims(version, plan);
        let is_needed = |claim: &Option<ChunkClaim>| matches!(claim, None | Some(Claim::Lead(_)));
        let is_needed = claims.is_empty() || claims.iter().any(is_needed);
        let range = match &plan.source {
            Source::File(range) if is_needed => range,
            Source::Absent | Source::Memory(_) | Source::File(_) => {
                return Ok(Some(Loaded { bytes: Bytes::new(), claims, begun }));
            }
        };
        let blob = match self.array.backend().get(key, ByteRange::Bounded(range.clone())).await {
            Ok(blob) => blob,
            Err(error) => {
                fail(claims);
                return Err(error.into());
            }
        };
        match blob {
            Some(Blob { bytes, version: found, .. }) if found.as_ref() == version => {
                self.shards.store.require_len(key, &bytes, range)?;
                Ok(Some(Loaded { bytes, claims, begun }))
            }
            _ => Ok(None),
        }
    }

    /// Who decodes each chunk of a load. A kept one is used if it is of the shard that was opened.
    fn claims(&self, version: Option<&Version>, plan: &Plan) -> Vec<Option<ChunkClaim>> {
        let Some(cache) = self.cache else { return Vec::new() };
        let claim = |cell: &Option<[u64; 3]>| match cache.claim((*cell)?) {
            Claim::Kept(chunk)
                if !cache.trusts(&chunk)
                    && (version.is_none() || chunk.version.as_ref() != version) =>
            {
                None
            }
            claim => Some(claim),
        };
        let mut claims: Vec<_> = plan.cells.iter().map(claim).collect();
        if matches!(plan.source, Source::Memory(_)) && self.changes() != plan.changes {
            // What is in memory was read before a write, perhaps of these chunks: it is good for
            // this call, which began before, and for no other.
            claims.iter_mut().for_each(|claim| {
                claim.take_if(|claim| matches!(claim, Claim::Lead(_)));
            });
        }
        claims
    }
}

/// Tells those who wait for these chunks that they could not be read.
fn fail(claims: Vec<Option<ChunkClaim>>) {
    for claim in claims.into_iter().flatten() {
        if let Claim::Lead(lead) = claim {
            lead.fail();
        }
    }
}

fn take<T>(list: &Mutex<Vec<T>>) -> Vec<T> {
    mem::take(&mut list.lock().unwrap_or_else(PoisonError::into_inner))
}
