//! A source, as the commands see it, and the one kind of source there is: bytes with strides.

use bigarrays::info::DataType;

use super::SourceError;
use super::bytes::Bytes;
use super::gather::{Part, gather};
use super::layout::Layout;

/// A foreign file or folder as a volume `[x, y, z, c]`.
pub(crate) trait Source {
    /// The type of a voxel (of one channel).
    fn data_type(&self) -> DataType;

    /// Voxels and channels, `[x, y, z, c]`; none is 0.
    fn size(&self) -> [u64; 4];

    /// Nanometres per voxel, if the file says so.
    fn resolution(&self) -> Option<[f64; 3]>;

    /// What the file is, in a line for the user, with what is odd about it.
    fn describe(&self) -> String;

    /// The axes (0 to 3 for x, y, z, c) from the slowest in the file to the fastest. Boxes should
    /// be asked for in this order, as [`tiles`](super::tiles()) does: some sources can only go
    /// forwards along the first, and begin anew for a box further back.
    fn order(&self) -> [usize; 4];

    /// Reads the voxels `min..max` of all channels into `out`: little-endian, in Fortran order (x
    /// fastest, then y, z, c).
    ///
    /// # Errors
    /// [`SourceError::BadBox`] if the box is not in the source, or `out` is not exactly as long;
    /// else what is wrong with the file.
    fn read_box(&mut self, min: [u64; 3], max: [u64; 3], out: &mut [u8])
    -> Result<(), SourceError>;
}

/// Bytes to turn at once: they should stay in the processor's cache.
const BRICK: u64 = 2 << 20;

/// Voxels that lie in bytes with a stride along each axis.
pub(super) struct Strided {
    pub(super) layout: Layout,
    pub(super) bytes: Box<dyn Bytes>,
    pub(super) resolution: Option<[f64; 3]>,
    pub(super) description: String,
    /// Bytes that may be used altogether.
    pub(super) memory: u64,
}

impl Strided {
    /// The box with all channels, if it lies in the source and is `len` bytes long.
    fn part(&self, min: [u64; 3], max: [u64; 3], len: usize) -> Option<Part> {
        let size = self.layout.size;
        let mut part = Part { min: [0; 4], shape: size };
        let mut expected = self.layout.item() as u64 * size[3];
        for axis in 0..3 {
            part.min[axis] = min[axis];
            part.shape[axis] = max[axis].checked_sub(min[axis])?;
            if max[axis] > size[axis] || part.shape[axis] == 0 {
                return None;
            }
            // A part of the whole, whose length was checked.
            expected *= part.shape[axis];
        }
        (expected == len as u64).then_some(part)
    }
}

impl Source for Strided {
    fn data_type(&self) -> DataType {
        self.layout.data_type
    }

    fn size(&self) -> [u64; 4] {
        self.layout.size
    }

    fn resolution(&self) -> Option<[f64; 3]> {
        self.resolution
    }

    fn describe(&self) -> String {
        let [x, y, z, c] = self.layout.size;
        let channels = if c == 1 { String::new() } else { format!(", {c} channels") };
        let data_type = self.layout.data_type;
        format!("{x} x {y} x {z} voxels of {data_type}{channels}; {}", self.description)
    }

    fn order(&self) -> [usize; 4] {
        self.layout.order()
    }

    fn read_box(
        &mut self,
        min: [u64; 3],
        max: [u64; 3],
        out: &mut [u8],
    ) -> Result<(), SourceError> {
        let part = self.part(min, max, out.len()).ok_or(SourceError::BadBox {
            min,
            max,
            size: self.layout.size,
            buffer: out.len(),
        })?;
        let slowest = self.layout.order()[0];
        // One voxel: then there is no slowest axis.
        let slab = match self.layout.stride[slowest] {
            0 => 0..self.layout.len,
            stride => {
                let first = part.min[slowest];
                first * stride..(first + part.shape[slowest]) * stride
            }
        };
        self.bytes.prepare(slab)?;
        let brick = BRICK.min(self.memory / 8);
        gather(self.bytes.as_mut(), &self.layout, part, brick, out)
    }
}
