//! A directory of shard files as a store of values by id.

use bigarrays_info::Sharding;
use futures::stream::TryStreamExt;

use super::cache::IndexCache;
use super::error::ShardError;
use super::file::{self, content_encoding};
use super::format::Entry;
use super::place::{Place, file_name, parse_file_name};
use crate::backend::{Blob, ByteRange, KeyValueBackend, wait};
use crate::error::{Error, Result};
use crate::key::{Key, Prefix};

/// Bytes of decoded indices that a store of shards keeps: 64 MiB.
pub const DEFAULT_INDEX_CACHE: usize = 64 << 20;

/// A shard of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardMeta {
    /// Its number.
    pub shard: u64,
    /// Its key.
    pub key: Key,
    /// Its bytes.
    pub size: u64,
}

/// Values by 64-bit id, packed into shard files in a directory of a store.
///
/// Reading a value takes a read of a piece of the shard's index, one of its minishard's index and
/// one of the value itself. The indices are kept, bounded in bytes, and every read is checked
/// against the file's version, so a kept index never leads to wrong bytes after somebody replaced
/// the file. In a store that tells no versions nothing is kept.
///
/// ```
/// use bigarrays_core::shard::ShardStore;
/// use bigarrays_core::{Prefix, memory::MemoryBackend};
/// use bigarrays_info::{ShardEncoding, ShardHash, Sharding};
///
/// let sharding = Sharding {
///     preshift_bits: 0,
///     hash: ShardHash::Murmurhash3X86_128,
///     minishard_bits: 2,
///     shard_bits: 1,
///     minishard_index_encoding: ShardEncoding::Gzip,
///     data_encoding: ShardEncoding::Raw,
/// };
/// let store = ShardStore::new(MemoryBackend::new(), Prefix::new("mesh")?, sharding);
/// store.update([(17, Some(b"a mesh".to_vec())), (99, Some(b"another".to_vec()))])?;
/// assert_eq!(store.get(17)?.unwrap().bytes, b"a mesh".as_slice());
/// assert!(store.get(18)?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ShardStore<B> {
    pub(super) backend: B,
    directory: Prefix,
    pub(super) sharding: Sharding,
    pub(super) cache: IndexCache,
}

impl<B: KeyValueBackend> ShardStore<B> {
    /// The shards in a directory, keeping up to [`DEFAULT_INDEX_CACHE`] bytes of their indices.
    #[must_use]
    pub fn new(backend: B, directory: Prefix, sharding: Sharding) -> Self {
        let cache = IndexCache::new(DEFAULT_INDEX_CACHE);
        Self { backend, directory, sharding, cache }
    }

    /// The same, keeping up to `bytes` bytes of indices.
    #[must_use]
    pub fn with_index_cache(mut self, bytes: usize) -> Self {
        self.cache = IndexCache::new(bytes);
        self
    }

    /// How ids are laid out.
    #[must_use]
    pub const fn sharding(&self) -> &Sharding {
        &self.sharding
    }

    /// The store that the files are in.
    #[must_use]
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// The key of a shard's file.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] if the directory leaves no room for the name.
    pub fn key(&self, shard: u64) -> Result<Key> {
        Ok(Key::new(format!("{}{}", self.directory, file_name(shard, &self.sharding)))?)
    }

    /// The stored value of an id, compressed as its
    /// [`content_encoding`](Blob::content_encoding) says, or `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Backend`]; [`Error::BadShard`] if its file is damaged.
    pub fn get(&self, id: u64) -> Result<Option<Blob>> {
        wait(self.read(id))
    }

    /// All shards, in no promised order.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub fn list(&self) -> Result<Vec<ShardMeta>> {
        let shards = self.backend.list(&self.directory).try_filter_map(|meta| {
            let name = meta.key.strip(&self.directory);
            let shard = name.and_then(|name| parse_file_name(name.as_str(), &self.sharding));
            let (key, size) = (meta.key, meta.size);
            std::future::ready(Ok(shard.map(|shard| ShardMeta { shard, key, size })))
        });
        Ok(wait(shards.try_collect())?)
    }

    /// The ids of a shard and where their values lie, minishard by minishard, or `None` if there
    /// is no such shard. Reads the whole file.
    ///
    /// # Errors
    /// [`Error::Backend`]; [`Error::BadShard`] if the file is damaged.
    pub fn entries(&self, shard: u64) -> Result<Option<Vec<Entry>>> {
        let key = self.key(shard)?;
        let Some(blob) = wait(self.backend.get(&key, ByteRange::Full))? else { return Ok(None) };
        self.parse(&key, shard, &blob).map(Some)
    }

    /// The place of an id.
    #[must_use]
    pub fn place(&self, id: u64) -> Place {
        Place::of(id, &self.sharding)
    }

    /// A value of a shard as a store's answer.
    pub(crate) fn blob(
        &self,
        bytes: bytes::Bytes,
        version: Option<crate::backend::Version>,
    ) -> Blob {
        Blob { bytes, version, content_encoding: content_encoding(self.sharding.data_encoding) }
    }

    pub(super) fn parse(&self, key: &Key, shard: u64, blob: &Blob) -> Result<Vec<Entry>> {
        self.require_plain(key, blob)?;
        file::parse(&blob.bytes, shard, &self.sharding).map_err(|source| bad(key, source))
    }

    /// A file that its store compressed has no byte ranges.
    pub(super) fn require_plain(&self, key: &Key, blob: &Blob) -> Result<()> {
        match blob.content_encoding {
            crate::backend::ContentEncoding::Identity => Ok(()),
            encoding => {
                let what =
                    format!("it is stored with the compression {encoding}, which a shard never is");
                Err(bad(key, ShardError::corrupt(what)))
            }
        }
    }
}

pub(super) fn bad(key: &Key, source: ShardError) -> Error {
    Error::BadShard { key: key.clone(), source: Box::new(source) }
}
