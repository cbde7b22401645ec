//! The chunks of one scale, whatever way they are stored.
//!
//! The array engine asks here for a chunk by its place in the grid; keys, transport compression
//! and the scale's directory are this room's business.

mod shards;

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use bigarrays_info::{DataType, Encoding, Scale, ShardEncoding};
use bytes::Bytes;

use crate::backend::{
    BackendResult, Blob, ByteRange, ContentEncoding, IoModel, KeyValueBackend, Meta, Precondition,
    Put, PutOutcome, Value,
};
use crate::codec::{ChunkSpec, Codec, CodecError, Decoded, Window, codec_for};
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkGrid, ChunkName, ChunkPart};
use crate::key::{Key, Prefix};
use crate::shard::{GZIP_LEVEL, content_encoding};
use crate::transport::{self, Transport};

pub(crate) use shards::VolumeShards;

/// Bytes of a chunk of which a part is not worth a read of its own.
const LEAST_CUT: usize = 16 << 10;

/// Bytes of a chunk's name, if its places have no more than nine digits.
const USUAL_NAME: usize = 64;

/// Buffers that a thread keeps from one chunk to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    decompressed: Vec<u8>,
    decoded: Vec<u8>,
}

/// A chunk as it was found.
#[derive(Debug)]
pub(crate) struct Fetched<'a> {
    pub(crate) part: &'a ChunkPart,
    /// The key of the chunk, or of its shard.
    pub(crate) key: &'a Key,
    pub(crate) found: Found,
}

/// What was found of a chunk.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is not stored.
    Absent,
    /// Its bytes as they are stored.
    Stored(Blob),
    /// All its voxels, as [`ChunkStore::decode`] gives them.
    Decoded(Bytes),
    /// Its voxels from the first of the part to the last.
    Span(Bytes),
}

impl From<Option<Blob>> for Found {
    fn from(blob: Option<Blob>) -> Self {
        blob.map_or(Self::Absent, Self::Stored)
    }
}

/// The chunks of one scale in a store.
#[derive(Debug)]
pub(crate) struct ChunkStore<B> {
    backend: B,
    directory: Prefix,
    grid: ChunkGrid,
    data_type: DataType,
    channels: usize,
    encoding: Encoding,
    codec: Box<dyn Codec>,
    transport: Transport,
    shards: Option<VolumeShards<B>>,
    /// Whether a part of a stored chunk is worth a read of its own.
    reads_spans: bool,
    /// Whether a chunk was met that is compressed as a whole, and cannot be read in part.
    is_compressed: AtomicBool,
}

impl<B: KeyValueBackend + Clone> ChunkStore<B> {
    /// The chunks of `scale` of a volume whose `info` lies at `root`.
    pub(crate) fn new(
        backend: B,
        root: &Prefix,
        scale: &Scale,
        data_type: DataType,
        num_channels: u64,
        transport: Transport,
    ) -> Result<Self> {
        let unsupported = |what: String| Error::UnsupportedScale { scale: scale.key.clone(), what };
        let codec = codec_for(scale).map_err(|source| Error::UnsupportedScale {
            scale: scale.key.clone(),
            what: source.to_string(),
        })?;
        let grid = ChunkGrid::new(scale.voxel_offset, scale.size, scale.chunk_size())
            .map_err(|invalid| unsupported(format!("{invalid}")))?;
        let channels = usize::try_from(num_channels)
            .map_err(|_| unsupported(format!("{num_channels} channels do not fit in memory")))?;
        let directory = resolve(root, &scale.key)?;
        let shards = scale.sharding.map(|sharding| {
            VolumeShards::new(backend.clone(), directory.clone(), grid, sharding)
                .ok_or_else(|| unsupported("the ids of its chunks do not fit in 64 bits".into()))
        });
        let shards = shards.transpose()?;
        let transport = match scale.sharding {
            Some(sharding) => shard_transport(sharding.data_encoding, transport),
            None => transport,
        };
        let can = backend.capabilities();
        let reads_spans = codec.is_plain()
            && channels == 1
            && shards.is_none()
            && can.io == IoModel::Blocking
            && can.range_reads
            && !can.prefers_whole;
        let store = Self {
            backend,
            directory,
            grid,
            data_type,
            channels,
            encoding: scale.encoding,
            codec,
            transport,
            shards,
            reads_spans,
            is_compressed: AtomicBool::new(false),
        };
        // Every chunk is as large as the first or smaller: if its bytes can be counted, all can.
        let largest = store.grid.chunk_box([0; 3]);
        let bytes = largest.voxels().saturating_mul(num_channels.into());
        let bytes = bytes.saturating_mul(data_type.size() as u128);
        if isize::try_from(bytes).is_err() {
            return Err(unsupported(format!(
                "its chunks have {bytes} bytes, which do not fit in memory"
            )));
        }
        Ok(store)
    }

