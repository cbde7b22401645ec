//! Volumes of v0.5.

use bigarrays_core::backend::{ErrorKind, IoModel, Meta};
use bigarrays_core::codec::{ChunkSpec, codec_for};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::{DynBackend, Element, Encoding, KeyValueBackend, OnMissing, Prefix};

use super::*;
use crate::layouts::{Found, OneBased};

/// A Blosc frame as Blosc.jl makes it.
fn frame<T: Element>(values: &[T]) -> Vec<u8> {
    let mut info = VolumeInfo::builder(T::DATA_TYPE, [1, 1, 1]).build().unwrap();
    info.scales[0].encoding = Encoding::Blosclz;
    let spec = ChunkSpec { data_type: T::DATA_TYPE, shape: [values.len(), 1, 1, 1] };
    let bytes = bytemuck::cast_slice(values).to_vec();
    codec_for(&info.scales[0]).unwrap().encode(bytes, &spec).unwrap()
}

/// A store with a `config.json` and these values.
fn store(config: &str, values: &[(&str, Vec<u8>)]) -> DynBackend {
    let store = MemoryBackend::named("old");
    let put = |key: &str, bytes: Vec<u8>| {
        wait(store.put_always(&Key::new(key).unwrap(), bytes)).unwrap();
    };
    put("config.json", config.as_bytes().to_vec());
    values.iter().for_each(|(key, bytes)| put(key, bytes.clone()));
    Arc::new(store)
}

fn opened(config: &str, values: &[(&str, Vec<u8>)]) -> OneBased {
    match OneBased::open(store(config, values)).unwrap() {
        Found::Volume(volume) => *volume,
        _ => panic!("it is a volume"),
    }
}

fn refused(config: &str, values: &[(&str, Vec<u8>)]) -> Error {
    match OneBased::open(store(config, values)) {
        Err(error) => error,
        Ok(_) => panic!("it is no sound volume"),
    }
}

const CUBES: &str = r#"{"chunkSize": [4, 4, 2], "dataType": "UInt16"}"#;

#[test]
fn one_based_names_become_the_boxes_of_today() {
    let ramp: Vec<u16> = (0..32).collect();
    let values = [
        ("5:8_1:4_-1:0", frame(&ramp)),
        ("9:12_1:4_1:2", frame(&[700_u16; 32])),
        ("README.md", b"not a chunk".to_vec()),
    ];
    let array = BigArray::open(opened(CUBES, &values)).unwrap();
    assert_eq!(array.bounds().to_string(), "[4:12, 0:4, -2:2]");
    assert_eq!(array.data_type(), DataType::Uint16);
    let voxels = array.read::<u16>([3..12, 0..4, -2..2]).unwrap();
    for (x, y, z) in [(0, 0, 0), (3, 1, 0), (1, 2, 1)] {
        assert_eq!(usize::from(voxels[[1 + x, y, z, 0]]), x + 4 * y + 16 * z);
    }
    assert_eq!((voxels[[0, 0, 0, 0]], voxels[[5, 0, 0, 0]], voxels[[8, 3, 3, 0]]), (0, 0, 700));
    assert!(array.backend().to_string().contains("v0.5"));
    assert_eq!(array.missing_chunks(array.bounds()).unwrap().len(), 2);
}

#[test]
fn channels_may_lie_in_several_chunks_of_which_some_are_missing() {
    let config = r#"{"chunkSize": [2, 2, 2, 2], "dataType": "Float32", "compression": "blosclz"}"#;
    let values = [
        ("1:2_1:2_1:2_1:2", frame(&[1.5_f32; 16])),
        ("3:4_1:2_1:2_3:4", frame(&[2.5_f32; 16])),
        ("1:2_1:2_1:2_3:4", frame(&[3.5_f32; 16])),
    ];
    let array = BigArray::open(opened(config, &values)).unwrap();
    assert_eq!((array.channels(), array.bounds().max), (4, [4, 2, 2]));
    let voxels = array.read::<f32>(array.bounds()).unwrap();
    assert_eq!(voxels.column_of(0), [1.5, 1.5, 3.5, 3.5]);
    assert_eq!(voxels.column_of(3), [0.0, 0.0, 2.5, 2.5]);
}

trait Column {
    fn column_of(&self, x: usize) -> [f32; 4];
}

