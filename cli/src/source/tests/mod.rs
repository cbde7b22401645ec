//! Foreign files made by hand, and what they must be as volumes.

#[cfg(feature = "hdf5")]
mod hdf5;
mod images;
mod nifti;
mod npy;
mod random;
mod raw;
mod tiff_bytes;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use bigarrays::info::DataType;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::{Source, SourceError, SourceOptions, Tile, open, tiles};

/// A made-up volume: every voxel has a value that says where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    size: [u64; 4],
    data_type: DataType,
}

impl Model {
    fn new(size: [u64; 4], data_type: DataType) -> Self {
        Self { size, data_type }
    }

    /// A voxel as little-endian bytes.
    fn voxel(&self, at: [u64; 4]) -> Vec<u8> {
        let mixed = at.iter().zip([1, 0x1_0001, 0x0123_4567_89ab, 0xfedc_ba98_7654_3210_u64]);
        let mixed = mixed.fold(at[0] / 3, |sum, (&at, factor)| {
            sum.wrapping_add((at + 1).wrapping_mul(factor)).rotate_left(7)
        });
        let mut voxel = mixed.to_le_bytes()[..self.data_type.size()].to_vec();
        if self.data_type == DataType::Bool {
            voxel[0] &= 1;
        }
        voxel
    }

    /// The bytes of a box in Fortran order, which is what a source must give.
    fn cutout(&self, min: [u64; 3], max: [u64; 3]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for c in 0..self.size[3] {
            for z in min[2]..max[2] {
                for y in min[1]..max[1] {
                    for x in min[0]..max[0] {
                        bytes.extend(self.voxel([x, y, z, c]));
                    }
                }
            }
        }
        bytes
    }

    /// The extents along these axes.
    fn shape(&self, axes: &str) -> Vec<u64> {
        axes.chars().map(|letter| self.size["xyzc".find(letter).unwrap()]).collect()
    }

    /// All bytes with the axes in this order, the slowest first.
    fn bytes(&self, slow_to_fast: &str, big_endian: bool) -> Vec<u8> {
        let places: Vec<usize> =
            slow_to_fast.chars().map(|letter| "xyzc".find(letter).unwrap()).collect();
        let mut bytes = Vec::new();
        self.extend(&places, [0; 4], big_endian, &mut bytes);
        bytes
    }

    fn extend(&self, places: &[usize], mut at: [u64; 4], big_endian: bool, bytes: &mut Vec<u8>) {
        let Some((&place, faster)) = places.split_first() else {
            let mut voxel = self.voxel(at);
            if big_endian {
                voxel.reverse();
            }
            bytes.extend(voxel);
            return;
        };
        for index in 0..self.size[place] {
            at[place] = index;
            self.extend(faster, at, big_endian, bytes);
        }
    }

    /// A whole `.npy` file; numpy's axes are those named.
    fn npy(&self, axes: &str, fortran: bool, big_endian: bool) -> Vec<u8> {
        let kind = match self.data_type {
            DataType::Bool => 'b',
            DataType::Float32 | DataType::Float64 => 'f',
            other if other.name().starts_with('u') => 'u',
            _ => 'i',
        };
        let order = match (self.data_type.size(), big_endian) {
            (1, _) => '|',
            (_, true) => '>',
            (_, false) => '<',
        };
        let shape: String = self.shape(axes).iter().map(|extent| format!("{extent}, ")).collect();
        let header = format!(
            "{{'descr': '{order}{kind}{}', 'fortran_order': {}, 'shape': ({shape}), }}",
            self.data_type.size(),
            if fortran { "True" } else { "False" },
        );
        let reversed: String = axes.chars().rev().collect();
        let mut file = npy_file(&header);
        file.extend(self.bytes(if fortran { &reversed } else { axes }, big_endian));
        file
    }