    /// The same, keeping up to `bytes` bytes of shard indices.
    pub(crate) fn with_index_cache(mut self, bytes: usize) -> Self {
        self.shards = self.shards.map(|shards| shards.with_index_cache(bytes));
        self
    }

    pub(crate) const fn backend(&self) -> &B {
        &self.backend
    }

    pub(crate) const fn grid(&self) -> &ChunkGrid {
        &self.grid
    }

    pub(crate) const fn directory(&self) -> &Prefix {
        &self.directory
    }

    pub(crate) const fn data_type(&self) -> DataType {
        self.data_type
    }

    pub(crate) const fn channels(&self) -> usize {
        self.channels
    }

    /// Bytes of the largest chunk, decoded.
    pub(crate) fn largest_chunk_bytes(&self) -> usize {
        self.spec(&self.grid.chunk_box([0; 3])).voxel_bytes()
    }

    /// The shards that the chunks are in, if they are in shards.
    pub(crate) const fn shards(&self) -> Option<&VolumeShards<B>> {
        self.shards.as_ref()
    }

    /// The key of a chunk, or of the shard that it is in.
    pub(crate) fn key(&self, part: &ChunkPart) -> Result<Key> {
        match &self.shards {
            Some(shards) => shards.store.key(shards.shard(part.cell)),
            None => {
                // Made at once: a longer name would grow it, and cost another allocation a chunk.
                let mut name = String::with_capacity(self.directory.as_str().len() + USUAL_NAME);
                // Writing to a string cannot fail.
                let _ = write!(name, "{}{}", self.directory, ChunkName(part.chunk));
                Ok(Key::new(name)?)
            }
        }
    }

    /// What the codec is told about the chunk with these voxels.
    pub(crate) fn spec(&self, chunk: &BoundingBox) -> ChunkSpec {
        let [x, y, z] = shape_in_memory(chunk);
        ChunkSpec { data_type: self.data_type, shape: [x, y, z, self.channels] }
    }

    /// The most bytes that a stored chunk with these voxels has, compressed or not.
    pub(crate) fn longest_chunk(&self, chunk: &BoundingBox) -> u64 {
        let longest = self.codec.max_len(&self.spec(chunk)) as u64;
        // What cannot be compressed gets a little longer by it.
        longest.saturating_add(longest / 8).saturating_add(1 << 16)
    }

    /// What is wrong with the length of a stored value as that of a chunk, as far as a length
    /// tells it.
    pub(crate) fn length_fault(
        &self,
        chunk: &BoundingBox,
        encoding: ContentEncoding,
        size: u64,
    ) -> Option<String> {
        let name = self.encoding;
        if size == 0 {
            return Some("it is empty, and reads as a missing chunk".into());
        }
        let is_plain = encoding == ContentEncoding::Identity;
        match self.codec.exact_len(&self.spec(chunk)) {
            Some(exact) if is_plain && size != exact as u64 => {
                Some(format!("it has {size} bytes, and such a {name} chunk has {exact}"))
            }
            _ if size > self.longest_chunk(chunk) => {
                let longest = self.longest_chunk(chunk);
                Some(format!("it has more than {longest} bytes, as no such {name} chunk has"))
            }
            _ => None,
        }
    }

    /// The stored bytes of a chunk.
    pub(crate) async fn fetch(&self, key: &Key) -> BackendResult<Option<Blob>> {
        let blob = self.backend.get(key, ByteRange::Full).await?;
        // CloudVolume takes an empty file for a missing chunk; no encoding has empty chunks.
        Ok(blob.filter(|blob| !blob.bytes.is_empty()))
    }

