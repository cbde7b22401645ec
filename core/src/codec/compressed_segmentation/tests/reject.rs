use super::*;
use crate::codec::Window;
use DataType::{Uint32, Uint64};

/// Two blocks of four labels; changed by every test.
const STREAM: [u32; 17] =
    [1, 5 | 2 << 24, 4, 12 | 1 << 24, 11, 0b0110_0001, 3, 0, 4, 0, 5, 0, 0b1110, 1, 0, 3, 0];

fn refusal_of_bytes(stream: &[u8]) -> String {
    let error = decode(&codec([2, 2, 1]), stream, &spec(Uint64, [2, 2, 2, 1])).unwrap_err();
    assert!(matches!(error, CodecError::Corrupt { .. }), "{error:?}");
    error.to_string()
}

fn refusal(stream: &[u32]) -> String {
    refusal_of_bytes(&bytes(stream))
}

fn with(place: usize, word: u32) -> [u32; 17] {
    let mut stream = STREAM;
    stream[place] = word;
    stream
}

#[test]
fn the_unchanged_stream_is_accepted() {
    assert!(decode(&codec([2, 2, 1]), &bytes(&STREAM), &spec(Uint64, [2, 2, 2, 1])).is_ok());
}

#[test]
fn a_length_that_is_no_multiple_of_four_is_refused() {
    let stream = bytes(&STREAM);
    assert_eq!(refusal_of_bytes(&stream[..67]), "it has 67 bytes, not a multiple of 4");
}

#[test]
fn a_stream_cut_in_the_last_table_is_refused() {
    assert_eq!(
        refusal(&STREAM[..16]),
        "block 1 has the index 1, but only 1 labels come after the beginning of its table"
    );
}

#[test]
fn a_width_that_is_no_power_of_two_is_refused() {
    assert_eq!(
        refusal(&with(1, 5 | 3 << 24)),
        "block 0 has indices of 3 bits, not 0, 1, 2, 4, 8, 16 or 32"
    );
}

#[test]
fn a_width_of_more_than_32_bits_is_refused() {
    for bits in [33, 64, 128, 255] {
        let message = refusal(&with(1, 5 | bits << 24));
        assert!(message.starts_with(&format!("block 0 has indices of {bits} bits")), "{message}");
    }
}

#[test]
fn missing_headers_are_refused() {
    assert_eq!(refusal(&STREAM[..4]), "a channel has 3 words, too few for the headers of 2 blocks");
    assert_eq!(refusal(&[]), "it has 0 words, too few for the offsets of its 1 channels");
}

#[test]
fn a_channel_past_the_end_is_refused() {
    for offset in [17, 18, u32::MAX] {
        assert_eq!(
            refusal(&with(0, offset)),
            "a channel has 0 words, too few for the headers of 2 blocks"
        );
    }
}

#[test]
fn indices_past_the_end_are_refused() {
    for offset in [16, 17, u32::MAX] {
        assert_eq!(
            refusal(&with(2, offset)),
            format!(
                "block 0 has 1 words of indices from word {offset} on, but its channel has 16 words"
            )
        );
    }
}

#[test]
fn a_table_past_the_end_is_refused() {
    for offset in [15, 16, 0xff_ffff] {
        assert_eq!(
            refusal(&with(1, offset | 2 << 24)),
            format!("block 0 has its table at word {offset}, but its channel has 16 words")
        );
    }
}

#[test]
fn missing_indices_are_refused() {
    let stream = [1, 5 | 2 << 24, 4, 1 << 24, 11, 0b0110_0001, 3, 0, 4, 0, 5, 0];
    assert_eq!(
        refusal(&stream),
        "block 1 has 1 words of indices from word 11 on, but its channel has 11 words"
    );
}

#[test]
fn an_index_past_the_table_is_refused_in_every_width() {
    for bits in [1_u32, 2, 4, 8, 16, 32] {
        // One voxel with the largest index, or for 32 bits 7; a table of one label.
        let index = if bits == 32 { 7 } else { (1 << bits) - 1 };
        let stream = bytes(&[1, 3 | bits << 24, 2, index, 5]);
        let error = decode(&codec([1, 1, 1]), &stream, &spec(Uint32, [1; 4])).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "block 0 has the index {index}, but only 1 labels come after the beginning of its \
                 table"
            )
        );
    }
}

