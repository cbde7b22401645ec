//! Crackle streams that crackle-codec made: 0.54.0 those of format version 1, 0.16.0 those of
//! version 0. `golden/crackle/make.py` makes them; their voxels follow from their names, by the same
//! formulas there and here.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test helpers outside test functions may fail a test in any way"
)]

use std::path::Path;
use std::sync::LazyLock;

use bigarrays_core::codec::{ChunkSpec, Codec, CodecError, Window, codec_for};
use bigarrays_core::{DataType, Encoding, VolumeInfo};
use proptest::prelude::*;

/// One stream of the golden folder.
struct Golden {
    name: String,
    stream: Vec<u8>,
    spec: ChunkSpec,
    voxels: Vec<u8>,
}

fn goldens() -> &'static [Golden] {
    static ALL: LazyLock<Vec<Golden>> = LazyLock::new(read_goldens);
    &ALL
}

fn read_goldens() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/crackle");
    let mut goldens: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ckl"))
        .map(|path| Golden::read(&path))
        .collect();
    assert!(goldens.len() >= 70, "only {} streams are there", goldens.len());
    goldens.sort_by(|a, b| a.name.cmp(&b.name));
    goldens
}

fn golden(name: &str) -> &'static Golden {
    goldens().iter().find(|golden| golden.name == name).unwrap()
}

impl Golden {
    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let [_, data_type, content, shape, labels, _]: [&str; 6] =
            name.split('-').collect::<Vec<_>>().try_into().unwrap();
        let data_type = *DataType::ALL.iter().find(|known| known.to_string() == data_type).unwrap();
        let mut axes = shape.split('x').map(|axis| axis.parse::<usize>().unwrap());
        let shape = [axes.next().unwrap(), axes.next().unwrap(), axes.next().unwrap(), 1];
        let spec = ChunkSpec { data_type, shape };
        let voxels = voxels(&spec, content, labels);
        Self { stream: std::fs::read(path).unwrap(), spec, voxels, name }
    }

    fn decode(&self) -> Result<Vec<u8>, CodecError> {
        decode(&self.stream, &self.spec)
    }
}

/// What `make.py` calls `index`.
fn index(content: &str, [x, y, z]: [u64; 3]) -> u64 {
    let cells = (x / 5 * 7 + y / 4 * 3 + z / 3 * 5) % 11;
    let noise = (x * 197 + y * 91 + z * 53 + x * y * 31 + y * z * 17) % 251;
    match content {
        "cells" => cells,
        "permuted" => (cells * 7 + 3) % 11,
        "merged" => cells % 3,
        "rings" => (x.abs_diff(8).pow(2) + y.abs_diff(8).pow(2)) / 16 % 3,
        "noise" => noise,
        "thirds" => noise % 3,
        "checks" => (x + y + z) % 2,
        "columns" => (x / 3 + y / 3 + z / 9) % 2,
        "posts" => (x / 3 + y / 3 + z.max(12)) % 2,
        "many" => x + 16 * y + 256 * z,
        "one" => 3,
        other => panic!("no content is called {other}"),
    }
}

/// What `make.py` calls `STEPS`.
fn label(labels: &str, index: u64) -> u64 {
    let (step, base) = match labels {
        "uint8" => (20, 1),
        "uint16" => (251, 0),
        "uint32" => (100_000_007, 5),
        "uint64" => (1_000_000_000_000_000_007, 1 << 40),
        "int8" => (20, -100),
        "int16" => (3001, -10_000),
        "int32" => (100_000_007, -300_000_000),
        "int64" => (100_000_000_000_000_000, -300_000_000_000_000_000),
        "index" | "bool" => (1, 0),
        "around" => (1, -5),
        other => panic!("no labels are called {other}"),
    };
    index.wrapping_mul(step).wrapping_add_signed(base)
}

fn voxels(spec: &ChunkSpec, content: &str, labels: &str) -> Vec<u8> {
    let [sx, sy, sz, _] = spec.shape.map(|axis| u64::try_from(axis).unwrap());
    let mut voxels = Vec::new();
    for z in 0..sz {
        for y in 0..sy {
            for x in 0..sx {
                let label = label(labels, index(content, [x, y, z]));
                let label = if labels == "bool" { u64::from(label != 0) } else { label };
                voxels.extend_from_slice(&label.to_le_bytes()[..spec.data_type.size()]);
            }
        }
    }
    voxels
}

fn codec() -> Box<dyn Codec> {
    let builder = VolumeInfo::builder(DataType::Uint32, [64; 3]).encoding(Encoding::Crackle);
    codec_for(&builder.build().unwrap().scales[0]).unwrap()
}

