//! The files as they are, voxel by voxel.

use bigarrays_core::backend::{ErrorKind, KeyValueBackendExt, wait};
use bigarrays_core::{DataType, Key, KeyValueBackend, Prefix, VolumeType};

use super::{check, dataset, file, opened};
use bigarrays_backends::hdf5::plain::PlainBackend;

#[test]
fn cremi_volumes_have_their_chunks_resolution_and_offset() {
    let raw = opened(dataset("cremi.h5", "volumes/raw"));
    assert_eq!(raw.scale().resolution, [4.0, 4.0, 40.0]);
    assert_eq!((raw.bounds().min, raw.bounds().max), ([0; 3], [30, 20, 7]));
    assert_eq!(raw.scale().chunk_size(), [16, 8, 4]);
    check(&raw);
    let labels = dataset("cremi.h5", "/volumes/labels/neuron_ids");
    let labels = opened(labels.volume_type(VolumeType::Segmentation));
    assert_eq!(labels.bounds().to_string(), "[4:15, -5:4, 2:7]");
    assert_eq!(labels.data_type(), DataType::Uint64);
    assert_eq!(labels.info().volume_type, VolumeType::Segmentation);
    check(&labels);
}

#[test]
fn an_offset_between_voxels_is_refused_and_may_be_given() {
    let error = dataset("cremi.h5", "half").open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("offset=x,y,z"), "{error}");
    let given = opened(dataset("cremi.h5", "half").offset([1, 2, 3]).resolution([1.0, 2.0, 3.0]));
    assert_eq!((given.bounds().min, given.scale().resolution), ([1, 2, 3], [1.0, 2.0, 3.0]));
    check(&given);
}

#[test]
fn ilastik_says_what_its_axes_are() {
    let store = PlainBackend::builder(file("ilastik.h5")).open().unwrap();
    assert_eq!(store.dataset().axes().to_string(), "tzyxc");
    assert_eq!(store.dataset().name(), "/exported_data");
    assert_eq!(store.info().num_channels, 2);
    let array = opened(PlainBackend::builder(file("ilastik.h5")));
    assert_eq!(array.scale().chunk_size(), [4, 4, 2]);
    assert!((array.scale().resolution[2] - 40.0).abs() < 1e-9);
    check(&array);
}

#[test]
fn other_axes_are_the_same_values_seen_otherwise() {
    let zyx = opened(PlainBackend::builder(file("main.h5")));
    assert_eq!(zyx.bounds().max, [9, 12, 10]);
    check(&zyx);
    let zyx = zyx.read::<i16>(zyx.bounds()).unwrap();
    for axes in ["xyz", "yxz", "zxy", "xyc", "cyx"] {
        let builder = PlainBackend::builder(file("main.h5")).axes(axes.parse().unwrap());
        let array = opened(builder.chunk([4, 5, 3]));
        let voxels = array.read::<i16>(array.bounds()).unwrap();
        let place = |letter: char| axes.find(letter).unwrap_or(3);
        for ((x, y, z, c), &found) in voxels.indexed_iter() {
            let mut at = [0; 4];
            for (letter, index) in [('x', x), ('y', y), ('z', z), ('c', c)] {
                at[place(letter)] = index;
            }
            assert_eq!(found, zyx[[at[2], at[1], at[0], 0]], "{axes} {x} {y} {z} {c}");
        }
    }
}

#[test]
fn every_filter_that_h5py_writes_is_undone() {
    for name in ["none", "gzip", "gzip_shuffle", "lzf", "lzf_shuffle", "fletcher32", "all"] {
        check(&opened(dataset("filters.h5", name)));
        check(&opened(dataset("filters.h5", name).chunk([4, 3, 2])));
        check(&opened(dataset("filters.h5", name).chunk([100, 100, 100])));
    }
}

