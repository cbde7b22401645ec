//! What a dataset is and where its bytes are.

use std::fs::File;
use std::path::Path;

use bigarrays_core::backend::ErrorKind;
use bigarrays_info::DataType;
use bytes::Bytes;
use hdf5::Dataset;
use hdf5::dataset::{ChunkOpts, DatasetCreate, Layout};
use hdf5::file::Sizeof;
use hdf5::sync::sync;

use super::element::{element_of, swap_bytes};
use super::error::H5Error;
use super::filters::Pipeline;
use super::format::bytes::Source;
use super::format::header::messages;
use super::format::{self, Found};
use super::index::{self, ChunkTable, Chunked};
use crate::hdf5::ffi;

/// The most axes that HDF5 allows.
pub(super) const MOST_AXES: usize = 32;
/// The message of an object header that tells how a dataset is stored.
const LAYOUT: u64 = 0x0008;
/// The library keeps smaller datasets in their header.
const LARGEST_COMPACT: u64 = 1 << 16;

/// A dataset's shape, type and storage. All axes are in HDF5's order: the last is the fastest.
#[derive(Debug, Clone)]
pub struct DatasetMap {
    /// Values along each axis.
    pub shape: Vec<u64>,
    /// What one value is.
    pub data_type: DataType,
    /// Whether the file has the bytes of a value in big-endian order. (What is read never has.)
    pub big_endian: bool,
    /// One value, little-endian, that stands for what was never written.
    pub fill: Vec<u8>,
    /// How it is stored.
    pub storage: Storage,
}

/// How a dataset is stored.
#[derive(Debug, Clone)]
pub enum Storage {
    /// In the header of the dataset; these are all its bytes as stored.
    Compact(Bytes),
    /// In one piece.
    Contiguous {
        /// Where it begins in the file; `None` if nothing was written yet.
        offset: Option<u64>,
    },
    /// In chunks, all of one shape (also at the edges).
    Chunked {
        /// Values along each axis of a chunk.
        chunk: Vec<u64>,
        /// Bytes of a chunk without filters.
        chunk_bytes: usize,
        /// What was done to the bytes of a chunk.
        pipeline: Pipeline,
        /// Whether chunks that are cut by the dataset's end went without filters.
        raw_edges: bool,
        /// Where the chunks are.
        table: ChunkTable,
    },
}

