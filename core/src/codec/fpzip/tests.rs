use proptest::prelude::*;

use super::super::kempressed::Kempressed;
use super::*;

const LOSSLESS: Fpzip = Fpzip { precision: Some(0) };

fn spec(data_type: DataType, shape: [usize; 4]) -> ChunkSpec {
    ChunkSpec { data_type, shape }
}

fn decode(codec: &impl Codec, encoded: &[u8], spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
    codec.decode(encoded, spec, &mut vec![1; 7]).map(<[u8]>::to_vec)
}

fn any_spec() -> impl Strategy<Value = ChunkSpec> {
    let shape = [1..20_usize, 1..12_usize, 1..8_usize, 1..5_usize];
    (prop::sample::select(vec![DataType::Float32, DataType::Float64]), shape)
        .prop_map(|(data_type, shape)| spec(data_type, shape))
}

/// From a smooth field (`noise` 0) to any bits at all, which are NaN of many kinds too.
fn voxels(spec: &ChunkSpec, noise: u8, seed: u32) -> Vec<u8> {
    let [nx, ny, ..] = spec.shape;
    let mut state = u64::from(seed);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state ^ state >> 29
    };
    let values = (0..spec.values()).map(|i| {
        let smooth = f64::sin((i % nx) as f64 / 7.0) + (i / nx % ny) as f64 / 9.0;
        (smooth, if noise == 0 { 0 } else { next() >> (64 - noise % 64).min(63) })
    });
    match spec.data_type {
        DataType::Float64 => {
            values.flat_map(|(smooth, noise)| (smooth.to_bits() ^ noise).to_le_bytes()).collect()
        }
        _ => values
            .flat_map(|(smooth, noise)| {
                let [a, b, c, d, ..] = noise.to_le_bytes();
                let smooth = smooth.to_string().parse::<f32>().unwrap();
                (smooth.to_bits() ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes()
            })
            .collect(),
    }
}

proptest! {
    #[test]
    fn without_loss_every_bit_comes_back(spec in any_spec(), noise in any::<u8>(), seed in any::<u32>()) {
        let voxels = voxels(&spec, noise, seed);
        let encoded = LOSSLESS.encode(voxels.clone(), &spec).unwrap();
        prop_assert!(encoded.len() <= LOSSLESS.max_len(&spec));
        prop_assert_eq!(decode(&LOSSLESS, &encoded, &spec).unwrap(), voxels);
    }

    #[test]
    fn with_a_precision_the_leading_bits_come_back(
        spec in any_spec(),
        noise in any::<u8>(),
        seed in any::<u32>(),
        bits in 2..=32_u32,
    ) {
        let size = spec.data_type.size();
        let bits = bits * u32::try_from(size / 4).unwrap();
        let codec = Fpzip { precision: Some(bits) };
        let voxels = voxels(&spec, noise, seed);
        let encoded = codec.encode(voxels.clone(), &spec).unwrap();
        let decoded = decode(&LOSSLESS, &encoded, &spec).unwrap();
        let value = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        let lost = u32::try_from(size * 8).unwrap() - bits;
        for (found, value_in) in decoded.chunks(size).map(value).zip(voxels.chunks(size).map(value)) {
            prop_assert_eq!(found, value_in >> lost << lost);
        }
    }

    #[test]
    fn kempressed_comes_back_but_for_rounding(spec in any_spec(), seed in any::<u32>()) {
        // Multiples of 1/8 do not round.
        let voxels: Vec<u8> = (0..u16::try_from(spec.values()).unwrap())
            .flat_map(|i| {
                let value = f32::from(i.wrapping_mul(31) ^ seed.to_le_bytes()[0] as u16) / 8.0 - 99.0;
                match spec.data_type {
                    DataType::Float64 => f64::from(value).to_le_bytes().to_vec(),
                    _ => value.to_le_bytes().to_vec(),
                }
            })
            .collect();
        let encoded = Kempressed.encode(voxels.clone(), &spec).unwrap();
        prop_assert!(encoded.len() <= Kempressed.max_len(&spec));
        prop_assert_eq!(decode(&Kempressed, &encoded, &spec).unwrap(), voxels);
    }

    #[test]
    fn damage_is_an_error_or_other_voxels_but_no_panic(
        spec in any_spec(),
        noise in 0..30_u8,
        bits in prop::sample::select(vec![0, 4, 8, 16, 32]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let codec = Fpzip { precision: Some(bits) };
        let mut encoded = codec.encode(voxels(&spec, noise, 7), &spec).unwrap();
        prop_assert!(decode(&codec, &encoded[..cut.index(encoded.len())], &spec).is_err());
        for (at, flip) in flips {
            let at = at.index(encoded.len());
            encoded[at] ^= flip;
        }
        if let Ok(voxels) = decode(&codec, &encoded, &spec) {
            prop_assert_eq!(voxels.len(), spec.voxel_bytes());
        }
    }

    #[test]
    fn any_bytes_after_a_sound_header_never_panic(
        spec in any_spec(),
        bits in prop::sample::select(vec![0, 4, 8, 16, 32]),
        tail in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let codec = Fpzip { precision: Some(bits) };
        let mut encoded = codec.encode(vec![0; spec.voxel_bytes()], &spec).unwrap();
        // The header takes 24 to 28 bytes.
        encoded.truncate(28);
        encoded.extend(tail);
        let _ = decode(&codec, &encoded, &spec);
    }
}

#[test]
fn stream_of_another_shape_type_or_format_is_refused() {
    let right = spec(DataType::Float32, [3, 4, 5, 2]);
    let encoded = LOSSLESS.encode(vec![0; right.voxel_bytes()], &right).unwrap();
    let message = |bytes: &[u8], spec: &ChunkSpec| {
        let error = decode(&LOSSLESS, bytes, spec).unwrap_err();
        assert!(matches!(error, CodecError::Corrupt { .. }));
        error.to_string()
    };
    let turned = message(&encoded, &spec(DataType::Float32, [4, 3, 5, 2]));
    assert!(turned.contains("[3, 4, 5, 2]") && turned.contains("[4, 3, 5, 2]"), "{turned}");
    let wider = message(&encoded, &spec(DataType::Float64, right.shape));
    assert!(wider.contains("holds float32"), "{wider}");
    assert!(message(b"fpz", &right).contains("no fpzip"));
    assert!(message(&[], &right).contains("no fpzip"));
    // Lossless and zero: what is in front of the version is `fpy`, the version and mode 1.
    let mut integers = encoded.clone();
    integers[5] += 3 << 4;
    assert!(message(&integers, &right).contains("arithmetic"), "{}", message(&integers, &right));
}

#[test]
fn precision_that_the_type_has_not_is_refused_at_writing_only() {
    for (data_type, bits) in [
        (DataType::Float32, 1),
        (DataType::Float32, 33),
        (DataType::Float64, 15),
        (DataType::Float64, 2),
    ] {
        let codec = Fpzip { precision: Some(bits) };
        let spec = spec(data_type, [2; 4]);
        let error = codec.encode(vec![0; spec.voxel_bytes()], &spec).unwrap_err();
        assert!(matches!(error, CodecError::Unencodable { .. }), "{error}");
        let encoded = LOSSLESS.encode(vec![0; spec.voxel_bytes()], &spec).unwrap();
        assert!(decode(&codec, &encoded, &spec).is_ok());
    }
}
