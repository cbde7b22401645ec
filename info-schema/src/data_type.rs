//! What one voxel holds, and what kind of layer the volume is.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::error::UnknownName;

/// The type of one voxel (of one channel).
///
/// ```
/// use bigarrays_info::DataType;
///
/// let data_type: DataType = "UINT16".parse()?;
/// assert_eq!(data_type, DataType::Uint16);
/// assert_eq!(data_type.size(), 2);
/// assert_eq!(data_type.to_string(), "uint16");
/// # Ok::<(), bigarrays_info::UnknownName>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Unsigned, 8 bits.
    Uint8,
    /// Signed, 8 bits.
    Int8,
    /// Unsigned, 16 bits.
    Uint16,
    /// Signed, 16 bits.
    Int16,
    /// Unsigned, 32 bits.
    Uint32,
    /// Signed, 32 bits.
    Int32,
    /// Unsigned, 64 bits: the usual type of segment ids.
    Uint64,
    /// Signed, 64 bits. Not in the specification; CloudVolume writes it.
    Int64,
    /// IEEE 754 single precision.
    Float32,
    /// IEEE 754 double precision. Not in the specification; CloudVolume writes it.
    Float64,
    /// One byte, 0 or 1. Not in the specification; CloudVolume accepts it.
    Bool,
}

impl DataType {
    /// Every data type that can be read and written.
    pub const ALL: [Self; 11] = [
        Self::Uint8,
        Self::Int8,
        Self::Uint16,
        Self::Int16,
        Self::Uint32,
        Self::Int32,
        Self::Uint64,
        Self::Int64,
        Self::Float32,
        Self::Float64,
        Self::Bool,
    ];

    /// The length of one value in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Uint8 | Self::Int8 | Self::Bool => 1,
            Self::Uint16 | Self::Int16 => 2,
            Self::Uint32 | Self::Int32 | Self::Float32 => 4,
            Self::Uint64 | Self::Int64 | Self::Float64 => 8,
        }
    }

    /// The name as it stands in an `info` document, for instance `"uint8"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uint8 => "uint8",
            Self::Int8 => "int8",
            Self::Uint16 => "uint16",
            Self::Int16 => "int16",
            Self::Uint32 => "uint32",
            Self::Int32 => "int32",
            Self::Uint64 => "uint64",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Bool => "bool",
        }
    }

    /// Whether the neuroglancer specification knows this type. Viewers refuse the others.
    #[must_use]
    pub const fn is_in_spec(self) -> bool {
        !matches!(self, Self::Int64 | Self::Float64 | Self::Bool)
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DataType {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownName::new("data type", name, Self::ALL.map(Self::name)))
    }
}

/// The kind of layer: how a viewer shows the voxels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VolumeType {
    /// Intensities.
    Image,
    /// Segment ids; always one channel.
    Segmentation,
    /// Anything else, carried through as it stands, for instance `affinities` in older data.
    Other(String),
}

impl VolumeType {
    /// The name as it stands in an `info` document.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Image => "image",
            Self::Segmentation => "segmentation",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for VolumeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for VolumeType {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok([Self::Image, Self::Segmentation]
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_type_is_found_by_its_name_in_any_case() {
        for data_type in DataType::ALL {
            assert_eq!(data_type.name().parse(), Ok(data_type));
            assert_eq!(data_type.name().to_uppercase().parse(), Ok(data_type));
        }
    }

    #[test]
    fn unknown_data_type_lists_the_known_ones() {
        let message = "float16".parse::<DataType>().unwrap_err().to_string();
        assert!(message.contains("`float16`"), "{message}");
        assert!(message.contains("uint8") && message.contains("float32"), "{message}");
    }

    #[test]
    fn other_volume_types_keep_their_spelling() {
        assert_eq!("IMAGE".parse(), Ok(VolumeType::Image));
        assert_eq!("Affinities".parse(), Ok(VolumeType::Other("Affinities".to_owned())));
    }
}