    /// The same, or no more of it than holds the voxels of `part`.
    pub(crate) async fn fetch_part(&self, key: &Key, part: &ChunkPart) -> BackendResult<Found> {
        let Some(span) = self.span(part) else { return Ok(self.fetch(key).await?.into()) };
        let len = span.end - span.start;
        let Some(blob) = self.backend.get(key, ByteRange::Bounded(span)).await? else {
            return Ok(Found::Absent);
        };
        let is_plain = blob.content_encoding == ContentEncoding::Identity;
        if is_plain && blob.bytes.len() as u64 == len {
            return Ok(Found::Span(blob.bytes));
        }
        // Compressed, or no such chunk, which its whole tells.
        self.is_compressed.fetch_or(!is_plain, Ordering::Relaxed);
        Ok(self.fetch(key).await?.into())
    }

    /// Whether voxels are copied from where they lie in a stored chunk, as far as is known.
    pub(crate) fn copies_spans(&self) -> bool {
        self.reads_spans && !self.is_compressed.load(Ordering::Relaxed)
    }

    /// Where the voxels of a part lie in a stored chunk, from the first to the last, if that is
    /// much less than the chunk.
    fn span(&self, part: &ChunkPart) -> Option<Range<u64>> {
        if !self.copies_spans() {
            return None;
        }
        let spec = self.spec(&part.chunk);
        // A part has voxels, and they are among those of a chunk that fits in memory.
        let (places, item) = (window(part).places(&spec), self.data_type.size());
        let (chunk, wanted) = (spec.voxel_bytes(), places.len() * item);
        let is_worth_it = chunk >= LEAST_CUT && wanted <= chunk / 2;
        is_worth_it.then(|| (places.start * item) as u64..(places.end * item) as u64)
    }

    pub(crate) async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        Ok(self.backend.head(key).await?.filter(|meta| meta.size > 0))
    }

    /// The voxels of a stored chunk: little-endian, Fortran order.
    pub(crate) fn decode<'a>(
        &self,
        key: &Key,
        chunk: &BoundingBox,
        blob: &'a Blob,
        scratch: &'a mut Scratch,
    ) -> Result<&'a [u8]> {
        let spec = self.spec(chunk);
        self.decode_bytes(&spec, blob, scratch).map_err(|source| self.bad_chunk(key, chunk, source))
    }

    /// Whether [`decode_rows`](Self::decode_rows) is a way.
    pub(crate) fn decodes_rows(&self) -> bool {
        self.codec.row_decoder().is_some()
    }

    /// The voxels of `part`, which is inside the chunk, to its rows where they are wanted.
    pub(crate) fn decode_rows(
        &self,
        key: &Key,
        part: &ChunkPart,
        blob: &Blob,
        scratch: &mut Scratch,
        rows: &mut [&mut [u8]],
    ) -> Result<()> {
        let spec = self.spec(&part.chunk);
        let encoded = self.decompress(&spec, blob, &mut scratch.decompressed);
        let decoded = encoded.and_then(|encoded| match self.codec.row_decoder() {
            Some(decoder) => decoder.decode_rows(encoded, &spec, &window(part), rows),
            None => Err(CodecError::Unsupported { what: "decoding to rows".into() }),
        });
        decoded.map_err(|source| self.bad_chunk(key, &part.chunk, source))
    }

    /// At least the voxels of `part`, which is inside the chunk.
    pub(crate) fn decode_part<'a>(
        &self,
        key: &Key,
        part: &ChunkPart,
        blob: &'a Blob,
        scratch: &'a mut Scratch,
    ) -> Result<Decoded<'a>> {
        let spec = self.spec(&part.chunk);
        let bad = |source| self.bad_chunk(key, &part.chunk, source);
        let window = window(part);
        if self.codec.is_plain() && self.channels == 1 {
            let needed = window.places(&spec).end * self.data_type.size();
            let lengths = (needed, spec.voxel_bytes());
            let head = &mut scratch.decompressed;
            if transport::decompress_head(blob.content_encoding, &blob.bytes, lengths, head) {
                let voxels = &scratch.decompressed[..needed];
                return Ok(Decoded { voxels, shape: spec.shape, start: window.start });
            }
        }
        let encoded = self.decompress(&spec, blob, &mut scratch.decompressed).map_err(bad)?;
        self.codec.decode_window(encoded, &spec, &window, &mut scratch.decoded).map_err(bad)
    }

    fn decode_bytes<'a>(
        &self,
        spec: &ChunkSpec,
        blob: &'a Blob,
        scratch: &'a mut Scratch,
    ) -> Result<&'a [u8], CodecError> {
        let encoded = self.decompress(spec, blob, &mut scratch.decompressed)?;
        self.codec.decode(encoded, spec, &mut scratch.decoded)
    }

    fn decompress<'a>(
        &self,
        spec: &ChunkSpec,
        blob: &'a Blob,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], CodecError> {
        transport::decompress(
            blob.content_encoding,
            &blob.bytes,
            self.codec.exact_len(spec),
            self.codec.max_len(spec),
            scratch,
        )
    }

    /// The bytes to store for a chunk of voxels.
    pub(crate) fn encode(&self, key: &Key, chunk: &BoundingBox, voxels: Vec<u8>) -> Result<Value> {
        let encoded = self.codec.encode(voxels, &self.spec(chunk));
        self.pack(key, chunk, encoded.map_err(|source| self.bad_chunk(key, chunk, source))?)
    }

    /// The bytes to store for an encoded chunk.
    pub(crate) fn pack(&self, key: &Key, chunk: &BoundingBox, encoded: Vec<u8>) -> Result<Value> {
        self.transport.compress(encoded).map_err(|source| self.bad_chunk(key, chunk, source))
    }

    /// The encoded bytes of a stored chunk: the counterpart of [`pack`](Self::pack).
    pub(crate) fn unpack(
        &self,
        key: &Key,
        chunk: &BoundingBox,
        blob: &Blob,
        scratch: &mut Scratch,
    ) -> Result<Vec<u8>> {
        let encoded = self.decompress(&self.spec(chunk), blob, &mut scratch.decompressed);
        encoded.map(<[u8]>::to_vec).map_err(|source| self.bad_chunk(key, chunk, source))
    }

    pub(crate) async fn store(
        &self,
        key: &Key,
        value: Value,
        when: Precondition,
    ) -> BackendResult<PutOutcome> {
        self.backend.put(key, value, when).await
    }

    pub(crate) async fn store_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        self.backend.put_batch(puts).await
    }

    fn bad_chunk(&self, key: &Key, chunk: &BoundingBox, source: CodecError) -> Error {
        Error::BadChunk { key: key.clone(), chunk: *chunk, encoding: self.encoding, source }
    }
}