impl DatasetMap {
    /// Bytes of all values; `None` if that is beyond what can be counted.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        bytes_of(&self.shape, self.data_type)
    }

    /// The shape of the chunks; `None` if there are none.
    #[must_use]
    pub fn chunk(&self) -> Option<&[u64]> {
        match &self.storage {
            Storage::Chunked { chunk, .. } => Some(chunk),
            _ => None,
        }
    }

    /// Where the chunks are; `None` if there are none.
    #[must_use]
    pub fn table(&self) -> Option<&ChunkTable> {
        match &self.storage {
            Storage::Chunked { table, .. } => Some(table),
            _ => None,
        }
    }

    /// Reads the description and the index. What is not of the usual kind is asked of the library,
    /// which has the file open no longer than this takes, and takes no lock on it.
    pub(super) fn take(path: &Path, file: &File, len: u64, name: &str) -> Result<Self, H5Error> {
        match format::describe(file, len, name)? {
            Found::Known(map) => Ok(map),
            Found::Unusual => Self::ask(path, file, len, name),
        }
    }

    fn ask(path: &Path, file: &File, len: u64, name: &str) -> Result<Self, H5Error> {
        // One at a time: the library would give a second one who opens the file what it remembers
        // of the first time.
        sync(|| {
            let opened = open_quietly(path)?;
            let dataset = opened.dataset(name).map_err(|error| {
                let (kind, text) = if opened.link_exists(name) {
                    (ErrorKind::Corrupt, "it is damaged, no dataset, or of a newer format")
                } else {
                    (ErrorKind::NotFound, "the file has no such dataset")
                };
                H5Error::library(kind, text, &error)
            })?;
            if dataset.filename() != opened.filename() {
                let text = "it is a link to another file; open that file itself";
                return Err(H5Error::unsupported(text));
            }
            Self::describe(&opened, &dataset, file, len, name)
        })
    }

    fn describe(
        opened: &hdf5::File,
        dataset: &Dataset,
        file: &File,
        len: u64,
        name: &str,
    ) -> Result<Self, H5Error> {
        let unreadable = |error: hdf5::Error| {
            H5Error::library(ErrorKind::Corrupt, "its description cannot be read", &error)
        };
        let shape = dataset.get_shape().map_err(unreadable)?;
        let shape: Vec<u64> = shape.into_iter().map(|axis| axis as u64).collect();
        if shape.is_empty() || shape.len() > MOST_AXES {
            let text = format!("it has {} axes; 1 to {MOST_AXES} can be read", shape.len());
            return Err(H5Error::unsupported(text));
        }
        let (data_type, big_endian) = element_of(dataset)?;
        let mut fill = ffi::fill_value(dataset, data_type.size()).map_err(unreadable)?;
        if big_endian {
            swap_bytes(&mut fill, data_type.size());
        }
        let properties = dataset.create_plist().map_err(unreadable)?;
        if !properties.get_external().map_err(unreadable)?.is_empty() {
            return Err(H5Error::unsupported("its values are in other files (external storage)"));
        }
        let storage = match properties.get_layout().map_err(unreadable)? {
            Layout::Compact => compact(dataset, &shape, data_type)?,
            Layout::Contiguous => contiguous(dataset, &shape, data_type, len)?,
            Layout::Chunked => {
                let place = Place::find(opened, dataset, file, len, name).map_err(unreadable)?;
                chunked(&place, &properties, &shape, data_type)?
            }
            Layout::Virtual => {
                let text = "it is a virtual dataset, made of others: open those";
                return Err(H5Error::unsupported(text));
            }
        };
        Ok(Self { shape, data_type, big_endian, fill, storage })
    }
}

/// Opens a file for the library without locking it.
pub(in crate::hdf5) fn open_quietly(path: &Path) -> Result<hdf5::File, H5Error> {
    let mut options = hdf5::File::with_options();
    options.with_fapl(|access| access.file_locking(false));
    options.open(path).map_err(|error| {
        let text = "it is no HDF5 file, or a damaged one";
        H5Error::library(ErrorKind::Corrupt, text, &error)
    })
}

fn compact(dataset: &Dataset, shape: &[u64], data_type: DataType) -> Result<Storage, H5Error> {
    let len = bytes_of(shape, data_type).filter(|&len| len <= LARGEST_COMPACT);
    let len = len.and_then(|len| usize::try_from(len).ok());
    let Some(len) = len else {
        return Err(H5Error::corrupt("its header cannot hold the bytes of its shape"));
    };
    let bytes = ffi::read_all(dataset, len).map_err(|error| {
        H5Error::library(ErrorKind::Corrupt, "its values cannot be read", &error)
    })?;
    Ok(Storage::Compact(bytes.into()))
}

fn contiguous(
    dataset: &Dataset,
    shape: &[u64],
    data_type: DataType,
    file_len: u64,
) -> Result<Storage, H5Error> {
    let Some(offset) = dataset.offset() else {
        return Ok(Storage::Contiguous { offset: None });
    };
    let end = bytes_of(shape, data_type).and_then(|len| len.checked_add(offset));
    if end.is_none_or(|end| end > file_len) {
        let text =
            format!("its bytes from {offset} on are not all in the file of {file_len} bytes");
        return Err(H5Error::corrupt(text));
    }
    Ok(Storage::Contiguous { offset: Some(offset) })
}

/// Where to look for chunks.
struct Place<'a> {
    dataset: &'a Dataset,
    file: &'a File,
    len: u64,
    base: u64,
    header: Option<u64>,
}

