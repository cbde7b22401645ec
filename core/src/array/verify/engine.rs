//! The verb: group after group, with a checkpoint after each.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::chunks;
use super::names::{self, Listing, Place, place_of};
use super::report::{Checkpoint, Finding, VerifyOptions, VerifyReport, VerifyWatch};
use super::shards::{self, Expected};
use crate::array::BigArray;
use crate::backend::{BackendError, ErrorKind, IoModel, KeyValueBackend, wait};
use crate::chunk_store::VolumeShards;
use crate::error::Result;
use crate::geometry::ChunkPart;
use crate::key::Key;
use crate::shard::words;

/// Chunks between two checkpoints.
const CHUNKS: usize = 1024;
/// Shards between two checkpoints.
const SHARDS: usize = 64;

/// What the check of one group adds.
#[derive(Debug, Default)]
pub(super) struct Group {
    found: Mutex<Found>,
}

/// Findings, each with its place, so that they can be told in order.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) bad: Vec<(Place, Finding)>,
    pub(super) chunks: u64,
    pub(super) bytes: u64,
}

impl Group {
    pub(super) fn add(&self, add: impl FnOnce(&mut Found)) {
        add(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn bad(&self, place: Place, key: &Key, what: String) {
        self.add(|found| found.bad.push((place, Finding { key: key.clone(), what })));
    }

    pub(super) fn into_found(self) -> Found {
        self.found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an error says of one damaged value, or the error itself if it is about the store.
///
/// # Errors
/// The error, if the check cannot go on.
pub(super) fn damage<B: KeyValueBackend>(
    array: &BigArray<B>,
    error: BackendError,
) -> Result<String, BackendError> {
    match error.kind() {
        ErrorKind::Corrupt => Ok(words(&error)),
        // A disk that fails to read one file.
        ErrorKind::Other
            if array.backend().capabilities().io == IoModel::Blocking && !is_of_process(&error) =>
        {
            Ok(words(&error))
        }
        _ => Err(error),
    }
}

/// Whether a failure says nothing of the value: no memory, or too many open files.
fn is_of_process(error: &BackendError) -> bool {
    // ENOMEM, ENFILE, EMFILE: the same on all Unixes.
    const SCARCE: [i32; 3] = [12, 23, 24];
    let mut cause = error.source();
    while let Some(error) = cause {
        let code = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        if code.is_some_and(|code| SCARCE.contains(&code)) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl<B: KeyValueBackend> BigArray<B> {
    /// Looks for damage in all that is stored of this scale, and tells what is wrong with which
    /// key. Nothing is changed.
    ///
    /// Always: names are those of chunks of the grid, or of shards; lengths are such as chunks
    /// have, and exactly right where the encoding has only one and the value is not compressed;
    /// the indices of shards can be read, what they tell lies in the file and does not overlap,
    /// and ids belong where they are. With [`deep`](VerifyOptions::deep), every chunk is read and
    /// decoded as well.
    ///
    /// A check that was ended goes on `from` one of its checkpoints, with the same options. What
    /// changed before that place meanwhile is not looked at. Chunk caches are left aside.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the store fails in another way than by telling
    /// that a value is damaged; the last checkpoint says where to go on.
    pub fn verify(
        &self,
        options: VerifyOptions,
        from: Option<Checkpoint>,
        watch: &dyn VerifyWatch,
    ) -> Result<VerifyReport> {
        let is_listed = self.backend().capabilities().listable;
        let listing = if is_listed { wait(names::list(self))? } else { Listing::default() };
        let mut check = Check {
            array: self,
            options,
            watch,
            at: from.unwrap_or_default(),
            is_listed,
            expected: None,
        };
        if options.expect_complete {
            check.expected = self.inner.store.shards().map(|shards| shards::expected(self, shards));
        }
        let is_finished = match (self.inner.store.shards(), is_listed) {
            (Some(shards), true) => check.shards(shards, &listing.places)?,
            (Some(shards), false) => {
                let all = self.grid().cover(&self.bounds());
                let all: BTreeSet<u64> = all.map(|part| shards.shard(part.cell)).collect();
                let all: Vec<Place> = all.into_iter().map(|shard| [shard, 0, 0]).collect();
                check.shards(shards, &all)?
            }
            (None, true) => check.listed_chunks(&listing)?,
            (None, false) => check.all_chunks()?,
        };
        Ok(check.report(listing, is_finished))
    }
}

/// A check on its way.
struct Check<'a, B> {
    array: &'a BigArray<B>,
    options: VerifyOptions,
    watch: &'a dyn VerifyWatch,
    at: Checkpoint,
    is_listed: bool,
    expected: Option<Expected>,
}

impl<B: KeyValueBackend> Check<'_, B> {
    /// Chunks that a listing told of: in a check that is not deep only those of a wrong length.
    fn listed_chunks(&mut self, listing: &Listing) -> Result<bool> {
        let places = if self.options.deep { &listing.places } else { &listing.suspects };
        self.watch.begin(places.len() as u64);
        let next = self.at.next;
        let done = places.partition_point(|place| *place < next);
        self.watch.advance(done as u64);
        let rest = places[done..].iter().copied();
        self.chunks(rest)
    }

    /// The chunks of a store that cannot list: all that there may be.
    fn all_chunks(&mut self) -> Result<bool> {
        let bounds = self.array.bounds();
        self.watch.begin(self.array.chunk_count(bounds));
        self.watch.advance(self.at.done);
        let next = self.at.next;
        let all = self.array.grid().cover(&bounds).map(|part| place_of(part.cell));
        self.chunks(all.skip_while(move |place| *place < next))
    }

    fn chunks(&mut self, mut places: impl Iterator<Item = Place>) -> Result<bool> {
        loop {
            let group: Vec<Place> = places.by_ref().take(CHUNKS).collect();
            let Some(last) = group.last().copied() else { return Ok(true) };
            let how = chunks::How {
                deep: self.options.deep,
                // A chunk that was listed and is gone was deleted meanwhile.
                absence_is_bad: self.options.expect_complete,
            };
            let found = chunks::check(self.array, how, &group)?;
            if self.checkpoint(found, last, group.len()).is_break() {
                return Ok(false);
            }
        }
    }

    fn shards(&mut self, shards: &VolumeShards<Arc<B>>, places: &[Place]) -> Result<bool> {
        self.watch.begin(places.len() as u64);
        let done = places.partition_point(|place| *place < self.at.next);
        self.watch.advance(done as u64);
        for group in places[done..].chunks(SHARDS) {
            let how = shards::How { deep: self.options.deep, expected: self.expected.as_ref() };
            let found = shards::check(self.array, shards, how, group)?;
            let Some(last) = group.last() else { continue };
            if self.checkpoint(found, *last, group.len()).is_break() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn checkpoint(&mut self, mut found: Found, last: Place, count: usize) -> ControlFlow<()> {
        found.bad.sort_by(|(a, x), (b, y)| (a, &x.what).cmp(&(b, &y.what)));
        self.at.bad.extend(found.bad.into_iter().map(|(_, finding)| finding));
        self.at.chunks += found.chunks;
        self.at.bytes += found.bytes;
        self.at.done += count as u64;
        let [a, b, c] = last;
        self.at.next = [a, b, c.saturating_add(1)];
        self.watch.advance(count as u64);
        self.watch.checkpoint(&self.at)
    }

    fn report(self, listing: Listing, is_finished: bool) -> VerifyReport {
        let Self { array, options, at, is_listed, expected, .. } = self;
        let grid = array.chunk_count(array.bounds());
        let (stored, shards) = match (array.inner.store.shards(), is_listed) {
            (Some(_), _) => (at.chunks, listing.places.len() as u64),
            (None, true) => (listing.places.len() as u64, 0),
            (None, false) => (at.chunks, 0),
        };
        let missing = grid.saturating_sub(stored);
        let mut bad = [listing.bad, at.bad].concat();
        // What is not listed is not looked at; without a listing all is.
        match (array.shards(), expected) {
            (Some(store), Some(expected)) if is_listed => {
                bad.extend(shards::missing(store, &expected, &listing.places));
            }
            (None, _) if is_listed && options.expect_complete => {
                let is_stored =
                    |part: &ChunkPart| listing.places.binary_search(&place_of(part.cell)).is_ok();
                let absent = array.grid().cover(&array.bounds()).filter(|part| !is_stored(part));
                bad.extend(absent.filter_map(|part| chunks::missing(array, &part)));
            }
            _ => {}
        }
        bad.sort_by(|a, b| a.key.cmp(&b.key));
        VerifyReport {
            is_finished,
            is_listed,
            grid,
            stored,
            missing,
            shards,
            bytes: at.bytes,
            bad,
            foreign: listing.foreign,
            foreign_keys: listing.foreign_keys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Operation;

    #[test]
    fn what_the_process_lacks_is_no_damage() {
        let failure =
            |code| BackendError::io("", Operation::Get, io::Error::from_raw_os_error(code));
        assert!(is_of_process(&failure(24)));
        assert!(!is_of_process(&failure(5)));
        assert!(!is_of_process(&BackendError::new(ErrorKind::Other, "", Operation::Get)));
    }
}
