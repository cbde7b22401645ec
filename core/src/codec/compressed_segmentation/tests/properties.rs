use proptest::prelude::*;

use super::*;
use crate::codec::Window;

/// A chunk of random labels.
#[derive(Debug, Clone)]
struct Case {
    block: [u64; 3],
    spec: ChunkSpec,
    voxels: Vec<u8>,
}

fn cases() -> impl Strategy<Value = Case> {
    let any_block = [1_u64..10, 1..10, 1..10];
    let block = prop_oneof![
        3 => any_block,
        2 => Just([8; 3]),
        1 => Just([5, 3, 7]),
        1 => Just([4, 16, 2]),
        1 => Just([16, 8, 4]),
        1 => Just([64; 3]),
    ];
    let shape = [1_usize..21, 1..21, 1..21, 1..4];
    let labels = prop_oneof![1_u64..5, 1_u64..40, 1_u64..400, Just(u64::MAX)];
    (block, shape, any::<bool>(), labels, any::<u64>(), 1_u64..9).prop_map(
        |(block, shape, is_wide, labels, seed, run)| {
            let data_type = if is_wide { DataType::Uint64 } else { DataType::Uint32 };
            let spec = spec(data_type, shape);
            let places = 0..u64::try_from(spec.values()).unwrap();
            let all: Vec<u64> =
                places.map(|place| mix(mix((place / run) ^ seed) % labels)).collect();
            Case { block, spec, voxels: voxels(&all, data_type) }
        },
    )
}

/// Spreads numbers over all 64 bits, never two to one (the finalizer of splitmix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// The part of whole chunk `voxels` that a window has.
fn cut(voxels: &[u8], spec: &ChunkSpec, window: &Window) -> Vec<u8> {
    let ([width, height, depth, channels], size) = (spec.shape, spec.data_type.size());
    let mut part = Vec::new();
    for c in 0..channels {
        for z in window.start[2]..window.end[2] {
            for y in window.start[1]..window.end[1] {
                let row = width * (y + height * (z + depth * c));
                let (start, end) = (row + window.start[0], row + window.end[0]);
                part.extend_from_slice(&voxels[start * size..end * size]);
            }
        }
    }
    part
}

fn window_of(spec: &ChunkSpec, corners: [[prop::sample::Index; 2]; 3]) -> Window {
    let axes = [0, 1, 2].map(|axis| {
        let mut ends = corners[axis].map(|corner| corner.index(spec.shape[axis] + 1));
        ends.sort_unstable();
        ends
    });
    Window { start: axes.map(|[start, _]| start), end: axes.map(|[_, end]| end) }
}

proptest! {
    #[test]
    fn labels_survive_the_round_trip(case in cases()) {
        let codec = codec(case.block);
        let stream = codec.encode(case.voxels.clone(), &case.spec).unwrap();
        prop_assert!(stream.len() <= codec.max_len(&case.spec));
        // What another chunk left in the scratch memory does not matter.
        let mut scratch = vec![0xa5; 5000];
        prop_assert_eq!(codec.decode(&stream, &case.spec, &mut scratch).unwrap(), case.voxels);
    }

    #[test]
    fn a_window_is_that_part_of_the_whole(
        case in cases(),
        corners in any::<[[prop::sample::Index; 2]; 3]>(),
    ) {
        let codec = codec(case.block);
        let stream = codec.encode(case.voxels.clone(), &case.spec).unwrap();
        let window = window_of(&case.spec, corners);
        let mut scratch = Vec::new();
        let decoded = codec.decode_window(&stream, &case.spec, &window, &mut scratch).unwrap();
        prop_assert_eq!(decoded.voxels, cut(&case.voxels, &case.spec, &window));
        prop_assert_eq!(decoded.start, [0; 3]);
        let shape = [0, 1, 2].map(|axis| window.end[axis] - window.start[axis]);
        prop_assert_eq!(&decoded.shape[..3], &shape);
        prop_assert_eq!(decoded.shape[3], case.spec.shape[3]);
    }

    #[test]
    fn a_uniform_chunk_is_headers_and_one_table_for_each_channel(case in cases()) {
        let codec = codec(case.block);
        let uniform = vec![1; case.voxels.len()];
        let stream = codec.encode(uniform, &case.spec).unwrap();
        let [x, y, z, channels] = case.spec.shape;
        let blocks: usize = codec.block.grid([x, y, z]).iter().product();
        let channel = blocks * 8 + case.spec.data_type.size();
        prop_assert_eq!(stream.len(), channels * (4 + channel));
    }

    #[test]
    fn no_changed_byte_makes_it_panic(
        case in cases(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut_at in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let codec = codec(case.block);
        let mut stream = codec.encode(case.voxels.clone(), &case.spec).unwrap();
        for (place, byte) in changes {
            let place = place.index(stream.len());
            stream[place] ^= byte;
        }
        if let Some(len) = cut_at {
            stream.truncate(len.index(stream.len()));
        }
        if let Ok(found) = decode(&codec, &stream, &case.spec) {
            prop_assert_eq!(found.len(), case.voxels.len());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        mut words in prop::collection::vec(0_u32..64, 1..64),
        widths in prop::collection::vec(0_u32..34, 32),
        is_wide in any::<bool>(),
    ) {
        // Headers with small offsets and all widths get further than random bytes.
        words[0] = 1;
        for (header, bits) in words.iter_mut().skip(1).step_by(2).zip(widths) {
            *header |= bits << 24;
        }
        let data_type = if is_wide { DataType::Uint64 } else { DataType::Uint32 };
        let spec = spec(data_type, [9, 5, 4, 1]);
        for block in [[8, 3, 2], [5, 3, 7], [16, 16, 16]] {
            if let Ok(found) = decode(&codec(block), &bytes(&words), &spec) {
                prop_assert_eq!(found.len(), spec.voxel_bytes());
            }
        }
    }
}

#[test]
fn every_flipped_byte_of_a_stream_decodes_or_is_refused() {
    let labels: Vec<u64> = (0..9 * 9 * 9).map(|place| mix(place / 3) % 20).collect();
    let spec = spec(DataType::Uint64, [9, 9, 9, 1]);
    let codec = codec([8, 8, 8]);
    let stream = codec.encode(voxels(&labels, DataType::Uint64), &spec).unwrap();
    for place in 0..stream.len() {
        for flip in [1, 0x80, 0xff] {
            let mut changed = stream.clone();
            changed[place] ^= flip;
            if let Err(error) = decode(&codec, &changed, &spec) {
                assert!(matches!(error, CodecError::Corrupt { .. }), "{error:?}");
            }
        }
    }
}

#[test]
fn a_block_of_more_than_65536_labels_survives() {
    let count = 41_u64.pow(3);
    let labels: Vec<u64> = (0..count).map(mix).collect();
    let (codec, spec) = (codec([64; 3]), spec(DataType::Uint64, [41, 41, 41, 1]));
    let stream = codec.encode(voxels(&labels, DataType::Uint64), &spec).unwrap();
    assert_eq!(stream[7], 32, "bits");
    assert_eq!(decode(&codec, &stream, &spec).unwrap(), voxels(&labels, DataType::Uint64));
}

#[test]
fn a_chunk_without_voxels_survives() {
    for shape in [[0, 4, 4, 1], [4, 4, 0, 2], [4, 4, 4, 0]] {
        let (codec, spec) = (codec([8; 3]), spec(DataType::Uint32, shape));
        let stream = codec.encode(Vec::new(), &spec).unwrap();
        assert!(decode(&codec, &stream, &spec).unwrap().is_empty());
    }
}
