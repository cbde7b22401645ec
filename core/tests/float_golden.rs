//! Chunks that other programs wrote: PyPI `fpzip` 1.2.5 (fpzip 1.3.0), CloudVolume 12.15.2
//! (kempressed) and PyPI `zfpc` 0.1.2 (zfpy 1.0.1).
//!
//! The voxel at (x, y, z, c) is `x * x + 3 * y + z * x - 40 * c`, for floats divided by 3.
#![cfg(all(feature = "fpzip", feature = "zfpc"))]
#![expect(clippy::unwrap_used, reason = "the helpers belong to the tests")]

use bigarrays_core::codec::{ChunkSpec, Codec, CodecError, codec_for};
use bigarrays_core::{DataType, Encoding, Scale};

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("golden/", $name)).as_slice()
    };
}

fn scale(encoding: Encoding) -> Scale {
    Scale {
        key: "1_1_1".into(),
        size: [10; 3],
        voxel_offset: [0; 3],
        resolution: [1.0; 3],
        chunk_sizes: vec![[10; 3]],
        encoding,
        compressed_segmentation_block_size: None,
        jpeg_quality: None,
        png_level: None,
        sharding: None,
        hidden: false,
        locked: false,
        extra: Default::default(),
    }
}

fn codec(encoding: Encoding) -> Box<dyn Codec> {
    codec_for(&scale(encoding)).unwrap()
}

fn decode(codec: &dyn Codec, chunk: &[u8], spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
    codec.decode(chunk, spec, &mut vec![3; 9]).map(<[u8]>::to_vec)
}

fn field(data_type: DataType, shape: [usize; 4]) -> (ChunkSpec, Vec<u8>) {
    let [nx, ny, nz, nc] = shape.map(|axis| i16::try_from(axis).unwrap());
    let mut voxels = Vec::new();
    for c in 0..nc {
        for z in 0..nz {
            for y in 0..ny {
                for x in 0..nx {
                    let value = x * x + 3 * y + z * x - 40 * c;
                    match data_type {
                        DataType::Int32 => voxels.extend(i32::from(value).to_le_bytes()),
                        DataType::Int64 => voxels.extend(i64::from(value).to_le_bytes()),
                        DataType::Float32 => voxels.extend((f32::from(value) / 3.0).to_le_bytes()),
                        _ => voxels.extend((f64::from(value) / 3.0).to_le_bytes()),
                    }
                }
            }
        }
    }
    (ChunkSpec { data_type, shape }, voxels)
}

/// Values with the low bits zero.
fn cut(voxels: &[u8], size: usize, bits: usize) -> Vec<u8> {
    let mut cut = voxels.to_vec();
    for value in cut.chunks_mut(size) {
        let lost = size * 8 - bits;
        value[..lost / 8].fill(0);
        if !lost.is_multiple_of(8) {
            value[lost / 8] &= 0xff << (lost % 8);
        }
    }
    cut
}

mod fpzip {
    use super::*;

    const SHAPE: [usize; 4] = [9, 7, 5, 2];

    /// File, type, `fpzip_precision`.
    const FILES: [(&[u8], DataType, u32); 6] = [
        (golden!("fpzip/float32.fpzip"), DataType::Float32, 0),
        (golden!("fpzip/float32_16bits.fpzip"), DataType::Float32, 16),
        (golden!("fpzip/float32_5bits.fpzip"), DataType::Float32, 5),
        (golden!("fpzip/float64.fpzip"), DataType::Float64, 0),
        (golden!("fpzip/float64_32bits.fpzip"), DataType::Float64, 32),
        (golden!("fpzip/float64_8bits.fpzip"), DataType::Float64, 8),
    ];

    #[test]
    fn chunks_of_the_pypi_package_decode_and_are_written_byte_for_byte() {
        for (chunk, data_type, precision) in FILES {
            let (spec, voxels) = field(data_type, SHAPE);
            let size = data_type.size();
            let bits = if precision == 0 { size * 8 } else { usize::try_from(precision).unwrap() };
            let mut scale = scale(Encoding::Fpzip);
            scale.extra.insert("fpzip_precision".into(), precision.into());
            let codec = codec_for(&scale).unwrap();
            let expected = cut(&voxels, size, bits);
            assert_eq!(decode(&*codec, chunk, &spec).unwrap(), expected, "{data_type} {precision}");
            assert_eq!(codec.encode(voxels, &spec).unwrap(), chunk, "{data_type} {precision}");
        }
    }

