//! Looking for all that is wrong with the indices of a shard file, without its values.
//!
//! A reader stops at the first thing that it cannot use, and never sees what it does not need.
//! Here every index is read, and each thing that is wrong is told beside the others.

use std::ops::Range;

use bytes::Bytes;

use super::file::{read_minishard_index, shard_index_len};
use super::format::{Entry, SHARD_INDEX_ENTRY, parse_shard_index};
use super::place::Place;
use super::read::ATTEMPTS;
use super::store::ShardStore;
use crate::backend::{
    BackendResult, ByteRange, ContentEncoding, ErrorKind, KeyValueBackend, Version, overwritten,
};
use crate::key::Key;

/// Bytes of the shard index that are read at once; a multiple of its entries.
const PAGE: u64 = 64 << 10;
/// So many faults of one shard are told, and of the others only how many there are.
pub(crate) const MOST_FAULTS: usize = 100;

/// What the indices of a shard file say.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The version of the file that they are of.
    pub(crate) version: Option<Version>,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// The values that lie where they can be read, in the order of the file.
    pub(crate) entries: Vec<Entry>,
    /// How many values there are, readable or not.
    pub(crate) count: u64,
    /// All that is wrong, in words.
    pub(crate) faults: Vec<String>,
}

/// Somebody replaced the file meanwhile.
struct Replaced;

/// One look at one version of a file.
struct Look<'a, B> {
    store: &'a ShardStore<B>,
    key: &'a Key,
    shard: u64,
    found: Checked,
    /// What lies where in the file: indices and values.
    used: Vec<(Range<u64>, Used)>,
}

#[derive(Debug, Clone, Copy)]
enum Used {
    Index(u64),
    Value(u64),
}

impl<B: KeyValueBackend> ShardStore<B> {
    /// Reads all indices of a shard, and tells all that is wrong with them; `None` if there is no
    /// such file.
    pub(crate) async fn check(&self, shard: u64, key: &Key) -> BackendResult<Option<Checked>> {
        for _ in 0..ATTEMPTS {
            let Some(meta) = self.backend.head(key).await? else { return Ok(None) };
            let found = Checked {
                version: meta.version,
                size: meta.size,
                entries: Vec::new(),
                count: 0,
                faults: Vec::new(),
            };
            let mut look = Look { store: self, key, shard, found, used: Vec::new() };
            if let Some(encoding) =
                meta.content_encoding.filter(|&encoding| encoding != ContentEncoding::Identity)
            {
                let what = "which a shard never is";
                look.fault(format!("it is stored with the compression {encoding}, {what}"));
                return Ok(Some(look.finish()));
            }
            if look.run().await?.is_ok() {
                return Ok(Some(look.finish()));
            }
        }
        Err(overwritten(&self.backend, key))
    }
}

