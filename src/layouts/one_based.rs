//! A volume of BigArrays.jl v0.5, seen with the keys and the `info` of today.
//!
//! `config.json` tells the chunk's shape and type; a chunk's key is `x1:x2_y1:y2_z1:z2`, for
//! volumes with channels `_c1:c2` on top, one-based and inclusive; its value is a Blosc frame of
//! the whole chunk in Fortran order, padded with zeros at edges. Where the volume begins and ends
//! is told by its keys only, and so they are all listed once, when it is opened. The volume is as
//! large as its whole chunks.
//!
//! Values are handed out raw: a frame is decompressed when it is asked for. For reading only.

use std::collections::HashSet;
use std::fmt;
use std::future::ready;
use std::ops::Range;

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, ContentEncoding,
    DeleteOutcome, ErrorKind, Meta, Operation, Precondition, PutOutcome, Value, Version, wait,
};
use bigarrays_core::bytes::Bytes;
use bigarrays_core::codec::{ChunkSpec, Codec, CodecError, codec_for};
use bigarrays_core::geometry::ChunkName;
use bigarrays_core::{
    BoundingBox, DynBackend, Encoding, Error, Key, KeyValueBackend, Prefix, transport,
};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::config::Config;
use super::extent::Extent;
use super::ranges::Ranges;

const CONFIG: &str = "config.json";
const INFO: &str = "info";
/// No `config.json` is longer than this.
const MAX_CONFIG: usize = 1 << 20;

/// A store with the layout of v0.5, seen with that of today.
pub(crate) struct OneBased {
    inner: DynBackend,
    everything: Prefix,
    extent: Extent,
    piece: ChunkSpec,
    codec: Box<dyn Codec>,
    info: Bytes,
    /// Where chunks have their keys.
    directory: Prefix,
}

/// What a store without an `info` is.
pub(crate) enum Found {
    /// It has no `config.json`.
    Nothing,
    /// Its `config.json` is another one: why.
    Other(String),
    /// A volume.
    Volume(Box<OneBased>),
}

impl OneBased {
    /// Looks for a `config.json`, and if there is one, at all keys.
    ///
    /// # Errors
    /// What the store says; [`ErrorKind::Unsupported`] if it cannot list;
    /// [`ErrorKind::InvalidConfig`] if there is no chunk, or one that belongs to no grid;
    /// [`Error::UnsupportedScale`] if this build does not read Blosc frames.
    pub(crate) fn open(inner: DynBackend) -> Result<Found, Error> {
        let key = Key::new(CONFIG)?;
        let Some(blob) = wait(inner.get(&key, ByteRange::Full))? else {
            return Ok(Found::Nothing);
        };
        let config = transport::decompress_document(blob.content_encoding, &blob.bytes, MAX_CONFIG)
            .map_err(|error| error.to_string())
            .and_then(|bytes| Config::parse(&bytes));
        let config = match config {
            Ok(config) => config,
            Err(reason) => return Ok(Found::Other(reason)),
        };
        let extent = wait(look(&inner, config))?;
        Ok(Found::Volume(Box::new(Self::new(inner, extent, key)?)))
    }

    fn new(inner: DynBackend, extent: Extent, config: Key) -> Result<Self, Error> {
        let described = extent.describe().and_then(|info| Ok((info.to_json()?, info)));
        let (document, mut info) = described.map_err(|source| Error::Info {
            backend: inner.to_string(),
            key: config,
            source: Box::new(source),
        })?;
        let mut scale = info.scales.swap_remove(0);
        let directory = Prefix::new(&scale.key)?;
        let unsupported = |what: String| Error::UnsupportedScale { scale: CONFIG.into(), what };
        scale.encoding = Encoding::Blosclz;
        let codec = codec_for(&scale).map_err(|error| unsupported(error.to_string()))?;
        let too_large = || unsupported("its chunks do not fit in memory".into());
        let piece = extent.piece().ok_or_else(too_large)?;
        let everything = Prefix::root();
        Ok(Self { inner, everything, extent, piece, codec, info: document.into(), directory })
    }

