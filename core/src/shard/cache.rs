//! What is kept of the indices of shards, bounded in bytes.

use std::ops::Range;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::format::Entry;
use crate::backend::Version;

/// A piece of a shard's indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Piece {
    /// So many entries of the shard index at a time: an index of many minishards is never read
    /// whole.
    Page { shard: u64, page: u64 },
    /// The index of one minishard.
    Minishard { shard: u64, minishard: u64 },
}

/// A piece as it was in one version of its file.
#[derive(Debug, Clone)]
pub(super) struct Cached<T> {
    pub(super) version: Option<Version>,
    pub(super) content: Arc<[T]>,
}

/// Where the indices of minishards lie, in the order of the minishards.
pub(super) type Page = Cached<Option<Range<u64>>>;
/// Where the values of a minishard lie, sorted by id.
pub(super) type Minishard = Cached<Entry>;

#[derive(Debug, Clone)]
enum Content {
    Page(Page),
    Minishard(Minishard),
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Piece, Content> for Bytes {
    fn weight(&self, _: &Piece, content: &Content) -> u64 {
        let bytes = match content {
            Content::Page(page) => size_of_val(&*page.content),
            Content::Minishard(minishard) => size_of_val(&*minishard.content),
        };
        // A piece without content takes room too.
        bytes as u64 + 128
    }
}

/// The cache of one [`ShardStore`](super::ShardStore).
#[derive(Debug)]
pub(super) struct IndexCache(Cache<Piece, Content, Bytes>);

impl IndexCache {
    pub(super) fn new(bytes: usize) -> Self {
        // The number of items is an estimate only.
        Self(Cache::with_weighter((bytes / 4096).max(16), bytes as u64, Bytes))
    }

    pub(super) fn page(&self, shard: u64, page: u64) -> Option<Page> {
        match self.0.get(&Piece::Page { shard, page })? {
            Content::Page(page) => Some(page),
            Content::Minishard(_) => None,
        }
    }

    pub(super) fn minishard(&self, shard: u64, minishard: u64) -> Option<Minishard> {
        match self.0.get(&Piece::Minishard { shard, minishard })? {
            Content::Minishard(minishard) => Some(minishard),
            Content::Page(_) => None,
        }
    }

    /// Keeps a page, unless the store does not tell versions: then nothing could say when it is
    /// outdated.
    pub(super) fn keep_page(&self, shard: u64, page: u64, content: &Page) {
        if content.version.is_some() {
            self.0.insert(Piece::Page { shard, page }, Content::Page(content.clone()));
        }
    }

    /// As [`keep_page`](Self::keep_page).
    pub(super) fn keep_minishard(&self, shard: u64, minishard: u64, content: &Minishard) {
        if content.version.is_some() {
            let piece = Piece::Minishard { shard, minishard };
            self.0.insert(piece, Content::Minishard(content.clone()));
        }
    }
}
