//! Where the voxels of a volume are in a dataset.

use bigarrays_core::BoundingBox;
use bigarrays_core::backend::ErrorKind;
use bigarrays_info::DataType;

use super::axes::Axes;
use crate::hdf5::direct::{DatasetMap, H5Error};

/// The longest sides of a box that is cut from a dataset without chunks, along its fastest
/// dimension and the others: as many voxels as 64 x 64 x 64, in longer runs.
const LONGEST_RUN: u64 = 256;
const LONGEST_SIDE: u64 = 32;

/// A dataset as a volume.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) axes: Axes,
    /// The dataset's own shape.
    pub(super) shape: Vec<u64>,
    pub(super) data_type: DataType,
    /// The first voxel.
    pub(super) offset: [i64; 3],
}

impl Layout {
    /// The dataset with these axes, or those that are usual.
    pub(super) fn new(map: &DatasetMap, axes: Option<Axes>) -> Result<Self, H5Error> {
        let shape = map.shape.clone();
        let wrong = |what: String| H5Error::new(ErrorKind::InvalidConfig, what);
        let axes = axes.or_else(|| Axes::usual(shape.len())).ok_or_else(|| {
            wrong(format!(
                "it has the shape {shape:?}, and what its {} dimensions are is not known: \
                 give axes=, such as axes=tczyx",
                shape.len()
            ))
        })?;
        if axes.len() != shape.len() {
            let text =
                format!("it has the shape {shape:?}, but the axes {axes} name {}", axes.len());
            return Err(wrong(format!("{text}: give axes= with a letter for each dimension")));
        }
        if shape.contains(&0) {
            return Err(wrong(format!("it has the shape {shape:?}, so there are no voxels")));
        }
        let [.., time] = axes.arrange(&shape, 1);
        if time != 1 {
            let text = format!("its axis t has {time} elements, and a volume has no time");
            return Err(wrong(format!("{text}: split it, or give other axes=")));
        }
        // What a voxel is in a `bool` volume is in no specification.
        let data_type = match map.data_type {
            DataType::Bool => DataType::Uint8,
            other => other,
        };
        Ok(Self { axes, shape, data_type, offset: [0; 3] })
    }

    /// Voxels and channels, `[x, y, z, c]`.
    pub(super) fn size(&self) -> [u64; 4] {
        let [x, y, z, c, _] = self.axes.arrange(&self.shape, 1);
        [x, y, z, c]
    }

    /// The chunks of the dataset, or boxes that are cut from it well.
    pub(super) fn chunk(&self, of_dataset: Option<&[u64]>) -> [u64; 3] {
        let sides = match of_dataset {
            Some(chunk) => self.axes.arrange(chunk, 1),
            None => {
                let fastest = self.axes.len() - 1;
                let side = |place| if place == fastest { LONGEST_RUN } else { LONGEST_SIDE };
                let sides: Vec<u64> = (0..self.axes.len()).map(side).collect();
                self.axes.arrange(&sides, 1)
            }
        };
        let size = self.size();
        std::array::from_fn(|axis| sides[axis].min(size[axis]))
    }

    /// A box of the volume in all channels, as a box of the dataset: first and past.
    pub(super) fn of_file(&self, voxels: &BoundingBox) -> (Vec<u64>, Vec<u64>) {
        let place = |corner: [i64; 3], channel: u64| {
            let [x, y, z] = std::array::from_fn(|axis| corner[axis].abs_diff(self.offset[axis]));
            [x, y, z, channel]
        };
        let first = self.axes.of_file(place(voxels.min, 0), 0);
        (first, self.axes.of_file(place(voxels.max, self.size()[3]), 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdf5::direct::Storage;

    fn layout(shape: &[u64], axes: Option<&str>) -> Result<Layout, H5Error> {
        let map = DatasetMap {
            shape: shape.to_vec(),
            data_type: DataType::Bool,
            big_endian: false,
            fill: vec![0],
            storage: Storage::Contiguous { offset: None },
        };
        Layout::new(&map, axes.map(|axes| axes.parse().unwrap()))
    }

    #[test]
    fn dimensions_are_c_z_y_x_unless_said_otherwise() {
        assert_eq!(layout(&[5, 6], None).unwrap().size(), [6, 5, 1, 1]);
        assert_eq!(layout(&[4, 5, 6], None).unwrap().size(), [6, 5, 4, 1]);
        assert_eq!(layout(&[3, 4, 5, 6], None).unwrap().size(), [6, 5, 4, 3]);
        assert_eq!(layout(&[4, 5, 6], Some("xyc")).unwrap().size(), [4, 5, 1, 6]);
        assert_eq!(layout(&[1, 4, 5, 6], Some("tzyx")).unwrap().size(), [6, 5, 4, 1]);
        assert_eq!(layout(&[4, 5, 6], None).unwrap().data_type, DataType::Uint8);
        for (shape, axes, reason) in [
            (&[2, 3, 4, 5, 6][..], None, "axes="),
            (&[7], None, "not known"),
            (&[2, 3, 4], Some("yx"), "the axes yx name 2"),
            (&[2, 0, 4], None, "no voxels"),
            (&[2, 3, 4], Some("tyx"), "t has 2 elements"),
        ] {
            let error = layout(shape, axes).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn boxes_of_the_volume_are_boxes_of_the_file() {
        let mut layout = layout(&[3, 40, 50, 60], Some("czyx")).unwrap();
        layout.offset = [-5, 100, 7];
        let voxels = BoundingBox::from([-4..10, 100..101, 8..47]);
        let (first, past) = layout.of_file(&voxels);
        assert_eq!((first, past), (vec![0, 1, 0, 1], vec![3, 40, 1, 15]));
        assert_eq!(layout.chunk(Some(&[1, 16, 32, 64])), [60, 32, 16]);
        assert_eq!(layout.chunk(None), [60, 32, 32]);
    }
}
