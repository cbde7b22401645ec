//! What the image encodings share: a chunk as one two-dimensional image.
//!
//! Source: the neuroglancer *precomputed* volume specification, "jpeg", "png" and "jxl" chunk
//! encodings. The pixels of the image, row by row, are the voxels of `[x, y, z]` in Fortran order;
//! the components of a pixel are the channels of its voxel, side by side. Width and height may be
//! anything with the right product; new images are x wide and y·z high where they may be.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bigarrays_info::Encoding;

use super::{ChunkSpec, CodecError};

/// Room for what other writers put beside the pixels: EXIF data, colour profiles, thumbnails.
const METADATA_BYTES: usize = 1 << 20;

/// A length that no sound image of this shape exceeds. Noise costs less than two bytes a sample
/// in all three formats; images one pixel wide double that (a filter byte a row in PNG, blocks
/// that are mostly padding in JPEG).
pub(super) fn max_len(spec: &ChunkSpec) -> usize {
    spec.voxel_bytes().saturating_mul(4).saturating_add(METADATA_BYTES)
}

/// The voxels of one channel.
pub(super) fn pixels(spec: &ChunkSpec) -> usize {
    let [x, y, z, _] = spec.shape;
    x.saturating_mul(y).saturating_mul(z)
}

/// Refuses types and channels that the encoding has no form for. A volume is checked when it is
/// opened, so this only keeps the rest of a codec from thinking of them.
pub(super) fn check_spec(encoding: Encoding, spec: &ChunkSpec) -> Result<(), CodecError> {
    let channels = spec.shape[3];
    let counts = encoding.channel_counts().unwrap_or_default();
    if encoding.data_types().contains(&spec.data_type)
        && counts.iter().any(|&count| usize::try_from(count) == Ok(channels))
    {
        return Ok(());
    }
    let name = spec.data_type.name();
    let what = format!("the encoding {encoding} of {name} with {channels} channels");
    Err(CodecError::Unsupported { what: Cow::Owned(what) })
}

/// Refuses an image whose pixels are not as many as the chunk's voxels.
pub(super) fn check_size(
    spec: &ChunkSpec,
    width: impl Into<u64>,
    height: impl Into<u64>,
) -> Result<(), CodecError> {
    let (width, height) = (width.into(), height.into());
    let voxels = pixels(spec);
    if width.checked_mul(height).is_some_and(|found| usize::try_from(found) == Ok(voxels)) {
        return Ok(());
    }
    Err(CodecError::corrupt(format!(
        "it is an image of {width} x {height} pixels, but the chunk has {voxels} voxels"
    )))
}

/// Refuses an image whose components are not as many as the volume's channels.
pub(super) fn check_components(spec: &ChunkSpec, found: usize) -> Result<(), CodecError> {
    let channels = spec.shape[3];
    if found == channels {
        return Ok(());
    }
    Err(CodecError::corrupt(format!(
        "its pixels have {found} components, but the volume has {channels} channels"
    )))
}

/// Refuses an image whose samples are not as wide as the volume's data type.
pub(super) fn check_depth(spec: &ChunkSpec, bits: impl Into<u32>) -> Result<(), CodecError> {
    let bits = bits.into();
    if usize::try_from(bits) == Ok(spec.data_type.size() * 8) {
        return Ok(());
    }
    let name = spec.data_type.name();
    Err(CodecError::corrupt(format!("its samples have {bits} bits, but the volume is {name}")))
}

/// Width and height of a new image, neither more than `limit`: x wide and y·z high, or else the
/// least multiple of x that divides the voxels evenly and makes both fit, or else the least width
/// of any kind that does.
pub(super) fn new_size(spec: &ChunkSpec, limit: usize) -> Result<[usize; 2], CodecError> {
    let (x, voxels) = (spec.shape[0], pixels(spec));
    let fits =
        |&width: &usize| width <= limit && voxels.is_multiple_of(width) && voxels / width <= limit;
    let least = voxels.div_ceil(limit).max(1);
    let multiples = (1..=limit.min(voxels) / x.max(1)).map(|times| times * x);
    let found = if voxels == 0 {
        None
    } else {
        multiples.into_iter().find(fits).or_else(|| (least..=limit.min(voxels)).find(fits))
    };
    found.map(|width| [width, voxels / width]).ok_or_else(|| {
        CodecError::unencodable(format!(
            "its {voxels} voxels make no image of at most {limit} x {limit} pixels; choose \
             another chunk size or another encoding"
        ))
    })
}

