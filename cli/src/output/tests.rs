//! Everything that is written must read back, here or with npyz, as what it was.

use std::fs;
use std::path::{Path, PathBuf};

use bigarrays::info::DataType;
use bigarrays_formats::tiff;
use npyz::{NpyFile, Order};
use tempfile::TempDir;

use super::write::Voxels;
use super::{OutputError, check, write};
use crate::source::{self, SourceOptions};

/// So many bytes, all of them different from their neighbours.
fn bytes(data_type: DataType, size: [u64; 4]) -> Vec<u8> {
    let len = data_type.size() * usize::try_from(size.iter().product::<u64>()).unwrap();
    let bytes = (0..len).map(|n| (n * 7 + n / 251).to_le_bytes()[0]);
    if data_type == DataType::Bool { bytes.map(|byte| byte & 1).collect() } else { bytes.collect() }
}

fn read_back(path: &Path) -> (DataType, [u64; 4], Vec<u8>) {
    let mut source = source::open(path, &SourceOptions::default()).unwrap();
    let [x, y, z, c] = source.size();
    let len = [x, y, z, c, source.data_type().size() as u64].iter().product::<u64>();
    let mut bytes = vec![0; usize::try_from(len).unwrap()];
    source.read_box([0; 3], [x, y, z], &mut bytes).unwrap();
    (source.data_type(), source.size(), bytes)
}

/// The names in a folder.
fn names(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn refusal(name: &str, data_type: DataType, size: [u64; 4]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    let error = check(&path, data_type, size).unwrap_err().to_string();
    // The door refuses the same, and before it looks at the bytes.
    assert_eq!(write(&path, &[], data_type, size).unwrap_err().to_string(), error);
    assert!(names(&dir).is_empty());
    assert!(error.contains(name), "{error}");
    error
}

#[test]
fn npy_of_every_type_reads_back_here_and_with_npyz() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let size = [5, 4, 3, 2];
    for data_type in DataType::ALL {
        let voxels = bytes(data_type, size);
        write(&path, &voxels, data_type, size).unwrap();
        assert_eq!(read_back(&path), (data_type, size, voxels.clone()));

        let file = fs::read(&path).unwrap();
        assert_eq!((file.len() - voxels.len()) % 64, 0);
        let npy = NpyFile::new(&file[..]).unwrap();
        assert_eq!((npy.shape(), npy.order()), (&size[..], Order::Fortran));
        let name = npy.dtype().descr();
        assert!(name.contains(&data_type.size().to_string()), "{name}");
    }
    let voxels = bytes(DataType::Uint16, size);
    write(&path, &voxels, DataType::Uint16, size).unwrap();
    let values: Vec<u16> = NpyFile::new(&fs::read(&path).unwrap()[..]).unwrap().into_vec().unwrap();
    let expected: Vec<u16> =
        voxels.as_chunks().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
    assert_eq!(values, expected);
}

#[test]
fn npy_of_nothing_and_of_long_sizes_is_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    write(&path, &[], DataType::Uint8, [0, 5, u64::MAX, 1]).unwrap();
    let npy = NpyFile::new(&fs::read(&path).unwrap()[..]).map(|npy| npy.shape().to_vec());
    // npyz multiplies the shape without a check, so it may also give up.
    assert!(npy.is_err() || npy.unwrap() == [0, 5, u64::MAX, 1]);
}

#[test]
fn raw_is_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.raw");
    let voxels = bytes(DataType::Uint32, [2, 2, 2, 1]);
    write(&path, &voxels, DataType::Uint32, [2, 2, 2, 1]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), voxels);
}

#[test]
fn tiff_of_every_type_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    for data_type in DataType::ALL {
        for (name, size) in [("a.tif", [5, 4, 3, 1]), ("a.TIFF", [5, 4, 3, 3])] {
            let path = dir.path().join(name);
            if check(&path, data_type, size).is_err() {
                assert!(data_type.name().starts_with("int") && size[3] == 3);
                continue;
            }
            let voxels = bytes(data_type, size);
            write(&path, &voxels, data_type, size).unwrap();
            let stored = if data_type == DataType::Bool { DataType::Uint8 } else { data_type };
            assert_eq!(read_back(&path), (stored, size, voxels));
        }
    }
}

