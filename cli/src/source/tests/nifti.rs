use super::*;

/// The fields of a header that matter.
#[derive(Clone)]
struct Header {
    big_endian: bool,
    dim: Vec<u16>,
    datatype: u16,
    pixdim: [f32; 3],
    vox_offset: f32,
    scale: (f32, f32),
    units: u8,
}

impl Header {
    fn new(model: &Model, big_endian: bool) -> Self {
        let mut dim: Vec<u16> = model.size.iter().map(|&n| u16::try_from(n).unwrap()).collect();
        if dim[3] == 1 {
            dim.pop();
        }
        Self {
            big_endian,
            dim,
            datatype: match model.data_type {
                DataType::Uint8 => 2,
                DataType::Int16 => 4,
                DataType::Int32 => 8,
                DataType::Float32 => 16,
                DataType::Float64 => 64,
                DataType::Int8 => 256,
                DataType::Uint16 => 512,
                DataType::Uint32 => 768,
                DataType::Int64 => 1024,
                DataType::Uint64 => 1280,
                DataType::Bool => 1,
            },
            pixdim: [1.0; 3],
            vox_offset: 352.0,
            scale: (0.0, 0.0),
            units: 0,
        }
    }

    /// The 348 bytes, laid out as the NIfTI-1 specification has them.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 348];
        let mut put = |at: usize, mut value: Vec<u8>| {
            if self.big_endian {
                value.reverse();
            }
            bytes[at..at + value.len()].copy_from_slice(&value);
        };
        put(0, 348_i32.to_le_bytes().to_vec());
        put(40, u16::try_from(self.dim.len()).unwrap().to_le_bytes().to_vec());
        for place in 0..7 {
            let extent = self.dim.get(place).copied().unwrap_or(1);
            put(42 + 2 * place, extent.to_le_bytes().to_vec());
        }
        put(70, self.datatype.to_le_bytes().to_vec());
        for (place, size) in self.pixdim.iter().enumerate() {
            put(80 + 4 * place, size.to_le_bytes().to_vec());
        }
        put(108, self.vox_offset.to_le_bytes().to_vec());
        put(112, self.scale.0.to_le_bytes().to_vec());
        put(116, self.scale.1.to_le_bytes().to_vec());
        bytes[123] = self.units;
        bytes[344..].copy_from_slice(b"n+1\0");
        bytes
    }

    fn file(&self, model: &Model) -> Vec<u8> {
        let mut bytes = self.bytes();
        bytes.resize(352, 0);
        bytes.extend(model.bytes("czyx", self.big_endian));
        bytes
    }
}

#[test]
fn every_type_and_endianness_is_read() {
    let files = Files::new();
    for data_type in DataType::ALL.into_iter().filter(|&known| known != DataType::Bool) {
        for size in [[5, 4, 3, 1], [5, 4, 3, 2]] {
            let model = Model::new(size, data_type);
            for big_endian in [false, true] {
                let bytes = Header::new(&model, big_endian).file(&model);
                for path in [files.add("a.nii", &bytes), files.add("a.nii.gz", &gzip(&bytes))] {
                    let mut source = open_plainly(&path).unwrap();
                    model.check(source.as_mut(), [2, 3, 1], [0; 3], 1 << 20);
                    assert_eq!(source.describe().contains("big-endian"), big_endian);
                }
            }
        }
    }
}

#[test]
fn dimensions_of_one_do_not_count_beyond_the_third() {
    let files = Files::new();
    let model = Model::new([5, 4, 3, 2], DataType::Uint8);
    for dim in [vec![5, 4, 3, 2, 1, 1, 1], vec![5, 4, 3, 1, 2]] {
        let header = Header { dim, ..Header::new(&model, false) };
        let path = files.add("a.nii", &header.file(&model));
        model.check(open_plainly(&path).unwrap().as_mut(), [9; 3], [0; 3], 1 << 20);
    }
    let flat = Model::new([5, 4, 1, 1], DataType::Uint8);
    let header = Header { dim: vec![5, 4], ..Header::new(&flat, false) };
    let path = files.add("a.nii", &header.file(&flat));
    flat.check(open_plainly(&path).unwrap().as_mut(), [9; 3], [0; 3], 1 << 20);
    let header = Header { dim: vec![5, 2, 2, 3, 2], ..Header::new(&model, false) };
    let error = fault(&files.add("a.nii", &header.file(&model)), &SourceOptions::default());
    assert!(error.contains("5 dimensions [5, 2, 2, 3, 2]"), "{error}");
}

