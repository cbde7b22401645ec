//! Writing a box of voxels as a dataset, for other programs.

use std::path::Path;

use bigarrays_core::DataType;
use bigarrays_core::backend::ErrorKind;
use hdf5::sync::sync;
use hdf5::{Dataset, File, H5Type};
use ndarray::{ArrayView4, s};

use super::direct::H5Error;

/// How hard chunks are compressed.
const LEVEL: u8 = 4;

/// What a dataset is like. Axes are x, y, z, c here; the dataset has them as (c,)z,y,x.
#[derive(Debug, Clone, Copy)]
pub struct Export {
    /// The type of its values.
    pub data_type: DataType,
    /// Its voxels, and channels.
    pub size: [u64; 4],
    /// Voxels of a chunk.
    pub chunk: [u64; 3],
    /// Nanometres of a voxel: the attribute `resolution`.
    pub resolution: [f64; 3],
    /// Nanometres from the origin to the first voxel: the attribute `offset`.
    pub offset: [f64; 3],
}

/// A dataset that is being written.
#[derive(Debug)]
pub struct Writer {
    file: File,
    dataset: Dataset,
    data_type: DataType,
    channels: usize,
}

impl Writer {
    /// Makes a file of one dataset, with chunks of gzip; what is not written is zeros.
    ///
    /// # Errors
    /// [`H5Error`] of the library.
    pub fn create(path: &Path, name: &str, export: &Export) -> Result<Self, H5Error> {
        let [x, y, z, channels] =
            export.size.map(|axis| usize::try_from(axis).unwrap_or(usize::MAX));
        let chunk = |axis: usize, len: usize| {
            usize::try_from(export.chunk[axis]).unwrap_or(usize::MAX).min(len).max(1)
        };
        let mut shape = vec![z, y, x];
        let mut chunks = vec![chunk(2, z), chunk(1, y), chunk(0, x)];
        if channels != 1 {
            shape.insert(0, channels);
            chunks.insert(0, 1);
        }
        sync(|| {
            let failed = |what| move |error| H5Error::library(ErrorKind::Other, what, &error);
            let file = File::create(path).map_err(failed("the file cannot be made"))?;
            let builder = file.new_dataset_builder().chunk(chunks).deflate(LEVEL);
            let dataset = with_type(export.data_type, builder, shape, name)
                .map_err(failed("the dataset cannot be made"))?;
            let reversed = |[x, y, z]: [f64; 3]| [z, y, x];
            for (name, values) in
                [("resolution", reversed(export.resolution)), ("offset", reversed(export.offset))]
            {
                dataset
                    .new_attr_builder()
                    .with_data(&values)
                    .create(name)
                    .map_err(failed("an attribute cannot be written"))?;
            }
            Ok(Self { file, dataset, data_type: export.data_type, channels })
        })
    }

    /// Writes a box: little-endian values, x fastest, channels last.
    ///
    /// # Errors
    /// [`H5Error`] of the library.
    pub fn write(&self, at: [u64; 3], shape: [u64; 3], bytes: &[u8]) -> Result<(), H5Error> {
        bigarrays_core::dispatch!(self.data_type, T => {
            // Bytes of the caller's may begin anywhere.
            let values: Vec<T> = bytemuck::pod_collect_to_vec(bytes);
            self.write_values(at, shape, &values)
        })
    }

    fn write_values<T: H5Type>(
        &self,
        at: [u64; 3],
        shape: [u64; 3],
        values: &[T],
    ) -> Result<(), H5Error> {
        let index = |axis: u64| usize::try_from(axis).unwrap_or(usize::MAX);
        let ([x, y, z], [nx, ny, nz]) = (at.map(index), shape.map(index));
        let view = ArrayView4::from_shape((self.channels, nz, ny, nx), values)
            .map_err(|_| H5Error::unsupported("the values are not as many as the box has"))?;
        let failed = |error| H5Error::library(ErrorKind::Other, "it cannot be written", &error);
        sync(|| match self.channels {
            1 => {
                let plane = view.slice(s![0, .., .., ..]);
                self.dataset.write_slice(&plane, s![z..z + nz, y..y + ny, x..x + nx])
            }
            _ => self.dataset.write_slice(&view, s![.., z..z + nz, y..y + ny, x..x + nx]),
        })
        .map_err(failed)
    }

    /// Closes the file; all of it is with the system then.
    ///
    /// # Errors
    /// [`H5Error`] of the library.
    pub fn finish(self) -> Result<(), H5Error> {
        sync(|| {
            let Self { file, dataset, .. } = self;
            drop(dataset);
            file.flush()
                .and_then(|()| file.close())
                .map_err(|error| H5Error::library(ErrorKind::Other, "it cannot be closed", &error))
        })
    }
}

fn with_type(
    data_type: DataType,
    builder: hdf5::DatasetBuilder,
    shape: Vec<usize>,
    name: &str,
) -> hdf5::Result<Dataset> {
    bigarrays_core::dispatch!(data_type, T => builder.empty::<T>().shape(shape).create(name))
}