fn decode(stream: &[u8], spec: &ChunkSpec) -> Result<Vec<u8>, CodecError> {
    codec().decode(stream, spec, &mut Vec::new()).map(<[u8]>::to_vec)
}

/// The error that decoding must end in.
fn corrupt(stream: &[u8], spec: &ChunkSpec) -> String {
    match decode(stream, spec) {
        Err(CodecError::Corrupt { what }) => what.into_owned(),
        other => panic!("{other:?} is not a Corrupt"),
    }
}

/// Sets the crc8 of a header of version 1 right again.
fn seal_header(stream: &mut [u8]) {
    let shift = |crc: u8| if crc & 1 == 1 { crc >> 1 ^ 0xe7 } else { crc >> 1 };
    let guarded = &stream[5..28];
    stream[28] =
        guarded.iter().fold(0xff, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| shift(crc)));
}

#[test]
fn streams_of_crackle_codec_decode_to_their_voxels() {
    for golden in goldens() {
        let decoded = golden.decode();
        let decoded = decoded.unwrap_or_else(|error| panic!("{}: {error}", golden.name));
        assert!(decoded == golden.voxels, "{} decodes to other voxels", golden.name);
        assert!(golden.stream.len() <= codec().max_len(&golden.spec), "{}", golden.name);
    }
}

#[test]
fn scratch_space_of_another_chunk_does_not_matter() {
    let mut scratch = vec![0xaa; 123_456];
    for golden in goldens() {
        let decoded = codec().decode(&golden.stream, &golden.spec, &mut scratch).unwrap().to_vec();
        assert!(decoded == golden.voxels, "{} decodes to other voxels", golden.name);
    }
}

#[test]
fn a_window_decodes_the_slices_that_it_crosses() {
    for golden in goldens() {
        let [sx, sy, sz, _] = golden.spec.shape;
        let slice = sx * sy * golden.spec.data_type.size();
        for start in 0..sz {
            for end in start + 1..=sz {
                let window = Window { start: [sx / 2, 0, start], end: [sx, sy, end] };
                let mut scratch = Vec::new();
                let decoded =
                    codec().decode_window(&golden.stream, &golden.spec, &window, &mut scratch);
                let decoded = decoded.unwrap();
                assert_eq!(decoded.shape, [sx, sy, end - start, 1]);
                assert_eq!(decoded.start, [sx / 2, 0, 0]);
                assert!(decoded.voxels == &golden.voxels[start * slice..end * slice]);
            }
        }
    }
}

#[test]
fn voxels_of_crackle_codec_round_trip() {
    for golden in goldens() {
        let encoded = codec().encode(golden.voxels.clone(), &golden.spec).unwrap();
        assert!(encoded.len() <= codec().max_len(&golden.spec), "{}", golden.name);
        let decoded = decode(&encoded, &golden.spec).unwrap();
        assert!(decoded == golden.voxels, "{} does not come back", golden.name);
    }
}

/// Worked out by hand; crackle-codec 0.54.0 reads it back and finds its crc right.
#[test]
fn a_small_chunk_is_encoded_as_worked_out_by_hand() {
    let spec = ChunkSpec { data_type: DataType::Uint16, shape: [2, 1, 1, 1] };
    let expected = [
        // "crkl", version 1; voxels of 2^1 bytes, labels of 2^0, Fortran order
        b"crkl\x01\x81\x00".as_slice(),
        // 2 by 1 by 1, grid 2^31, 13 bytes of labels, crc8
        b"\x02\0\0\0\x01\0\0\0\x01\0\0\0\x1f\x0d\0\0\0\0\0\0\0\x77",
        // a crack code of 9 bytes; crc32c
        b"\x09\0\0\0\x99\x82\x66\x63",
        // two labels, 1 and 2; a slice of two regions, with label 0 and label 1
        b"\x02\0\0\0\0\0\0\0\x01\x02\x02\x00\x01",
        // 4 bytes of index: one row, the first; in it one chain, at x = 1
        b"\x04\0\0\0\x01\x00\x01\x01",
        // down, then down and up, which end the chain: the differences 2, 0, 2
        b"\x22",
        // crc32c of the labels, and of the regions 0 and 1
        b"\x0d\x48\x8d\xe7\x32\x18\x6d\x51",
    ];
    assert_eq!(codec().encode(vec![1, 0, 2, 0], &spec).unwrap(), expected.concat());
}

