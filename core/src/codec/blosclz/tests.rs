use bigarrays_info::DataType;
use proptest::prelude::*;

use super::*;

fn spec(data_type: DataType, shape: [usize; 4]) -> ChunkSpec {
    ChunkSpec { data_type, shape }
}

fn decode(encoded: &[u8], spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
    Blosclz.decode(encoded, spec, &mut vec![1; 7]).map(<[u8]>::to_vec)
}

fn any_type() -> impl Strategy<Value = DataType> {
    prop::sample::select(DataType::ALL.as_slice())
}

/// From all zeros (`mask` 0) to noise (255).
fn voxels(len: usize, mask: u8, seed: u32) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3] & mask
    })
    .take(len)
    .collect()
}

proptest! {
    #[test]
    fn encoded_voxels_decode_equal(
        data_type in any_type(),
        shape in [1..40_usize, 1..20_usize, 1..20_usize, 1..4_usize],
        mask in any::<u8>(),
        seed in any::<u32>(),
    ) {
        let spec = spec(data_type, shape);
        let voxels = voxels(spec.voxel_bytes(), mask, seed);
        let encoded = Blosclz.encode(voxels.clone(), &spec).unwrap();
        prop_assert!(encoded.len() <= Blosclz.max_len(&spec));
        prop_assert_eq!(usize::from(encoded[3]), data_type.size());
        prop_assert_eq!(decode(&encoded, &spec).unwrap(), voxels);
    }

    #[test]
    fn damage_is_an_error_or_other_voxels_but_no_crash(
        data_type in any_type(),
        shape in [1..40_usize, 1..20_usize, 1..5_usize, 1..3_usize],
        mask in any::<u8>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let spec = spec(data_type, shape);
        let mut encoded = Blosclz.encode(voxels(spec.voxel_bytes(), mask, 5), &spec).unwrap();
        prop_assert!(decode(&encoded[..cut.index(encoded.len())], &spec).is_err());
        for (at, flip) in flips {
            let at = at.index(encoded.len());
            encoded[at] ^= flip;
        }
        if let Ok(voxels) = decode(&encoded, &spec) {
            prop_assert_eq!(voxels.len(), spec.voxel_bytes());
        }
    }
}

/// A frame of one block in one piece, of one-byte values, compressed by blosclz.
fn frame_of_piece(content: u32, piece: &[u8]) -> Vec<u8> {
    let piece_len = u32::try_from(piece.len()).unwrap();
    let mut frame = vec![2, 1, 0x10, 1];
    for word in [content, content, 16 + 4 + 4 + piece_len, 20, piece_len] {
        frame.extend(word.to_le_bytes());
    }
    frame.extend(piece);
    frame
}

#[test]
fn piece_longer_than_its_block_is_refused() {
    let eight = spec(DataType::Uint8, [8, 1, 1, 1]);
    // One literal, a match of 6 (4 << 5 is 3 + 3) at distance 0 + 1, one literal.
    let run = [0, 9, 4 << 5, 0, 0, 9];
    assert_eq!(decode(&frame_of_piece(8, &run), &eight).unwrap(), [9; 8]);
    // Eight literals.
    let literals = [7, 1, 2, 3, 4, 5, 6, 7, 8];
    assert!(decode(&frame_of_piece(8, &literals), &eight).is_err());
}

#[test]
fn match_length_beyond_32_bits_is_refused_before_decompression() {
    let mut piece = vec![0, 9, 0xe0];
    piece.resize(9 << 20, 0xff);
    for content in [8, u32::try_from(piece.len()).unwrap()] {
        let spec = spec(DataType::Uint8, [usize::try_from(content).unwrap(), 1, 1, 1]);
        let error = decode(&frame_of_piece(content, &piece), &spec).unwrap_err();
        assert!(error.to_string().contains("a piece of block 0"), "{error}");
    }
}

#[test]
fn frame_of_other_lengths_is_refused() {
    let small = spec(DataType::Uint32, [5, 1, 1, 1]);
    let frame = Blosclz.encode(vec![0; 20], &small).unwrap();
    let error = decode(&frame, &spec(DataType::Uint32, [6, 1, 1, 1])).unwrap_err();
    assert!(matches!(error, CodecError::WrongLength { expected: 24, found: 20 }), "{error}");
    assert!(decode(&[&frame[..], &[0]].concat(), &small).is_err(), "trailing byte");
    assert!(decode(&[], &small).is_err());
    for (at, value) in [(0, 3), (2, 0x18), (3, 0), (8, 0), (11, 0x7f)] {
        let mut damaged = frame.clone();
        damaged[at] = value;
        assert!(decode(&damaged, &small).is_err(), "byte {at}");
    }
}

#[test]
fn snappy_is_named() {
    let mut frame = vec![2, 1, 2 << 5, 1];
    frame.resize(40, 0);
    let error = decode(&frame, &spec(DataType::Uint8, [8, 1, 1, 1])).unwrap_err();
    assert!(matches!(error, CodecError::Unsupported { .. }));
}
