//! What holds for any labels, any layout and any bytes.

use bigarrays_info::DataType;
use proptest::prelude::*;

use super::header::{Connectivity, Layout, Version};
use super::{ChunkSpec, Codec, CodecError, Compresso, Window, encode};

#[path = "../../../tests/golden/compresso/golden.rs"]
mod golden;

const LAYOUT: Layout =
    Layout { version: Version::V1, connectivity: Connectivity::Four, steps: [4, 4, 1] };

#[derive(Debug, Clone)]
struct Case {
    spec: ChunkSpec,
    voxels: Vec<u8>,
    layout: Layout,
}

impl Case {
    fn encoded(&self) -> Vec<u8> {
        encode::encode(&self.voxels, &self.spec, self.layout).unwrap()
    }
}

fn specs() -> impl Strategy<Value = ChunkSpec> {
    let data_type = proptest::sample::select(vec![
        DataType::Uint8,
        DataType::Uint16,
        DataType::Uint32,
        DataType::Uint64,
    ]);
    let shape = prop_oneof![
        (1..20_usize, 1..20_usize, 1..9_usize),
        (1..200_usize, 1..6_usize, 1..4_usize),
        (Just(64), 1..12_usize, 1..5_usize),
        (Just(1), 1..5_usize, 1..60_usize),
    ];
    (data_type, shape)
        .prop_map(|(data_type, (x, y, z))| ChunkSpec { data_type, shape: [x, y, z, 1] })
}

fn layouts() -> impl Strategy<Value = Layout> {
    let steps = proptest::sample::select(vec![
        [4, 4, 1],
        [8, 8, 1],
        [2, 2, 2],
        [4, 4, 2],
        [5, 3, 2],
        [3, 7, 3],
        [1, 1, 1],
        [64, 1, 1],
        [1, 1, 64],
        [37, 1, 1],
    ]);
    let version = prop_oneof![Just(Version::V0), Just(Version::V1)];
    let connectivity = prop_oneof![Just(Connectivity::Four), Just(Connectivity::Six)];
    (version, connectivity, prop_oneof![Just([4, 4, 1]), steps])
        .prop_map(|(version, connectivity, steps)| Layout { version, connectivity, steps })
}

/// Labels by place: blobs, stripes, a checkerboard, one label; some voxels are random, some of them
/// among the largest or the smallest numbers.
fn voxels(spec: ChunkSpec) -> impl Strategy<Value = Vec<u8>> {
    let [sx, sy, sz, _] = spec.shape;
    let noise = prop_oneof![Just(0_u64), Just(5), Just(50), Just(100)];
    (0..4_u32, any::<u64>(), noise, 1..9_u64).prop_map(move |(kind, seed, noise, size)| {
        let mut random = seed;
        let mut voxels = Vec::with_capacity(spec.voxel_bytes());
        for place in 0..sx * sy * sz {
            let [x, y, z] = [place % sx, place / sx % sy, place / sx / sy].map(|axis| axis as u64);
            let even = match kind {
                0 => (x / size + 3 * (y / size) + 7 * (z / size)).wrapping_mul(seed | 1),
                1 => (x + y + z) / size,
                2 => (x + y + z) % 2,
                _ => seed,
            };
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let dice = random >> 33;
            let label = match dice % 100 {
                chance if chance >= noise => even,
                chance if chance % 3 == 0 => u64::MAX - dice % 12,
                chance if chance % 3 == 1 => dice % 12,
                _ => dice,
            };
            voxels.extend(&label.to_le_bytes()[..spec.data_type.size()]);
        }
        voxels
    })
}

fn cases() -> impl Strategy<Value = Case> {
    (specs(), layouts()).prop_flat_map(|(spec, layout)| {
        voxels(spec).prop_map(move |voxels| Case { spec, voxels, layout })
    })
}

