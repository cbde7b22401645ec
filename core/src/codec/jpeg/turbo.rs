//! libjpeg-turbo itself (feature `turbojpeg`): the same voxels, by vector instructions.
//!
//! It decodes sound baseline images of one or three components. Everything else, whatever it
//! finds fault with among it, is left to our own decoder, which has the limits and the errors.

use turbojpeg::{Colorspace, Compressor, Decompressor, Image, PixelFormat, Subsamp};

use super::super::raster;
use super::super::{ChunkSpec, CodecError};

/// Markers that begin a frame other than a baseline one: progressive, lossless, arithmetic.
const OTHER_FRAMES: [u8; 10] = [0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce];

/// The voxels, if this is an image that libjpeg-turbo decodes without a word.
pub(super) fn decode<'a>(
    encoded: &[u8],
    spec: &ChunkSpec,
    scratch: &'a mut Vec<u8>,
) -> Option<&'a [u8]> {
    if !is_baseline(encoded) {
        return None;
    }
    let mut decoder = Decompressor::new().ok()?;
    let header = decoder.read_header(encoded).ok()?;
    let (components, format) = match header.colorspace {
        Colorspace::Gray => (1, PixelFormat::GRAY),
        Colorspace::RGB | Colorspace::YCbCr => (3, PixelFormat::RGB),
        _ => return None,
    };
    let (width, height) = (header.width, header.height);
    let is_of_chunk = components == spec.shape[3]
        && width.checked_mul(height) == Some(raster::pixels(spec))
        && !header.is_lossless;
    if !is_of_chunk {
        return None;
    }
    let decoded = raster::decode_with(spec, scratch, |pixels| {
        let pitch = width * components;
        let decoded = decoder.decompress(encoded, Image { pixels, width, pitch, height, format });
        decoded.map_err(|_| CodecError::corrupt("libjpeg-turbo does not take it"))
    });
    decoded.ok()
}

/// A baseline image without subsampling.
pub(super) fn encode(
    image: &[u8],
    [width, height]: [usize; 2],
    components: usize,
    quality: u8,
) -> Result<Vec<u8>, CodecError> {
    let format = if components == 1 { PixelFormat::GRAY } else { PixelFormat::RGB };
    let subsampling = if components == 1 { Subsamp::Gray } else { Subsamp::None };
    let encode = || {
        let mut encoder = Compressor::new()?;
        encoder.set_quality(quality.into())?;
        encoder.set_subsamp(subsampling)?;
        let pitch = width * components;
        encoder.compress_to_vec(Image { pixels: image, width, pitch, height, format })
    };
    encode()
        .map_err(|error: turbojpeg::Error| CodecError::EncoderFailed { source: Box::new(error) })
}

/// Whether the first frame of a file is a baseline one.
fn is_baseline(encoded: &[u8]) -> bool {
    let Some(mut rest) = encoded.strip_prefix(&[0xff, 0xd8]) else { return false };
    while let [0xff, marker, high, low, after @ ..] = rest {
        match marker {
            0xc0 | 0xc1 => return true,
            0xda | 0xd9 | 0xff => return false,
            marker if OTHER_FRAMES.contains(marker) => return false,
            _ => {}
        }
        let content = usize::from(u16::from_be_bytes([*high, *low])).checked_sub(2);
        let Some(next) = content.and_then(|content| after.get(content..)) else { return false };
        rest = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use bigarrays_info::DataType;

    use super::super::decode as own;
    use super::*;

    fn spec(shape: [usize; 4]) -> ChunkSpec {
        ChunkSpec { data_type: DataType::Uint8, shape }
    }

    /// A gradient with some texture.
    fn image(len: usize) -> Vec<u8> {
        (0..len).map(|n| u8::try_from((n / 7 + n * n / 311) % 251).unwrap()).collect()
    }

    #[test]
    fn both_decoders_find_the_same_voxels() {
        for (shape, quality) in [([16, 8, 8, 1], 80), ([9, 5, 3, 1], 40), ([24, 8, 2, 3], 95)] {
            let spec = spec(shape);
            let size = [shape[0], shape[1] * shape[2]];
            let file = encode(&image(spec.voxel_bytes()), size, shape[3], quality).unwrap();
            let mut scratch = Vec::new();
            let turbo = decode(&file, &spec, &mut scratch).unwrap().to_vec();
            let mut voxels = vec![0; spec.voxel_bytes()];
            own::decode(&file, &spec, &(0..voxels.len()), &mut voxels).unwrap();
            assert_eq!(turbo, voxels, "{shape:?}");
        }
    }

    #[test]
    fn both_decoders_find_the_voxels_of_other_writers() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/jpeg");
        let mut by_turbo = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "jpg") {
                continue;
            }
            let (file, expected) =
                (fs::read(&path).unwrap(), fs::read(path.with_extension("raw")).unwrap());
            let name = path.file_stem().unwrap().to_str().unwrap();
            let channels = if name.contains("rgb") { 3 } else { 1 };
            let spec = spec([expected.len() / channels, 1, 1, channels]);
            let mut voxels = vec![0; expected.len()];
            own::decode(&file, &spec, &(0..voxels.len()), &mut voxels).unwrap();
            assert!(voxels == expected, "{name}");
            let mut scratch = Vec::new();
            if let Some(voxels) = decode(&file, &spec, &mut scratch) {
                assert!(voxels == expected, "{name}");
                by_turbo += 1;
            }
        }
        assert!(by_turbo >= 10, "{by_turbo}");
    }

    #[test]
    fn what_it_finds_fault_with_is_left_to_the_other_decoder() {
        let spec = spec([64, 64, 1, 1]);
        let file = encode(&image(4096), [64, 64], 1, 80).unwrap();
        let mut scratch = Vec::new();
        assert!(decode(&file, &spec, &mut scratch).is_some());
        for end in 0..file.len() {
            assert!(decode(&file[..end], &spec, &mut scratch).is_none(), "cut at {end}");
        }
        let other = ChunkSpec { shape: [64, 32, 1, 1], ..spec };
        assert!(decode(&file, &other, &mut scratch).is_none());
    }
}
