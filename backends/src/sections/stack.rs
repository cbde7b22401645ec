//! Cutting boxes out of a stack of sections.

use std::fmt;
use std::path::PathBuf;

use bigarrays_core::BoundingBox;
use bigarrays_core::backend::ErrorKind;
use bigarrays_info::DataType;
use bytes::Bytes;

use super::files::Files;
use super::registry::{Registry, Section};
use crate::hdf5::direct::{DatasetMap, H5Error};
use crate::hdf5::plain::Boxes;

/// What a line of the registry means whose file is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingFile {
    /// Reading it is an error: something is lost.
    #[default]
    Error,
    /// Its voxels are zeros.
    Zeros,
}

/// A stack of sections.
#[derive(Debug)]
pub struct Stack {
    pub(super) registry_path: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) registry: Registry,
    pub(super) missing: MissingFile,
    pub(super) data_type: DataType,
    pub(super) files: Files,
}

/// The part of a section that a box wants, in voxels of the volume.
struct Part {
    min: [i64; 2],
    max: [i64; 2],
}

impl Part {
    fn of(section: &Section, voxels: &BoundingBox) -> Option<Self> {
        let min: [i64; 2] = std::array::from_fn(|axis| section.min[axis].max(voxels.min[axis]));
        let max: [i64; 2] = std::array::from_fn(|axis| section.max[axis].min(voxels.max[axis]));
        (min[0] < max[0] && min[1] < max[1]).then_some(Self { min, max })
    }

    /// Voxels along x and y.
    fn shape(&self) -> [usize; 2] {
        std::array::from_fn(|axis| in_memory(self.min[axis], self.max[axis]))
    }
}

/// A distance within a box that is in memory.
fn in_memory(from: i64, to: i64) -> usize {
    usize::try_from(to.abs_diff(from)).unwrap_or(usize::MAX)
}

/// The dataset's type as voxels have it.
pub(super) const fn voxel_type(data_type: DataType) -> DataType {
    match data_type {
        DataType::Bool => DataType::Uint8,
        other => other,
    }
}

impl Stack {
    fn path(&self, section: &Section) -> PathBuf {
        self.directory.join(&section.file)
    }

    /// The sections that a box touches, each with its z and its part.
    fn parts(&self, voxels: &BoundingBox) -> impl Iterator<Item = (i64, &Section, Part)> {
        let sections = self.registry.0.range(voxels.min[2]..voxels.max[2]);
        sections.filter_map(|(z, section)| Some((*z, section, Part::of(section, voxels)?)))
    }

    /// Whether a section's image is what the registry and the others say.
    fn check(&self, map: &DatasetMap, section: &Section) -> Result<(), H5Error> {
        let [width, height] =
            std::array::from_fn(|axis| section.max[axis].abs_diff(section.min[axis]));
        let line = section.line;
        match map.shape[..] {
            [y, x] if x >= width && y >= height => {}
            _ => {
                return Err(H5Error::corrupt(format!(
                    "line {line} of the registry tells {width} x {height} voxels, and the image has \
                     the shape {:?} (y, x)",
                    map.shape
                )));
            }
        }
        if voxel_type(map.data_type) != self.data_type {
            return Err(H5Error::unsupported(format!(
                "the image of line {line} has {} voxels, and the first image {}",
                map.data_type, self.data_type
            )));
        }
        Ok(())
    }

    /// Reads a part of a section: dense, x fastest. `None` if its file is absent and that is to
    /// be zeros.
    fn read_part(
        &self,
        z: i64,
        section: &Section,
        part: &Part,
        out: &mut [u8],
    ) -> Result<bool, H5Error> {
        let place =
            |corner: [i64; 2]| [1, 0].map(|axis: usize| corner[axis].abs_diff(section.min[axis]));
        let dataset = self.files.get(z, || self.path(section));
        let read = dataset.read(|snapshot| {
            self.check(snapshot.map(), section)?;
            snapshot.read_box(&place(part.min), &place(part.max), out)
        })?;
        if read.is_none() && self.missing == MissingFile::Error {
            return Err(H5Error::new(
                ErrorKind::NotFound,
                format!(
                    "line {} of the registry names a file that is not there; missing=zeros takes it \
                     for zeros",
                    section.line
                ),
            )
            .in_file(&self.path(section)));
        }
        Ok(read.is_some())
    }
}

impl Boxes for Stack {
    fn holds(&self, voxels: &BoundingBox) -> Result<bool, H5Error> {
        Ok(self.parts(voxels).next().is_some())
    }

    fn read(&self, voxels: &BoundingBox) -> Result<Option<Bytes>, H5Error> {
        let size = self.data_type.size();
        let [width, height, depth] =
            std::array::from_fn(|axis| in_memory(voxels.min[axis], voxels.max[axis]));
        let plane = width.saturating_mul(height).saturating_mul(size);
        let (mut out, mut dense) = (Vec::new(), Vec::new());
        let mut found = false;
        for (z, section, part) in self.parts(voxels) {
            if !found {
                out = zeros(plane.saturating_mul(depth))?;
                found = true;
            }
            let first = in_memory(voxels.min[2], z) * plane;
            let Some(out) = out.get_mut(first..first + plane) else { continue };
            let [x, y] = std::array::from_fn(|axis| in_memory(voxels.min[axis], part.min[axis]));
            let [row, rows] = part.shape();
            if row == width {
                // Its rows follow one another in the result, too.
                let rows = y * row * size..(y + rows) * row * size;
                self.read_part(z, section, &part, &mut out[rows])?;
                continue;
            }
            dense.clear();
            dense.resize(row * rows * size, 0);
            if self.read_part(z, section, &part, &mut dense)? {
                for (number, values) in dense.chunks_exact(row * size).enumerate() {
                    let at = ((y + number) * width + x) * size;
                    out[at..at + values.len()].copy_from_slice(values);
                }
            }
        }
        Ok(found.then(|| out.into()))
    }
}

fn zeros(len: usize) -> Result<Vec<u8>, H5Error> {
    let mut zeros = Vec::new();
    if zeros.try_reserve_exact(len).is_err() {
        let what = "there is no memory for the chunk; choose a smaller one with chunk=x,y,z";
        return Err(H5Error::new(ErrorKind::Other, what));
    }
    zeros.resize(len, 0);
    Ok(zeros)
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sections://{}", self.registry_path.display())
    }
}