#[test]
fn every_type_in_both_byte_orders_is_read_and_others_are_named() {
    for name in ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"] {
        check(&opened(dataset("types.h5", &format!("little/{name}"))));
    }
    for name in ["little/float32", "little/float64", "big/uint16", "big/int32", "big/float64"] {
        check(&opened(dataset("types.h5", name)));
    }
    for name in ["little/bool", "enum"] {
        let array = opened(dataset("types.h5", name));
        assert_eq!(array.data_type(), DataType::Uint8);
        for ((x, y, z, _), &found) in array.read::<u8>(array.bounds()).unwrap().indexed_iter() {
            assert_eq!(found, u8::from((x + 31 * y + 997 * z) % 3 == 0));
        }
    }
    for (name, reason) in [
        ("half", "size: 2"),
        ("pair", "compound"),
        ("names", "string"),
        ("line", "not known"),
        ("scalar", "0 axes"),
    ] {
        let error = dataset("types.h5", name).open().unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
}

#[test]
fn what_was_not_written_is_missing_unless_there_is_a_fill_value() {
    let sparse = opened(dataset("sparse.h5", "data"));
    assert!(sparse.missing_chunks(sparse.bounds()).unwrap().is_empty());
    let voxels = sparse.read::<u16>(sparse.bounds()).unwrap();
    assert_eq!((voxels[[0, 4, 0, 0]], voxels[[3, 7, 2, 0]]), (0, 3 + 3 * 31 + 2 * 997));
    assert_eq!((voxels[[4, 4, 0, 0]], voxels[[0, 0, 7, 0]]), (7, 7));

    let zeros = opened(dataset("unwritten.h5", "zeros"));
    assert_eq!(zeros.missing_chunks(zeros.bounds()).unwrap().len(), 7);
    assert_eq!(zeros.read::<u8>(zeros.bounds()).unwrap().iter().filter(|&&v| v == 1).count(), 64);
    let resizable = opened(dataset("unwritten.h5", "resizable"));
    assert_eq!(resizable.missing_chunks(resizable.bounds()).unwrap().len(), 4);
    let never = opened(dataset("unwritten.h5", "never"));
    assert_eq!(never.missing_chunks(never.bounds()).unwrap().len(), 1);
    assert!(never.read::<u8>(never.bounds()).unwrap().iter().all(|&v| v == 0));
    let error = dataset("unwritten.h5", "none").open().unwrap_err().to_string();
    assert!(error.contains("no voxels"), "{error}");
}

#[test]
fn of_several_datasets_one_must_be_chosen() {
    let error = PlainBackend::builder(file("cremi.h5")).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    let text = error.to_string();
    for part in
        ["3 arrays", "dataset=", "/volumes/raw [7, 20, 30] uint8", "neuron_ids [5, 9, 11] uint64"]
    {
        assert!(text.contains(part), "{text}");
    }
    for name in ["none", "volumes/labels/none"] {
        let error = dataset("cremi.h5", name).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}");
    }
    for group in ["volumes", "/", ""] {
        let error = dataset("cremi.h5", group).open().unwrap_err().to_string();
        assert!(error.contains("no dataset") || error.contains("no such dataset"), "{error}");
    }
    let error = PlainBackend::builder(file("none.h5")).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[test]
fn listing_head_and_get_agree_and_nothing_is_written() {
    let store = dataset("unwritten.h5", "zeros").open().unwrap();
    let metas = wait(store.list_all(&Prefix::root())).unwrap();
    let keys: Vec<_> = metas.iter().map(|meta| meta.key.as_str()).collect();
    assert_eq!(keys, ["1_1_1/4-8_4-8_4-8", "info"]);
    assert_eq!(wait(store.list_all(&Prefix::new("1_1_1").unwrap())).unwrap().len(), 1);
    for meta in metas {
        assert_eq!(wait(store.head(&meta.key)).unwrap().as_ref(), Some(&meta));
        let bytes = wait(store.get_bytes(&meta.key)).unwrap().unwrap();
        assert_eq!(bytes.len() as u64, meta.size);
        let parts = wait(store.get_ranges(&meta.key, &[2..4, 0..2])).unwrap().unwrap();
        assert_eq!([&parts[0][..], &parts[1][..]], [&bytes[2..4], &bytes[..2]]);
    }
    for key in ["1_1_1/0-4_0-4_0-4", "1_1_1/3-7_4-8_4-8", "1_1_1/8-12_0-4_0-4", "x"] {
        assert_eq!(wait(store.get_bytes(&Key::new(key).unwrap())).unwrap(), None, "{key}");
    }
    let error = wait(store.put_always(&Key::new("info").unwrap(), "{}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(store.to_string().ends_with("unwritten.h5?dataset=zeros"), "{store}");
}