    /// Reads the whole source as the import does, and checks every voxel.
    fn check(&self, source: &mut dyn Source, chunk: [u64; 3], phase: [u64; 3], memory: u64) {
        assert_eq!(source.size(), self.size, "{}", source.describe());
        assert_eq!(source.data_type(), self.data_type, "{}", source.describe());
        let mut voxels = 0;
        for tile in tiles(source, chunk, phase, memory) {
            self.check_tile(source, tile);
            voxels += tile.shape().iter().product::<u64>();
        }
        assert_eq!(voxels, self.size[..3].iter().product::<u64>());
    }

    fn check_tile(&self, source: &mut dyn Source, tile: Tile) {
        let expected = self.cutout(tile.min, tile.max);
        let mut found = vec![0xa5; expected.len()];
        source.read_box(tile.min, tile.max, &mut found).unwrap();
        assert!(found == expected, "{tile:?} of {}", source.describe());
    }
}

/// A `.npy` file without its data.
fn npy_file(header: &str) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder for the files of one test.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn with_axes(axes: &str) -> SourceOptions {
    SourceOptions { axes: Some(axes.parse().unwrap()), ..SourceOptions::default() }
}

fn open_plainly(path: &Path) -> Result<Box<dyn Source>, SourceError> {
    open(path, &SourceOptions::default())
}

/// The error of opening, or else of reading everything.
fn fault(path: &Path, options: &SourceOptions) -> String {
    let mut source = match open(path, options) {
        Ok(source) => source,
        Err(error) => return error.to_string(),
    };
    let [x, y, z, c] = source.size();
    let len = [x, y, z, c, source.data_type().size() as u64].iter().product::<u64>();
    let mut voxels = vec![0; usize::try_from(len).unwrap()];
    source.read_box([0; 3], [x, y, z], &mut voxels).unwrap_err().to_string()
}

#[test]
fn what_is_not_a_source_is_refused_with_what_to_do() {
    let files = Files::new();
    for (name, hint) in [
        ("a.nrrd", "convert it to .npy"),
        ("a.jpg", "known are .npy"),
        ("noending", "known are .npy"),
        ("a.raw", "needs --size and --dtype"),
    ] {
        let error = fault(&files.add(name, b"1234"), &SourceOptions::default());
        assert!(error.contains(name) && error.contains(hint), "{error}");
    }
    let npy = files.add("a.npy", b"");
    #[cfg(not(feature = "hdf5"))]
    for (name, dataset) in [("a.npy", Some("/volume".to_owned())), ("a.h5", None)] {
        let options = SourceOptions { dataset, ..SourceOptions::default() };
        let error = fault(&files.add(name, b""), &options);
        assert!(error.contains("HDF5") && error.contains("feature `hdf5`"), "{error}");
    }
    let half = SourceOptions { size: Some(vec![1, 2, 3]), ..SourceOptions::default() };
    assert!(fault(&npy, &half).contains("both --size and --dtype"));
    let none = fault(&files.path().join("none.npy"), &SourceOptions::default());
    assert!(none.contains("cannot open") && none.contains("none.npy"), "{none}");
}

#[test]
fn boxes_and_buffers_that_do_not_fit_are_refused() {
    let files = Files::new();
    let model = Model::new([3, 4, 5, 2], DataType::Uint16);
    let path = files.add("a.npy", &model.npy("xyzc", false, false));
    let mut source = open_plainly(&path).unwrap();
    for (min, max, len) in [
        ([0; 3], [3, 4, 6], 288),
        ([2, 0, 0], [1, 4, 5], 0),
        ([0; 3], [0, 4, 5], 0),
        ([0; 3], [3, 4, 5], 239),
        ([0; 3], [3, 4, 5], 120),
        ([u64::MAX; 3], [0; 3], 4),
    ] {
        let error = source.read_box(min, max, &mut vec![0; len]).unwrap_err();
        assert!(matches!(error, SourceError::BadBox { .. }), "{error}");
    }
    model.check_tile(source.as_mut(), Tile { min: [1, 2, 3], max: [3, 4, 4] });
}
