//! A group of shards: their indices, or all their bytes.
//!
//! The indices are read first. Then, if everything is to be decoded, each file is read from its
//! begin to its end in windows that begin and end on whole mebibytes: stores that keep checksums
//! keep them of such pieces, and compare only what is read whole.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::chunks::told;
use super::engine::{Found, Group, damage};
use super::names::Place;
use super::report::Finding;
use crate::array::BigArray;
use crate::backend::{Blob, ByteRange, KeyValueBackend, overwritten};
use crate::chunk_store::{Scratch, VolumeShards};
use crate::error::Result;
use crate::geometry::ChunkName;
use crate::key::Key;
use crate::shard::{ATTEMPTS, Checked, Entry, ShardStore};

/// What windows begin and end at.
const PIECE: u64 = 1 << 20;
/// The longest window, unless a single chunk is longer.
const MAX_WINDOW: u64 = 8 << 20;
/// What the indices of a shard may take while they are read, roughly.
const INDEX_COST: usize = 4 << 20;

/// How many chunks of the grid each shard has when all are stored.
pub(super) type Expected = BTreeMap<u64, u64>;

/// How shards are checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) deep: bool,
    /// Given if a missing chunk is a fault.
    pub(super) expected: Option<&'a Expected>,
}

/// A shard whose indices were read.
struct Open {
    place: Place,
    key: Key,
    checked: Checked,
}

/// A part of a shard's file and the chunks in it.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    range: Range<u64>,
    entries: Vec<Entry>,
}

/// What was read of a window.
enum Loaded {
    Bytes(Blob),
    Damaged(String),
    /// The file is another one by now.
    Replaced,
}

/// How many chunks each shard of a grid has.
pub(super) fn expected<B: KeyValueBackend>(
    array: &BigArray<B>,
    shards: &VolumeShards<Arc<B>>,
) -> Expected {
    let mut expected = Expected::new();
    for part in array.grid().cover(&array.bounds()) {
        *expected.entry(shards.shard(part.cell)).or_default() += 1;
    }
    expected
}

/// What to say of shards that are not stored.
pub(super) fn missing<B: KeyValueBackend>(
    store: &ShardStore<Arc<B>>,
    expected: &Expected,
    stored: &[Place],
) -> Vec<Finding> {
    let is_stored = |shard: u64| stored.binary_search(&[shard, 0, 0]).is_ok();
    let absent = expected.iter().filter(|(shard, _)| !is_stored(**shard));
    let finding = |(shard, count): (&u64, &u64)| {
        Some(Finding { key: store.key(*shard).ok()?, what: lost(*count, *count) })
    };
    absent.filter_map(finding).collect()
}

fn lost(count: u64, all: u64) -> String {
    if count == all {
        format!("it is missing, with all its {all} chunks")
    } else {
        format!("{count} of its {all} chunks are missing")
    }
}

/// Checks the shards at some places.
pub(super) fn check<B: KeyValueBackend>(
    array: &BigArray<B>,
    shards: &VolumeShards<Arc<B>>,
    how: How<'_>,
    places: &[Place],
) -> Result<Found> {
    let mut found = Found::default();
    let mut left = places.to_vec();
    for _ in 0..ATTEMPTS {
        let open = Group::default();
        let opened = read_indices(array, shards, how, &left, &open)?;
        add(&mut found, open.into_found());
        let mut replaced = Vec::new();
        for shard in opened {
            let of_shard = Group::default();
            note(shards, how, &shard, &of_shard);
            let is_whole = !how.deep || read_values(array, shards, &shard, &of_shard)?;
            if is_whole {
                add(&mut found, of_shard.into_found());
            } else {
                replaced.push(shard.place);
            }
        }
        if replaced.is_empty() {
            return Ok(found);
        }
        left = replaced;
    }
    let key = shards.store.key(left[0][0])?;
    Err(overwritten(array.backend(), &key).into())
}

