//! Where the bytes of a voxel are, in the file's own order.

use std::path::Path;

use bigarrays::info::DataType;

use super::SourceError;
use super::axes::Axis;

/// A volume as one row of bytes: its size and, for each axis, the distance between neighbours.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// `[x, y, z, c]`, none of them 0.
    pub(super) size: [u64; 4],
    /// Bytes from a voxel to the next along each axis; 0 along an axis of one voxel.
    pub(super) stride: [u64; 4],
    pub(super) data_type: DataType,
    pub(super) big_endian: bool,
    /// All bytes together.
    pub(super) len: u64,
}

impl Layout {
    /// Dense voxels with these dimensions, the slowest first.
    pub(super) fn new(
        path: &Path,
        data_type: DataType,
        big_endian: bool,
        dimensions: &[(Axis, u64)],
    ) -> Result<Self, SourceError> {
        let wrong = |what| SourceError::BadShape {
            path: path.to_owned(),
            what,
            shape: dimensions.iter().map(|&(_, size)| size).collect(),
        };
        if dimensions.iter().any(|&(_, size)| size == 0) {
            return Err(wrong("no voxels"));
        }
        let (mut size, mut stride) = ([1; 4], [0; 4]);
        let mut len = data_type.size() as u64;
        for &(axis, count) in dimensions.iter().rev() {
            if count > 1 {
                stride[axis.index()] = len;
            }
            size[axis.index()] = count;
            len = len
                .checked_mul(count)
                .filter(|&len| i64::try_from(len).is_ok())
                .ok_or_else(|| wrong("more voxels than a file can hold"))?;
        }
        Ok(Self { size, stride, data_type, big_endian, len })
    }

    /// Bytes of one value.
    pub(super) const fn item(&self) -> usize {
        self.data_type.size()
    }

    /// The axes (0 to 3 for x, y, z, c) from the one that varies slowest in the file to the
    /// fastest. Those of one voxel come last, where they do no harm.
    pub(super) fn order(&self) -> [usize; 4] {
        let mut order = [3, 2, 1, 0];
        order.sort_by_key(|&axis| std::cmp::Reverse(self.stride[axis]));
        order
    }

    /// Whether the voxels are in Fortran order already: x fastest, then y, z, c.
    pub(super) fn is_fortran(&self) -> bool {
        let strides = self.stride.iter().filter(|&&stride| stride > 0);
        strides.is_sorted()
    }

    /// The first byte of a voxel.
    pub(super) fn offset(&self, at: [u64; 4]) -> u64 {
        at.iter().zip(self.stride).map(|(at, stride)| at * stride).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(dimensions: &[(Axis, u64)]) -> Result<Layout, SourceError> {
        Layout::new(Path::new("f"), DataType::Uint16, false, dimensions)
    }

    #[test]
    fn strides_and_order_follow_the_file() {
        let c_order = layout(&[(Axis::X, 3), (Axis::Y, 4), (Axis::Z, 5)]).unwrap();
        assert_eq!(c_order.stride, [40, 10, 2, 0]);
        assert_eq!(c_order.order(), [0, 1, 2, 3]);
        assert_eq!((c_order.len, c_order.is_fortran()), (120, false));
        assert_eq!(c_order.offset([1, 2, 3, 0]), 66);

        let pages = layout(&[(Axis::Z, 5), (Axis::Y, 4), (Axis::X, 3)]).unwrap();
        assert_eq!(pages.stride, [2, 6, 24, 0]);
        assert_eq!(pages.order(), [2, 1, 0, 3]);
        assert!(pages.is_fortran());

        let flat = layout(&[(Axis::C, 2), (Axis::Z, 1), (Axis::Y, 1), (Axis::X, 7)]).unwrap();
        assert_eq!(flat.order()[..2], [3, 0]);
        assert!(flat.is_fortran());
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let nothing = layout(&[(Axis::X, 3), (Axis::Y, 0)]).unwrap_err();
        assert!(nothing.to_string().contains("no voxels"), "{nothing}");
        let huge = layout(&[(Axis::X, 1 << 40), (Axis::Y, 1 << 40)]).unwrap_err();
        assert!(huge.to_string().contains("more voxels"), "{huge}");
        assert!(layout(&[(Axis::X, 1 << 62), (Axis::Y, 1)]).is_err());
    }
}
