//! Streams worked out by hand from the layout, which are also those that TensorStore's own tests
//! fix for these labels (they leave out the word of the channel's offset, their axes are
//! `[z, y, x]`). PyPI `compressed_segmentation` 2.3.3 and TensorStore 0.1.86 write the same bytes.

use super::*;
use DataType::{Uint32, Uint64};

/// The stream is what the labels encode to, and it decodes to them.
fn check(
    data_type: DataType,
    shape: [usize; 4],
    block: [u64; 3],
    labels: &[u64],
    expected: &[u32],
) {
    let (codec, spec) = (codec(block), spec(data_type, shape));
    let labels = voxels(labels, data_type);
    assert_eq!(codec.encode(labels.clone(), &spec).unwrap(), bytes(expected));
    assert_eq!(decode(&codec, &bytes(expected), &spec).unwrap(), labels);
}

#[test]
fn a_block_of_one_label_is_its_table_alone() {
    // Channel at word 1. Header of 2 words, so that indices (none) and table are at word 2.
    check(Uint64, [2, 2, 1, 1], [2, 2, 1], &[3, 3, 3, 3], &[1, 2, 2, 3, 0]);
}

#[test]
fn two_labels_take_one_bit() {
    // Table 3, 4. Indices 1 0 1 1, the first in the lowest bit: 0b1101, at word 2; table at 3.
    let expected = [1, 3 | 1 << 24, 2, 0b1101, 3, 0, 4, 0];
    check(Uint64, [2, 2, 1, 1], [2, 2, 1], &[4, 3, 4, 4], &expected);
}

#[test]
fn a_cut_block_keeps_the_places_of_a_whole_one() {
    // Block 3 wide, chunk 2 wide. Rows "1 0 -" and "1 0 -", where - is 0: bits 0 and 3.
    let expected = [1, 3 | 1 << 24, 2, 0b00_1001, 3, 0, 4, 0];
    check(Uint64, [2, 2, 1, 1], [3, 2, 1], &[4, 3, 4, 3], &expected);
}

#[test]
fn three_labels_take_two_bits() {
    // Table 3, 4, 5. Indices 1 0 2 1 from the low end: 01 10 00 01.
    let expected = [1, 3 | 2 << 24, 2, 0b0110_0001, 3, 0, 4, 0, 5, 0];
    check(Uint64, [2, 2, 1, 1], [2, 2, 1], &[4, 3, 5, 4], &expected);
}

#[test]
fn the_first_label_of_the_channel_may_be_0() {
    // Table 0, 4. Indices 1 0 1 0.
    let expected = [1, 3 | 1 << 24, 2, 0b0101, 0, 0, 4, 0];
    check(Uint64, [2, 2, 1, 1], [2, 2, 1], &[4, 0, 4, 0], &expected);
}

#[test]
fn blocks_of_different_labels_have_their_own_tables() {
    // Headers: words 0 to 3. Block 0: indices at 4, table 3, 4, 5 at 5. Block 1: indices of
    // "1 3 3 3" with the table 1, 3 are 0b1110 at 11, table at 12.
    let labels = [4, 3, 5, 4, 1, 3, 3, 3];
    let headers = [1, 5 | 2 << 24, 4, 12 | 1 << 24, 11];
    let blocks = [0b0110_0001, 3, 0, 4, 0, 5, 0, 0b1110, 1, 0, 3, 0];
    check(Uint64, [2, 2, 2, 1], [2, 2, 1], &labels, &[&headers[..], &blocks].concat());
}

#[test]
fn an_equal_table_is_not_written_again() {
    // Headers: words 0 to 7. Blocks 0 and 1 as above, 4 words later. Block 2, "3 1 1 1": index 1
    // in the first place only, at 20, with the table of block 1 at 16. Block 3, "5 5 3 4":
    // 2 2 0 1, at 21, with the table of block 0 at 9.
    let labels = [4, 3, 5, 4, 1, 3, 3, 3, 3, 1, 1, 1, 5, 5, 3, 4];
    let headers = [1, 9 | 2 << 24, 8, 16 | 1 << 24, 15, 16 | 1 << 24, 20, 9 | 2 << 24, 21];
    let blocks = [0b0110_0001, 3, 0, 4, 0, 5, 0, 0b1110, 1, 0, 3, 0, 0b0001, 0b0100_1010];
    check(Uint64, [2, 2, 4, 1], [2, 2, 1], &labels, &[&headers[..], &blocks].concat());
}

