use super::*;

/// A file of the golden folder: each value is x + 31 y + 997 z + 7919 c.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../backends/tests/golden/plain").join(name)
}

fn dataset(name: &str) -> SourceOptions {
    SourceOptions { dataset: Some(name.to_owned()), ..SourceOptions::default() }
}

fn voxel(at: [u64; 4], data_type: DataType) -> Vec<u8> {
    let code: u64 = at.iter().zip([1, 31, 997, 7919]).map(|(at, step)| at * step).sum();
    match data_type {
        DataType::Float32 => (f32::from(u16::try_from(code).unwrap()) / 4.0).to_le_bytes().into(),
        other => code.to_le_bytes()[..other.size()].to_vec(),
    }
}

/// Reads all of a source in tiles, and checks every voxel.
fn check(source: &mut dyn Source, memory: u64) {
    let channels = source.size()[3];
    let mut voxels = 0;
    for tile in tiles(source, [4, 8, 3], [1, 0, 0], memory) {
        let mut expected = Vec::new();
        for c in 0..channels {
            for z in tile.min[2]..tile.max[2] {
                for y in tile.min[1]..tile.max[1] {
                    for x in tile.min[0]..tile.max[0] {
                        expected.extend(voxel([x, y, z, c], source.data_type()));
                    }
                }
            }
        }
        let mut found = vec![0xa5; expected.len()];
        source.read_box(tile.min, tile.max, &mut found).unwrap();
        assert!(found == expected, "{tile:?} of {}", source.describe());
        voxels += tile.shape().iter().product::<u64>();
    }
    assert_eq!(voxels, source.size()[..3].iter().product::<u64>());
}

#[test]
fn datasets_are_read_with_what_they_say_of_themselves() {
    for memory in [1 << 12, 1 << 20] {
        let mut raw = open(&golden("cremi.h5"), &dataset("volumes/raw")).unwrap();
        assert_eq!((raw.size(), raw.resolution()), ([30, 20, 7, 1], Some([4.0, 4.0, 40.0])));
        assert_eq!(raw.order(), [2, 1, 0, 3]);
        check(raw.as_mut(), memory);
        let mut labels = open(&golden("cremi.h5"), &dataset("volumes/labels/neuron_ids")).unwrap();
        let text = labels.describe();
        assert!(text.contains("uint64") && text.contains("begins at voxel 4,-5,2"), "{text}");
        check(labels.as_mut(), memory);
        let mut ilastik = open_plainly(&golden("ilastik.h5")).unwrap();
        assert!(ilastik.describe().contains("2 channels; HDF5 dataset /exported_data, axes tzyxc"));
        assert_eq!(ilastik.order(), [2, 1, 0, 3]);
        check(ilastik.as_mut(), memory);
        let mut main = open_plainly(&golden("main.h5")).unwrap();
        assert_eq!(main.resolution(), None);
        check(main.as_mut(), memory);
    }
}

#[test]
fn given_axes_win() {
    let turned = open(&golden("main.h5"), &with_axes("xyz")).unwrap();
    assert_eq!((turned.size(), turned.order()), ([10, 12, 9, 1], [0, 1, 2, 3]));
    let mut flat = open(&golden("main.h5"), &with_axes("cyx")).unwrap();
    assert_eq!((flat.size(), flat.order()), ([9, 12, 1, 10], [3, 1, 0, 2]));
    let mut voxels = vec![0; 9 * 12 * 10 * 2];
    flat.read_box([0; 3], [9, 12, 1], &mut voxels).unwrap();
    let c = voxel([0, 0, 5, 0], DataType::Int16);
    assert_eq!(voxels[9 * 12 * 5 * 2..][..2], c);
}

#[test]
fn what_is_not_a_dataset_is_refused_with_what_there_is() {
    let files = Files::new();
    let story = |path: &Path, options: &SourceOptions| {
        let error = open(path, options).err().unwrap();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", cause.unwrap_or_default())
    };
    let text = story(&golden("cremi.h5"), &SourceOptions::default());
    assert!(text.contains("cremi.h5") && text.contains("/volumes/raw [7, 20, 30]"), "{text}");
    let text = story(&golden("cremi.h5"), &dataset("none"));
    assert!(text.contains("no such dataset"), "{text}");
    let text = story(&files.add("a.h5", b"1234"), &SourceOptions::default());
    assert!(text.contains("no HDF5 file"), "{text}");
    let text = story(&files.add("a.npy", b""), &dataset("/volume"));
    assert!(text.contains("no HDF5 file"), "{text}");
    let text = story(&golden("main.h5"), &with_axes("zyxc"));
    assert!(text.contains("the axes zyxc name 4"), "{text}");
    let mut source = open_plainly(&golden("main.h5")).unwrap();
    for (min, max, len) in
        [([0; 3], [9, 12, 11], 2376), ([0; 3], [9, 12, 10], 2159), ([1; 3], [1; 3], 0)]
    {
        let error = source.read_box(min, max, &mut vec![0; len]).unwrap_err();
        assert!(matches!(error, SourceError::BadBox { .. }), "{error}");
    }
}
