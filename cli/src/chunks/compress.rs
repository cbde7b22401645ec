//! `--compress`: how chunks are compressed when they are stored.

use std::str::FromStr;

use bigarrays::info::Scale;
use bigarrays::{BigArray, Transport};

use crate::error::CliError;

/// A compression, or the choice of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompressArg {
    /// What CloudVolume chooses for the encoding.
    Auto,
    /// This one.
    Given(Transport),
}

impl FromStr for CompressArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, level) = match text.split_once(':') {
            None => (text, None),
            Some((name, level)) => (name, Some(level)),
        };
        let within = |least: u8, most: u8, default: u8| match level {
            None => Ok(default),
            Some(level) => {
                let level = level.parse().ok().filter(|level| (least..=most).contains(level));
                level.ok_or_else(|| format!("{name} has levels from {least} to {most}"))
            }
        };
        Ok(match name {
            "auto" | "none" if level.is_some() => return Err(format!("{name} has no levels")),
            "auto" => Self::Auto,
            "none" => Self::Given(Transport::None),
            "gzip" => Self::Given(Transport::Gzip(within(0, 12, 9)?)),
            "br" => Self::Given(Transport::Brotli(within(0, 11, 5)?)),
            "zstd" => Self::Given(Transport::Zstd(within(1, 22, 3)?)),
            _ => return Err("none, gzip, br, zstd or auto is needed, or such as gzip:6".to_owned()),
        })
    }
}

impl CompressArg {
    fn transport(self, scale: &Scale) -> Result<Transport, CliError> {
        match self {
            Self::Given(Transport::None) => Ok(Transport::None),
            Self::Auto if scale.sharding.is_some() => Ok(Transport::None),
            Self::Auto => Ok(Transport::for_encoding(scale.encoding)),
            Self::Given(_) if scale.sharding.is_some() => Err(CliError::usage(
                "--compress does not apply to a sharded scale, whose chunks are compressed inside its shards; leave it out, or choose the shards' own with --sharded=…,data=gzip",
            )),
            Self::Given(transport) => Ok(transport),
        }
    }
}

/// The array, compressing what it writes as the option says.
pub(crate) fn compressing(
    array: BigArray,
    compress: Option<CompressArg>,
) -> Result<BigArray, CliError> {
    let Some(compress) = compress else { return Ok(array) };
    let transport = compress.transport(array.scale())?;
    Ok(array.to_builder().transport(transport).open()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::info::{DataType, Encoding, VolumeInfo};

    #[test]
    fn levels_belong_to_a_compression() {
        let given = |text: &str| match text.parse::<CompressArg>() {
            Ok(CompressArg::Given(transport)) => Ok(transport),
            Ok(CompressArg::Auto) => Err("auto".to_owned()),
            Err(why) => Err(why),
        };
        assert_eq!(given("none"), Ok(Transport::None));
        assert_eq!(given("gzip"), Ok(Transport::GZIP));
        assert_eq!(given("br"), Ok(Transport::BROTLI));
        assert_eq!(given("zstd"), Ok(Transport::ZSTD));
        assert_eq!(given("gzip:12"), Ok(Transport::Gzip(12)));
        assert_eq!(given("br:0"), Ok(Transport::Brotli(0)));
        assert_eq!(given("zstd:22"), Ok(Transport::Zstd(22)));
        for wrong in ["", "gzip:13", "gzip:", "br:12", "zstd:0", "none:1", "auto:1", "xz", "GZIP"] {
            assert!(wrong.parse::<CompressArg>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn auto_compresses_what_cloudvolume_compresses() {
        let auto = |encoding: Encoding, data_type| {
            let info = VolumeInfo::builder(data_type, [1; 3]).encoding(encoding).build().unwrap();
            CompressArg::Auto.transport(&info.scales[0]).unwrap()
        };
        assert_eq!(auto(Encoding::Raw, DataType::Int16), Transport::GZIP);
        assert_eq!(auto(Encoding::CompressedSegmentation, DataType::Uint32), Transport::GZIP);
        assert_eq!(auto(Encoding::Compresso, DataType::Uint32), Transport::GZIP);
        assert_eq!(auto(Encoding::Crackle, DataType::Uint32), Transport::GZIP);
        for encoding in [Encoding::Jpeg, Encoding::Png, Encoding::Jxl, Encoding::Gzip] {
            assert_eq!(auto(encoding, DataType::Uint8), Transport::None);
        }
        assert_eq!(auto(Encoding::Fpzip, DataType::Float32), Transport::None);
    }
}
