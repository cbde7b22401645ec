//! Image chunks of other programs, and our own through the public table of codecs.
//!
//! The golden files and what they stand for are written by `golden/images/make.py`, which names
//! the programs and their versions.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "helpers of tests, and content that is made to wrap"
)]

use std::fs;
use std::path::Path;

use bigarrays_core::codec::{ChunkSpec, Codec, CodecError, Window, codec_for};
use bigarrays_core::{DataType, Encoding, VolumeInfo};
use proptest::prelude::*;

const SHAPE: [usize; 3] = [13, 7, 3];

fn spec(data_type: DataType, [x, y, z]: [usize; 3], channels: usize) -> ChunkSpec {
    ChunkSpec { data_type, shape: [x, y, z, channels] }
}

fn codec(encoding: Encoding, spec: &ChunkSpec, level: Option<u8>) -> Box<dyn Codec> {
    let [x, y, z, channels] = spec.shape.map(|axis| axis as u64);
    let mut builder =
        VolumeInfo::builder(spec.data_type, [x, y, z]).channels(channels).encoding(encoding);
    if let Some(level) = level {
        builder = match encoding {
            Encoding::Jpeg => builder.jpeg_quality(level),
            _ => builder.png_level(level),
        };
    }
    codec_for(&builder.build().unwrap().scales[0]).unwrap()
}

fn golden(encoding: Encoding, name: &str) -> Vec<u8> {
    let suffix = if encoding == Encoding::Jpeg { "jpg" } else { encoding.name() };
    read(encoding, &format!("{name}.{suffix}"))
}

fn read(encoding: Encoding, file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(encoding.name());
    fs::read(folder.join(file)).unwrap()
}

fn decode(encoding: Encoding, stored: &[u8], spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
    let mut scratch = vec![0xaa; 3];
    codec(encoding, spec, None).decode(stored, spec, &mut scratch).map(<[u8]>::to_vec)
}

/// Decodes a golden file, and all voxels are within so many levels of the expected.
fn check(encoding: Encoding, name: &str, spec: &ChunkSpec, tolerance: u8) {
    let stored = golden(encoding, name);
    let expected = read(encoding, &format!("{name}.raw"));
    assert!(stored.len() <= codec(encoding, spec, None).max_len(spec));
    let found = decode(encoding, &stored, spec).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(found.len(), expected.len(), "{name}");
    let furthest = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(furthest.unwrap() <= tolerance, "{name} is off by {furthest:?}");
}

#[test]
fn jpeg_of_other_writers_has_the_voxels_that_libjpeg_turbo_finds() {
    for name in [
        "pil_gray",
        "pil_gray_wide",
        "pil_gray_progressive",
        "cloudvolume_gray",
        "tensorstore_gray",
    ] {
        check(Encoding::Jpeg, name, &spec(DataType::Uint8, SHAPE, 1), 0);
    }
    for name in [
        "pil_rgb_444",
        "pil_rgb_444_progressive",
        "pil_rgb_422",
        "pil_rgb_422_progressive",
        "pil_rgb_420",
        "pil_rgb_420_progressive",
        "pil_rgb_420_restarts",
        "turbo_rgb_440",
        "turbo_rgb_411",
        "turbo_rgb_direct",
        "cloudvolume_rgb",
        "tensorstore_rgb",
    ] {
        check(Encoding::Jpeg, name, &spec(DataType::Uint8, SHAPE, 3), 0);
    }
    check(Encoding::Jpeg, "pil_rgb_420_narrow", &spec(DataType::Uint8, [3, 7, 3], 3), 0);
}

