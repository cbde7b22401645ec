use proptest::prelude::*;

use super::*;

const AXES: [bool; 4] = [true; 4];

fn codec(mode: Mode, correlated: [bool; 4]) -> Zfpc {
    Zfpc { parameters: Ok(Parameters { mode, correlated }) }
}

fn spec(data_type: DataType, shape: [usize; 4]) -> ChunkSpec {
    ChunkSpec { data_type, shape }
}

fn decode(encoded: &[u8], spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
    codec(Mode::Reversible, AXES).decode(encoded, spec, &mut vec![1; 7]).map(<[u8]>::to_vec)
}

fn any_spec() -> impl Strategy<Value = ChunkSpec> {
    let types = vec![DataType::Int32, DataType::Int64, DataType::Float32, DataType::Float64];
    let shape = [1..14_usize, 1..10_usize, 1..7_usize, 1..5_usize];
    (prop::sample::select(types), shape).prop_map(|(data_type, shape)| spec(data_type, shape))
}

fn any_axes() -> impl Strategy<Value = [bool; 4]> {
    any::<[bool; 4]>().prop_filter("one at least", |axes| axes.contains(&true))
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![
        Just(Mode::Reversible),
        (4..=32_u8).prop_map(|rate| Mode::Rate(f64::from(rate))),
        (1..=64_u8).prop_map(|planes| Mode::Precision(f64::from(planes))),
        (0..=20).prop_map(|power| Mode::Tolerance(f64::powi(2.0, power - 15))),
    ]
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    bytes.take(len).collect()
}

/// Slow waves of small whole numbers.
fn smooth(spec: &ChunkSpec) -> Vec<u8> {
    let [nx, ny, ..] = spec.shape;
    let values = (0..spec.values()).map(|i| {
        let value = (i % nx) * 3 + (i / nx % ny) * 5 + i / (nx * ny);
        i32::try_from(value % 1000).unwrap() - 300
    });
    match spec.data_type {
        DataType::Int32 => values.flat_map(i32::to_le_bytes).collect(),
        DataType::Int64 => values.flat_map(|v| i64::from(v).to_le_bytes()).collect(),
        DataType::Float64 => values.flat_map(|v| f64::from(v).to_le_bytes()).collect(),
        _ => values.flat_map(|v| f32::from(i16::try_from(v).unwrap()).to_le_bytes()).collect(),
    }
}

