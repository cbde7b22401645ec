//! Opening and creating volumes, and every option.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bigarrays_info::{InfoError, VolumeInfo};

use super::big_array::{BigArray, Inner};
use super::chunk_cache::{ArrayCache, ChunkCache, Identity};
use super::drive::Driver;
use super::options::{
    DEFAULT_MEMORY, MemoryOrder, OnMissing, Options, OutOfBounds, ScaleSelector, Unaligned,
};
use crate::backend::{
    ByteRange, ConditionalPut, KeyValueBackend, Precondition, PutOutcome, Value, Version, wait,
};
use crate::chunk_store::ChunkStore;
use crate::element::Number;
use crate::error::{Error, Result};
use crate::key::{Key, Prefix};
use crate::shard::DEFAULT_INDEX_CACHE;
use crate::transport::{self, Transport};

/// No description of a volume is longer than this when decompressed.
const MAX_INFO_LEN: usize = 64 << 20;

/// Options for opening or creating a volume; made by [`BigArray::builder`].
#[derive(Debug)]
pub struct BigArrayBuilder<B> {
    pub(super) backend: Arc<B>,
    pub(super) root: Prefix,
    pub(super) options: Options,
}

impl<B: KeyValueBackend> BigArrayBuilder<B> {
    pub(super) fn new(backend: Arc<B>) -> Self {
        Self { backend, root: Prefix::root(), options: Options::default() }
    }

    /// Where in the store the volume's `info` lies. Default: at its root.
    #[must_use]
    pub fn root(mut self, root: Prefix) -> Self {
        self.root = root;
        self
    }

    /// Opens the volume even if its description says that it has moved: for one that says it has
    /// moved to where it is. Default: [`Error::Redirect`].
    #[must_use]
    pub const fn ignore_redirect(mut self) -> Self {
        self.options.ignore_redirect = true;
        self
    }

    /// Which scale: an index, a key, or a resolution in nanometres. Default: index 0.
    #[must_use]
    pub fn scale(mut self, scale: impl Into<ScaleSelector>) -> Self {
        self.options.scale = scale.into();
        self
    }

    /// What a missing chunk means to a read. Default: the fill value.
    #[must_use]
    pub const fn on_missing(mut self, on_missing: OnMissing) -> Self {
        self.options.on_missing = on_missing;
        self
    }

    /// The value of voxels that are not stored. Default: 0.
    #[must_use]
    pub const fn fill(mut self, fill: Number) -> Self {
        self.options.fill = fill;
        self
    }

    /// What the part of a box outside the volume means. Default: reads have the fill value there,
    /// writes are refused.
    #[must_use]
    pub const fn bounds(mut self, bounds: OutOfBounds) -> Self {
        self.options.bounds = bounds;
        self
    }

    /// What becomes of writes that are not aligned to chunks. Default: they are refused.
    #[must_use]
    pub const fn unaligned(mut self, unaligned: Unaligned) -> Self {
        self.options.unaligned = unaligned;
        self
    }

    /// The memory order of arrays that a read makes. Default: Fortran, x fastest.
    #[must_use]
    pub const fn order(mut self, order: MemoryOrder) -> Self {
        self.options.order = order;
        self
    }

    /// How chunks are compressed when written. Default: not at all. In a sharded volume its own
    /// encoding decides whether, and this only at which level of gzip.
    #[must_use]
    pub const fn transport(mut self, transport: Transport) -> Self {
        self.options.transport = transport;
        self
    }

