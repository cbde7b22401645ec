//! Making block files.

use std::collections::BTreeMap;
use std::path::Path;

use bigarrays_core::backend::ErrorKind;
use bigarrays_info::DataType;
use hdf5::dataset::AllocTime;
use hdf5::plist::DatasetCreate;
use hdf5::types::{FloatSize, IntSize, TypeDescriptor};
use hdf5::{Dataspace, Datatype};

use super::blocks::DATASET;
use super::config::Compression;
use crate::hdf5::direct::{BLOSC, Filter, H5Error, Pipeline, Snapshot, open_quietly};
use crate::hdf5::ffi;

/// Members of a file beside the dataset that need not be kept when no chunk is left.
const ORIGIN: &str = "origin";

/// The stored bytes of a chunk and the mask of the filters that were left out.
pub(super) type Stored = (Vec<u8>, u32);

/// Chunks of one file, by their place in the dataset, that are to be stored or removed.
pub(super) type Changes = BTreeMap<Vec<u64>, Option<Stored>>;

/// What a new file is to be.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) shape: Vec<u64>,
    pub(super) chunk: Vec<u64>,
    pub(super) data_type: DataType,
    pub(super) compression: Compression,
    /// The first voxel, from 1, which files of version 0.0.1 have in them.
    pub(super) origin: Option<Vec<i64>>,
}

impl NewFile {
    /// The filters of its chunks.
    pub(super) fn pipeline(&self) -> Pipeline {
        let size = self.data_type.size();
        Pipeline::of(match self.compression {
            Compression::Deflate => vec![Filter::Shuffle(size), Filter::Deflate],
            Compression::Blosc => vec![Filter::Blosc(size)],
            Compression::None => Vec::new(),
        })
    }
}

/// Whether a file would have nothing left after these changes.
pub(super) fn leaves_nothing(old: Option<&Snapshot>, path: &Path, changes: &Changes) -> bool {
    if changes.values().any(Option::is_some) {
        return false;
    }
    let Some(table) = old.and_then(|old| old.map().table()) else { return true };
    let kept = table.iter().any(|(chunk, _)| !changes.contains_key(&chunk));
    let others = || {
        let file = open_quietly(path).ok();
        let names = file.and_then(|file| file.member_names().ok());
        names.is_none_or(|names| names.iter().any(|name| name != DATASET && name != ORIGIN))
    };
    !kept && !others()
}

/// Writes `target` with the chunks of the old file and the changes. Chunks are copied as they are
/// stored.
pub(super) fn rebuild(
    old: Option<(&Path, &Snapshot)>,
    target: &Path,
    new: &NewFile,
    changes: &Changes,
) -> Result<(), H5Error> {
    let failed = |error: hdf5::Error| {
        H5Error::library(ErrorKind::Other, "the new file cannot be written", &error)
    };
    let file = create(target).map_err(failed)?;
    match old {
        Some((path, _)) => copy_frame(path, &file)?,
        None => make_frame(&file, new).map_err(failed)?,
    }
    let dataset = file.dataset(DATASET).map_err(failed)?;
    let start = |chunk: &[u64]| -> Vec<u64> {
        chunk.iter().zip(&new.chunk).map(|(at, len)| at * len).collect()
    };
    let mut written = 0_usize;
    let mut bytes = Vec::new();
    if let Some((old, table)) = old.and_then(|(_, old)| Some((old, old.map().table()?))) {
        for (chunk, place) in table.iter().filter(|(chunk, _)| !changes.contains_key(chunk)) {
            old.read_stored(place, &mut bytes).map_err(|error| error.in_chunk(&chunk))?;
            let write = ffi::write_chunk(&dataset, &start(&chunk), place.filter_mask, &bytes);
            write.map_err(failed)?;
            written += 1;
        }
    }
    for (chunk, stored) in changes {
        if let Some((bytes, mask)) = stored {
            ffi::write_chunk(&dataset, &start(chunk), *mask, bytes).map_err(failed)?;
            written += 1;
        }
    }
    file.flush().map_err(failed)?;
    drop(dataset);
    file.close().map_err(failed)?;
    verify(target, written)
}

/// Stores chunks in a file as it is. Only for one writer.
pub(super) fn change_in_place(
    path: &Path,
    new: &NewFile,
    changes: &Changes,
) -> Result<(), H5Error> {
    let failed = |error: hdf5::Error| {
        H5Error::library(ErrorKind::Other, "the file cannot be changed", &error)
    };
    // From beginning to end: nobody of this process may see the library's half-written state.
    hdf5::sync::sync(|| {
        let mut options = hdf5::File::with_options();
        options.with_fapl(|access| access.file_locking(false));
        let file = options.open_rw(path).map_err(failed)?;
        let dataset = file.dataset(DATASET).map_err(failed)?;
        for (chunk, stored) in changes {
            let start: Vec<u64> = chunk.iter().zip(&new.chunk).map(|(at, len)| at * len).collect();
            if let Some((bytes, mask)) = stored {
                ffi::write_chunk(&dataset, &start, *mask, bytes).map_err(failed)?;
            }
        }
        file.flush().map_err(failed)?;
        drop(dataset);
        file.close().map_err(failed)
    })
}