    /// The voxels of the chunk that a key names.
    fn voxels(&self, key: &Key) -> Option<BoundingBox> {
        self.extent.named(key.strip(&self.directory)?.as_str())
    }

    /// Bytes of a chunk in all channels.
    fn chunk_len(&self) -> u64 {
        self.extent.channel_chunks().saturating_mul(self.piece.voxel_bytes() as u64)
    }

    fn meta(&self, key: Key, size: u64) -> Meta {
        Meta { key, size, version: None, content_encoding: Some(ContentEncoding::Identity) }
    }

    fn info_meta(&self) -> Option<Meta> {
        Some(self.meta(Key::new(INFO).ok()?, self.info.len() as u64))
    }

    /// The inner store's key of a chunk.
    fn inner_key(&self, op: Operation, name: &Ranges) -> BackendResult<Key> {
        Key::new(name.to_string()).map_err(|error| BackendError::invalid_key(self, op, error))
    }

    /// The raw voxels of a chunk. Of several chunks along the channels some may be missing.
    async fn read(&self, key: &Key, voxels: &BoundingBox) -> BackendResult<Option<Blob>> {
        let mut found = Vec::new();
        let mut is_any = false;
        for name in self.extent.names(voxels) {
            let inner = self.inner_key(Operation::Get, &name)?;
            let blob = self.inner.get(&inner, ByteRange::Full).await;
            let blob = blob.map_err(|error| self.explain(error, key))?;
            is_any |= blob.is_some();
            found.push((inner, blob));
        }
        if !is_any {
            return Ok(None);
        }
        let version = version(&found);
        let mut raw = Vec::new();
        if raw.try_reserve_exact(usize::try_from(self.chunk_len()).unwrap_or(usize::MAX)).is_err() {
            let error = BackendError::new(ErrorKind::Other, self, Operation::Get).with_key(key);
            return Err(error.with_note("there is no memory for the chunk"));
        }
        for (inner, blob) in found {
            match blob {
                Some(blob) => self.unpack(&blob, &mut raw).map_err(|source| {
                    BackendError::new(ErrorKind::Corrupt, self, Operation::Get)
                        .with_key(&inner)
                        .with_source(source)
                })?,
                None => raw.resize(raw.len() + self.piece.voxel_bytes(), 0),
            }
        }
        Ok(Some(Blob { bytes: raw.into(), version, content_encoding: ContentEncoding::Identity }))
    }

    /// Adds the content of a frame.
    fn unpack(&self, blob: &Blob, raw: &mut Vec<u8>) -> Result<(), CodecError> {
        let (mut scratch, mut decoded) = (Vec::new(), Vec::new());
        let limit = self.codec.max_len(&self.piece);
        let encoding = blob.content_encoding;
        let frame = transport::decompress(encoding, &blob.bytes, None, limit, &mut scratch)?;
        raw.extend_from_slice(self.codec.decode(frame, &self.piece, &mut decoded)?);
        Ok(())
    }

