//! A dataset of an HDF5 file, read through the store for such files (cargo feature `hdf5`).
//!
//! Axes are those of `--axes`, or what the file says (`axistags`), or `yx`, `zyx`, `czyx`.

use std::path::Path;

use bigarrays::backends::hdf5::plain::{Axes, PlainBackend};
use bigarrays::info::DataType;
use bigarrays::{BigArray, BoundingBox, dispatch};
use ndarray::{ArrayViewMut4, ShapeBuilder};

use super::SourceError;
use super::open::SourceOptions;
use super::strided::Source;

/// A dataset as a volume.
struct Dataset {
    array: BigArray<PlainBackend>,
    axes: Axes,
    description: String,
}

pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Box<dyn Source>, SourceError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| SourceError::Dataset {
        path: path.to_owned(),
        source,
    };
    let mut builder = PlainBackend::builder(path);
    if let Some(dataset) = &options.dataset {
        builder = builder.dataset(dataset);
    }
    if let Some(axes) = &options.axes {
        let axes = axes.to_string().parse::<Axes>();
        builder = builder.axes(axes.map_err(|error| failed(error.into()))?);
    }
    let store = builder.open().map_err(|error| failed(error.into()))?;
    let axes = store.dataset().axes().clone();
    let name = store.dataset().name().to_owned();
    let memory = usize::try_from(options.memory / 4).unwrap_or(usize::MAX);
    let array = BigArray::builder(store).memory(memory).open();
    let array = array.map_err(|error| failed(error.into()))?;
    let mut description = format!("HDF5 dataset {name}, axes {axes}");
    let [x, y, z] = array.bounds().min;
    if [x, y, z] != [0; 3] {
        // The import puts it where it is told to.
        description.push_str(&format!(", which says that it begins at voxel {x},{y},{z}"));
    }
    Ok(Box::new(Dataset { array, axes, description }))
}

impl Dataset {
    fn read(&self, bbox: BoundingBox, out: &mut [u8]) -> bigarrays::Result<bool> {
        let [x, y, z] = bbox.shape();
        let shape = [x, y, z, self.size()[3]];
        let shape = shape.map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        dispatch!(self.data_type(), T => {
            let Ok(voxels) = bytemuck::try_cast_slice_mut::<u8, T>(out) else { return Ok(false) };
            let Ok(view) = ArrayViewMut4::from_shape(shape.f(), voxels) else { return Ok(false) };
            self.array.read_into(bbox, view)?;
        });
        Ok(true)
    }
}

impl Source for Dataset {
    fn data_type(&self) -> DataType {
        self.array.data_type()
    }

    fn size(&self) -> [u64; 4] {
        let [x, y, z] = self.array.scale().size;
        [x, y, z, self.array.info().num_channels]
    }

    fn resolution(&self) -> Option<[f64; 3]> {
        // What the file does not tell is 1 nm.
        let resolution = self.array.scale().resolution;
        (resolution != [1.0; 3]).then_some(resolution)
    }

    fn describe(&self) -> String {
        let [x, y, z, c] = self.size();
        let channels = if c == 1 { String::new() } else { format!(", {c} channels") };
        let data_type = self.data_type();
        format!("{x} x {y} x {z} voxels of {data_type}{channels}; {}", self.description)
    }

    fn order(&self) -> [usize; 4] {
        let named = self.axes.to_string();
        let mut order: Vec<usize> =
            named.chars().filter_map(|letter| "xyzc".find(letter)).collect();
        order.extend((0..4).filter(|axis| !named.contains(['x', 'y', 'z', 'c'][*axis])));
        // Four different axes: those that are named, then those that are not.
        order.try_into().unwrap_or([3, 2, 1, 0])
    }

    fn read_box(
        &mut self,
        min: [u64; 3],
        max: [u64; 3],
        out: &mut [u8],
    ) -> Result<(), SourceError> {
        let bad = SourceError::BadBox { min, max, size: self.size(), buffer: out.len() };
        let size = self.size();
        let is_inside = (0..3).all(|axis| min[axis] < max[axis] && max[axis] <= size[axis]);
        let first = self.array.bounds().min;
        let corner = |at: [u64; 3]| {
            std::array::from_fn(|axis| first[axis].saturating_add_unsigned(at[axis]))
        };
        if !is_inside {
            return Err(bad);
        }
        match self.read(BoundingBox::new(corner(min), corner(max)), out) {
            Ok(true) => Ok(()),
            Ok(false) => Err(bad),
            Err(source) => Err(SourceError::Dataset {
                path: self.array.backend().dataset().path().to_owned(),
                source: source.into(),
            }),
        }
    }
}