    /// How many threads one call may work on, the calling one included. Default: one per core.
    #[must_use]
    pub const fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.options.threads = Some(threads);
        self
    }

    /// Bytes of encoded and decoded chunks that one call may have in memory beside its result.
    /// At least one chunk is always worked on. Default: [`DEFAULT_MEMORY`].
    #[must_use]
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.options.memory = Some(bytes);
        self
    }

    /// Bytes of decoded shard indices that the array keeps from one call to the next. Default:
    /// [`DEFAULT_INDEX_CACHE`].
    #[must_use]
    pub const fn index_cache(mut self, bytes: usize) -> Self {
        self.options.index_cache = Some(bytes);
        self
    }

    /// Keeps decoded chunks in `cache`, which other arrays may share. Default: none are kept.
    #[must_use]
    pub fn chunk_cache(mut self, cache: ChunkCache) -> Self {
        self.options.chunk_cache = Some(cache);
        self
    }

    /// Names the store to the chunk cache: arrays that share a cache and say the same name share
    /// the chunks of the same scale. Default: an array shares with those made of it and of its
    /// builder only, for two stores may have one `Display`.
    #[must_use]
    pub fn cache_identity(mut self, name: impl Into<Arc<str>>) -> Self {
        self.options.identity = Identity::Named(name.into());
        self
    }

    /// Opens the volume.
    ///
    /// # Errors
    /// As [`info`](Self::info) if there is none or its description cannot be used;
    /// [`Error::NoSuchScale`], [`Error::UnsupportedScale`], [`Error::ScaleOutsideStore`],
    /// [`Error::FillValue`] for options that do not fit it.
    pub fn open(self) -> Result<BigArray<B>> {
        let (info, version) = self.read_info()?;
        self.open_info(info, version)
    }

    /// The description of the volume, also of one whose chunks this build cannot read.
    ///
    /// # Errors
    /// [`Error::NoInfo`] if there is none; [`Error::Info`] with all its problems, or
    /// [`Error::Redirect`] if the volume has moved; [`Error::Backend`] if the store failed.
    pub fn info(&self) -> Result<VolumeInfo> {
        Ok(self.read_info()?.0)
    }

    fn read_info(&self) -> Result<(VolumeInfo, Option<Version>)> {
        let key = self.info_key()?;
        let Some(blob) = wait(self.backend.get(&key, ByteRange::Full))? else {
            return Err(Error::NoInfo { backend: self.backend.to_string(), key });
        };
        let encoding = blob.content_encoding;
        let bytes = transport::decompress_document(encoding, &blob.bytes, MAX_INFO_LEN)
            .map_err(|source| self.info_bytes_error(&key, source))?;
        let parsed = if self.options.ignore_redirect {
            VolumeInfo::parse_here(&bytes)
        } else {
            VolumeInfo::parse(&bytes)
        };
        let parsed = parsed.map_err(|source| self.info_error(&key, source))?;
        for warning in &parsed.warnings {
            tracing::warn!(store = %self.backend, "info: {warning}");
        }
        Ok((parsed.info, blob.version))
    }

    /// Creates a volume in a store that has none, and opens it. Two who create at once: one wins,
    /// where the store can tell.
    ///
    /// # Errors
    /// [`Error::Info`] if the description is not one that may be written, with all problems;
    /// [`Error::AlreadyExists`]; [`Error::Backend`]; and what [`open`](Self::open) says of options
    /// that do not fit.
    pub fn create(self, info: VolumeInfo) -> Result<BigArray<B>> {
        let bytes = self.encode_info(&info)?;
        let key = self.info_key()?;
        let exists = || Error::AlreadyExists { backend: self.backend.to_string() };
        let when = match self.backend.capabilities().conditional_put {
            ConditionalPut::Unsupported => {
                if wait(self.backend.head(&key))?.is_some() {
                    return Err(exists());
                }
                Precondition::Always
            }
            ConditionalPut::CreateOnly | ConditionalPut::CompareAndSwap => Precondition::IfAbsent,
        };
        // What cannot be opened must not be created either.
        self.duplicate().open_info(info.clone(), None)?;
        match wait(self.backend.put(&key, Value::plain(bytes), when))? {
            PutOutcome::Written { version } => self.open_info(info, version),
            PutOutcome::Conflict => Err(exists()),
        }
    }

    fn duplicate(&self) -> Self {
        let Self { backend, root, options } = self;
        Self { backend: Arc::clone(backend), root: root.clone(), options: options.clone() }
    }

    /// Opens the volume that `info` describes, without reading its description.
    pub(super) fn open_info(
        self,
        info: VolumeInfo,
        info_version: Option<Version>,
    ) -> Result<BigArray<B>> {
        let Self { backend, root, options } = self;
        let scale_index = find_scale(&info, &options.scale)?;
        let fill = options.fill.to_voxel(info.data_type).ok_or(Error::FillValue {
            value: options.fill.to_string(),
            data_type: info.data_type,
        })?;
        let scale = &info.scales[scale_index];
        let (data_type, channels, transport) =
            (info.data_type, info.num_channels, options.transport);
        let store = ChunkStore::new(backend, &root, scale, data_type, channels, transport)?;
        let index_cache = options.index_cache.unwrap_or(DEFAULT_INDEX_CACHE);
        let store = store.with_index_cache(index_cache);
        let cache = options.chunk_cache.clone().map(|cache| {
            ArrayCache::new(cache, options.identity.clone(), store.directory(), &info, scale_index)
        });
        let driver = Driver::new(options.threads, options.memory.unwrap_or(DEFAULT_MEMORY));
        let inner =
            Inner { store, root, info, info_version, scale_index, fill, options, driver, cache };
        Ok(BigArray::new(inner))
    }

    pub(super) fn info_key(&self) -> Result<Key> {
        Ok(Key::new(format!("{}info", self.root))?)
    }

    /// The description as strict JSON.
    pub(super) fn encode_info(&self, info: &VolumeInfo) -> Result<Vec<u8>> {
        let key = self.info_key()?;
        info.to_json().map_err(|source| self.info_error(&key, source))
    }

    fn info_error(&self, key: &Key, source: InfoError) -> Error {
        let backend = self.backend.to_string();
        match source {
            InfoError::Redirect { to } => Error::Redirect { backend, to },
            source => Error::Info { backend, key: key.clone(), source: Box::new(source) },
        }
    }

    fn info_bytes_error(&self, key: &Key, source: crate::codec::CodecError) -> Error {
        Error::InfoBytes { backend: self.backend.to_string(), key: key.clone(), source }
    }
}

fn find_scale(info: &VolumeInfo, wanted: &ScaleSelector) -> Result<usize> {
    let found = match wanted {
        ScaleSelector::Index(index) => (*index < info.scales.len()).then_some(*index),
        ScaleSelector::Key(key) => info.scale_index_by_key(key),
        ScaleSelector::Resolution(resolution) => info.scale_index_by_resolution(resolution),
    };
    found.ok_or_else(|| Error::NoSuchScale {
        wanted: wanted.to_string(),
        available: describe_scales(info),
    })
}

fn describe_scales(info: &VolumeInfo) -> String {
    let scales = info.scales.iter().enumerate();
    let scales: Vec<_> = scales
        .map(|(index, scale)| {
            let [x, y, z] = scale.resolution;
            format!("{index} ({:?}, {x} × {y} × {z} nm)", scale.key)
        })
        .collect();
    scales.join(", ")
}