    #[test]
    fn zeros_infinities_and_nans_keep_their_bits() {
        let values = [
            0_u32,
            0x8000_0000,
            0x7f80_0000,
            0xff80_0000,
            0x7fc0_0000,
            0xffc0_0001,
            0x123,
            0x7f7f_ffff,
            0x3f80_0000,
        ];
        let voxels: Vec<u8> =
            (0..120).flat_map(|i| values[(i * i + i / 7) % 9].to_le_bytes()).collect();
        let spec = ChunkSpec { data_type: DataType::Float32, shape: [6, 5, 4, 1] };
        let chunk = golden!("fpzip/special.fpzip");
        assert_eq!(decode(&*codec(Encoding::Fpzip), chunk, &spec).unwrap(), voxels);
        assert_eq!(codec(Encoding::Fpzip).encode(voxels, &spec).unwrap(), chunk);
    }

    #[test]
    fn bytes_behind_the_stream_are_no_matter_and_missing_ones_are() {
        // PyPI fpzip 1.2.0 and older left room behind the stream.
        let (spec, voxels) = field(DataType::Float32, SHAPE);
        let codec = codec(Encoding::Fpzip);
        let longer = [FILES[0].0, &[0; 99]].concat();
        assert_eq!(decode(&*codec, &longer, &spec).unwrap(), voxels);
        for len in 0..FILES[0].0.len() {
            assert!(decode(&*codec, &FILES[0].0[..len], &spec).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn precision_that_is_no_number_is_refused_at_writing_only() {
        let mut scale = scale(Encoding::Fpzip);
        scale.extra.insert("fpzip_precision".into(), "high".into());
        let codec = codec_for(&scale).unwrap();
        let (spec, voxels) = field(DataType::Float32, SHAPE);
        assert!(decode(&*codec, FILES[0].0, &spec).is_ok());
        let error = codec.encode(voxels, &spec).unwrap_err();
        assert!(matches!(error, CodecError::Unencodable { .. }), "{error}");
    }

    #[test]
    fn kempressed_chunks_of_cloudvolume_decode_and_are_written_byte_for_byte() {
        let codec = codec(Encoding::Kempressed);
        let (spec, voxels) = field(DataType::Float32, SHAPE);
        let chunk = golden!("kempressed/float32.kempressed");
        let (values, _) = voxels.as_chunks();
        let rounded: Vec<u8> = values
            .iter()
            .flat_map(|&value| ((f32::from_le_bytes(value) + 2.0) - 2.0).to_le_bytes())
            .collect();
        assert_eq!(decode(&*codec, chunk, &spec).unwrap(), rounded);
        assert_eq!(codec.encode(voxels, &spec).unwrap(), chunk);

        let (spec, voxels) = field(DataType::Float64, SHAPE);
        let chunk = golden!("kempressed/float64.kempressed");
        let (values, _) = voxels.as_chunks();
        let rounded: Vec<u8> = values
            .iter()
            .flat_map(|&value| ((f64::from_le_bytes(value) + 2.0) - 2.0).to_le_bytes())
            .collect();
        assert_eq!(decode(&*codec, chunk, &spec).unwrap(), rounded);
        assert_eq!(codec.encode(voxels, &spec).unwrap(), chunk);
    }
}

mod zfpc {
    use super::*;

    const SHAPE: [usize; 4] = [9, 6, 5, 2];

    const WHOLE: [bool; 4] = [true; 4];
    const BY_CHANNEL: [bool; 4] = [true, true, true, false];
    const PLANES: [bool; 4] = [true, true, false, false];

    fn with(parameter: Option<(&str, f64)>, correlated: [bool; 4]) -> Box<dyn Codec> {
        let mut scale = scale(Encoding::Zfpc);
        if let Some((key, value)) = parameter {
            scale.extra.insert(key.into(), value.into());
        }
        if correlated != WHOLE {
            scale.extra.insert("zfpc_correlated_dims".into(), correlated.to_vec().into());
        }
        codec_for(&scale).unwrap()
    }

    #[test]
    fn reversible_chunks_of_the_pypi_package_decode_and_are_written_byte_for_byte() {
        use DataType::{Float32, Float64, Int32, Int64};
        for (chunk, data_type, correlated) in [
            (golden!("zfpc/int32.zfpc"), Int32, WHOLE),
            (golden!("zfpc/int32_by_channel.zfpc"), Int32, BY_CHANNEL),
            (golden!("zfpc/int64.zfpc"), Int64, WHOLE),
            (golden!("zfpc/int64_by_channel.zfpc"), Int64, BY_CHANNEL),
            (golden!("zfpc/float32.zfpc"), Float32, WHOLE),
            (golden!("zfpc/float32_by_channel.zfpc"), Float32, BY_CHANNEL),
            (golden!("zfpc/float32_planes.zfpc"), Float32, PLANES),
            (golden!("zfpc/float64.zfpc"), Float64, WHOLE),
            (golden!("zfpc/float64_by_channel.zfpc"), Float64, BY_CHANNEL),
        ] {
            let (spec, voxels) = field(data_type, SHAPE);
            // What a chunk tells of its axes counts, not what the scale tells writers.
            for reader in [WHOLE, PLANES] {
                let decoded = decode(&*with(None, reader), chunk, &spec).unwrap();
                assert_eq!(decoded, voxels, "{data_type} {correlated:?}");
            }
            let written = with(None, correlated).encode(voxels, &spec).unwrap();
            assert_eq!(written, chunk, "{data_type} {correlated:?}");
        }
    }

    #[test]
    fn lossy_chunks_of_the_pypi_package_decode_to_its_values_and_are_written_byte_for_byte() {
        // The CRC-32 of the voxels as zfpy decodes them.
        for (chunk, key, value, crc) in [
            (golden!("zfpc/float32_rate10.5.zfpc"), "zfpc_rate", 10.5, 0x22db_7e18),
            (golden!("zfpc/float32_precision14.zfpc"), "zfpc_precision", 14.0, 0x041b_e695),
            (golden!("zfpc/float32_tolerance0.25.zfpc"), "zfpc_tolerance", 0.25, 0x30c8_cfaf),
        ] {
            let (spec, voxels) = field(DataType::Float32, SHAPE);
            let codec = with(Some((key, value)), BY_CHANNEL);
            let decoded = decode(&*codec, chunk, &spec).unwrap();
            assert_eq!(libdeflater::crc32(&decoded), crc, "{key}");
            assert_eq!(codec.encode(voxels, &spec).unwrap(), chunk, "{key}");
        }
    }

    #[test]
    fn every_truncation_and_flip_is_survived() {
        let chunk = golden!("zfpc/float64_by_channel.zfpc");
        let (spec, _) = field(DataType::Float64, SHAPE);
        let codec = with(None, WHOLE);
        for len in 0..chunk.len() {
            assert!(decode(&*codec, &chunk[..len], &spec).is_err(), "cut to {len}");
        }
        for at in 0..chunk.len() {
            let mut damaged = chunk.to_vec();
            damaged[at] ^= 1 << (at % 8);
            let _ = decode(&*codec, &damaged, &spec);
        }
    }

    #[test]
    fn parameters_that_do_not_go_together_are_refused_at_writing_only() {
        let (spec, voxels) = field(DataType::Float32, SHAPE);
        let mut both = scale(Encoding::Zfpc);
        both.extra.insert("zfpc_rate".into(), 8.into());
        both.extra.insert("zfpc_tolerance".into(), 1.into());
        let mut text = scale(Encoding::Zfpc);
        text.extra.insert("zfpc_rate".into(), "8".into());
        let mut three = scale(Encoding::Zfpc);
        three.extra.insert("zfpc_correlated_dims".into(), vec![true; 3].into());
        let mut none = scale(Encoding::Zfpc);
        none.extra.insert("zfpc_correlated_dims".into(), vec![false; 4].into());
        for scale in [both, text, three, none] {
            let codec = codec_for(&scale).unwrap();
            let error = codec.encode(voxels.clone(), &spec).unwrap_err();
            assert!(matches!(error, CodecError::Unencodable { .. }), "{error}");
            assert_eq!(decode(&*codec, golden!("zfpc/float32.zfpc"), &spec).unwrap(), voxels);
        }
        // CloudVolume's way of saying none.
        let mut minus = scale(Encoding::Zfpc);
        minus.extra.insert("zfpc_rate".into(), (-1).into());
        minus.extra.insert("zfpc_tolerance".into(), 1.into());
        assert!(codec_for(&minus).unwrap().encode(voxels, &spec).is_ok());
    }
}
