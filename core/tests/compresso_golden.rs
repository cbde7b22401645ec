//! Compresso streams of the PyPI package `compresso` 3.3.3, which is what CloudVolume calls.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test helpers outside test functions may fail a test in any way"
)]

#[path = "golden/compresso/golden.rs"]
mod golden;

use bigarrays_core::codec::{ChunkSpec, Codec, Window, codec_for};
use bigarrays_core::{DataType, Encoding, VolumeInfo, VolumeType};

fn codec(data_type: DataType) -> Box<dyn Codec> {
    let info = VolumeInfo::builder(data_type, [64; 3])
        .volume_type(VolumeType::Segmentation)
        .encoding(Encoding::Compresso)
        .build()
        .unwrap();
    codec_for(&info.scales[0]).unwrap()
}

fn spec(golden: &golden::Golden) -> ChunkSpec {
    let [x, y, z] = golden.shape;
    ChunkSpec { data_type: golden.data_type, shape: [x, y, z, 1] }
}

#[test]
fn streams_of_the_package_decode_to_their_voxels() {
    let mut scratch = Vec::new();
    for golden in golden::all() {
        let codec = codec(golden.data_type);
        let voxels = codec.decode(&golden.stream, &spec(&golden), &mut scratch).unwrap();
        assert!(voxels == golden.voxels, "{}", golden.name);
    }
}

#[test]
fn slices_of_streams_of_the_package_decode_alone() {
    let mut scratch = Vec::new();
    for golden in golden::all() {
        let (codec, [sx, sy, sz]) = (codec(golden.data_type), golden.shape);
        let slice = sx * sy * golden.data_type.size();
        for (from, to) in (0..sz).flat_map(|from| (from + 1..=sz).map(move |to| (from, to))) {
            let window = Window { start: [0, 0, from], end: [sx, sy, to] };
            let decoded =
                codec.decode_window(&golden.stream, &spec(&golden), &window, &mut scratch).unwrap();
            let has_index = golden.version == 1;
            assert_eq!(decoded.shape, [sx, sy, if has_index { to - from } else { sz }, 1]);
            let begin = decoded.start[2] * slice;
            let found = &decoded.voxels[begin..begin + (to - from) * slice];
            assert!(found == &golden.voxels[from * slice..to * slice], "{}", golden.name);
        }
    }
}

#[test]
fn voxels_encode_to_the_bytes_that_the_package_writes() {
    let mut compared = 0;
    for golden in golden::all() {
        if (golden.version, golden.connectivity, golden.steps) == (1, 4, [4, 4, 1]) {
            let encoded = codec(golden.data_type).encode(golden.voxels.clone(), &spec(&golden));
            assert!(encoded.unwrap() == golden.stream, "{}", golden.name);
            compared += 1;
        }
    }
    assert!(compared >= 6);
}
