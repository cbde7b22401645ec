//! A volume of another format, shown as the values of a precomputed one.
//!
//! There is one `info`, made up, and a raw value for each chunk. What can cut boxes out of itself
//! ([`Boxes`]) becomes a store by it: for reading only, blocking, as parallel as the boxes are.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, ContentEncoding,
    DeleteOutcome, ErrorKind, Meta, Operation, Precondition, PutOutcome, Value,
};
use bigarrays_core::geometry::{BoundingBox, ChunkGrid, ChunkName, parse_chunk_name};
use bigarrays_core::{Key, KeyValueBackend, Prefix};
use bigarrays_info::VolumeInfo;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::hdf5::direct::H5Error;

const INFO: &str = "info";

/// Voxels that can be cut out by boxes.
pub(crate) trait Boxes: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Whether any voxel of a chunk is stored. Reads none.
    fn holds(&self, chunk: &BoundingBox) -> Result<bool, H5Error>;

    /// The voxels of a chunk in all channels, little-endian in Fortran order; `None` if none of
    /// them is stored.
    fn read(&self, chunk: &BoundingBox) -> Result<Option<Bytes>, H5Error>;
}

/// A volume of another format as a store of a precomputed one, for reading only.
#[derive(Debug)]
pub struct Shown<V> {
    volume: V,
    info: VolumeInfo,
    document: Bytes,
    grid: ChunkGrid,
    directory: Prefix,
    /// Bytes of a voxel in all channels.
    voxel_len: u64,
}

impl<V> Shown<V> {
    /// The description of the volume, as its key `info` has it.
    #[must_use]
    pub const fn info(&self) -> &VolumeInfo {
        &self.info
    }
}

#[expect(private_bounds, reason = "only this package has volumes to show")]
impl<V: Boxes> Shown<V> {
    /// Shows `volume` as `info` describes it: one scale of raw chunks.
    pub(crate) fn new(volume: V, info: VolumeInfo) -> BackendResult<Self> {
        let wrong = |note: String| {
            BackendError::new(ErrorKind::InvalidConfig, &volume, Operation::Open).with_note(note)
        };
        let document = info.to_json().map_err(|error| wrong(error.to_string()))?;
        let scale = info.scales.first().ok_or_else(|| wrong("it has no scale".to_owned()))?;
        let grid = ChunkGrid::new(scale.voxel_offset, scale.size, scale.chunk_size())
            .map_err(|error| wrong(error.to_string()))?;
        let directory = Prefix::new(&scale.key).map_err(|error| wrong(error.to_string()))?;
        let voxel_len = info.num_channels.saturating_mul(info.data_type.size() as u64);
        Ok(Self { volume, info, document: document.into(), grid, directory, voxel_len })
    }

    pub(crate) const fn volume(&self) -> &V {
        &self.volume
    }

    /// The chunk that a key names.
    fn chunk(&self, key: &Key) -> Option<BoundingBox> {
        let voxels = parse_chunk_name(key.strip(&self.directory)?.as_str())?;
        let cell = self.grid.cell_of(voxels.min)?;
        (self.grid.chunk_box(cell) == voxels).then_some(voxels)
    }

    fn chunk_meta(&self, key: Key, chunk: &BoundingBox) -> Meta {
        let size = chunk.voxels().saturating_mul(self.voxel_len.into());
        meta(key, u64::try_from(size).unwrap_or(u64::MAX))
    }

    fn info_meta(&self) -> Option<Meta> {
        Some(meta(Key::new(INFO).ok()?, self.document.len() as u64))
    }

    fn explain(&self, error: H5Error, op: Operation) -> BackendError {
        error.into_backend(&self.volume, op)
    }

    fn refuse(&self, op: Operation, key: &Key) -> BackendError {
        BackendError::new(ErrorKind::ReadOnly, &self.volume, op)
            .with_key(key)
            .with_note("this format is only read; import it into a new volume")
    }
}

fn meta(key: Key, size: u64) -> Meta {
    Meta { key, size, version: None, content_encoding: Some(ContentEncoding::Identity) }
}

#[async_trait]
impl<V: Boxes> KeyValueBackend for Shown<V> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            writable: false,
            // A part of a chunk costs as much as the whole.
            range_reads: false,
            conditional_put: ConditionalPut::Unsupported,
            conditional_delete: false,
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        if key.as_str() == INFO {
            return Ok(self.info_meta());
        }
        let Some(chunk) = self.chunk(key) else { return Ok(None) };
        let holds = self.volume.holds(&chunk);
        let holds = holds.map_err(|error| self.explain(error, Operation::Head).with_key(key))?;
        Ok(holds.then(|| self.chunk_meta(key.clone(), &chunk)))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let whole = if key.as_str() == INFO {
            self.document.clone()
        } else {
            let Some(chunk) = self.chunk(key) else { return Ok(None) };
            let read = self.volume.read(&chunk);
            let read = read.map_err(|error| self.explain(error, Operation::Get).with_key(key))?;
            let Some(voxels) = read else { return Ok(None) };
            voxels
        };
        let content_encoding = ContentEncoding::Identity;
        Ok(Some(Blob { bytes: range.slice(&whole), version: None, content_encoding }))
    }

    async fn put(&self, key: &Key, _: Value, _: Precondition) -> BackendResult<PutOutcome> {
        Err(self.refuse(Operation::Put, key))
    }

    async fn delete(&self, key: &Key, _: Precondition) -> BackendResult<DeleteOutcome> {
        Err(self.refuse(Operation::Delete, key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let info = self.info_meta().filter(|meta| prefix.contains(&meta.key));
        let is_wanted = self.directory.as_str().starts_with(prefix.as_str());
        let chunks = is_wanted.then(|| self.grid.cover(&self.grid.bounds())).into_iter().flatten();
        let chunks = chunks.filter_map(|part| {
            let key = Key::new(format!("{}{}", self.directory, ChunkName(part.chunk))).ok()?;
            match self.volume.holds(&part.chunk) {
                Ok(holds) => holds.then(|| Ok(self.chunk_meta(key, &part.chunk))),
                Err(error) => Some(Err(self.explain(error, Operation::List).with_prefix(prefix))),
            }
        });
        // After an error the listing is over.
        let mut failed = false;
        let until_error = move |item: &BackendResult<Meta>| {
            let goes_on = !failed;
            failed |= item.is_err();
            goes_on
        };
        stream::iter(info.map(Ok).into_iter().chain(chunks).take_while(until_error)).boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let whole = self.get(key, ByteRange::Full).await?;
        Ok(whole.map(|blob| {
            let part = |range: &Range<u64>| ByteRange::Bounded(range.clone()).slice(&blob.bytes);
            ranges.iter().map(part).collect()
        }))
    }
}

impl<V: fmt::Display> fmt::Display for Shown<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.volume.fmt(f)
    }
}