impl<B: KeyValueBackend> Look<'_, B> {
    async fn run(&mut self) -> BackendResult<Result<(), Replaced>> {
        let index_len = shard_index_len(self.store.sharding());
        let size = self.found.size;
        if size < index_len {
            self.fault(format!("it ends after {size} bytes, within its index of {index_len}"));
            return Ok(Ok(()));
        }
        let mut start = 0;
        while start < index_len {
            let range = start..(start + PAGE).min(index_len);
            let page = match self.read(&range).await? {
                Ok(page) => page,
                Err(Replaced) => return Ok(Err(Replaced)),
            };
            let first = start / SHARD_INDEX_ENTRY;
            for (entry, minishard) in page.unwrap_or_default().chunks_exact(16).zip(first..) {
                let place = match parse_shard_index(entry, minishard, index_len) {
                    Ok(places) => places.into_iter().next().flatten(),
                    Err(error) => {
                        self.fault(words(&error));
                        continue;
                    }
                };
                let Some(place) = place else { continue };
                if self.minishard(minishard, place).await?.is_err() {
                    return Ok(Err(Replaced));
                }
            }
            start = range.end;
        }
        self.overlaps();
        Ok(Ok(()))
    }

    async fn minishard(
        &mut self,
        minishard: u64,
        place: Range<u64>,
    ) -> BackendResult<Result<(), Replaced>> {
        let size = self.found.size;
        if place.end > size {
            self.fault(format!(
                "it ends after {size} bytes; the index of its minishard {minishard} should lie at \
                 {place:?}"
            ));
            return Ok(Ok(()));
        }
        let stored = match self.read(&place).await? {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(Ok(())),
            Err(Replaced) => return Ok(Err(Replaced)),
        };
        self.used.push((place, Used::Index(minishard)));
        match read_minishard_index(&stored, minishard, self.store.sharding()) {
            Ok(entries) => entries.into_iter().for_each(|entry| self.entry(minishard, entry)),
            Err(error) => self.fault(words(&error)),
        }
        Ok(Ok(()))
    }

    fn entry(&mut self, minishard: u64, entry: Entry) {
        let (id, range, size) = (entry.id, entry.range.clone(), self.found.size);
        self.found.count += 1;
        if self.store.place(id) != (Place { shard: self.shard, minishard }) {
            self.fault(format!(
                "its minishard {minishard} has the id {id}, which belongs elsewhere"
            ));
        }
        if range.end > size {
            self.fault(format!(
                "it ends after {size} bytes; the value of the id {id} should lie at {range:?}"
            ));
            return;
        }
        if range.is_empty() {
            self.fault(format!("the value of the id {id} is empty, and reads as missing"));
            return;
        }
        self.used.push((range, Used::Value(id)));
        self.found.entries.push(entry);
    }

    /// The bytes of a range; `None` if the store says that they are damaged.
    async fn read(&mut self, range: &Range<u64>) -> BackendResult<Result<Option<Bytes>, Replaced>> {
        match self.store.backend.get(self.key, ByteRange::Bounded(range.clone())).await {
            Ok(Some(blob)) if blob.version == self.found.version => {
                if blob.bytes.len() as u64 == range.end - range.start {
                    return Ok(Ok(Some(blob.bytes)));
                }
                let end = range.start + blob.bytes.len() as u64;
                let size = self.found.size;
                self.fault(format!("it ends after {end} bytes, and should have {size}"));
                Ok(Ok(None))
            }
            Ok(_) => Ok(Err(Replaced)),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.fault(words(&error));
                Ok(Ok(None))
            }
            Err(error) => Err(error),
        }
    }

    /// Tells which values and indices lie on top of each other.
    fn overlaps(&mut self) {
        let mut used = std::mem::take(&mut self.used);
        used.sort_unstable_by_key(|(range, _)| (range.start, range.end));
        let mut last: Option<(Range<u64>, Used)> = None;
        for (range, what) in used {
            if let Some((before, other)) = &last
                && range.start < before.end
            {
                let (what, other) = (name(what), name(*other));
                self.fault(format!("{what} at {range:?} overlaps {other} at {before:?}"));
            }
            if last.as_ref().is_none_or(|(before, _)| before.end < range.end) {
                last = Some((range, what));
            }
        }
    }

    fn fault(&mut self, what: String) {
        self.found.faults.push(what);
    }

    fn finish(self) -> Checked {
        let mut found = self.found;
        found.entries.sort_unstable_by_key(|entry| entry.range.start);
        let more = found.faults.len().saturating_sub(MOST_FAULTS);
        if more > 0 {
            found.faults.truncate(MOST_FAULTS);
            found.faults.push(format!("and {more} other faults of its indices"));
        }
        found
    }
}

fn name(used: Used) -> String {
    match used {
        Used::Index(minishard) => format!("the index of its minishard {minishard}"),
        Used::Value(id) => format!("the value of the id {id}"),
    }
}

/// An error and its causes in one line.
pub(crate) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words.replace(char::is_control, " ")
}