proptest! {
    #[test]
    fn any_labels_come_back_in_every_layout(case in cases()) {
        let encoded = case.encoded();
        prop_assert!(encoded.len() <= Compresso.max_len(&case.spec));
        // What the scratch held before does not matter.
        let mut scratch = vec![0xa5; 1000];
        let decoded = Compresso.decode(&encoded, &case.spec, &mut scratch).unwrap();
        prop_assert!(decoded == case.voxels);
    }

    #[test]
    fn a_window_has_the_voxels_of_its_slices(
        case in cases(),
        from in any::<prop::sample::Index>(),
        count in any::<prop::sample::Index>(),
    ) {
        let [sx, sy, sz, _] = case.spec.shape;
        let from = from.index(sz);
        let to = from + 1 + count.index(sz - from);
        let window = Window { start: [0, sy - 1, from], end: [1, sy, to] };
        let encoded = case.encoded();
        let mut scratch = Vec::new();
        let decoded =
            Compresso.decode_window(&encoded, &case.spec, &window, &mut scratch).unwrap();
        let slice = sx * sy * case.spec.data_type.size();
        prop_assert_eq!(&decoded.start[..2], &window.start[..2]);
        prop_assert_eq!(decoded.voxels.len(), decoded.shape[2] * slice);
        let begin = decoded.start[2] * slice;
        let found = &decoded.voxels[begin..begin + (to - from) * slice];
        prop_assert!(found == &case.voxels[from * slice..to * slice]);
        if case.layout.has_random_access() {
            prop_assert_eq!(decoded.shape[2], to - from);
        }
    }

    #[test]
    fn damaged_bytes_never_panic(
        case in cases(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        header_only in any::<bool>(),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut encoded = case.encoded();
        let reach = if header_only { super::header::LEN } else { encoded.len() };
        for (place, value) in flips {
            encoded[place.index(reach)] = value;
        }
        if let Some(cut) = cut {
            encoded.truncate(cut.index(encoded.len()));
        }
        let mut scratch = Vec::new();
        if let Ok(voxels) = Compresso.decode(&encoded, &case.spec, &mut scratch) {
            prop_assert_eq!(voxels.len(), case.spec.voxel_bytes());
        }
        let [sx, sy, sz, _] = case.spec.shape;
        let window = Window { start: [0, 0, sz / 2], end: [sx, sy, sz] };
        if let Ok(part) = Compresso.decode_window(&encoded, &case.spec, &window, &mut scratch) {
            let bytes = part.shape.iter().product::<usize>() * case.spec.data_type.size();
            prop_assert_eq!(part.voxels.len(), bytes);
        }
    }

    #[test]
    fn any_bytes_after_a_sound_header_never_panic(
        case in cases(),
        tail in prop::collection::vec(any::<u8>(), 0..2000),
        counts in any::<[u8; 3]>(),
    ) {
        let mut encoded = case.encoded();
        encoded.truncate(super::header::LEN);
        for (at, count) in [15, 23, 27].into_iter().zip(counts) {
            encoded[at..at + 4].copy_from_slice(&u32::from(count / 8).to_le_bytes());
        }
        encoded.extend(tail);
        let mut scratch = Vec::new();
        if let Ok(voxels) = Compresso.decode(&encoded, &case.spec, &mut scratch) {
            prop_assert_eq!(voxels.len(), case.spec.voxel_bytes());
        }
    }
}

#[test]
fn every_layout_that_the_package_writes_is_written_byte_for_byte() {
    for golden in golden::all() {
        let version = if golden.version == 0 { Version::V0 } else { Version::V1 };
        let connectivity = match golden.connectivity {
            4 => Connectivity::Four,
            _ => Connectivity::Six,
        };
        let [x, y, z] = golden.shape;
        let spec = ChunkSpec { data_type: golden.data_type, shape: [x, y, z, 1] };
        let layout = Layout { version, connectivity, steps: golden.steps };
        let encoded = encode::encode(&golden.voxels, &spec, layout).unwrap();
        assert!(encoded == golden.stream, "{}", golden.name);
    }
}

/// Labels 1 1 / 2 2. The upper voxels differ from those below: boundary, bits 0 and 1, so that the
/// only window is 3. It has the index 0, which is a run of one: 1 << 1 | 1. The lower row is the
/// only component, label 2. No upper voxel has a neighbour before it that is not boundary, and those
/// after it are boundary or have another label: both labels are written, as 1 + 7.
#[test]
fn a_stream_worked_out_by_hand_is_read_and_written() {
    let spec = ChunkSpec { data_type: DataType::Uint8, shape: [2, 2, 1, 1] };
    let by_hand = b"cpso\x01\x01\x02\0\x02\0\x01\0\x04\x04\x01\
        \x01\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x04\
        \x02\x03\0\x08\x08\x03\0\x01\0";
    let voxels = vec![1, 1, 2, 2];
    assert_eq!(Compresso.decode(by_hand, &spec, &mut Vec::new()).unwrap(), voxels);
    assert_eq!(Compresso.encode(voxels, &spec).unwrap(), by_hand);
}

#[test]
fn windows_with_too_many_values_are_written_in_larger_steps() {
    let spec = ChunkSpec { data_type: DataType::Uint8, shape: [24, 24, 24, 1] };
    let mut random = 1_u32;
    let voxels: Vec<u8> = (0..spec.voxel_bytes())
        .map(|_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::from(random >> 31 == 1)
        })
        .collect();
    let layout = Layout { steps: [2, 2, 2], ..LAYOUT };
    let encoded = encode::encode(&voxels, &spec, layout).unwrap();
    assert_eq!(encoded[12..15], [8, 8, 1]);
    assert!(Compresso.decode(&encoded, &spec, &mut Vec::new()).unwrap() == voxels);
}