#[test]
fn pages_of_many_strips_and_of_64_bit_places_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    let size = [1500, 1100, 2, 1];
    let voxels = bytes(DataType::Uint16, size);
    write(&path, &voxels, DataType::Uint16, size).unwrap();
    assert_eq!(fs::read(&path).unwrap()[2..4], [42, 0]);
    assert!(read_back(&path) == (DataType::Uint16, size, voxels.clone()));

    let voxels_ref = Voxels { bytes: &voxels, data_type: DataType::Uint16, size };
    super::replace::replace(&path, |out| {
        let mut page = |z: u64| Ok(voxels_ref.page(usize::try_from(z)?));
        let what = tiff::What { data_type: DataType::Uint16, size };
        tiff::encode_pages(what, out, true, &mut page).unwrap();
        Ok(())
    })
    .unwrap();
    assert_eq!(fs::read(&path).unwrap()[2..4], [43, 0]);
    assert!(read_back(&path) == (DataType::Uint16, size, voxels));
}

#[test]
fn png_of_one_to_four_channels_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    for data_type in [DataType::Uint8, DataType::Uint16] {
        for channels in 1..=4 {
            let size = [5, 4, 1, channels];
            let voxels = bytes(data_type, size);
            write(&path, &voxels, data_type, size).unwrap();
            assert_eq!(read_back(&path), (data_type, size, voxels));
        }
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_with_what_to_do() {
    let (u8_type, u64_type) = (DataType::Uint8, DataType::Uint64);
    assert!(refusal("a.png", u8_type, [5, 5, 2, 1]).contains("one z, this box has 2"));
    assert!(refusal("a.png", u64_type, [5, 5, 1, 1]).contains("uint64; write .tif or .npy"));
    assert!(refusal("a.png", DataType::Float32, [5, 5, 1, 1]).contains("write .tif or .npy"));
    assert!(refusal("a.png", u8_type, [5, 5, 1, 5]).contains("1 to 4 channels"));
    assert!(refusal("a.tif", u8_type, [5, 5, 1, 2]).contains("1 or 3 channels"));
    assert!(refusal("a.tif", DataType::Int16, [5, 5, 1, 3]).contains("is not int16"));
    assert!(refusal("a.tif", u8_type, [5, 0, 1, 1]).contains("write .npy"));
    assert!(refusal("a.tif", u8_type, [1 << 33, 1, 1, 1]).contains("write .npy"));
    assert!(refusal("a.bad", u8_type, [5, 5, 1, 1]).contains("must end in .npy"));
    assert!(refusal("noending", u8_type, [5, 5, 1, 1]).contains("must end in .npy"));
    assert!(check(Path::new("-"), u64_type, [5, 5, 5, 5]).is_ok());

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let error = write(&path, &[0; 9], u8_type, [5, 2, 1, 1]).unwrap_err().to_string();
    assert!(error.contains("10 bytes, 9 are there"), "{error}");
    let error = write(&path, &[0; 9], u8_type, [u64::MAX; 4]).unwrap_err().to_string();
    assert!(error.contains("9 are there"), "{error}");
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let fail = || {
        super::replace::replace(&path, |out| {
            std::io::Write::write_all(out, &[1; 100_000]).unwrap();
            Err(OutputError::UnknownFormat { path: PathBuf::new() })
        })
    };
    assert!(fail().is_err());
    assert!(names(&dir).is_empty());
    fs::write(&path, "before").unwrap();
    assert!(fail().is_err());
    assert_eq!(names(&dir), ["a.npy"]);
    assert_eq!(fs::read(&path).unwrap(), b"before");
}

#[test]
fn a_folder_that_is_not_there_or_in_the_way_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let save = |path: &Path| write(path, &[1], DataType::Uint8, [1; 4]);
    let error = save(&dir.path().join("none/a.npy")).unwrap_err().to_string();
    assert!(error.contains("none/a.npy"), "{error}");
    let folder = dir.path().join("folder.npy");
    fs::create_dir(&folder).unwrap();
    let error = save(&folder).unwrap_err().to_string();
    assert!(error.contains("folder.npy"), "{error}");
    assert!(folder.is_dir());
}

#[cfg(unix)]
#[test]
fn permissions_links_and_devices_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let save = |path: &Path| write(path, &[1], DataType::Uint8, [1; 4]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

    let [file, plain] = ["a.npy", "plain"].map(|name| dir.path().join(name));
    save(&file);
    fs::write(&plain, "").unwrap();
    assert_eq!(mode(&file), mode(&plain));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    save(&file);
    assert_eq!(mode(&file), 0o600);

    let link = dir.path().join("link.npy");
    symlink(&file, &link).unwrap();
    fs::write(&file, "").unwrap();
    save(&link);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read_back(&file).1, [1; 4]);

    let device = dir.path().join("device.npy");
    symlink("/dev/null", &device).unwrap();
    save(&device);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert!(fs::symlink_metadata(&device).unwrap().is_symlink());
}