/// Runs a decoder that writes the pixels of a whole chunk, big-endian where a sample has two
/// bytes, and returns the voxels.
///
/// The decoders of images are other people's and large. A panic that hostile bytes might still
/// find in one becomes an error here: it concerns one chunk, and all that the decoder touched is
/// dropped.
pub(super) fn decode_with<'a>(
    spec: &ChunkSpec,
    scratch: &'a mut Vec<u8>,
    decode: impl FnOnce(&mut [u8]) -> Result<(), CodecError>,
) -> Result<&'a [u8], CodecError> {
    let bytes = spec.voxel_bytes();
    let is_planar = spec.shape[3] == 1;
    // Zeros, so that no decoder can let voxels of the chunk before shine through.
    scratch.clear();
    scratch.resize(if is_planar { bytes } else { 2 * bytes }, 0);
    let (planes, apart) = scratch.split_at_mut(bytes);
    let image = if is_planar { &mut *planes } else { &mut *apart };
    catch_unwind(AssertUnwindSafe(|| decode(image)))
        .unwrap_or_else(|_| Err(CodecError::corrupt("its bytes make the decoder fail")))?;
    if !is_planar {
        to_planes(spec, apart, planes);
    } else if spec.data_type.size() == 2 {
        swap_bytes(planes);
    }
    Ok(planes)
}

/// The pixels of a chunk's voxels, as [`decode_with`] takes them.
pub(super) fn to_image(mut voxels: Vec<u8>, spec: &ChunkSpec) -> Vec<u8> {
    if spec.shape[3] == 1 {
        if spec.data_type.size() == 2 {
            swap_bytes(&mut voxels);
        }
        return voxels;
    }
    let mut image = vec![0; voxels.len()];
    from_planes(spec, &voxels, &mut image);
    image
}

fn swap_bytes(samples: &mut [u8]) {
    for sample in samples.as_chunks_mut::<2>().0 {
        sample.reverse();
    }
}

fn to_planes(spec: &ChunkSpec, image: &[u8], planes: &mut [u8]) {
    match (spec.shape[3], spec.data_type.size()) {
        (2, 1) => split::<2, 1>(image, planes),
        (3, 1) => split::<3, 1>(image, planes),
        (4, 1) => split::<4, 1>(image, planes),
        (2, 2) => split::<2, 2>(image, planes),
        (3, 2) => split::<3, 2>(image, planes),
        _ => split::<4, 2>(image, planes),
    }
}

fn from_planes(spec: &ChunkSpec, planes: &[u8], image: &mut [u8]) {
    match (spec.shape[3], spec.data_type.size()) {
        (2, 1) => merge::<2, 1>(planes, image),
        (3, 1) => merge::<3, 1>(planes, image),
        (4, 1) => merge::<4, 1>(planes, image),
        (2, 2) => merge::<2, 2>(planes, image),
        (3, 2) => merge::<3, 2>(planes, image),
        _ => merge::<4, 2>(planes, image),
    }
}

/// Planes from pixels of `C` samples of `N` bytes, whose order is turned.
fn split<const C: usize, const N: usize>(image: &[u8], planes: &mut [u8]) {
    let pixels = image.as_chunks::<N>().0.as_chunks::<C>().0;
    let planes = planes.as_chunks_mut::<N>().0.chunks_exact_mut(pixels.len().max(1));
    for (channel, plane) in planes.enumerate().take(C) {
        for (voxel, pixel) in plane.iter_mut().zip(pixels) {
            *voxel = pixel[channel];
            voxel.reverse();
        }
    }
}