#[test]
fn long_runs_of_windows_are_split_where_they_do_not_fit_their_number() {
    // 1000 windows of one byte, whose runs end at 127.
    let spec = ChunkSpec { data_type: DataType::Uint8, shape: [1000, 1, 1, 1] };
    let voxels = vec![7; 1000];
    let layout = Layout { steps: [1, 1, 1], version: Version::V0, ..LAYOUT };
    let encoded = encode::encode(&voxels, &spec, layout).unwrap();
    assert_eq!(encoded[38..], [255, 255, 255, 255, 255, 255, 255, 111 << 1 | 1]);
    assert!(Compresso.decode(&encoded, &spec, &mut Vec::new()).unwrap() == voxels);
}

#[test]
fn what_the_encoding_cannot_hold_is_refused() {
    let data_type = DataType::Uint8;
    let long = ChunkSpec { data_type, shape: [65_536, 1, 1, 1] };
    let error = Compresso.encode(vec![0; 65_536], &long).unwrap_err();
    assert!(matches!(error, CodecError::Unencodable { .. }), "{error}");
    let two_channels = ChunkSpec { data_type, shape: [2, 2, 2, 2] };
    let error = Compresso.encode(vec![0; 16], &two_channels).unwrap_err();
    assert!(matches!(error, CodecError::Unencodable { .. }), "{error}");
}

#[test]
fn the_longest_axis_is_held() {
    let spec = ChunkSpec { data_type: DataType::Uint8, shape: [1, 65_535, 1, 1] };
    let voxels: Vec<u8> = (0..65_535_u32).map(|y| u8::from(y / 5 % 2 == 0)).collect();
    let encoded = Compresso.encode(voxels.clone(), &spec).unwrap();
    assert!(Compresso.decode(&encoded, &spec, &mut Vec::new()).unwrap() == voxels);
}

#[test]
fn a_chunk_without_voxels_is_a_header() {
    let spec = ChunkSpec { data_type: DataType::Uint8, shape: [0, 3, 2, 1] };
    let encoded = Compresso.encode(Vec::new(), &spec).unwrap();
    assert_eq!(encoded.len(), 36);
    assert!(Compresso.decode(&encoded, &spec, &mut vec![1]).unwrap().is_empty());
}

mod rejects;