#[test]
fn jpeg_of_a_window_has_the_voxels_of_the_whole_and_needs_nothing_behind_it() {
    // Of several rows of blocks: 16 wide, 64 high.
    let spec = spec(DataType::Uint8, [16, 8, 8], 1);
    let voxels: Vec<u8> = (0..1024_u32).map(|n| u8::try_from(n * n / 97 % 200).unwrap()).collect();
    let codec = codec(Encoding::Jpeg, &spec, None);
    let stored = codec.encode(voxels, &spec).unwrap();
    let whole = decode(Encoding::Jpeg, &stored, &spec).unwrap();
    for (start, end) in (0..8).flat_map(|start| (start + 1..=8).map(move |end| (start, end))) {
        let window = Window { start: [3, start, start], end: [5, 8, end] };
        let mut scratch = Vec::new();
        let found = codec.decode_window(&stored, &spec, &window, &mut scratch).unwrap();
        assert_eq!((found.shape, found.start), (spec.shape, window.start));
        let wanted = 16 * (8 * start + start)..16 * 8 * end;
        assert_eq!(found.voxels[wanted.clone()], whole[wanted], "{start}..{end}");
    }
    let window = Window { start: [0; 3], end: [16, 8, 1] };
    let cut = &stored[..stored.len() * 2 / 3];
    let mut scratch = Vec::new();
    let found = codec.decode_window(cut, &spec, &window, &mut scratch).unwrap();
    assert_eq!(found.voxels[..128], whole[..128]);
    assert!(codec.decode_window(cut, &spec, &Window::whole(&spec), &mut Vec::new()).is_err());
}

#[test]
fn png_of_other_writers_has_their_voxels() {
    for channels in 1..=4 {
        for (name, data_type) in [("uint8", DataType::Uint8), ("uint16", DataType::Uint16)] {
            let name = format!("libpng_{name}_c{channels}");
            check(Encoding::Png, &name, &spec(data_type, SHAPE, channels), 0);
        }
    }
    let gray = spec(DataType::Uint8, SHAPE, 1);
    for name in ["cloudvolume_uint8_c1", "tensorstore_uint8_c1", "libpng_uint8_c1_square"] {
        check(Encoding::Png, name, &gray, 0);
    }
    let rgb = spec(DataType::Uint8, SHAPE, 3);
    for name in ["tensorstore_uint8_c3", "spng_uint8_c3_interlaced"] {
        check(Encoding::Png, name, &rgb, 0);
    }
    check(Encoding::Png, "tensorstore_uint16_c1", &spec(DataType::Uint16, SHAPE, 1), 0);
}

#[cfg(feature = "jxl")]
#[test]
fn jxl_of_other_writers_has_their_voxels_or_those_of_libjxl() {
    for channels in [1, 3, 4] {
        let spec = spec(DataType::Uint8, SHAPE, channels);
        check(Encoding::Jxl, &format!("lossless_c{channels}"), &spec, 0);
        check(Encoding::Jxl, &format!("lossy_c{channels}"), &spec, 1);
    }
    let gray = spec(DataType::Uint8, SHAPE, 1);
    check(Encoding::Jxl, "lossless_c1_container", &gray, 0);
    check(Encoding::Jxl, "cloudvolume_c1", &gray, 1);
    check(Encoding::Jxl, "cloudvolume_c1_lossless", &gray, 0);
}

#[cfg(feature = "jxl")]
#[test]
fn jxl_that_the_library_decodes_wrongly_is_refused() {
    let row = spec(DataType::Uint8, [13, 1, 1], 1);
    let error = decode(Encoding::Jxl, &golden(Encoding::Jxl, "lossy_c1_one_row"), &row);
    assert!(matches!(error, Err(CodecError::Unsupported { .. })), "{error:?}");
}

/// Files by name that a chunk of 13 x 7 x 3 voxels and one channel has.
fn gray_files() -> Vec<(Encoding, &'static str)> {
    let mut files = vec![
        (Encoding::Jpeg, "pil_gray"),
        (Encoding::Jpeg, "pil_gray_progressive"),
        (Encoding::Png, "libpng_uint8_c1"),
    ];
    if cfg!(feature = "jxl") {
        files.extend([
            (Encoding::Jxl, "lossless_c1"),
            (Encoding::Jxl, "lossy_c1"),
            (Encoding::Jxl, "lossless_c1_container"),
        ]);
    }
    files
}