#[test]
fn a_damaged_byte_of_version_1_is_noticed_or_does_no_harm() {
    let sealed = |golden: &&Golden| golden.name.starts_with("v1") && golden.stream.len() < 800;
    for golden in goldens().iter().filter(sealed) {
        let mut stream = golden.stream.clone();
        for at in 0..stream.len() {
            let (was, flip) = (stream[at], 1 << (at % 8));
            stream[at] ^= flip;
            match decode(&stream, &golden.spec) {
                Ok(decoded) => assert!(decoded == golden.voxels, "{} at {at}", golden.name),
                Err(CodecError::Corrupt { .. } | CodecError::Unsupported { .. }) => {}
                Err(other) => panic!("{} at {at}: {other:?}", golden.name),
            }
            stream[at] = was;
        }
    }
}

#[test]
fn a_stream_cut_short_is_corrupt() {
    for golden in goldens() {
        for length in 0..golden.stream.len() {
            corrupt(&golden.stream[..length], &golden.spec);
        }
    }
}

#[test]
fn bytes_after_the_stream_are_corrupt() {
    let golden = golden("v1-uint32-cells-17x13x8-uint32-flat");
    let mut stream = golden.stream.clone();
    stream.push(0);
    corrupt(&stream, &golden.spec);
    stream.extend([0; 3]);
    corrupt(&stream, &golden.spec);
}

#[test]
fn voxels_of_another_type_or_shape_are_corrupt_and_both_are_named() {
    let golden = golden("v1-uint32-cells-17x13x8-uint32-flat");
    let spec = ChunkSpec { data_type: DataType::Int32, ..golden.spec };
    let what = "it holds voxels of unsigned 32 bits, but the volume's are int32";
    assert_eq!(corrupt(&golden.stream, &spec), what);
    let spec = ChunkSpec { data_type: DataType::Uint16, ..golden.spec };
    let what = "it holds voxels of unsigned 32 bits, but the volume's are uint16";
    assert_eq!(corrupt(&golden.stream, &spec), what);
    let spec = ChunkSpec { data_type: DataType::Float32, ..golden.spec };
    let what = "it holds voxels of unsigned 32 bits, but the volume's are float32";
    assert_eq!(corrupt(&golden.stream, &spec), what);
    let spec = ChunkSpec { shape: [13, 17, 8, 1], ..golden.spec };
    let what = "it is of shape [17, 13, 8, 1], but the chunk is [13, 17, 8, 1]";
    assert_eq!(corrupt(&golden.stream, &spec), what);
    let spec = ChunkSpec { shape: [17, 13, 4, 2], ..golden.spec };
    corrupt(&golden.stream, &spec);
}

#[test]
fn a_crc_that_does_not_match_is_named() {
    let golden = golden("v1-uint32-cells-17x13x8-uint32-flat");
    let flip = |at: usize| {
        let mut stream = golden.stream.clone();
        stream[at] ^= 1;
        corrupt(&stream, &golden.spec)
    };
    let length = golden.stream.len();
    assert!(flip(28).starts_with("its header has crc8 "));
    assert!(flip(29).starts_with("the numbers of its crack index have crc32c "));
    assert!(flip(29 + 36 + 8).starts_with("its labels have crc32c "));
    assert!(flip(length - 36).starts_with("its labels have crc32c "));
    assert!(flip(length - 4).starts_with("the cracks of slice 7 have crc32c "));
}

#[test]
fn forms_that_do_not_exist_are_refused() {
    let golden = golden("v1-uint64-cells-17x13x8-uint64-flat");
    let change = |at: usize, to: u8| {
        let mut stream = golden.stream.clone();
        stream[at] = to;
        seal_header(&mut stream);
        decode(&stream, &golden.spec).unwrap_err().to_string()
    };
    assert_eq!(change(0, b'C'), "it does not begin with \"crkl\"");
    assert_eq!(change(4, 2), "it is of crackle version 2, and only 0 and 1 exist");
    let bits = golden.stream[5];
    assert_eq!(change(5, bits | 0x60), "its label format is 3, which does not exist");
    let fixed = "crackle with fixed width pins is not supported by this build";
    assert_eq!(change(5, bits | 0x20), fixed);
    let grids = "crackle with several grids a slice is not supported by this build";
    assert_eq!(change(19, 4), grids);
}

#[test]
fn lengths_beyond_the_stream_are_corrupt() {
    let golden = golden("v0-uint32-cells-17x13x8-uint32-flat");
    let huge = |at: usize, bytes: usize| {
        let mut stream = golden.stream.clone();
        stream[at..at + bytes].fill(0xff);
        corrupt(&stream, &golden.spec)
    };
    // The length of the labels, then of the first crack code, then the number of labels.
    assert!(huge(20, 4).starts_with("it ends inside its labels: "));
    assert!(huge(24, 4).starts_with("it ends inside its crack codes: "));
    assert!(huge(24 + 32, 8).starts_with("it ends inside its labels: "));
    // A slice with more regions than voxels, then regions with labels that are not in the table.
    let table = 24 + 32 + 8 + 11 * 4;
    assert!(huge(table, 8).contains(" regions"));
    assert!(huge(table + 8, 4).contains("a region has label number 255"));
}