proptest! {
    #[test]
    fn reversible_gives_every_bit_back(spec in any_spec(), axes in any_axes(), any_bits in any::<bool>(), seed in any::<u64>()) {
        let voxels = if any_bits { noise(spec.voxel_bytes(), seed) } else { smooth(&spec) };
        let codec = codec(Mode::Reversible, axes);
        let encoded = codec.encode(voxels.clone(), &spec).unwrap();
        prop_assert!(encoded.len() <= codec.max_len(&spec));
        prop_assert_eq!(decode(&encoded, &spec).unwrap(), voxels);
    }

    #[test]
    fn tolerance_is_kept(
        shape in [1..14_usize, 1..10_usize, 1..7_usize, 1..5_usize],
        axes in any_axes(),
        power in -10..8_i32,
    ) {
        let spec = spec(DataType::Float64, shape);
        let voxels = smooth(&spec);
        let tolerance = f64::powi(2.0, power);
        let encoded = codec(Mode::Tolerance(tolerance), axes).encode(voxels.clone(), &spec).unwrap();
        let decoded = decode(&encoded, &spec).unwrap();
        for (found, expected) in decoded.as_chunks().0.iter().zip(voxels.as_chunks().0) {
            let difference = f64::from_le_bytes(*found) - f64::from_le_bytes(*expected);
            prop_assert!(difference.abs() <= tolerance);
        }
    }

    #[test]
    fn damage_is_an_error_or_other_voxels_but_no_crash(
        spec in any_spec(),
        axes in any_axes(),
        mode in any_mode(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let codec = codec(mode, axes);
        let Ok(mut encoded) = codec.encode(smooth(&spec), &spec) else { return Ok(()) };
        prop_assert!(encoded.len() <= codec.max_len(&spec));
        prop_assert!(decode(&encoded[..cut.index(encoded.len())], &spec).is_err());
        for (at, flip) in flips {
            let at = at.index(encoded.len());
            encoded[at] ^= flip;
        }
        if let Ok(voxels) = decode(&encoded, &spec) {
            prop_assert_eq!(voxels.len(), spec.voxel_bytes());
        }
    }

    #[test]
    fn any_bytes_and_any_mode_after_sound_headers_never_crash(
        spec in any_spec(),
        axes in any_axes(),
        mode in any::<u64>(),
        seed in any::<u64>(),
        len in 0..3000_usize,
    ) {
        let slices = Slices::new(spec.shape, axes);
        let parameters = Parameters { mode: Mode::Reversible, correlated: axes };
        let mut stream = ffi_header(&spec, &slices);
        stream.extend(noise(len, seed));
        // Bits 84 to 148 of a stream tell its mode; half of the cases keep a sound one.
        if mode & 1 == 1 {
            stream[10] = stream[10] & 0xf | mode.to_le_bytes()[1] & 0xf0;
            let end = stream.len().min(19);
            stream[11..end].copy_from_slice(&noise(19, mode)[..end - 11]);
        }
        let streams = vec![stream; slices.count()];
        let encoded = container::write(&spec, &parameters, &streams).unwrap();
        let _ = decode(&encoded, &spec);
    }
}

/// The first 12 bytes of a reversible stream.
fn ffi_header(spec: &ChunkSpec, slices: &Slices) -> Vec<u8> {
    let mut stream = Vec::new();
    match spec.data_type {
        DataType::Int32 => header_of::<i32>(slices, &mut stream),
        DataType::Int64 => header_of::<i64>(slices, &mut stream),
        DataType::Float64 => header_of::<f64>(slices, &mut stream),
        _ => header_of::<f32>(slices, &mut stream),
    }
    stream
}

fn header_of<T: Scalar>(slices: &Slices, stream: &mut Vec<u8>) {
    let end: usize = slices.axes().iter().map(|(len, stride)| (len - 1) * stride).sum();
    let values = vec![T::default(); end + 1];
    stream.extend(&ffi::compress(&values, slices.axes(), Mode::Reversible).unwrap()[..12]);
}

#[test]
fn longest_blocks_stay_inside_the_padding() {
    // Planes of ones and zeros in turn, and of ones, in every mode: the most bits that blocks read.
    for data_type in [DataType::Float32, DataType::Float64, DataType::Int32, DataType::Int64] {
        let spec = spec(data_type, [4; 4]);
        let slices = Slices::new(spec.shape, AXES);
        let parameters = Parameters { mode: Mode::Reversible, correlated: AXES };
        for short_mode in 0..=0xfff_u16 {
            for fill in [0xff, 0x55, 0xfd] {
                let mut stream = ffi_header(&spec, &slices);
                let [low, high] = (short_mode << 4).to_le_bytes();
                stream[10] = stream[10] & 0xf | low;
                stream[11] = high;
                stream.extend([fill; 40]);
                let encoded = container::write(&spec, &parameters, &[stream]).unwrap();
                let _ = decode(&encoded, &spec);
            }
        }
    }
}

#[test]
fn header_and_index_are_checked_one_by_one() {
    let right = spec(DataType::Float32, [5, 4, 3, 2]);
    let axes = [true, true, true, false];
    let encoded = codec(Mode::Reversible, axes).encode(smooth(&right), &right).unwrap();
    let message = |at: usize, value: u8| {
        let mut damaged = encoded.clone();
        damaged[at] = value;
        let error = decode(&damaged, &right).unwrap_err();
        assert!(matches!(error, CodecError::Corrupt { .. }), "{error}");
        error.to_string()
    };
    assert!(message(0, b'Z').contains("no zfpc container"));
    assert!(message(4, 1).contains("version 0"));
    assert!(message(5, 5 << 3 | 4).contains("type 4"));
    assert!(message(6, 6).contains("[6, 4, 3, 2]"));
    assert!(message(18, 0).contains("[5, 4, 3, 0]"));
    assert!(message(22, 0).contains("no correlated axis"));
    assert!(message(22, 0b1111).contains("zfp stream"), "one stream of 4 axes expected");
    assert!(message(24, 200).contains("begin past its end"));
    assert!(message(32, 200).contains("ends before"));
    let first = usize::from(encoded[23]);
    assert!(message(first, 0).contains("no sound zfp header"));
    assert!(message(first + 5, 0xff).contains("were expected"), "its shape");
    let other = spec(DataType::Float64, right.shape);
    assert!(decode(&encoded, &other).unwrap_err().to_string().contains("float64 is 4"));
}

#[test]
fn array_of_three_axes_is_a_chunk_of_one_channel() {
    let chunk = spec(DataType::Float32, [5, 4, 3, 1]);
    let axes = [true, true, true, false];
    let mut encoded = codec(Mode::Reversible, axes).encode(smooth(&chunk), &chunk).unwrap();
    encoded[18] = 0;
    encoded[22] = 0b1111;
    assert_eq!(decode(&encoded, &chunk).unwrap(), smooth(&chunk));
}

#[test]
fn what_zfp_would_spoil_is_refused() {
    let float = spec(DataType::Float32, [2, 1, 1, 1]);
    let integer = spec(DataType::Int32, [2, 1, 1, 1]);
    let refused = |mode, voxels: [[u8; 4]; 2], spec: &ChunkSpec| {
        let encoded = codec(mode, AXES).encode(voxels.concat(), spec);
        matches!(encoded, Err(CodecError::Unencodable { .. }))
    };
    let nan = [f32::NAN.to_le_bytes(), [0; 4]];
    let large = [(1_i32 << 30).to_le_bytes(), [0; 4]];
    for mode in [Mode::Rate(8.0), Mode::Precision(9.0), Mode::Tolerance(1.0)] {
        assert!(refused(mode, nan, &float));
        assert!(refused(mode, large, &integer));
    }
    assert!(!refused(Mode::Reversible, nan, &float));
    assert!(!refused(Mode::Reversible, large, &integer));
    assert!(refused(Mode::Tolerance(1.0), [[0; 4]; 2], &integer));
    for rate in [0.0, 33.0, 1e300] {
        assert!(refused(Mode::Rate(rate), [[0; 4]; 2], &float), "{rate}");
    }
    let long = spec(DataType::Float32, [4097, 1, 1, 1]);
    let error = codec(Mode::Reversible, AXES).encode(vec![0; 4097 * 4], &long).unwrap_err();
    assert!(matches!(error, CodecError::Unencodable { .. }), "{error}");
}