#[test]
fn damage_outside_a_window_goes_unnoticed() {
    let (codec, spec) = (codec([2, 2, 1]), spec(Uint64, [2, 2, 2, 1]));
    let (stream, mut scratch) = (bytes(&with(1, 5 | 3 << 24)), Vec::new());
    let window = Window { start: [0, 0, 1], end: [2, 2, 2] };
    let decoded = codec.decode_window(&stream, &spec, &window, &mut scratch).unwrap();
    assert_eq!(decoded.voxels, voxels(&[1, 3, 3, 3], Uint64));
}

#[test]
fn other_types_are_refused() {
    let (codec, spec) = (codec([1, 1, 1]), spec(DataType::Uint16, [1; 4]));
    let message = "compressed_segmentation of uint16 voxels is not supported by this build";
    assert_eq!(codec.encode(vec![0, 0], &spec).unwrap_err().to_string(), message);
    assert_eq!(decode(&codec, &bytes(&STREAM), &spec).unwrap_err().to_string(), message);
}

#[test]
fn voxels_of_another_length_are_not_encoded() {
    let error = codec([2, 2, 1]).encode(vec![0; 7], &spec(Uint32, [2, 1, 1, 1])).unwrap_err();
    assert!(matches!(error, CodecError::WrongLength { expected: 8, found: 7 }), "{error:?}");
}

#[test]
fn a_scale_without_a_usable_block_size_has_no_codec() {
    let mut scale = scale([8, 8, 8]);
    for (block, message) in [
        (None, "without a block size"),
        (Some([8, 0, 8]), "blocks of [8, 0, 8] voxels"),
        (Some([1 << 20, 1 << 20, 1 << 20]), "1 to 2^32 - 1 voxels"),
        (Some([1 << 16, 1 << 16, 1]), "1 to 2^32 - 1 voxels"),
        (Some([u64::MAX; 3]), "1 to 2^32 - 1 voxels"),
    ] {
        scale.compressed_segmentation_block_size = block;
        let error = CompressedSegmentation::new(&scale).unwrap_err();
        assert!(matches!(error, CodecError::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn a_block_far_larger_than_the_chunk_is_read_without_memory_for_it() {
    let (codec, spec) = (codec([1 << 16, 1 << 15, 1]), spec(Uint32, [2, 1, 1, 1]));
    assert_eq!(decode(&codec, &bytes(&[1, 2, 2, 5]), &spec).unwrap(), voxels(&[5, 5], Uint32));
    let error = decode(&codec, &bytes(&[1, 2 | 32 << 24, 2, 5]), &spec).unwrap_err();
    assert!(error.to_string().contains("has 2147483648 words of indices"), "{error}");
}

#[test]
fn a_channel_that_24_bits_cannot_address_is_not_encoded() {
    // Two labels of a block of 2^31 places take 2^26 words of indices.
    let (two_labels, spec) = (codec([1 << 16, 1 << 15, 1]), spec(Uint32, [2, 1, 1, 1]));
    let error = two_labels.encode(voxels(&[1, 2], Uint32), &spec).unwrap_err();
    assert!(matches!(error, CodecError::Unencodable { .. }), "{error:?}");
    assert!(error.to_string().contains("smaller chunks"), "{error}");
    // One label of the same block takes none.
    assert!(two_labels.encode(voxels(&[1, 1], Uint32), &spec).is_ok());
}

#[test]
fn the_last_table_offset_that_fits_is_encoded_and_the_next_is_not() {
    // A header of two words and the indices of a block that the chunk has two voxels of; the
    // table comes after them.
    let index_words = (1 << 24) - 1 - 2;
    let spec = spec(Uint32, [2, 1, 1, 1]);
    let fits = codec([index_words * 32, 1, 1]);
    let stream = fits.encode(voxels(&[6, 5], Uint32), &spec).unwrap();
    assert_eq!(stream[4..8], bytes(&[0xff_ffff | 1 << 24]));
    assert_eq!(decode(&fits, &stream, &spec).unwrap(), voxels(&[6, 5], Uint32));
    let error = codec([index_words * 32 + 1, 1, 1]).encode(voxels(&[6, 5], Uint32), &spec);
    assert!(matches!(error, Err(CodecError::Unencodable { .. })), "{error:?}");
}

#[test]
fn headers_past_24_bits_are_not_encoded() {
    let most = ((1 << 24) - 1) / 2;
    let error = codec([1, 1, 1]).encode(vec![7; most * 4 + 4], &spec(Uint32, [most + 1, 1, 1, 1]));
    assert!(matches!(error, Err(CodecError::Unencodable { .. })), "{error:?}");
}
