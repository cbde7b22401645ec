//! The memory that caches share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Blob, Version};
use crate::kept::{Kept, Stamp, Weigh};
use crate::key::Key;

/// Bytes that a cache keeps if nothing else is said: 256 MiB.
pub const DEFAULT_CACHE: u64 = 256 << 20;

/// Memory for [`Cache`](super::Cache)s, bounded in bytes for all of them together.
///
/// A clone is another handle on the same memory. A value that has more bytes than about an eighth
/// of the bound is not kept.
#[derive(Clone)]
pub struct SharedCache {
    pub(super) kept: Arc<Kept<Name, Entry>>,
}

impl SharedCache {
    /// Room for so many bytes of values as they are stored.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self { kept: Arc::new(Kept::new(bytes)) }
    }

    /// Bytes that are kept now.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.kept.bytes()
    }

    /// How many values are kept now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is kept now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often a value was found, or being fetched already, and how often it was not.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        self.kept.hits_and_misses()
    }

    /// Forgets all values of all stores.
    pub fn clear(&self) {
        self.kept.forget_where(|_| true);
    }
}

impl Default for SharedCache {
    /// Room for [`DEFAULT_CACHE`] bytes.
    fn default() -> Self {
        Self::new(DEFAULT_CACHE)
    }
}

impl fmt::Debug for SharedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedCache({:?})", self.kept)
    }
}

/// Which store a value is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// One wrapper and its clones.
    Own(u64),
    /// Everybody who says this name.
    Named(Arc<str>),
}

/// A value of a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) store: Identity,
    pub(super) key: Key,
}

/// A whole value, or that there is none, and when the store last said so.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) blob: Option<Blob>,
    pub(super) checked: Stamp,
}

impl Entry {
    pub(super) fn new(blob: Option<Blob>, now: Duration) -> Self {
        Self { blob, checked: Stamp::new(now) }
    }

    pub(super) fn version(&self) -> Option<&Version> {
        self.blob.as_ref()?.version.as_ref()
    }
}

impl Weigh for Entry {
    fn bytes(&self) -> u64 {
        self.blob.as_ref().map_or(0, |blob| blob.bytes.len() as u64)
    }
}