#[test]
fn pins_beyond_the_chunk_are_corrupt() {
    let golden = golden("v0-uint8-columns-16x15x20-index-pins");
    // Background, number of labels, one label, counts of regions, widths: then the pins.
    let pins = 24 + 4 * 20 + 1 + 8 + 1 + 20 + 1;
    let change = |at: usize, to: u8| {
        let mut stream = golden.stream.clone();
        stream[pins + at] = to;
        corrupt(&stream, &golden.spec)
    };
    assert!(change(2, 0xff).contains("a pin reaches from slice "));
    assert!(change(0, 0xff).contains("it ends inside its pins"));
}

#[test]
fn other_voxels_than_integers_of_one_channel_cannot_be_encoded() {
    for data_type in [DataType::Float32, DataType::Float64] {
        let spec = ChunkSpec { data_type, shape: [2, 1, 1, 1] };
        let error = codec().encode(vec![0; spec.voxel_bytes()], &spec).unwrap_err();
        assert!(matches!(error, CodecError::Unencodable { .. }), "{error:?}");
    }
    let spec = ChunkSpec { data_type: DataType::Uint8, shape: [2, 1, 1, 2] };
    let error = codec().encode(vec![0; 4], &spec).unwrap_err();
    assert!(matches!(error, CodecError::Unencodable { .. }), "{error:?}");
}

const INTEGERS: [DataType; 9] = [
    DataType::Uint8,
    DataType::Int8,
    DataType::Uint16,
    DataType::Int16,
    DataType::Uint32,
    DataType::Int32,
    DataType::Uint64,
    DataType::Int64,
    DataType::Bool,
];

/// A chunk: boxes of labels painted over each other, which makes regions of all sorts, or noise.
fn chunks() -> impl Strategy<Value = (ChunkSpec, Vec<u8>)> {
    let shape = prop_oneof![
        4 => [1_usize..20, 1_usize..20, 1_usize..8],
        1 => [250_usize..262, 1_usize..4, 1_usize..3],
        1 => [1_usize..4, 250_usize..262, 1_usize..3],
    ];
    let boxes = prop::collection::vec((any::<[u16; 6]>(), any::<u64>()), 0..12);
    let noise = prop::option::weighted(0.3, 2_u64..9);
    (prop::sample::select(&INTEGERS[..]), shape, boxes, noise).prop_map(
        |(data_type, [x, y, z], boxes, noise)| {
            let spec = ChunkSpec { data_type, shape: [x, y, z, 1] };
            (spec, paint(&spec, &boxes, noise))
        },
    )
}

fn paint(spec: &ChunkSpec, boxes: &[([u16; 6], u64)], noise: Option<u64>) -> Vec<u8> {
    let [sx, sy, sz, _] = spec.shape;
    let mut labels = vec![0; sx * sy * sz];
    let mut random = 1_u64;
    for (at, label) in labels.iter_mut().enumerate() {
        let position = [at % sx, at / sx % sy, at / sx / sy];
        for (corners, own) in boxes {
            let inside = (0..3).all(|axis| {
                let corner = |c: u16| usize::from(c) % spec.shape[axis];
                let (a, b) = (corner(corners[axis]), corner(corners[axis + 3]));
                (a.min(b)..=a.max(b)).contains(&position[axis])
            });
            *label = if inside { *own } else { *label };
        }
        if let Some(kinds) = noise {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *label ^= (random >> 33) % kinds;
        }
    }
    let size = spec.data_type.size();
    labels.iter().flat_map(|label| label.to_le_bytes()[..size].to_vec()).collect()
}

proptest! {
    #[test]
    fn any_chunk_round_trips((spec, voxels) in chunks()) {
        let encoded = codec().encode(voxels.clone(), &spec).unwrap();
        prop_assert!(encoded.len() <= codec().max_len(&spec));
        prop_assert!(decode(&encoded, &spec).unwrap() == voxels);
    }

    #[test]
    fn damaged_streams_never_panic(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let golden = which.get(goldens());
        let mut stream = golden.stream.clone();
        for (at, byte) in damage {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        if let Some(cut) = cut {
            stream.truncate(cut.index(stream.len()));
        }
        // Past the crc8, so that damage of the header is seen too.
        if stream.len() > 28 && stream[4] == 1 {
            seal_header(&mut stream);
        }
        if let Ok(decoded) = decode(&stream, &golden.spec) {
            prop_assert_eq!(decoded.len(), golden.spec.voxel_bytes());
        }
    }
}