#[test]
fn image_of_other_pixels_components_or_depth_than_the_chunk_is_corrupt() {
    for (encoding, name) in gray_files() {
        let stored = golden(encoding, name);
        for other in [
            spec(DataType::Uint8, [13, 7, 4], 1),
            spec(DataType::Uint8, [1, 1, 1], 1),
            spec(DataType::Uint8, SHAPE, 3),
            // As many samples, but three to a pixel.
            spec(DataType::Uint8, [13, 7, 1], 3),
        ] {
            let error = decode(encoding, &stored, &other).unwrap_err();
            assert!(matches!(error, CodecError::Corrupt { .. }), "{name}: {error}");
        }
    }
    let rgb = golden(Encoding::Jpeg, "pil_rgb_420");
    assert!(decode(Encoding::Jpeg, &rgb, &spec(DataType::Uint8, SHAPE, 1)).is_err());
    let wide = golden(Encoding::Png, "libpng_uint16_c1");
    assert!(decode(Encoding::Png, &wide, &spec(DataType::Uint8, SHAPE, 1)).is_err());
    let narrow = golden(Encoding::Png, "libpng_uint8_c1");
    assert!(decode(Encoding::Png, &narrow, &spec(DataType::Uint16, SHAPE, 1)).is_err());
}

#[test]
fn image_cut_short_anywhere_is_an_error() {
    let spec = spec(DataType::Uint8, SHAPE, 1);
    for (encoding, name) in gray_files() {
        let stored = golden(encoding, name);
        // A PNG decoder need not look at the last chunk, which is empty, nor at checksums.
        let needed = if encoding == Encoding::Png { stored.len() - 20 } else { stored.len() };
        for end in 0..needed {
            assert!(decode(encoding, &stored[..end], &spec).is_err(), "{name} to {end}");
        }
    }
}

#[test]
fn png_that_readers_disagree_on_is_refused() {
    let pair = |channels| spec(DataType::Uint8, [2, 1, 1], channels);
    let message = |name, channels| {
        decode(Encoding::Png, &golden(Encoding::Png, name), &pair(channels))
            .unwrap_err()
            .to_string()
    };
    assert!(message("palette", 1).contains("palette"));
    assert!(message("palette", 3).contains("palette"));
    assert!(message("gray_1bit", 1).contains("its samples have 1 bits"));
}

#[test]
fn volume_larger_than_an_image_side_is_encoded_in_another_arrangement() {
    for shape in [[1, 1, 70_000], [70_000, 1, 1], [3, 300, 300]] {
        let spec = spec(DataType::Uint8, shape, 1);
        let codec = codec(Encoding::Jpeg, &spec, None);
        let stored = codec.encode(vec![77; spec.voxel_bytes()], &spec).unwrap();
        assert_eq!(decode(Encoding::Jpeg, &stored, &spec).unwrap(), vec![77; spec.voxel_bytes()]);
    }
    // A prime number of voxels has no other arrangement.
    let spec = spec(DataType::Uint8, [1, 1, 65_537], 1);
    let error = codec(Encoding::Jpeg, &spec, None).encode(vec![0; 65_537], &spec).unwrap_err();
    assert!(matches!(error, CodecError::Unencodable { .. }));
}

/// Content of several kinds: smooth, noise, two values in large parts.
fn voxels(spec: &ChunkSpec, kind: u8, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let [x, y, z, _] = spec.shape;
    let step = (seed % 7) as usize + 1;
    (0..spec.voxel_bytes())
        .map(|index| match kind {
            0 => ((index % x * step + index / x % y * 2 + index / (x * y * z) * 40) % 251) as u8,
            1 => random() as u8,
            2 => ((index / (x * step)) % 3 / 2 * 255) as u8,
            _ => u8::from(random().is_multiple_of(50)) * 200,
        })
        .collect()
}

