//! Opening a stack, with every option.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bigarrays_core::backend::{BackendError, BackendResult, ErrorKind, Operation};
use bigarrays_info::{DataType, VolumeInfo};

use super::files::Files;
use super::registry::{Registry, ZOrder};
use super::stack::{MissingFile, Stack, voxel_type};
use crate::hdf5::direct::H5Error;
use crate::hdf5::plain::Shown;

/// A stack of sections as a store of a precomputed volume, for reading only.
pub type SectionsBackend = Shown<Stack>;

/// What a registry is called.
const NAMES: [&str; 2] = ["registry.txt", "registry_aligned.txt"];
/// No registry is longer than this.
const MAX_REGISTRY: u64 = 256 << 20;
const DEFAULT_CHUNK: [u64; 3] = [512, 512, 1];

/// Options for opening a stack; made by [`SectionsBackend::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `open` is called"]
pub struct SectionsBuilder {
    path: PathBuf,
    z: ZOrder,
    missing: MissingFile,
    chunk: [u64; 3],
    resolution: [f64; 3],
}

impl SectionsBackend {
    /// Opens the stack of a registry, which is the file at `path` or in the directory there.
    pub fn builder(path: impl Into<PathBuf>) -> SectionsBuilder {
        SectionsBuilder {
            path: path.into(),
            z: ZOrder::default(),
            missing: MissingFile::default(),
            chunk: DEFAULT_CHUNK,
            resolution: [1.0; 3],
        }
    }
}

impl SectionsBuilder {
    /// What z a section has. Default: the number of its line.
    pub const fn z(mut self, order: ZOrder) -> Self {
        self.z = order;
        self
    }

    /// What a line means whose file is absent. Default: reading it is an error.
    pub const fn missing(mut self, missing: MissingFile) -> Self {
        self.missing = missing;
        self
    }

    /// Voxels of a chunk. Default: 512 x 512 x 1.
    pub const fn chunk(mut self, chunk: [u64; 3]) -> Self {
        self.chunk = chunk;
        self
    }

    /// Nanometres of a voxel, which the registry does not tell. Default: 1.
    pub const fn resolution(mut self, resolution: [f64; 3]) -> Self {
        self.resolution = resolution;
        self
    }

    /// Opens the stack: reads the registry, and of the images the type of the first.
    ///
    /// # Errors
    /// `NotFound` if there is no registry, or no image at all; `Corrupt` for a line that is none (with
    /// its number), for a damaged first image, and for a registry without sections; `InvalidConfig`
    /// for options that do not fit.
    pub fn open(self) -> BackendResult<SectionsBackend> {
        let shown = format!("sections://{}", self.path.display());
        let failed =
            |kind, note: String| BackendError::new(kind, &shown, Operation::Open).with_note(note);
        let (registry_path, text) = read_registry(&self.path).map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                io::ErrorKind::InvalidData => ErrorKind::Corrupt,
                io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
                _ => ErrorKind::Other,
            };
            failed(kind, format!("the registry cannot be read: {error}"))
        })?;
        let registry = Registry::parse(&text, self.z).map_err(|error| {
            let note = format!("{} is no registry", registry_path.display());
            failed(ErrorKind::Corrupt, note).with_source(error)
        })?;
        let Some((min, max)) = registry.bounds() else {
            return Err(failed(ErrorKind::Corrupt, "the registry has no sections".into()));
        };
        let directory = registry_path.parent().unwrap_or(Path::new(".")).to_owned();
        let mut stack = Stack {
            registry_path,
            directory,
            registry,
            missing: self.missing,
            data_type: DataType::Uint8,
            files: Files::default(),
        };
        stack.data_type =
            first_type(&stack).map_err(|error| error.into_backend(&shown, Operation::Open))?;
        let size = std::array::from_fn(|axis| max[axis].abs_diff(min[axis]));
        let info = VolumeInfo::builder(stack.data_type, size)
            .resolution(self.resolution)
            .voxel_offset(min)
            .chunk_size(self.chunk)
            .build()
            .map_err(|source| {
                failed(ErrorKind::InvalidConfig, "such a volume cannot be described".into())
                    .with_source(source)
            })?;
        Shown::new(stack, info)
    }
}

/// The registry's path and text.
fn read_registry(path: &Path) -> io::Result<(PathBuf, String)> {
    let mut path = path.to_owned();
    if fs::metadata(&path)?.is_dir() {
        let found = NAMES.into_iter().map(|name| path.join(name)).find(|path| path.is_file());
        path = found.ok_or_else(|| {
            let text = format!("the directory has no {} and no {}", NAMES[0], NAMES[1]);
            io::Error::new(io::ErrorKind::NotFound, text)
        })?;
    }
    if fs::metadata(&path)?.len() > MAX_REGISTRY {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than 256 MiB"));
    }
    let text = fs::read_to_string(&path)?;
    Ok((path, text))
}

/// The type of the first image that is there.
fn first_type(stack: &Stack) -> Result<DataType, H5Error> {
    for (z, section) in &stack.registry.0 {
        let dataset = stack.files.get(*z, || stack.directory.join(&section.file));
        if let Some(snapshot) = dataset.snapshot()? {
            return Ok(voxel_type(snapshot.map().data_type));
        }
    }
    let what = "none of the files that the registry names is there";
    Err(H5Error::new(ErrorKind::NotFound, what))
}
