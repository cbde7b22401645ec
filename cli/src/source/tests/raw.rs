use super::*;

fn options(size: &[u64], data_type: DataType) -> SourceOptions {
    SourceOptions {
        size: Some(size.to_vec()),
        data_type: Some(data_type),
        ..SourceOptions::default()
    }
}

#[test]
fn the_first_axis_of_the_size_is_the_fastest() {
    let files = Files::new();
    for data_type in DataType::ALL {
        let model = Model::new([5, 4, 3, 2], data_type);
        let bytes = model.bytes("czyx", false);
        for path in [
            files.add("a.raw", &bytes),
            files.add("anything.bin", &bytes),
            files.add("a.raw.gz", &gzip(&bytes)),
        ] {
            let mut source = open(&path, &options(&[5, 4, 3, 2], data_type)).unwrap();
            model.check(source.as_mut(), [2, 3, 1], [0; 3], 1 << 20);
        }
    }
    let model = Model::new([5, 4, 3, 1], DataType::Uint16);
    let path = files.add("a.raw", &model.bytes("xyz", false));
    let zyx = SourceOptions {
        axes: Some("zyx".parse().unwrap()),
        ..options(&[3, 4, 5], DataType::Uint16)
    };
    model.check(open(&path, &zyx).unwrap().as_mut(), [2; 3], [0; 3], 1 << 20);
}

#[test]
fn the_length_must_be_exact() {
    let files = Files::new();
    let given = options(&[5, 4, 3], DataType::Uint16);
    for (len, found) in [(119, "119 bytes"), (121, "121 bytes")] {
        let error = fault(&files.add("a.raw", &vec![0; len]), &given);
        assert!(error.contains(found) && error.contains("exactly 120 bytes"), "{error}");
    }
    let error = fault(&files.add("a.raw.gz", &gzip(&[0; 119])), &given);
    assert!(error.contains("120 bytes, 119 are there"), "{error}");
    let error = fault(&files.add("a.raw.gz", &gzip(&[0; 121])), &given);
    assert!(error.contains("more than the 120 bytes"), "{error}");
    assert!(fault(files.path(), &given).contains("folder of raw files"));
    let huge = options(&[u64::MAX, u64::MAX, 2], DataType::Uint16);
    assert!(fault(&files.add("a.raw", b""), &huge).contains("more voxels"));
}
