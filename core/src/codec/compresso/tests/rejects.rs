//! Bytes that are no stream, one by one.

use bigarrays_info::DataType;

use super::super::{ChunkSpec, Codec, CodecError, Compresso, Window};

const SPEC: ChunkSpec = ChunkSpec { data_type: DataType::Uint8, shape: [4, 4, 2, 1] };

/// A stream of 4x4x2 uint8 labels in version 0, by its sections.
#[derive(Debug, Clone)]
struct Parts {
    header: Vec<u8>,
    ids: Vec<u8>,
    values: Vec<u16>,
    locations: Vec<u8>,
    codes: Vec<u16>,
    tail: Vec<u8>,
}

impl Parts {
    /// One component in each slice, no boundary.
    fn sound() -> Self {
        let header = b"cpso\0\x01\x04\0\x04\0\x02\0\x04\x04\x01".to_vec();
        let (ids, values, locations) = (vec![10, 11], vec![0], vec![]);
        Self { header, ids, values, locations, codes: vec![2 << 1 | 1], tail: vec![] }
    }

    /// The voxel at `place` of the first slice is boundary and takes what `locations` say.
    fn with_boundary(bits: u16, locations: &[u8]) -> Self {
        let codes = vec![1 << 1, 1 << 1 | 1];
        Self { values: vec![0, bits], locations: locations.to_vec(), codes, ..Self::sound() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.clone();
        let count = |count: usize| u64::try_from(count).unwrap().to_le_bytes();
        bytes.extend(count(self.ids.len()));
        bytes.extend(&count(self.values.len())[..4]);
        bytes.extend(count(self.locations.len()));
        bytes.push(4);
        bytes.extend(&self.ids);
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend(&self.locations);
        bytes.extend(self.codes.iter().flat_map(|code| code.to_le_bytes()));
        bytes.extend(&self.tail);
        bytes
    }

    /// With one byte of the header (which is 36 with the counts) changed.
    fn with_byte(&self, at: usize, value: u8) -> Vec<u8> {
        let mut bytes = self.bytes();
        bytes[at] = value;
        bytes
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
    Compresso.decode(bytes, &SPEC, &mut Vec::new()).map(<[u8]>::to_vec)
}

#[track_caller]
fn rejected(bytes: &[u8], clause: &str) {
    match decode(bytes) {
        Err(CodecError::Corrupt { what }) => assert!(what.contains(clause), "it says: {what}"),
        other => panic!("expected damage ({clause}), found {other:?}"),
    }
}

#[test]
fn the_sound_stream_of_these_tests_decodes() {
    assert_eq!(decode(&Parts::sound().bytes()).unwrap(), [[10; 16], [11; 16]].concat());
}

#[test]
fn a_stream_shorter_than_its_header_is_rejected() {
    rejected(&[], "it has 0 bytes");
    rejected(&Parts::sound().bytes()[..35], "it has 35 bytes");
}

#[test]
fn another_magic_is_rejected() {
    rejected(&Parts::sound().with_byte(1, b'r'), "`crso`");
}

#[test]
fn another_version_connectivity_or_window_is_rejected() {
    rejected(&Parts::sound().with_byte(4, 2), "version 2");
    rejected(&Parts::sound().with_byte(35, 8), "connectivity 8");
    rejected(&Parts::sound().with_byte(13, 0), "4x0x1");
    rejected(&Parts::sound().with_byte(12, 17), "17x4x1");
}

#[test]
fn another_shape_or_type_is_rejected_with_both() {
    rejected(
        &Parts::sound().with_byte(6, 5),
        "5x4x2x1 voxels of 1 bytes, but the chunk has 4x4x2x1 of 1",
    );
    rejected(
        &Parts::sound().with_byte(5, 4),
        "4x4x2x1 voxels of 4 bytes, but the chunk has 4x4x2x1 of 1",
    );
}

#[test]
fn counts_beyond_the_shape_are_rejected() {
    rejected(&Parts::sound().with_byte(22, 1), "72057594037927938 labels");
    rejected(&Parts::sound().with_byte(15, 33), "33 labels, but");
    rejected(&Parts::sound().with_byte(23, 3), "3 values, but");
    rejected(&Parts::sound().with_byte(27, 65), "65 locations, but");
}

#[test]
fn sections_past_the_end_are_rejected() {
    rejected(&Parts::sound().with_byte(15, 32), "it ends after 42 bytes");
    rejected(&Parts::sound().with_byte(27, 32), "it ends after 42 bytes");
    // Version 1 would have an index.
    rejected(&Parts::sound().with_byte(4, 1), "it ends after 42 bytes");
}

#[test]
fn windows_that_are_not_those_of_the_shape_are_rejected() {
    let windows = |codes: &[u16]| Parts { codes: codes.to_vec(), ..Parts::sound() }.bytes();
    rejected(&windows(&[1 << 1 | 1]), "windows for 1 of its 2 blocks");
    rejected(&windows(&[]), "windows for 0 of its 2 blocks");
    rejected(&windows(&[3 << 1 | 1]), "past its 2 blocks");
    rejected(&windows(&[2 << 1 | 1, 0]), "past its 2 blocks");
    rejected(&windows(&[u16::MAX]), "past its 2 blocks");
    rejected(&windows(&[1 << 1, 1 << 1]), "the value number 1, but there are 1");
    let odd = Parts { tail: vec![0], ..Parts::sound() };
    rejected(&odd.bytes(), "no multiple of 2");
}

#[test]
fn no_values_at_all_are_no_boundary_at_all() {
    let empty = Parts { values: vec![], ..Parts::sound() };
    assert_eq!(decode(&empty.bytes()).unwrap(), [[10; 16], [11; 16]].concat());
}

#[test]
fn labels_without_component_and_components_without_label_are_rejected() {
    let few = Parts { ids: vec![10], ..Parts::sound() };
    rejected(&few.bytes(), "labels for 1 components, but there are more");
    let many = Parts { ids: vec![10, 11, 12], ..Parts::sound() };
    rejected(&many.bytes(), "1 of its labels have no component");
}

#[test]
fn locations_without_voxel_and_voxels_without_location_are_rejected() {
    let spare = Parts { locations: vec![8], ..Parts::sound() };
    rejected(&spare.bytes(), "1 of its locations belong to no voxel");
    rejected(&Parts::with_boundary(1, &[]).bytes(), "fewer locations");
    rejected(&Parts::with_boundary(1, &[6]).bytes(), "fewer locations");
}

#[test]
fn locations_lead_to_the_label_they_name() {
    let first = |locations: &[u8]| {
        decode(&Parts::with_boundary(1, locations).bytes()).map(|voxels| voxels[0]).unwrap()
    };
    assert_eq!(first(&[1]), 10);
    assert_eq!(first(&[3]), 10);
    assert_eq!(first(&[5]), 11);
    assert_eq!(first(&[6, 255]), 255);
    assert_eq!(first(&[7]), 0);
    assert_eq!(first(&[255]), 248);
    // All of the first row is boundary, the others follow from the one before or below.
    let row = Parts::with_boundary(0b1111, &[9, 0, 3, 0]);
    assert_eq!(decode(&row.bytes()).unwrap()[..4], [2, 2, 10, 10]);
}

#[test]
fn locations_that_lead_out_of_the_chunk_are_rejected() {
    for code in [0, 2, 4] {
        let what = format!("location {code} at 0,0,0");
        rejected(&Parts::with_boundary(1, &[code]).bytes(), &what);
    }
    // The first row is boundary; its last voxel has no right neighbour.
    let right = Parts::with_boundary(0b1111, &[8, 8, 8, 1]);
    rejected(&right.bytes(), "location 1 at 3,0,0");
    // All but the last row; and the whole slice, so that there is one component less.
    let all = Parts { ids: vec![11], ..Parts::with_boundary(u16::MAX, &[8; 16]) };
    assert!(decode(&all.bytes()).is_ok());
    let mut locations = vec![8; 16];
    locations[12] = 3;
    rejected(&Parts { locations, ..all }.bytes(), "location 3 at 0,3,0");
    let last_slice = Parts { codes: vec![1 << 1 | 1, 1 << 1], ..Parts::with_boundary(1, &[5]) };
    rejected(&last_slice.bytes(), "location 5 at 0,0,1");
}

#[test]
fn a_location_that_leads_to_a_voxel_not_decoded_yet_is_rejected() {
    rejected(&Parts::with_boundary(0b11, &[1, 8]).bytes(), "location 1 at 0,0,0");
    rejected(&Parts::with_boundary(0b1_0001, &[3, 8]).bytes(), "location 3 at 0,0,0");
}

#[test]
fn an_index_that_leads_astray_is_rejected_with_the_whole_chunk_and_with_a_slice() {
    // Two numbers of components, two of locations; 2 * 4 * 4 fits one byte.
    let with_index = |index: [u8; 4]| {
        let mut parts = Parts { tail: index.to_vec(), ..Parts::sound() };
        parts.header[4] = 1;
        parts.bytes()
    };
    let second = |index| {
        let window = Window { start: [0, 0, 1], end: [4, 4, 2] };
        let bytes = with_index(index);
        Compresso
            .decode_window(&bytes, &SPEC, &window, &mut Vec::new())
            .map(|decoded| (decoded.voxels.to_vec(), decoded.shape, decoded.start))
    };
    assert_eq!(second([1, 1, 0, 0]).unwrap(), (vec![11; 16], [4, 4, 1, 1], [0; 3]));
    for astray in [[2, 1, 0, 0], [1, 2, 0, 0], [255, 255, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1]] {
        assert!(matches!(second(astray), Err(CodecError::Corrupt { .. })), "{astray:?}");
        assert!(
            matches!(decode(&with_index(astray)), Err(CodecError::Corrupt { .. })),
            "{astray:?}"
        );
    }
}