#[test]
fn an_equal_table_of_uint32_is_not_written_again() {
    // The same with tables of half the length.
    let labels = [4, 3, 5, 4, 1, 3, 3, 3, 3, 1, 1, 1, 5, 5, 3, 4];
    let headers = [1, 9 | 2 << 24, 8, 13 | 1 << 24, 12, 13 | 1 << 24, 15, 9 | 2 << 24, 16];
    let blocks = [0b0110_0001, 3, 4, 5, 0b1110, 1, 3, 0b0001, 0b0100_1010];
    check(Uint32, [2, 2, 4, 1], [2, 2, 1], &labels, &[&headers[..], &blocks].concat());
}

#[test]
fn blocks_of_the_same_label_share_a_table_of_one() {
    // Headers: words 0 to 7. No indices; block 0 writes the table at 8, the others begin at 10.
    let expected = [1, 8, 8, 8, 10, 8, 10, 8, 10, 3, 0];
    check(Uint64, [2, 2, 4, 1], [2, 2, 1], &[3; 16], &expected);
}

#[test]
fn a_uniform_chunk_of_four_blocks_takes_44_bytes() {
    let expected = [1, 8, 8, 8, 10, 8, 10, 8, 10, 7, 0];
    assert_eq!(bytes(&expected).len(), 44);
    check(Uint64, [16, 16, 8, 1], [8, 8, 8], &[7; 2048], &expected);
}

#[test]
fn every_channel_has_offsets_and_tables_of_its_own() {
    // Two words of offsets. Channel 0 at word 2: header, then "3 4" as 0b10 and its table, 5
    // words. Channel 1 at word 7: the same labels again.
    let block = [3 | 1 << 24, 2, 0b10, 3, 4];
    let expected = [&[2, 7][..], &block, &block].concat();
    check(Uint32, [2, 1, 1, 2], [2, 1, 1], &[3, 4, 3, 4], &expected);
}

#[test]
fn indices_of_32_bits_are_read() {
    // A writer may take more bits than needed. Header, indices 0 and 1 as words, table 10, 20.
    let stream = bytes(&[1, 4 | 32 << 24, 2, 0, 1, 10, 20]);
    let labels = decode(&codec([2, 1, 1]), &stream, &spec(Uint32, [2, 1, 1, 1])).unwrap();
    assert_eq!(labels, voxels(&[10, 20], Uint32));
}

#[test]
fn indices_of_every_width_are_read_wherever_the_table_ends() {
    // Sixteen voxels in two rows, labels 100 and 101 in turn: every width packs the same indices.
    let labels: Vec<u64> = (0..16).map(|place| 100 + place % 2).collect();
    for bits in [1, 2, 4, 8, 16, 32] {
        let mut words = vec![0_u32; bits * 16 / 32 + usize::from(bits == 1)];
        for place in (1..16).step_by(2) {
            words[place * bits / 32] |= 1 << (place * bits % 32);
        }
        let table = u32::try_from(2 + words.len() + usize::from(words.is_empty())).unwrap();
        let header = [1, table | u32::try_from(bits).unwrap() << 24, 2];
        for padding in [0, 3, 1 << 16] {
            let stream = [&header[..], &words, &[100, 101], &vec![9; padding]].concat();
            let spec = spec(Uint32, [8, 2, 1, 1]);
            let found = decode(&codec([8, 2, 1]), &bytes(&stream), &spec).unwrap();
            assert_eq!(found, voxels(&labels, Uint32), "{bits} bits, {padding} words after");
        }
    }
}

#[test]
fn tables_may_come_first_and_overlap() {
    // Table 5, 6, 7 at word 4. Block 0 has 5 and 6 of it, block 1 has 6 and 7 from word 5 on.
    // Both read the same indices 0 1, at word 7.
    let stream = bytes(&[1, 4 | 1 << 24, 7, 5 | 1 << 24, 7, 5, 6, 7, 0b10]);
    let labels = decode(&codec([2, 1, 1]), &stream, &spec(Uint32, [4, 1, 1, 1])).unwrap();
    assert_eq!(labels, voxels(&[5, 6, 6, 7], Uint32));
}

#[test]
fn what_stands_in_places_without_voxels_does_not_matter() {
    // The block is 4 wide, the chunk 2; indices 0 1 3 3, but a table of two labels.
    let stream = bytes(&[1, 3 | 2 << 24, 2, 0b1111_0100, 5, 6]);
    let labels = decode(&codec([4, 1, 1]), &stream, &spec(Uint32, [2, 1, 1, 1])).unwrap();
    assert_eq!(labels, voxels(&[5, 6], Uint32));
}