/// Reads the new file's index: what the library wrote must be what was given to it.
fn verify(target: &Path, written: usize) -> Result<(), H5Error> {
    let snapshot = Snapshot::take(target, DATASET)?;
    let found = snapshot.and_then(|snapshot| Some(snapshot.map().table()?.len()));
    if found == Some(written) {
        return Ok(());
    }
    Err(H5Error::new(ErrorKind::Other, format!("of {written} chunks {found:?} were written")))
}

fn create(target: &Path) -> hdf5::Result<hdf5::File> {
    let mut options = hdf5::File::with_options();
    options.with_fapl(|access| access.file_locking(false));
    options.create(target)
}

/// Makes an empty dataset like that of an old file, and copies what else is in that.
fn copy_frame(path: &Path, file: &hdf5::File) -> Result<(), H5Error> {
    let failed = |error: hdf5::Error| {
        H5Error::library(ErrorKind::Other, "the old file cannot be copied", &error)
    };
    let old = open_quietly(path)?;
    let dataset = old.dataset(DATASET).map_err(failed)?;
    let notes = |names: hdf5::Result<Vec<String>>| names.map(|names| !names.is_empty());
    if notes(old.attr_names()).map_err(failed)?
        || notes(dataset.attr_names()).map_err(failed)?
        || old.userblock() != 0
    {
        return Err(H5Error::unsupported(
            "another program has put attributes or a user block in it, which a new file would not \
             have; open the store with in_place to change it all the same",
        ));
    }
    let properties = dataset.create_plist().map_err(failed)?;
    let (datatype, space) = (dataset.dtype().map_err(failed)?, dataset.space().map_err(failed)?);
    ffi::create_dataset(file, DATASET, &datatype, &space, &properties).map_err(failed)?;
    for name in old.member_names().map_err(failed)? {
        if name != DATASET {
            copy_member(&old, &name, file).map_err(failed)?;
        }
    }
    Ok(())
}

fn copy_member(from: &hdf5::File, name: &str, to: &hdf5::File) -> hdf5::Result<()> {
    match from.dataset(name) {
        Ok(dataset) => dataset.copy_to(to, name),
        Err(_) => from.group(name)?.copy_to(to, name),
    }
}

fn make_frame(file: &hdf5::File, new: &NewFile) -> hdf5::Result<()> {
    let lengths = |axes: &[u64]| -> hdf5::Result<Vec<usize>> {
        let length = |&axis: &u64| usize::try_from(axis).map_err(|error| error.to_string().into());
        axes.iter().map(length).collect()
    };
    let (shape, chunk) = (lengths(&new.shape)?, lengths(&new.chunk)?);
    let mut properties = DatasetCreate::build();
    properties.chunk(chunk).obj_track_times(false).alloc_time(Some(AllocTime::Incr));
    match new.compression {
        Compression::Deflate => properties.shuffle().deflate(3),
        Compression::Blosc => properties.add_filter(BLOSC, &blosc_parameters(new)),
        Compression::None => &mut properties,
    };
    let datatype = Datatype::from_descriptor(&described(new.data_type))?;
    let space = Dataspace::try_new(shape)?;
    ffi::create_dataset(file, DATASET, &datatype, &space, &properties.finish()?)?;
    if let Some(origin) = &new.origin {
        file.new_dataset::<i64>().shape([origin.len()]).create(ORIGIN)?.write_raw(origin)?;
    }
    Ok(())
}

/// What the filter Blosc keeps in a file: its version, that of the frame, bytes of a value and of a
/// chunk, level, byte shuffle, blosclz.
fn blosc_parameters(new: &NewFile) -> [u32; 7] {
    let size = new.data_type.size() as u64;
    let bytes = new.chunk.iter().fold(size, |bytes, &axis| bytes.saturating_mul(axis));
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    [2, 2, narrow(size), narrow(bytes), 5, 1, 0]
}

fn described(data_type: DataType) -> TypeDescriptor {
    match data_type {
        DataType::Uint8 => TypeDescriptor::Unsigned(IntSize::U1),
        DataType::Uint16 => TypeDescriptor::Unsigned(IntSize::U2),
        DataType::Uint32 => TypeDescriptor::Unsigned(IntSize::U4),
        DataType::Uint64 => TypeDescriptor::Unsigned(IntSize::U8),
        DataType::Int8 => TypeDescriptor::Integer(IntSize::U1),
        DataType::Int16 => TypeDescriptor::Integer(IntSize::U2),
        DataType::Int32 => TypeDescriptor::Integer(IntSize::U4),
        DataType::Int64 => TypeDescriptor::Integer(IntSize::U8),
        DataType::Float32 => TypeDescriptor::Float(FloatSize::U4),
        DataType::Float64 => TypeDescriptor::Float(FloatSize::U8),
        DataType::Bool => TypeDescriptor::Boolean,
    }
}