#[test]
fn axes_rename_the_dimensions() {
    let files = Files::new();
    let model = Model::new([3, 4, 5, 1], DataType::Int16);
    let header = Header {
        dim: vec![5, 4, 3],
        pixdim: [40.0, 4.0, 8.0],
        units: 3,
        ..Header::new(&model, false)
    };
    let mut bytes = header.bytes();
    bytes.resize(352, 0);
    bytes.extend(model.bytes("xyz", false));
    let mut source = open(&files.add("a.nii", &bytes), &with_axes("zyx")).unwrap();
    model.check(source.as_mut(), [9; 3], [0; 3], 1 << 20);
    assert_eq!(source.resolution(), Some([8000.0, 4000.0, 40000.0]));
}

#[test]
fn sizes_of_voxels_become_nanometres() {
    let files = Files::new();
    let model = Model::new([2, 2, 2, 1], DataType::Uint8);
    let resolution = |pixdim, units| {
        let header = Header { pixdim, units, ..Header::new(&model, true) };
        open_plainly(&files.add("a.nii", &header.file(&model))).unwrap().resolution()
    };
    // The upper bits are the unit of time.
    assert_eq!(resolution([0.008, 0.008, 0.04], 2 | 8), Some([8000.0, 8000.0, 40000.0]));
    assert_eq!(resolution([0.325, 1.1, 2.0], 3), Some([325.0, 1100.0, 2000.0]));
    assert_eq!(resolution([1e-9, 4e-9, 3e-8], 1), Some([1.0, 4.0, 30.0]));
    // No unit means millimetres.
    assert_eq!(resolution([1.0, 2.0, 3.0], 0), Some([1e6, 2e6, 3e6]));
    assert_eq!(resolution([1.0, 0.0, 1.0], 2), None);
    assert_eq!(resolution([1.0, f32::NAN, 1.0], 2), None);
    assert_eq!(resolution([1.0, -1.0, 1.0], 2), None);
}

#[test]
fn a_scaling_is_told_and_not_applied() {
    let files = Files::new();
    let model = Model::new([2, 2, 2, 1], DataType::Int16);
    for (scale, warns) in [
        ((0.0, 0.0), false),
        ((0.0, 5.0), false),
        ((1.0, 0.0), false),
        ((f32::NAN, f32::NAN), false),
        ((1.0, -1024.0), true),
        ((2.5, 0.0), true),
    ] {
        let header = Header { scale, ..Header::new(&model, false) };
        let mut source = open_plainly(&files.add("a.nii", &header.file(&model))).unwrap();
        assert_eq!(source.describe().contains("not scaled"), warns, "{}", source.describe());
        model.check(source.as_mut(), [9; 3], [0; 3], 1 << 20);
    }
}

#[test]
fn voxels_begin_where_the_header_says() {
    let files = Files::new();
    let model = Model::new([3, 3, 3, 1], DataType::Uint16);
    let voxels = model.bytes("zyx", false);
    for (vox_offset, start) in [(0.0, 352), (352.0, 352), (400.0, 400), (1024.0, 1024)] {
        let mut bytes = Header { vox_offset, ..Header::new(&model, false) }.bytes();
        bytes.resize(start, 0xee);
        bytes.extend(&voxels);
        for path in [files.add("a.nii", &bytes), files.add("a.nii.gz", &gzip(&bytes))] {
            model.check(open_plainly(&path).unwrap().as_mut(), [9; 3], [0; 3], 1 << 20);
        }
    }
    for vox_offset in [-1.0, 100.0, 352.5, f32::NAN, f32::INFINITY] {
        let header = Header { vox_offset, ..Header::new(&model, false) };
        let error = fault(&files.add("a.nii", &header.file(&model)), &SourceOptions::default());
        assert!(error.contains("vox_offset"), "{error}");
    }
}

#[test]
fn what_is_not_a_whole_nifti_is_refused() {
    let files = Files::new();
    let model = Model::new([3, 3, 3, 1], DataType::Uint16);
    let header = Header::new(&model, false);
    let whole = header.file(&model);
    let check = |bytes: &[u8], hint: &str| {
        for path in [files.add("a.nii", bytes), files.add("a.nii.gz", &gzip(bytes))] {
            let error = fault(&path, &SourceOptions::default());
            assert!(error.contains(hint) && error.contains("a.nii"), "{error}");
        }
    };
    check(&whole[..whole.len() - 4], "54 bytes, 50 are there");
    check(&whole[..300], "ends within the header");
    check(&[7; 500], "not a NIfTI file");
    let mut pair = whole.clone();
    pair[344..348].copy_from_slice(b"ni1\0");
    check(&pair, "another file");
    let mut second = whole;
    second[..4].copy_from_slice(&540_i32.to_le_bytes());
    check(&second, "NIfTI-2");
    check(&Header { datatype: 32, ..header.clone() }.file(&model), "Complex64");
    check(&Header { datatype: 128, ..header.clone() }.file(&model), "Rgb24");
    check(&Header { datatype: 77, ..header.clone() }.file(&model), "datatype 77");
    check(&Header { dim: vec![3, 0, 3], ..header }.file(&model), "not a NIfTI file");
}