fn add(all: &mut Found, more: Found) {
    all.bad.extend(more.bad);
    all.chunks += more.chunks;
    all.bytes += more.bytes;
}

/// Reads the indices of shards side by side.
fn read_indices<B: KeyValueBackend>(
    array: &BigArray<B>,
    shards: &VolumeShards<Arc<B>>,
    how: How<'_>,
    places: &[Place],
    group: &Group,
) -> Result<Vec<Open>> {
    let opened = Mutex::new(Vec::new());
    array.inner.driver.fetch_and_work(
        array.backend().capabilities(),
        places.iter().map(|place| (*place, ())),
        INDEX_COST,
        |[shard, ..]| async move {
            let key = shards.store.key(shard)?;
            let checked = match shards.store.check(shard, &key).await {
                Ok(checked) => Ok(checked),
                Err(error) => Err(damage(array, error)?),
            };
            Ok((key, checked))
        },
        |place, (), (key, checked), _: &mut ()| {
            match checked {
                Ok(Some(checked)) => {
                    let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
                    opened.push(Open { place, key, checked });
                }
                Ok(None) => {
                    if let Some(all) = how.expected.and_then(|all| all.get(&place[0])) {
                        group.bad(place, &key, lost(*all, *all));
                    }
                }
                Err(what) => group.bad(place, &key, what),
            }
            Ok(())
        },
    )?;
    Ok(opened.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Notes what the indices of a shard tell.
fn note<B: KeyValueBackend>(
    shards: &VolumeShards<Arc<B>>,
    how: How<'_>,
    shard: &Open,
    group: &Group,
) {
    let Open { place, key, checked } = shard;
    for what in &checked.faults {
        group.bad(*place, key, what.clone());
    }
    let mut of_grid = 0;
    for entry in &checked.entries {
        match shards.cell(entry.id) {
            Some(_) => of_grid += 1,
            None => {
                let what = format!("it has the id {}, which no chunk of the grid has", entry.id);
                group.bad(*place, key, what);
            }
        }
    }
    group.add(|found| found.chunks += of_grid);
    let all = how.expected.and_then(|all| all.get(&place[0])).copied().unwrap_or_default();
    if of_grid < all {
        group.bad(*place, key, format!("{} of its {all} chunks are missing", all - of_grid));
    }
}

/// Reads a shard from its begin to its end, and decodes its chunks; `false` if somebody replaced
/// it meanwhile.
fn read_values<B: KeyValueBackend>(
    array: &BigArray<B>,
    shards: &VolumeShards<Arc<B>>,
    shard: &Open,
    group: &Group,
) -> Result<bool> {
    let Open { place, key, checked } = shard;
    let driver = &array.inner.driver;
    let fair = driver.memory() as u64 / 4 / driver.threads(usize::MAX, 1) as u64;
    let limit = fair.min(MAX_WINDOW) / PIECE * PIECE;
    let windows = windows(&checked.entries, checked.size, limit.max(PIECE));
    let longest = windows.iter().map(|window| window.range.end - window.range.start).max();
    let longest = usize::try_from(longest.unwrap_or(0)).unwrap_or(usize::MAX);
    let replaced = Mutex::new(false);
    driver.fetch_and_work(
        array.backend().capabilities(),
        (0..windows.len()).map(|n| (n, ())),
        longest.saturating_add(array.chunk_cost()),
        |n| {
            let range = ByteRange::Bounded(windows[n].range.clone());
            async move {
                Ok(match array.backend().get(key, range).await {
                    Ok(Some(blob)) if blob.version == checked.version => Loaded::Bytes(blob),
                    Ok(_) => Loaded::Replaced,
                    Err(error) => Loaded::Damaged(damage(array, error)?),
                })
            }
        },
        |n, (), loaded, scratch: &mut Scratch| {
            match loaded {
                Loaded::Replaced => *replaced.lock().unwrap_or_else(PoisonError::into_inner) = true,
                Loaded::Damaged(what) => group.bad(*place, key, what),
                Loaded::Bytes(blob) => {
                    group.add(|found| found.bytes += blob.bytes.len() as u64);
                    for what in decode(array, shards, key, &windows[n], &blob, scratch) {
                        group.bad(*place, key, what);
                    }
                }
            }
            Ok(())
        },
    )?;
    Ok(!replaced.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// All that is wrong with the chunks of a window.
fn decode<B: KeyValueBackend>(
    array: &BigArray<B>,
    shards: &VolumeShards<Arc<B>>,
    key: &Key,
    window: &Window,
    blob: &Blob,
    scratch: &mut Scratch,
) -> Vec<String> {
    let Range { start, end } = window.range;
    let found = blob.bytes.len() as u64;
    if found != end - start {
        return vec![format!("it ends after {} bytes", start + found)];
    }
    let mut bad = Vec::new();
    for entry in &window.entries {
        // What is no chunk was told already.
        let Some(cell) = shards.cell(entry.id) else { continue };
        let chunk = array.grid().chunk_box(cell);
        let inside = entry.range.start - start..entry.range.end - start;
        let bytes = ByteRange::Bounded(inside).slice(&blob.bytes);
        let blob = shards.store.blob(bytes, None);
        if let Err(error) = array.inner.store.decode(key, &chunk, &blob, scratch) {
            let name = ChunkName(chunk);
            bad.push(format!("its chunk {name} (id {}): {}", entry.id, told(&error)));
        }
    }
    bad
}

/// Cuts a file of `size` bytes into windows of about `limit` bytes, which is a multiple of a
/// piece, so that each value is in one of them and no byte is in none. Entries are in the order
/// of the file.
fn windows(entries: &[Entry], size: u64, limit: u64) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut here = Window { range: 0..0, entries: Vec::new() };
    let mut close = |here: &mut Window, end: u64, next: u64| {
        here.range.end = end.next_multiple_of(PIECE).min(size);
        let next = next / PIECE * PIECE;
        windows.push(mem::replace(here, Window { range: next..next, entries: Vec::new() }));
    };
    for entry in entries {
        if entry.range.end.saturating_sub(here.range.start) > limit
            && here.range.end > here.range.start
        {
            let end = here.range.end.next_multiple_of(PIECE);
            let (end, next) = (here.range.end, entry.range.start.min(end));
            close(&mut here, end, next);
        }
        // What lies between values.
        while entry.range.start.saturating_sub(here.range.start) >= limit {
            let end = here.range.start + limit;
            close(&mut here, end, end);
        }
        here.range.end = here.range.end.max(entry.range.end);
        here.entries.push(entry.clone());
    }
    while size.saturating_sub(here.range.start) > limit {
        let end = here.range.end.max(here.range.start + limit);
        close(&mut here, end, end.next_multiple_of(PIECE).min(size));
    }
    if here.range.start < size {
        close(&mut here, size, size);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_cover_every_byte_and_hold_every_value(
            values in prop::collection::vec((0_u64..3 << 20, 1_u64..5 << 20), 0..30),
            after in 0_u64..20 << 20, limit in 1_u64..8,
        ) {
            let mut end = 32;
            let entries: Vec<Entry> = values.into_iter().zip(0..).map(|((gap, len), id)| {
                let start = end + gap;
                end = start + len;
                Entry { id, range: start..end }
            }).collect();
            let size = end + after;
            let windows = windows(&entries, size, limit * PIECE);
            let mut covered = 0;
            let mut held = Vec::new();
            for Window { range, entries } in windows {
                prop_assert!(range.start <= covered && range.end > range.start && range.end <= size);
                prop_assert!(range.start % PIECE == 0 && (range.end % PIECE == 0 || range.end == size));
                covered = covered.max(range.end);
                for entry in entries {
                    prop_assert!(range.start <= entry.range.start && entry.range.end <= range.end);
                    held.push(entry);
                }
            }
            prop_assert_eq!(covered, size);
            prop_assert_eq!(held, entries);
        }
    }
}
