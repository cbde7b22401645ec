//! A dataset and the states that its file is found in.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bigarrays_core::backend::ErrorKind;

use super::element::swap_bytes;
use super::error::H5Error;
use super::filters::with_scratch;
use super::index::ChunkPlace;
use super::map::{DatasetMap, Storage};
use super::state::FileState;

/// How often something is read again whose file changes meanwhile.
const ATTEMPTS: u32 = 8;

/// A dataset by path and name, whatever state its file is in.
#[derive(Debug)]
pub struct DirectDataset {
    path: PathBuf,
    name: String,
    current: Mutex<Option<Arc<Snapshot>>>,
}

/// A dataset in one state of its file.
#[derive(Debug)]
pub struct Snapshot {
    file: File,
    state: FileState,
    /// Whether no change of the file can have gone unnoticed since this was taken.
    settled: bool,
    map: DatasetMap,
}

impl DirectDataset {
    /// The dataset `name` of the file at `path`. Nothing is opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self { path: path.into(), name: name.into(), current: Mutex::default() }
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state that the file is in now. `None` if there is no file.
    ///
    /// # Errors
    /// [`H5Error`]: `Corrupt` for a damaged file, `Unsupported` for a dataset of another kind,
    /// `NotFound` if the file has no such dataset, `Transient` if it changes all the time.
    pub fn snapshot(&self) -> Result<Option<Arc<Snapshot>>, H5Error> {
        let at = |error: H5Error| error.in_dataset(&self.path, &self.name);
        let unreadable = |error| at(H5Error::io("the file cannot be looked up", error));
        let Some(now) = FileState::at(&self.path).map_err(unreadable)? else {
            *self.current() = None;
            return Ok(None);
        };
        let known = self.current().clone();
        if let Some(known) = known
            && known.settled
            && known.state == now
        {
            return Ok(Some(known));
        }
        let taken = Snapshot::take(&self.path, &self.name).map_err(at)?.map(Arc::new);
        self.current().clone_from(&taken);
        Ok(taken)
    }

    /// Reads something out of one state of the file: `read` is repeated if the file was changed in
    /// place meanwhile. `None` if there is no file.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot), and what `read` says.
    pub fn read<T>(
        &self,
        mut read: impl FnMut(&Snapshot) -> Result<T, H5Error>,
    ) -> Result<Option<T>, H5Error> {
        let at = |error: H5Error| error.in_dataset(&self.path, &self.name);
        for _ in 0..ATTEMPTS {
            let Some(snapshot) = self.snapshot()? else { return Ok(None) };
            let result = read(&snapshot);
            if snapshot.is_unchanged().map_err(at)? {
                return result.map(Some).map_err(at);
            }
        }
        Err(at(changing()))
    }

    // Each change is one assignment: it is right after a panic, too.
    fn current(&self) -> MutexGuard<'_, Option<Arc<Snapshot>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn changing() -> H5Error {
    let text = "another program is changing the file; try again when it is done";
    H5Error::new(ErrorKind::Transient, text)
}