    /// The inner store's error in the caller's words.
    fn explain(&self, cause: BackendError, key: &Key) -> BackendError {
        let error = BackendError::new(cause.kind(), self, cause.op()).with_key(key);
        let error = match cause.retry_after() {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
        error.with_source(cause)
    }

    fn refuse(&self, op: Operation, key: &Key) -> BackendError {
        BackendError::new(ErrorKind::ReadOnly, self, op)
            .with_key(key)
            .with_note("this layout of BigArrays.jl v0.5 is only read; copy it to a new volume")
    }

    /// What is listed for a key of the inner store. Of the chunks along the channels only one
    /// is named.
    fn outward(&self, inner: &Key, seen: &mut HashSet<BoundingBox>) -> Option<Meta> {
        let voxels = self.extent.voxels(&Ranges::parse(inner.as_str())?)?;
        if self.extent.channel_chunks() > 1 && !seen.insert(voxels) {
            return None;
        }
        let key = Key::new(format!("{}{}", self.directory, ChunkName(voxels))).ok()?;
        Some(self.meta(key, self.chunk_len()))
    }
}

/// Learns from all keys where the volume lies.
async fn look(inner: &DynBackend, config: Config) -> BackendResult<Extent> {
    let wrong = |kind| BackendError::new(kind, inner, Operation::Open);
    if !inner.capabilities().listable {
        return Err(wrong(ErrorKind::Unsupported).with_note(
            "where a volume of BigArrays.jl v0.5 ends is told by its keys, and this store does not list",
        ));
    }
    let mut extent = Extent::new(config);
    let everything = Prefix::root();
    let mut metas = inner.list(&everything);
    while let Some(meta) = metas.try_next().await? {
        let Some(ranges) = Ranges::parse(meta.key.as_str()) else { continue };
        extent
            .include(&ranges)
            .map_err(|why| wrong(ErrorKind::InvalidConfig).with_key(&meta.key).with_note(why))?;
    }
    if extent.is_empty() {
        return Err(wrong(ErrorKind::InvalidConfig).with_note(
            "its config.json is that of BigArrays.jl v0.5, but there is no chunk to tell its size",
        ));
    }
    Ok(extent)
}

/// The state of a chunk that is made of several values.
fn version(found: &[(Key, Option<Blob>)]) -> Option<Version> {
    if let [(_, Some(blob))] = found {
        return blob.version.clone();
    }
    let mut bytes = Vec::new();
    for (_, blob) in found {
        match blob {
            None => bytes.push(0),
            Some(blob) => {
                let version = blob.version.as_ref()?.as_bytes();
                bytes.extend([1, u8::try_from(version.len()).ok()?]);
                bytes.extend(version);
            }
        }
    }
    Some(Version::new(&bytes))
}

#[async_trait]
impl KeyValueBackend for OneBased {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            writable: false,
            conditional_put: ConditionalPut::Unsupported,
            conditional_delete: false,
            range_reads: false,
            ..self.inner.capabilities()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        if key.as_str() == INFO {
            return Ok(self.info_meta());
        }
        let Some(voxels) = self.voxels(key) else { return Ok(None) };
        for name in self.extent.names(&voxels) {
            let inner = self.inner_key(Operation::Head, &name)?;
            let meta = self.inner.head(&inner).await;
            if meta.map_err(|error| self.explain(error, key))?.is_some() {
                return Ok(Some(self.meta(key.clone(), self.chunk_len())));
            }
        }
        Ok(None)
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let whole = if key.as_str() == INFO {
            let content_encoding = ContentEncoding::Identity;
            Some(Blob { bytes: self.info.clone(), version: None, content_encoding })
        } else {
            match self.voxels(key) {
                Some(voxels) => self.read(key, &voxels).await?,
                None => None,
            }
        };
        Ok(whole.map(|blob| Blob { bytes: range.slice(&blob.bytes), ..blob }))
    }

    async fn put(&self, key: &Key, _: Value, _: Precondition) -> BackendResult<PutOutcome> {
        Err(self.refuse(Operation::Put, key))
    }

    async fn delete(&self, key: &Key, _: Precondition) -> BackendResult<DeleteOutcome> {
        Err(self.refuse(Operation::Delete, key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let mut seen = HashSet::new();
        let chunks = self.inner.list(&self.everything).filter_map(move |item| {
            let item = match item {
                Ok(meta) => self.outward(&meta.key, &mut seen).map(Ok),
                Err(cause) => {
                    let error = BackendError::new(cause.kind(), self, cause.op());
                    Some(Err(error.with_prefix(prefix).with_source(cause)))
                }
            };
            ready(item)
        });
        let is_wanted = |item: &BackendResult<Meta>| {
            ready(!item.as_ref().is_ok_and(|meta| !prefix.contains(&meta.key)))
        };
        stream::iter(self.info_meta().map(Ok)).chain(chunks).filter(is_wanted).boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        // One frame has all of them.
        let whole = self.get(key, ByteRange::Full).await?;
        Ok(whole.map(|blob| {
            let part = |range: &Range<u64>| ByteRange::Bounded(range.clone()).slice(&blob.bytes);
            ranges.iter().map(part).collect()
        }))
    }
}

impl fmt::Display for OneBased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (BigArrays.jl v0.5)", self.inner)
    }
}

impl fmt::Debug for OneBased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneBased").field("inner", &self.inner).finish_non_exhaustive()
    }
}
