//! The encodings on the command line: their names, what each is for, which this build has.

use bigarrays::codec::codec_for;
use bigarrays::info::{Encoding, VolumeInfo};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Reads the name of an encoding; the help lists them all.
pub(crate) fn encodings() -> impl TypedValueParser<Value = Encoding> {
    let names = Encoding::ALL.map(|encoding| {
        let missing = if is_in_this_build(encoding) { "" } else { "; not in this build" };
        PossibleValue::new(encoding.name()).help(format!("{}{missing}", about(encoding)))
    });
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Encoding>())
}

const fn about(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Raw => "the values themselves",
        Encoding::Jpeg => "lossy images: uint8, 1 or 3 channels",
        Encoding::Png => "lossless images: uint8 or uint16, 1 to 4 channels",
        Encoding::Jxl => {
            "JPEG XL images: uint8, 1, 3 or 4 channels; written lossless (feature jxl)"
        }
        Encoding::CompressedSegmentation => "segmentations: uint32, uint64",
        Encoding::Compresso => "segmentations, smaller: uint8 to uint64",
        Encoding::Fpzip => "floating point (feature fpzip)",
        Encoding::Kempressed => {
            "floating point, exact to about 1e-7, for alignment fields (feature fpzip)"
        }
        Encoding::Zfpc => "float32, float64, int32, int64 (feature zfpc)",
        Encoding::Crackle => "segmentations, smallest: integers",
        Encoding::Gzip => "the values, gzipped; bigarrays only",
        Encoding::Zstd => "the values, by Zstandard; bigarrays only",
        Encoding::Blosclz => "the values, by Blosc; bigarrays only (feature blosc)",
    }
}

/// Asked of the library, which knows what it was built with.
fn is_in_this_build(encoding: Encoding) -> bool {
    let example = VolumeInfo::builder(encoding.data_types()[0], [1; 3]).encoding(encoding).build();
    example.is_ok_and(|info| codec_for(&info.scales[0]).is_ok())
}