fn shapes() -> impl Strategy<Value = [usize; 3]> {
    prop_oneof![
        [1_usize..24, 1_usize..12, 1_usize..6],
        [1_usize..3, 1_usize..3, 1_usize..60],
        // More than one group of a jxl image.
        [1020_usize..1030, 1_usize..3, 1_usize..3],
        [1_usize..3, 500_usize..530, 2_usize..4],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn png_round_trip_is_exact(
        shape in shapes(), channels in 1_usize..5, wide: bool, kind in 0_u8..4, seed: u32,
        level in prop::option::of(0_u8..10),
    ) {
        let data_type = if wide { DataType::Uint16 } else { DataType::Uint8 };
        let spec = spec(data_type, shape, channels);
        let voxels = voxels(&spec, kind, seed);
        let codec = codec(Encoding::Png, &spec, level);
        let stored = codec.encode(voxels.clone(), &spec).unwrap();
        prop_assert!(stored.len() <= codec.max_len(&spec));
        prop_assert_eq!(decode(Encoding::Png, &stored, &spec).unwrap(), voxels);
    }

    #[cfg(feature = "jxl")]
    #[test]
    fn jxl_round_trip_is_exact(
        shape in shapes(), channels in prop::sample::select(vec![1_usize, 3, 4]), kind in 0_u8..4,
        seed: u32,
    ) {
        let spec = spec(DataType::Uint8, shape, channels);
        let voxels = voxels(&spec, kind, seed);
        let codec = codec(Encoding::Jxl, &spec, None);
        let stored = codec.encode(voxels.clone(), &spec).unwrap();
        prop_assert!(stored.len() <= codec.max_len(&spec));
        prop_assert_eq!(decode(Encoding::Jxl, &stored, &spec).unwrap(), voxels);
    }

    #[test]
    fn jpeg_of_a_smooth_chunk_is_near_it(
        shape in shapes(), color: bool, quality in 85_u8..=100, seed: u32,
    ) {
        let spec = spec(DataType::Uint8, shape, if color { 3 } else { 1 });
        let [x, y, z, _] = spec.shape;
        let slope = 1.0 + f64::from(seed % 5) / 4.0;
        let voxels: Vec<u8> = (0..spec.voxel_bytes())
            .map(|index| {
                let (pixel, channel) = (index % (x * y * z), index / (x * y * z));
                let (column, row) = ((pixel % x) as f64, (pixel / x) as f64);
                let wave = (column * slope / 12.0).sin() + ((row + 9.0) * slope / 15.0).cos();
                (128.0 + 40.0 * wave + 10.0 * channel as f64) as u8
            })
            .collect();
        let codec = codec(Encoding::Jpeg, &spec, Some(quality));
        let stored = codec.encode(voxels.clone(), &spec).unwrap();
        prop_assert!(stored.len() <= codec.max_len(&spec));
        let found = decode(Encoding::Jpeg, &stored, &spec).unwrap();
        let furthest = found.iter().zip(&voxels).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        prop_assert!(furthest <= 16, "off by {}", furthest);
    }

    #[test]
    fn damaged_image_is_an_error_or_some_voxels_but_no_panic(
        file in 0_usize..6, places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        near_start: bool,
    ) {
        let spec = spec(DataType::Uint8, SHAPE, 1);
        let files = gray_files();
        let (encoding, name) = files[file % files.len()];
        let mut stored = golden(encoding, name);
        let end = if near_start { stored.len().min(40) } else { stored.len() };
        for (place, value) in places {
            stored[place.index(end)] = value;
        }
        if let Ok(found) = decode(encoding, &stored, &spec) {
            prop_assert_eq!(found.len(), spec.voxel_bytes());
        }
    }

    #[test]
    fn bytes_that_are_no_image_are_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..100), start in 0_usize..3,
    ) {
        let spec = spec(DataType::Uint8, SHAPE, 1);
        let starts: [&[u8]; 3] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\xff\x0a"];
        let stored = [starts[start], &bytes].concat();
        prop_assert!(decode(Encoding::Jpeg, &stored, &spec).is_err());
        prop_assert!(decode(Encoding::Png, &stored, &spec).is_err());
        if cfg!(feature = "jxl") {
            prop_assert!(decode(Encoding::Jxl, &stored, &spec).is_err());
        }
    }
}