impl<'a> Place<'a> {
    fn find(
        opened: &hdf5::File,
        dataset: &'a Dataset,
        file: &'a File,
        len: u64,
        name: &str,
    ) -> hdf5::Result<Self> {
        let words = opened.create_plist()?.get_sizes()?;
        // Files with shorter addresses are rare enough for the library's way.
        let wide = words.sizeof_addr == Sizeof::Bytes8 && words.sizeof_size == Sizeof::Bytes8;
        let header = if wide { ffi::object_address(opened, name) } else { None };
        Ok(Self { dataset, file, len, base: opened.userblock(), header })
    }
}

fn chunked(
    place: &Place<'_>,
    properties: &DatasetCreate,
    shape: &[u64],
    data_type: DataType,
) -> Result<Storage, H5Error> {
    let unreadable = |error: hdf5::Error| {
        H5Error::library(ErrorKind::Corrupt, "its chunks cannot be told", &error)
    };
    let chunk = properties.get_chunk().map_err(unreadable)?.unwrap_or_default();
    let chunk: Vec<u64> = chunk.into_iter().map(|axis| axis as u64).collect();
    let chunk_bytes = chunk_bytes_of(&chunk, shape, data_type)?;
    let filters = properties.get_filters().map_err(unreadable)?;
    let filters: Vec<i32> = filters.iter().map(hdf5::filters::Filter::id).collect();
    let pipeline = Pipeline::numbered(&filters, data_type.size())?;
    let options = properties.get_chunk_opts().map_err(unreadable)?.unwrap_or(ChunkOpts::empty());
    let source = Source { file: place.file, base: place.base, len: place.len };
    let messages = place.header.map_or(Ok(Vec::new()), |header| messages(&source, header))?;
    let layout = messages.iter().find(|message| message.kind == LAYOUT && !message.shared);
    let largest = place.dataset.space().map(|space| space.maxdims()).map_err(|error| {
        H5Error::library(ErrorKind::Corrupt, "its largest shape cannot be read", &error)
    })?;
    let largest: Vec<_> = largest.into_iter().map(|axis| axis.map(|axis| axis as u64)).collect();
    let table = index::read(&Chunked {
        source: &source,
        layout: layout.map(|message| message.content.as_slice()),
        shape,
        largest: &largest,
        chunk: &chunk,
        chunk_bytes,
        filtered: !pipeline.is_empty(),
        dataset: Some(place.dataset),
    })?;
    let raw_edges = options.contains(ChunkOpts::DONT_FILTER_PARTIAL_CHUNKS);
    let table = table.unwrap_or_default();
    Ok(Storage::Chunked { chunk, chunk_bytes, pipeline, raw_edges, table })
}

/// Bytes of a chunk, if it can be one of a dataset of this shape.
pub(super) fn chunk_bytes_of(
    chunk: &[u64],
    shape: &[u64],
    data_type: DataType,
) -> Result<usize, H5Error> {
    let bytes = bytes_of(chunk, data_type).and_then(|len| u32::try_from(len).ok());
    let bytes = bytes.and_then(|len| usize::try_from(len).ok());
    bytes
        .filter(|&len| len > 0 && chunk.len() == shape.len())
        .ok_or_else(|| H5Error::corrupt(format!("its chunks cannot have the shape {chunk:?}")))
}

/// Bytes of a box of values.
pub(super) fn bytes_of(shape: &[u64], data_type: DataType) -> Option<u64> {
    shape.iter().try_fold(data_type.size() as u64, |bytes, &axis| bytes.checked_mul(axis))
}

/// Chunks along each axis.
pub(super) fn grid_of(shape: &[u64], chunk: &[u64]) -> Vec<u64> {
    shape.iter().zip(chunk).map(|(&axis, &chunk)| axis.div_ceil(chunk.max(1))).collect()
}