/// The shape of a chunk, which is known to fit in memory.
pub(crate) fn shape_in_memory(bbox: &BoundingBox) -> [usize; 3] {
    bbox.shape().map(|axis| usize::try_from(axis).unwrap_or(usize::MAX))
}

/// How values of a shard are compressed: its encoding decides whether, the array how much.
const fn shard_transport(encoding: ShardEncoding, wanted: Transport) -> Transport {
    match (content_encoding(encoding), wanted) {
        (ContentEncoding::Gzip, Transport::Gzip(level)) => Transport::Gzip(level),
        (ContentEncoding::Gzip, _) => Transport::Gzip(GZIP_LEVEL),
        _ => Transport::None,
    }
}

/// Where a part lies in its chunk, which is in memory.
fn window(part: &ChunkPart) -> Window {
    let place = |corner: &[i64; 3], axis: usize| {
        usize::try_from(corner[axis].abs_diff(part.chunk.min[axis])).unwrap_or(usize::MAX)
    };
    Window {
        start: std::array::from_fn(|axis| place(&part.part.min, axis)),
        end: std::array::from_fn(|axis| place(&part.part.max, axis)),
    }
}

/// The directory of a scale: its key below the volume's root, where `..` goes up.
pub(crate) fn resolve(root: &Prefix, scale_key: &str) -> Result<Prefix> {
    let mut path: Vec<Cow<'_, str>> = root.as_str().split_terminator('/').map(Cow::from).collect();
    let mut levels = 0;
    for component in scale_key.split('/') {
        match component {
            "" | "." => {}
            ".." if path.pop().is_none() => levels += 1,
            ".." => {}
            name => path.push(Cow::from(name)),
        }
    }
    if levels > 0 {
        return Err(Error::ScaleOutsideStore { key: scale_key.to_owned(), levels });
    }
    Ok(Prefix::new(path.join("/"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_keys_may_climb_as_far_as_the_store_goes() {
        let root = Prefix::new("data/volume").unwrap();
        let resolved = |key| resolve(&root, key).unwrap().as_str().to_owned();
        assert_eq!(resolved("8_8_40"), "data/volume/8_8_40/");
        assert_eq!(resolved("../other/8_8_40/"), "data/other/8_8_40/");
        assert_eq!(resolved("../../x"), "x/");
        let error = resolve(&root, "../../../x").unwrap_err();
        assert!(matches!(error, Error::ScaleOutsideStore { levels: 1, .. }), "{error}");
    }
}