/// Pixels of `C` samples of `N` bytes from planes; undoes [`split`].
fn merge<const C: usize, const N: usize>(planes: &[u8], image: &mut [u8]) {
    let pixels = image.as_chunks_mut::<N>().0.as_chunks_mut::<C>().0;
    let planes = planes.as_chunks::<N>().0.chunks_exact(pixels.len().max(1));
    for (channel, plane) in planes.enumerate().take(C) {
        for (pixel, voxel) in pixels.iter_mut().zip(plane) {
            pixel[channel] = *voxel;
            pixel[channel].reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use bigarrays_info::DataType;
    use proptest::prelude::*;

    use super::*;

    fn spec(data_type: DataType, shape: [usize; 4]) -> ChunkSpec {
        ChunkSpec { data_type, shape }
    }

    #[test]
    fn pixels_hold_the_channels_of_a_voxel_side_by_side() {
        let rgb = spec(DataType::Uint8, [2, 1, 1, 3]);
        assert_eq!(to_image(vec![1, 2, 11, 12, 21, 22], &rgb), [1, 11, 21, 2, 12, 22]);
        let deep = spec(DataType::Uint16, [2, 1, 1, 2]);
        assert_eq!(to_image(vec![1, 2, 3, 4, 5, 6, 7, 8], &deep), [2, 1, 6, 5, 4, 3, 8, 7]);
        let gray = spec(DataType::Uint16, [2, 1, 1, 1]);
        assert_eq!(to_image(vec![1, 2, 3, 4], &gray), [2, 1, 4, 3]);
    }

    #[test]
    fn new_image_is_x_wide_unless_a_side_is_too_long() {
        let size = |shape, limit| new_size(&spec(DataType::Uint8, shape), limit).ok();
        assert_eq!(size([64, 32, 16, 3], 65_535), Some([64, 512]));
        // y·z of 70000 is too high: two rows side by side.
        assert_eq!(size([3, 700, 100, 1], 65_535), Some([6, 35_000]));
        // x is too wide, and so is any multiple of it: the least width whose height fits.
        assert_eq!(size([12, 1, 1, 1], 6), Some([2, 6]));
        // A prime number of voxels that is too long either way.
        assert_eq!(size([65_537, 1, 1, 1], 65_535), None);
        assert_eq!(size([1, 1, 65_537, 1], 65_535), None);
        assert_eq!(size([0, 1, 1, 1], 65_535), None);
    }

    #[test]
    fn panic_in_a_decoder_is_an_error_of_the_chunk() {
        let gray = spec(DataType::Uint8, [2, 1, 1, 1]);
        let mut scratch = vec![9; 7];
        let error = decode_with(&gray, &mut scratch, |_| panic!("hostile")).unwrap_err();
        assert!(matches!(error, CodecError::Corrupt { .. }));
        assert_eq!(decode_with(&gray, &mut scratch, |_| Ok(())).unwrap(), [0, 0]);
    }

    #[test]
    fn image_must_have_the_pixels_of_the_chunk_in_any_arrangement() {
        let gray = spec(DataType::Uint8, [4, 3, 2, 1]);
        for (width, height) in [(4_u32, 6_u32), (12, 2), (24, 1), (1, 24)] {
            assert!(check_size(&gray, width, height).is_ok());
        }
        for (width, height) in [(4, 5), (0, 24), (u64::MAX, u64::MAX), (5, 5)] {
            assert!(check_size(&gray, width, height).is_err());
        }
    }

    proptest! {
        #[test]
        fn transposition_and_back_is_the_identity(
            channels in 1_usize..5,
            wide: bool,
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let size = if wide { 2 } else { 1 };
            let count = bytes.len() / (channels * size);
            let data_type = if wide { DataType::Uint16 } else { DataType::Uint8 };
            let spec = spec(data_type, [count, 1, 1, channels]);
            let voxels = bytes[..spec.voxel_bytes()].to_vec();
            let image = to_image(voxels.clone(), &spec);
            let mut scratch = Vec::new();
            let decoded = decode_with(&spec, &mut scratch, |pixels| {
                pixels.copy_from_slice(&image);
                Ok(())
            });
            prop_assert_eq!(decoded.unwrap(), voxels);
        }
    }
}
