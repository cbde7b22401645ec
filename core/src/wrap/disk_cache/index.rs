//! What is known of the entries of a local store, without asking it.

use std::collections::HashMap;
use std::time::Duration;

use super::entry::Head;
use crate::backend::Version;
use crate::key::Key;

/// Every entry counts as this at least: no file system gives out less.
const BLOCK: u64 = 4096;

/// Sizes, the order of use, and what was checked already.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: HashMap<Key, Slot>,
    total: u64,
    tick: u64,
    /// Bytes that this process stored since the local store was listed; `None`: it never was.
    unlisted: Option<u64>,
}

#[derive(Debug)]
struct Slot {
    size: u64,
    used: u64,
    checked: Option<Box<Checked>>,
}

/// An entry whose every byte was checked by this process.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) head: Head,
    /// Which state of the local value it was.
    pub(super) local: Version,
}

impl Index {
    /// Whether the local store is to be listed before anything is stored: at first, and when so
    /// much was stored that what other processes stored meanwhile should be counted.
    pub(super) fn wants_listing(&self, max: u64) -> bool {
        self.unlisted.is_none_or(|stored| stored > max / 8)
    }

    /// The local store cannot be listed: only what this process stores is counted for now.
    pub(super) const fn not_listed(&mut self) {
        self.unlisted = Some(0);
    }

    /// The local store was listed.
    pub(super) fn listed(&mut self, entries: Vec<(Key, u64)>) {
        let mut old = std::mem::take(&mut self.slots);
        self.total = 0;
        for (name, size) in entries {
            let size = size.max(BLOCK);
            let slot = match old.remove(&name) {
                Some(slot) => Slot { size, ..slot },
                // Never used here: the first to go.
                None => Slot { size, used: 0, checked: None },
            };
            self.total += size;
            self.slots.insert(name, slot);
        }
        self.unlisted = Some(0);
    }

    pub(super) fn stored(&mut self, name: &Key, size: u64, checked: Option<Checked>) {
        let size = size.max(BLOCK);
        self.tick += 1;
        let slot = Slot { size, used: self.tick, checked: checked.map(Box::new) };
        match (self.slots.insert(name.clone(), slot), &mut self.unlisted) {
            (Some(old), _) => self.total -= old.size,
            (None, Some(unlisted)) => *unlisted += size,
            (None, None) => {}
        }
        self.total += size;
    }

    pub(super) fn removed(&mut self, name: &Key) {
        if let Some(slot) = self.slots.remove(name) {
            self.total -= slot.size;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self { tick: self.tick, ..Self::default() };
    }

    /// What was checked of an entry, which is used now.
    pub(super) fn used(&mut self, name: &Key) -> Option<Checked> {
        let slot = self.slots.get_mut(name)?;
        self.tick += 1;
        slot.used = self.tick;
        slot.checked.as_deref().cloned()
    }

    /// The remote store said again that an entry holds.
    pub(super) fn touch(&mut self, name: &Key, now: Duration) {
        if let Some(checked) = self.slots.get_mut(name).and_then(|slot| slot.checked.as_mut()) {
            checked.head.checked = checked.head.checked.max(now);
        }
    }

    /// Which entries are to go so that there is room again; what was not used for longest first.
    /// They are no longer counted.
    pub(super) fn evict(&mut self, max: u64) -> Vec<Key> {
        if self.total <= max {
            return Vec::new();
        }
        let mut by_use: Vec<(u64, Key)> =
            self.slots.iter().map(|(name, slot)| (slot.used, name.clone())).collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        // A tenth more than needed, so that this is done seldom.
        let goal = max - max / 10;
        let mut gone = Vec::new();
        for (_, name) in by_use {
            if self.total <= goal {
                break;
            }
            self.removed(&name);
            gone.push(name);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Key {
        Key::new(format!("{n}")).unwrap()
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut index = Index::default();
        assert!(index.wants_listing(100_000));
        index.listed(vec![(key(100), 10_000)]);
        assert!(!index.wants_listing(100_000));
        for n in 0..10 {
            index.stored(&key(n), 10_000, None);
        }
        index.used(&key(0));
        assert!(index.wants_listing(100_000));
        let gone: Vec<Key> = index.evict(100_000);
        assert_eq!(gone, [key(100), key(1)]);
        assert_eq!(index.evict(100_000), []);
        index.stored(&key(2), 1, None);
        assert_eq!(index.total, 8 * 10_000 + BLOCK);
        index.clear();
        assert_eq!(index.evict(0), []);
    }
}
