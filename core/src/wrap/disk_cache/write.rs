//! Keeping the local store no older than what this process wrote.
//!
//! The local store is written by futures, which take their time and may be cancelled, so that an
//! outdated value can land in it after the write that made it so. Two marks keep reads from it: a
//! flight that a write detached leaves its key *in limbo* until its leader is done, and a key
//! whose entry could not be put right is *distrusted* until a newer one is stored.

use std::time::Duration;

use super::{DiskCache, Fetched};
use crate::backend::{Blob, KeyValueBackend};
use crate::kept::Lead;
use crate::key::Key;

/// A write under way. Dropped before it is done, it leaves its keys distrusted.
pub(super) struct Writing<'a, R: KeyValueBackend, L: KeyValueBackend> {
    cache: &'a DiskCache<R, L>,
    keys: Vec<Key>,
}

/// An entry being stored. Dropped before it is done, it leaves its key distrusted if it may be
/// outdated.
struct Storing<'a, R: KeyValueBackend, L: KeyValueBackend> {
    cache: &'a DiskCache<R, L>,
    lead: &'a Lead<Key, Fetched>,
    key: Option<&'a Key>,
}

impl<R: KeyValueBackend, L: KeyValueBackend> DiskCache<R, L> {
    /// Begins a write of keys.
    pub(super) fn writing<'a>(&self, keys: impl IntoIterator<Item = &'a Key>) -> Writing<'_, R, L> {
        Writing { cache: self, keys: keys.into_iter().cloned().collect() }
    }

    /// Stores what was fetched, unless a write made it outdated.
    pub(super) async fn store(
        &self,
        key: &Key,
        blob: &Blob,
        checked: Duration,
        lead: &Lead<Key, Fetched>,
    ) {
        if self.flights.is_in_limbo(key) || !lead.is_current() {
            return;
        }
        let mut storing = Storing { cache: self, lead, key: Some(key) };
        self.local.write(self.owner(key), blob, checked).await;
        if lead.is_current() || self.local.remove(self.owner(key)).await {
            storing.key = None;
        }
        // Under the lock, so that no mark of a later write is taken away.
        let mut distrusted = self.lock_distrusted();
        if lead.is_current() {
            distrusted.remove(key);
        }
    }
}

impl<R: KeyValueBackend, L: KeyValueBackend> Writing<'_, R, L> {
    /// Removes what was kept of the keys, whatever became of the write.
    pub(super) async fn done(mut self) {
        while let Some(key) = self.keys.last() {
            // What is being fetched will not be stored, ..
            self.cache.flights.detach(key, || {});
            // .. what is stored goes, or stays distrusted, ..
            if !self.cache.local.remove(self.cache.owner(key)).await {
                self.cache.lock_distrusted().insert(key.clone());
            }
            // .. and nobody new waits for who read it before it went.
            self.cache.flights.detach(key, || {});
            self.keys.pop();
        }
    }
}

impl<R: KeyValueBackend, L: KeyValueBackend> Drop for Writing<'_, R, L> {
    fn drop(&mut self) {
        for key in &self.keys {
            self.cache.flights.detach(key, || {});
            self.cache.lock_distrusted().insert(key.clone());
            self.cache.flights.detach(key, || {});
        }
    }
}

impl<R: KeyValueBackend, L: KeyValueBackend> Drop for Storing<'_, R, L> {
    fn drop(&mut self) {
        if let Some(key) = self.key
            && !self.lead.is_current()
        {
            self.cache.lock_distrusted().insert(key.clone());
        }
    }
}
