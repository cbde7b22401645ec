//! NumPy files as the rival programs write and read them.

use std::fs;
use std::path::Path;

use bigarrays::array::Cutout;
use bigarrays::ndarray::{ArrayView4, ShapeBuilder};
use bigarrays::{BigArray, DataType, Error, dispatch};

/// Voxels `[x, y, z, c]` as little-endian bytes in Fortran order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voxels {
    /// Their type.
    pub data_type: DataType,
    /// Along each axis.
    pub shape: [usize; 4],
    /// All of them, x fastest.
    pub bytes: Vec<u8>,
}

impl From<Cutout> for Voxels {
    fn from(cutout: Cutout) -> Self {
        let array = cutout.array;
        Self {
            data_type: array.data_type(),
            shape: array.shape(),
            bytes: array.fortran_bytes().into_owned(),
        }
    }
}

impl Voxels {
    /// Reads an `.npy` file of three or four axes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&bytes).ok_or_else(|| format!("{} is not such an .npy", path.display()))
    }

    /// The voxels of the bytes of an `.npy` file of three or four axes, if they are such.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00")?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (header, data) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
        let header = std::str::from_utf8(header).ok()?;
        let after = |key: &str| Some(header.split_once(key)?.1.trim_start_matches([':', ' ']));
        let descr = after("'descr'")?.trim_start_matches('\'').split('\'').next()?;
        let shape = after("'shape'")?.strip_prefix('(')?.split(')').next()?;
        let mut axes = Vec::new();
        for axis in shape.split(',').map(str::trim).filter(|axis| !axis.is_empty()) {
            axes.push(axis.parse().ok()?);
        }
        axes.resize(4, 1);
        let shape: [usize; 4] = axes.try_into().ok()?;
        let data_type = data_type(descr)?;
        let size = data_type.size();
        (data.len() == shape.iter().product::<usize>() * size).then_some(())?;
        let bytes = if after("'fortran_order'")?.starts_with("True") {
            data.to_vec()
        } else {
            from_c_order(data, shape, size)
        };
        Some(Self { data_type, shape, bytes })
    }

    /// Writes an `.npy` file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let [x, y, z, c] = self.shape;
        let descr = descr(self.data_type);
        let mut header = format!(
            "{{'descr': '{descr}', 'fortran_order': True, 'shape': ({x}, {y}, {z}, {c}), }}"
        );
        while !(header.len() + 11).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let len = u16::try_from(header.len()).map_err(|error| error.to_string())?;
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(len.to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(&self.bytes);
        fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// A box of them, half-open.
    #[must_use]
    pub fn cut(&self, min: [usize; 3], max: [usize; 3]) -> Self {
        let size = self.data_type.size();
        let [width, height, depth, channels] = self.shape;
        let mut bytes = Vec::new();
        for channel in 0..channels {
            for z in min[2]..max[2] {
                for y in min[1]..max[1] {
                    let row = width * (y + height * (z + depth * channel));
                    bytes.extend(&self.bytes[(row + min[0]) * size..(row + max[0]) * size]);
                }
            }
        }
        let [x, y, z] = std::array::from_fn(|axis| max[axis] - min[axis]);
        Self { data_type: self.data_type, shape: [x, y, z, channels], bytes }
    }

    /// Writes them at a voxel of an array.
    ///
    /// # Errors
    /// As the array's `write`.
    pub fn write_to(&self, array: &BigArray, at: [i64; 3]) -> Result<(), Error> {
        dispatch!(self.data_type, T => {
            let voxels: Vec<T> = bytemuck::pod_collect_to_vec(&self.bytes);
            match ArrayView4::from_shape(self.shape.f(), &voxels) {
                Ok(view) => array.write(at, view),
                Err(_) => unreachable!("a shape has as many voxels as bytes"),
            }
        })
    }

    /// In what these differ from what is wanted, if one value does by more than the tolerance.
    ///
    /// # Errors
    /// The first thing that differs.
    pub fn compare(&self, wanted: &Self, tolerance: f64) -> Result<(), String> {
        if (self.data_type, self.shape) != (wanted.data_type, wanted.shape) {
            return Err(format!(
                "{} {:?}, not {} {:?}",
                self.data_type, self.shape, wanted.data_type, wanted.shape
            ));
        }
        if self.bytes == wanted.bytes {
            return Ok(());
        }
        if tolerance == 0.0 {
            let size = self.data_type.size();
            let pairs = self.bytes.chunks(size).zip(wanted.bytes.chunks(size));
            let differ = pairs.filter(|(ours, theirs)| ours != theirs).count();
            return Err(format!("{differ} of {} values differ", self.bytes.len() / size));
        }
        let error = self.largest_difference(wanted);
        if error <= tolerance {
            return Ok(());
        }
        Err(format!("the largest difference is {error} and may be {tolerance}"))
    }

    /// The largest difference of two values at the same place; infinite where one is not a number.
    #[must_use]
    pub fn largest_difference(&self, other: &Self) -> f64 {
        let pairs = self.numbers().into_iter().zip(other.numbers());
        let difference = |(ours, theirs): (f64, f64)| {
            let difference = (ours - theirs).abs();
            if difference.is_nan() { f64::INFINITY } else { difference }
        };
        pairs.map(difference).fold(0.0, f64::max)
    }

    /// Values as `f64`, of the types that lossy encodings have.
    fn numbers(&self) -> Vec<f64> {
        match self.data_type {
            DataType::Uint8 => self.bytes.iter().copied().map(f64::from).collect(),
            DataType::Float32 => {
                let values: Vec<f32> = bytemuck::pod_collect_to_vec(&self.bytes);
                values.into_iter().map(f64::from).collect()
            }
            DataType::Float64 => bytemuck::pod_collect_to_vec(&self.bytes),
            // No encoding of whole numbers is lossy.
            _ => vec![f64::INFINITY; self.bytes.len() / self.data_type.size()],
        }
    }
}

fn data_type(descr: &str) -> Option<DataType> {
    DataType::ALL.into_iter().find(|&data_type| self::descr(data_type) == descr)
}

fn descr(data_type: DataType) -> String {
    let kind = match data_type {
        DataType::Bool => "b",
        DataType::Float32 | DataType::Float64 => "f",
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "i",
        _ => "u",
    };
    let order = if data_type.size() == 1 { '|' } else { '<' };
    format!("{order}{kind}{}", data_type.size())
}

fn from_c_order(data: &[u8], shape: [usize; 4], size: usize) -> Vec<u8> {
    let [width, height, depth, channels] = shape;
    let mut bytes = Vec::with_capacity(data.len());
    for c in 0..channels {
        for z in 0..depth {
            for y in 0..height {
                for x in 0..width {
                    let at = (c + channels * (z + depth * (y + height * x))) * size;
                    bytes.extend(&data[at..at + size]);
                }
            }
        }
    }
    bytes
}