impl Column for ndarray::Array4<f32> {
    fn column_of(&self, x: usize) -> [f32; 4] {
        std::array::from_fn(|c| self[[x, 1, 1, c]])
    }
}

#[test]
fn listing_head_and_get_agree_and_nothing_is_written() {
    let values = [("1:4_1:4_1:2", frame(&[1_u16; 32])), ("5:8_1:4_1:2", frame(&[2_u16; 32]))];
    let volume = opened(CUBES, &values);
    let metas = wait(volume.list_all(&Prefix::root())).unwrap();
    let keys: Vec<_> = metas.iter().map(|meta| meta.key.as_str()).collect();
    assert_eq!(keys, ["1_1_1/0-4_0-4_0-2", "1_1_1/4-8_0-4_0-2", "info"]);
    assert_eq!(wait(volume.list_all(&Prefix::new("1_1_1").unwrap())).unwrap().len(), 2);
    for meta in metas {
        let head = wait(volume.head(&meta.key)).unwrap();
        assert_eq!(head, Some(Meta { version: None, ..meta.clone() }));
        let bytes = wait(volume.get_bytes(&meta.key)).unwrap().unwrap();
        assert_eq!(bytes.len() as u64, meta.size);
        let parts = wait(volume.get_ranges(&meta.key, &[2..4, 0..2])).unwrap().unwrap();
        assert_eq!([&parts[0][..], &parts[1][..]], [&bytes[2..4], &bytes[..2]]);
    }
    for key in ["1_1_1/0-4_0-4_2-4", "1_1_1/1-5_0-4_0-2", "1:4_1:4_1:2", "config.json"] {
        assert_eq!(wait(volume.get_bytes(&Key::new(key).unwrap())).unwrap(), None, "{key}");
    }
    let error = wait(volume.put_always(&Key::new("info").unwrap(), "{}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(!volume.capabilities().writable && volume.capabilities().io == IoModel::Blocking);
}

#[test]
fn an_old_volume_opens_by_its_url() {
    put("mem://v0.5/lab", "config.json", CUBES);
    put("mem://v0.5/lab", "1:4_1:4_1:2", frame(&[5_u16; 32]));
    let array = open("mem://v0.5/lab").unwrap();
    assert_eq!(array.read::<u16>([0..1, 0..1, 0..1]).unwrap()[[0; 4]], 5);
    let refused = array.write([0, 0, 0], Array3::<u16>::zeros((4, 4, 2)).view()).unwrap_err();
    assert!(refused.to_string().contains("copy it to a new volume"), "{refused}");
    assert_eq!(OpenOptions::new().info("mem://v0.5/lab").unwrap().num_channels, 1);
    let strict = OpenOptions::new().array(|options| options.on_missing(OnMissing::Error));
    assert!(strict.open("mem://v0.5/lab").is_ok());
}

#[test]
fn damage_is_a_typed_error() {
    for (name, reason) in [
        ("1:4_1:4_1:3", "no chunk of the grid"),
        ("2:5_1:4_1:2", "no chunk of the grid"),
        ("1:4_1:4", "no chunk of the grid"),
        ("-9223372036854775808:-9223372036854775805_1:4_1:2", "no chunk of the grid"),
    ] {
        let error = refused(CUBES, &[(name, frame(&[1_u16; 32]))]).to_string();
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
    let error = refused(CUBES, &[]).to_string();
    assert!(error.contains("no chunk to tell its size"), "{error}");
    let vast = r#"{"chunkSize": [4294967296, 4294967296, 4], "dataType": "UInt8"}"#;
    let error = refused(vast, &[("1:4294967296_1:4294967296_1:4", vec![1])]);
    assert!(error.to_string().contains("memory") || matches!(error, Error::Info { .. }), "{error}");

    for value in [vec![], b"not a frame".to_vec(), frame(&[1_u16; 31]), frame(&[1_u8; 32])] {
        let values = [("1:4_1:4_1:2", value.clone())];
        let volume = opened(CUBES, &values);
        let error = wait(volume.get_bytes(&Key::new("1_1_1/0-4_0-4_0-2").unwrap())).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::Corrupt, Some("1:4_1:4_1:2")));
    }
    let far = "9223372036854775805:9223372036854775808_1:4_1:2";
    let error = refused(CUBES, &[(far, vec![1])]).to_string();
    assert!(error.contains("no chunk"), "{error}");
}
