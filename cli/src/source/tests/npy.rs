use super::*;

#[test]
fn every_type_order_and_endianness_is_read() {
    let files = Files::new();
    for data_type in DataType::ALL {
        let model = Model::new([5, 4, 3, 2], data_type);
        for (fortran, big_endian) in [(false, false), (false, true), (true, false), (true, true)] {
            let bytes = model.npy("xyzc", fortran, big_endian);
            let plain = files.add("a.npy", &bytes);
            let packed = files.add("a.npy.gz", &gzip(&bytes));
            for path in [plain, packed] {
                let mut source = open_plainly(&path).unwrap();
                model.check(source.as_mut(), [2, 3, 1], [1, 0, 0], 1 << 20);
                let text = source.describe();
                assert_eq!(text.contains("big-endian"), big_endian && data_type.size() > 1);
                assert_eq!(text.contains("Fortran"), fortran, "{text}");
                assert!(text.starts_with("5 x 4 x 3 voxels of"), "{text}");
            }
        }
    }
}

#[test]
fn axes_name_the_indices_of_numpy() {
    let files = Files::new();
    for (axes, size) in [
        ("zyx", [5, 4, 3, 1]),
        ("xyz", [5, 4, 3, 1]),
        ("czyx", [5, 4, 3, 2]),
        ("zyxc", [5, 4, 3, 2]),
        ("yzcx", [5, 4, 3, 2]),
        ("xy", [5, 4, 1, 1]),
        ("yx", [5, 4, 1, 1]),
        ("yxc", [5, 4, 1, 3]),
        ("xz", [5, 1, 4, 1]),
    ] {
        let model = Model::new(size, DataType::Int32);
        for fortran in [false, true] {
            let path = files.add("a.npy", &model.npy(axes, fortran, false));
            let mut source = open(&path, &with_axes(axes)).unwrap();
            model.check(source.as_mut(), [2, 2, 2], [0; 3], 1 << 20);
        }
    }
}

#[test]
fn default_axes_are_x_first() {
    let files = Files::new();
    for (axes, size) in [("xy", [4, 3, 1, 1]), ("xyz", [4, 3, 2, 1]), ("xyzc", [4, 3, 2, 2])] {
        let model = Model::new(size, DataType::Float64);
        let path = files.add("a.npy", &model.npy(axes, false, false));
        model.check(open_plainly(&path).unwrap().as_mut(), [9; 3], [0; 3], 1 << 20);
    }
    for shape in ["", "7,", "1, 2, 3, 4, 5"] {
        let header = format!("{{'descr':'|u1','fortran_order':False,'shape':({shape})}}");
        let error = fault(&files.add("a.npy", &npy_file(&header)), &SourceOptions::default());
        assert!(error.contains("dimensions") && error.contains("reshape"), "{error}");
    }
    let path = files.add("a.npy", &Model::new([4, 3, 2, 1], DataType::Int8).npy("xyz", true, true));
    let error = fault(&path, &with_axes("zyxc"));
    assert!(error.contains("3 dimensions [4, 3, 2], but the axes zyxc name 4"), "{error}");
}

#[test]
fn booleans_become_0_or_1() {
    let files = Files::new();
    let mut file = npy_file("{'descr':'|b1','fortran_order':True,'shape':(3,1)}");
    file.extend([0, 7, 1]);
    let mut source = open_plainly(&files.add("a.npy", &file)).unwrap();
    let mut voxels = [9; 3];
    source.read_box([0; 3], [3, 1, 1], &mut voxels).unwrap();
    assert_eq!(voxels, [0, 1, 1]);
}

