//! How one chunk is encoded, and which voxels each encoding can hold.

use std::fmt;
use std::str::FromStr;

use crate::data_type::DataType;
use crate::error::UnknownName;

/// The encoding of the chunks of one scale.
///
/// ```
/// use bigarrays_info::Encoding;
///
/// assert_eq!("JPEG".parse(), Ok(Encoding::Jpeg));
/// assert!("webp".parse::<Encoding>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The values themselves, little-endian, x fastest.
    Raw,
    /// JPEG, lossy.
    Jpeg,
    /// PNG, lossless.
    Png,
    /// JPEG XL, lossy or lossless.
    Jxl,
    /// neuroglancer's blockwise palette for segmentations.
    CompressedSegmentation,
    /// Compresso, for segmentations.
    Compresso,
    /// fpzip, for floating point. CloudVolume only.
    Fpzip,
    /// fpzip of shifted values, for alignment fields. CloudVolume only.
    Kempressed,
    /// zfp streams in a small container. CloudVolume only.
    Zfpc,
    /// crackle, for segmentations. CloudVolume only.
    Crackle,
    /// The raw bytes, gzipped. Not in the specification.
    Gzip,
    /// The raw bytes as a Zstandard frame. Not in the specification.
    Zstd,
    /// The raw bytes as a Blosc frame of codec blosclz. Not in the specification.
    Blosclz,
}

impl Encoding {
    /// Every encoding that has a name here.
    pub const ALL: [Self; 13] = [
        Self::Raw,
        Self::Jpeg,
        Self::Png,
        Self::Jxl,
        Self::CompressedSegmentation,
        Self::Compresso,
        Self::Fpzip,
        Self::Kempressed,
        Self::Zfpc,
        Self::Crackle,
        Self::Gzip,
        Self::Zstd,
        Self::Blosclz,
    ];

    /// The name as it stands in an `info` document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Jxl => "jxl",
            Self::CompressedSegmentation => "compressed_segmentation",
            Self::Compresso => "compresso",
            Self::Fpzip => "fpzip",
            Self::Kempressed => "kempressed",
            Self::Zfpc => "zfpc",
            Self::Crackle => "crackle",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Blosclz => "blosclz",
        }
    }

    /// Whether the neuroglancer specification knows this encoding.
    #[must_use]
    pub const fn is_in_spec(self) -> bool {
        matches!(
            self,
            Self::Raw
                | Self::Jpeg
                | Self::Png
                | Self::Jxl
                | Self::CompressedSegmentation
                | Self::Compresso
        )
    }

    /// The data types this encoding can hold.
    #[must_use]
    pub const fn data_types(self) -> &'static [DataType] {
        use DataType::{
            Float32, Float64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64,
        };
        match self {
            Self::Raw | Self::Gzip | Self::Zstd | Self::Blosclz => &DataType::ALL,
            Self::Jpeg | Self::Jxl => &[Uint8],
            Self::Png => &[Uint8, Uint16],
            Self::CompressedSegmentation => &[Uint32, Uint64],
            Self::Compresso => &[Uint8, Uint16, Uint32, Uint64],
            Self::Fpzip | Self::Kempressed => &[Float32, Float64],
            Self::Zfpc => &[Int32, Int64, Float32, Float64],
            Self::Crackle => &[Uint8, Int8, Uint16, Int16, Uint32, Int32, Uint64, Int64],
        }
    }

    /// The numbers of channels this encoding can hold; `None` where any number is good.
    #[must_use]
    pub const fn channel_counts(self) -> Option<&'static [u64]> {
        match self {
            Self::Jpeg => Some(&[1, 3]),
            Self::Png => Some(&[1, 2, 3, 4]),
            Self::Jxl => Some(&[1, 3, 4]),
            Self::Compresso | Self::Crackle => Some(&[1]),
            _ => None,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Encoding {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        if let Some(found) =
            Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
        {
            return Ok(found);
        }
        let unknown = UnknownName::new("encoding", name, Self::ALL.map(Self::name));
        // Very old volumes: a zlib stream around a NumPy file.
        let is_npz = ["npz", "npz_uint8"].iter().any(|old| old.eq_ignore_ascii_case(name));
        Err(if is_npz {
            unknown.with_note("this is the legacy NumPy encoding, which is not supported")
        } else {
            unknown
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_found_by_its_name_in_any_case() {
        for encoding in Encoding::ALL {
            assert_eq!(encoding.name().parse(), Ok(encoding));
            assert_eq!(encoding.name().to_uppercase().parse(), Ok(encoding));
            assert!(!encoding.data_types().is_empty());
        }
    }

    #[test]
    fn unknown_encoding_lists_the_known_ones() {
        let message = "webp".parse::<Encoding>().unwrap_err().to_string();
        assert!(message.contains("`webp`"), "{message}");
        assert!(message.contains("compressed_segmentation"), "{message}");
    }

    #[test]
    fn npz_is_refused_as_the_legacy_encoding() {
        for name in ["npz", "NPZ_uint8"] {
            let message = name.parse::<Encoding>().unwrap_err().to_string();
            assert!(message.contains(name) && message.contains("legacy"), "{message}");
        }
    }
}
