//! Blosc frames that other programs made: `imagecodecs` 2026.3.6 (c-blosc 1.21.6), and `pypi` and
//! `many_blocks` by the PyPI package `blosc` 1.11.4.
//!
//! The content is 2000 uint16 values, little-endian: value `i` is
//! `((i * i) >> 4) % 4096 / 256 * 256 + i / 64`; in `stored` the first 120. Typesize 2, level 5 with
//! byte shuffle; `bitshuffle` level 9, `stored` level 0. `many_blocks` has 100000 uint64 values
//! `i >> 14` at level 1.
#![cfg(feature = "blosc")]
#![expect(clippy::unwrap_used, reason = "the helpers belong to the tests")]

use bigarrays_core::codec::{ChunkSpec, CodecError, codec_for};
use bigarrays_core::{DataType, Encoding, Scale};

macro_rules! frame {
    ($name:literal) => {
        ($name, include_bytes!(concat!("golden/blosclz/", $name, ".blosc")).as_slice())
    };
}

const FRAMES: [(&str, &[u8]); 7] = [
    frame!("blosclz"),
    frame!("lz4"),
    frame!("lz4hc"),
    frame!("zlib"),
    frame!("zstd"),
    frame!("bitshuffle"),
    frame!("pypi"),
];

fn content() -> Vec<u8> {
    let value = |i: u32| ((i * i) >> 4) % 4096 / 256 * 256 + i / 64;
    (0..2000).flat_map(|i| u16::try_from(value(i)).unwrap().to_le_bytes()).collect()
}

fn scale() -> Scale {
    Scale {
        key: "1_1_1".into(),
        size: [10; 3],
        voxel_offset: [0; 3],
        resolution: [1.0; 3],
        chunk_sizes: vec![[10; 3]],
        encoding: Encoding::Blosclz,
        compressed_segmentation_block_size: None,
        jpeg_quality: None,
        png_level: None,
        sharding: None,
        hidden: false,
        locked: false,
        extra: Default::default(),
    }
}

fn spec(shape: [usize; 4]) -> ChunkSpec {
    ChunkSpec { data_type: DataType::Uint16, shape }
}

fn decode(frame: &[u8], shape: [usize; 4]) -> Result<Vec<u8>, CodecError> {
    codec_for(&scale()).unwrap().decode(frame, &spec(shape), &mut Vec::new()).map(<[u8]>::to_vec)
}

#[test]
fn frames_of_every_compressor_decode() {
    for (name, frame) in FRAMES {
        assert_eq!(decode(frame, [10, 10, 10, 2]).unwrap(), content(), "{name}");
    }
    let stored = include_bytes!("golden/blosclz/stored.blosc");
    assert_eq!(decode(stored, [120, 1, 1, 1]).unwrap(), content()[..240]);
}

#[test]
fn frame_of_many_blocks_decodes() {
    let frame = include_bytes!("golden/blosclz/many_blocks.blosc");
    let spec = ChunkSpec { data_type: DataType::Uint64, shape: [100, 100, 10, 1] };
    let mut scratch = Vec::new();
    let decoded = codec_for(&scale()).unwrap().decode(frame, &spec, &mut scratch).unwrap().to_vec();
    let content = (0..100_000_u64).flat_map(|i| (i >> 14).to_le_bytes());
    assert!(content.eq(decoded));
}

#[test]
fn snappy_is_said_to_be_unsupported() {
    let frame = include_bytes!("golden/blosclz/snappy.blosc");
    let error = decode(frame, [10, 10, 10, 2]).unwrap_err();
    assert!(matches!(error, CodecError::Unsupported { .. }), "{error}");
}

#[test]
fn frames_written_are_those_of_c_blosc_at_the_defaults_of_blosc_jl() {
    let frame = codec_for(&scale()).unwrap().encode(content(), &spec([10, 10, 10, 2])).unwrap();
    assert_eq!(frame, include_bytes!("golden/blosclz/pypi.blosc"));
}

#[test]
fn every_truncation_and_flip_is_survived() {
    for (name, frame) in FRAMES {
        for len in 0..frame.len() {
            assert!(decode(&frame[..len], [10, 10, 10, 2]).is_err(), "{name} cut to {len}");
        }
        for at in 0..frame.len() {
            let mut damaged = frame.to_vec();
            damaged[at] ^= 1 << (at % 8);
            if let Ok(voxels) = decode(&damaged, [10, 10, 10, 2]) {
                assert_eq!(voxels.len(), 4000);
            }
        }
    }
}