#[test]
fn a_truncated_file_is_refused_with_both_lengths() {
    let files = Files::new();
    let bytes = Model::new([4, 3, 2, 1], DataType::Uint16).npy("xyz", false, false);
    let path = files.add("short.npy", &bytes[..bytes.len() - 5]);
    let error = open_plainly(&path).err().unwrap().to_string();
    assert!(error.contains("short.npy") && error.contains("48 bytes, 43 are"), "{error}");

    let path = files.add("short.npy.gz", &gzip(&bytes[..bytes.len() - 5]));
    let error = fault(&path, &SourceOptions::default());
    assert!(error.contains("short.npy.gz") && error.contains("48 bytes, 43 are"), "{error}");
    let path = files.add("header.npy.gz", &gzip(&bytes[..30]));
    assert!(fault(&path, &SourceOptions::default()).contains("within the header"));

    // More than the array is there: numpy reads these as well.
    let more = [&bytes[..], b"more"].concat();
    for path in [files.add("more.npy", &more), files.add("more.npy.gz", &gzip(&more))] {
        let model = Model::new([4, 3, 2, 1], DataType::Uint16);
        model.check(open_plainly(&path).unwrap().as_mut(), [9; 3], [0; 3], 1 << 20);
    }
}

#[test]
fn gzip_of_several_members_is_one_stream() {
    let files = Files::new();
    let model = Model::new([9, 8, 7, 1], DataType::Uint32);
    let bytes = model.npy("zyx", false, false);
    let members: Vec<u8> = bytes.chunks(100).flat_map(gzip).collect();
    let path = files.add("a.npy.gz", &members);
    model.check(open(&path, &with_axes("zyx")).unwrap().as_mut(), [2; 3], [1; 3], 1 << 20);
}

#[test]
fn damaged_gzip_is_noticed_wherever_the_damage_is() {
    let files = Files::new();
    let model = Model::new([50, 40, 30, 1], DataType::Uint16);
    let options = with_axes("zyx");
    let whole = gzip(&model.npy("zyx", false, false));
    let expected = 50 * 40 * 30 * 2;
    for memory in [0, 1 << 20] {
        let options = SourceOptions { memory, ..options.clone() };
        for len in [whole.len() / 2, whole.len() - 9, whole.len() - 8, whole.len() - 1] {
            let error = fault(&files.add("cut.npy.gz", &whole[..len]), &options);
            let numbers = format!("{expected} bytes");
            assert!(error.contains("cut.npy.gz") && error.contains(&numbers), "{len}: {error}");
        }
        // The last bytes are the checksum and the length.
        for place in [whole.len() / 2, whole.len() - 7, whole.len() - 2] {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x55;
            let error = fault(&files.add("bad.npy.gz", &damaged), &options);
            assert!(error.contains("bad.npy.gz") && error.contains("damaged"), "{error}");
        }
    }
    let error = fault(&files.add("not.npy.gz", b"not gzip"), &options);
    assert!(error.contains("not.npy.gz"), "{error}");
    assert!(fault(&files.add("empty.npy.gz", b""), &options).contains("empty.npy.gz"));
}

#[test]
fn hostile_headers_cost_no_memory() {
    let files = Files::new();
    for (shape, hint) in [
        ("1048576, 1048576, 1048576", "truncated"),
        ("4294967296, 4294967296, 4294967296", "more voxels than a file can hold"),
        ("18446744073709551615, 2", "more voxels"),
        ("0, 5, 5", "no voxels"),
        ("18446744073709551615, 0, 5", "no voxels"),
    ] {
        let header = format!("{{'descr':'|u1','fortran_order':False,'shape':({shape})}}");
        let file = [&npy_file(&header)[..], &[7; 50]].concat();
        let error = open_plainly(&files.add("a.npy", &file)).err().unwrap().to_string();
        assert!(error.contains(hint) && error.contains("a.npy"), "{error}");

        let packed = files.add("a.npy.gz", &gzip(&file));
        let Ok(mut source) = open_plainly(&packed) else { continue };
        let tile = tiles(source.as_ref(), [64; 3], [0; 3], 1 << 16).next().unwrap();
        let len = usize::try_from(tile.shape().iter().product::<u64>()).unwrap();
        assert!(len <= 64 * 64 * 64, "{tile:?}");
        let error = source.read_box(tile.min, tile.max, &mut vec![0; len]).unwrap_err();
        assert!(error.to_string().contains("50 are there"), "{error}");
    }
}