impl Snapshot {
    /// Opens a dataset in the state that its file is in. `None` if there is no file.
    ///
    /// # Errors
    /// As [`DirectDataset::snapshot`].
    pub fn take(path: &Path, name: &str) -> Result<Option<Self>, H5Error> {
        let unreadable = |error| H5Error::io("the file cannot be opened", error);
        for _ in 0..ATTEMPTS {
            // A pipe would wait for its other end.
            match FileState::at(path).map_err(unreadable)? {
                None => return Ok(None),
                Some(_) if !path.is_file() => {
                    return Err(H5Error::unsupported("it is no regular file"));
                }
                Some(_) => {}
            }
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(unreadable(error)),
            };
            let state = FileState::of(&file.metadata().map_err(unreadable)?);
            let settled = state.is_settled();
            let map = DatasetMap::take(path, &file, state.len(), name);
            // The library opened the path once more: it must have been the same file.
            if FileState::at(path).map_err(unreadable)? == Some(state) {
                return Ok(Some(Self { file, state, settled, map: map? }));
            }
        }
        Err(changing())
    }

    /// A file that is open, with a description that was read of it.
    #[cfg(feature = "fuzzing")]
    pub(super) fn described(file: File, map: DatasetMap) -> io::Result<Self> {
        let state = FileState::of(&file.metadata()?);
        Ok(Self { file, state, settled: true, map })
    }

    /// What the dataset is.
    #[must_use]
    pub const fn map(&self) -> &DatasetMap {
        &self.map
    }

    /// The state of the file.
    #[must_use]
    pub const fn state(&self) -> &FileState {
        &self.state
    }

    /// Whether the file still has the content of this state. (Another file may have its name.)
    ///
    /// # Errors
    /// What the file system says.
    pub fn is_unchanged(&self) -> Result<bool, H5Error> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|e| H5Error::io("the file cannot be looked up", e))?;
        Ok(self.state.same_content(&FileState::of(&metadata)))
    }

    /// Reads a chunk by its place in the grid of chunks: all its values, in HDF5's order,
    /// little-endian, also those beyond the dataset's end. False if it was never written; `out` has
    /// fill values then.
    ///
    /// # Errors
    /// [`H5Error`] of the kind `Corrupt` if its bytes are damaged, `Unsupported` for a filter that is
    /// not known here, or for a dataset without chunks.
    pub fn read_chunk(&self, chunk: &[u64], out: &mut Vec<u8>) -> Result<bool, H5Error> {
        let Storage::Chunked { chunk: shape, chunk_bytes, pipeline, raw_edges, table } =
            &self.map.storage
        else {
            return Err(H5Error::unsupported("it has no chunks"));
        };
        let len = *chunk_bytes;
        let Some(mut place) = table.find(chunk) else {
            out.clear();
            self.fill(len, out);
            return Ok(false);
        };
        if *raw_edges && self.is_cut(chunk, shape) {
            place.filter_mask = u32::MAX;
        }
        let mut read = || {
            with_scratch(|scratch| {
                self.stored(place, pipeline.longest(len), &mut scratch.stored)?;
                pipeline.decode(place.filter_mask, len, scratch, out)
            })
        };
        read().map_err(|error: H5Error| error.in_chunk(chunk))?;
        if self.map.big_endian {
            swap_bytes(out, self.map.data_type.size());
        }
        Ok(true)
    }

    /// The bytes of a chunk as they are stored.
    ///
    /// # Errors
    /// [`H5Error`] if they cannot be read, or are more than a chunk of this shape can have.
    pub fn read_stored(&self, place: ChunkPlace, out: &mut Vec<u8>) -> Result<(), H5Error> {
        let Storage::Chunked { chunk_bytes, pipeline, .. } = &self.map.storage else {
            return Err(H5Error::unsupported("it has no chunks"));
        };
        self.stored(place, pipeline.longest(*chunk_bytes), out)
    }

    fn stored(&self, place: ChunkPlace, most: usize, out: &mut Vec<u8>) -> Result<(), H5Error> {
        let len = usize::try_from(place.size).unwrap_or(usize::MAX);
        if len > most {
            return Err(H5Error::corrupt(format!(
                "it is stored in {len} bytes, and a chunk of its shape has at most {most}"
            )));
        }
        out.resize(len, 0);
        let read = self.file.read_exact_at(out, place.offset);
        read.map_err(|error| H5Error::io("its bytes cannot be read", error))
    }

    /// Reads values of a dataset without chunks, `out.len()` bytes from byte `start` of the whole.
    ///
    /// # Errors
    /// [`H5Error`] if the file cannot be read, `Unsupported` for a dataset with chunks or a run that
    /// does not begin and end between two values of the dataset.
    pub fn read_run(&self, start: u64, out: &mut [u8]) -> Result<(), H5Error> {
        let size = self.map.data_type.size();
        let end = start.checked_add(out.len() as u64);
        let inside = end.zip(self.map.bytes()).is_some_and(|(end, all)| end <= all);
        if !inside || !start.is_multiple_of(size as u64) || !out.len().is_multiple_of(size) {
            return Err(H5Error::unsupported("it does not have these bytes"));
        }
        match &self.map.storage {
            Storage::Chunked { .. } => return Err(H5Error::unsupported("it has chunks")),
            Storage::Contiguous { offset: None } => {
                out.chunks_exact_mut(size).for_each(|value| value.copy_from_slice(&self.map.fill));
                return Ok(());
            }
            Storage::Contiguous { offset: Some(offset) } => {
                // The end was found to be in the file.
                let read = self.file.read_exact_at(out, offset + start);
                read.map_err(|error| H5Error::io("its bytes cannot be read", error))?;
            }
            Storage::Compact(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                let run = start.checked_add(out.len()).and_then(|end| bytes.get(start..end));
                let Some(run) = run else {
                    return Err(H5Error::corrupt("it has fewer bytes than its shape"));
                };
                out.copy_from_slice(run);
            }
        }
        if self.map.big_endian {
            swap_bytes(out, size);
        }
        Ok(())
    }

    /// Appends fill values, `len` bytes of them.
    fn fill(&self, len: usize, out: &mut Vec<u8>) {
        if self.map.fill.iter().all(|&byte| byte == 0) {
            out.resize(out.len() + len, 0);
            return;
        }
        let values = self.map.fill.iter().copied().cycle();
        out.extend(values.take(len));
    }

    fn is_cut(&self, chunk: &[u64], shape: &[u64]) -> bool {
        let ends = chunk.iter().zip(shape).map(|(&at, &len)| (at + 1).saturating_mul(len));
        ends.zip(&self.map.shape).any(|(end, &all)| end > all)
    }
}
