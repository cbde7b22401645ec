//! The streams in this folder with the voxels that they hold. `make.py` made them with the PyPI
//! package `compresso` 3.3.3; a name tells data type, version, connectivity, shape and steps.

use std::fs;
use std::path::Path;

use bigarrays_info::DataType;

/// One stream.
#[derive(Debug)]
pub(crate) struct Golden {
    pub(crate) name: String,
    pub(crate) stream: Vec<u8>,
    pub(crate) data_type: DataType,
    pub(crate) version: usize,
    pub(crate) connectivity: usize,
    pub(crate) shape: [usize; 3],
    pub(crate) steps: [usize; 3],
    pub(crate) voxels: Vec<u8>,
}

/// All streams.
pub(crate) fn all() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/compresso");
    let mut found: Vec<Golden> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cpso"))
        .map(|path| read(&path))
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(found.len(), 26);
    found
}

fn read(path: &Path) -> Golden {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let parts: Vec<&str> = name.split('_').collect();
    let [kind, data_type, version, connectivity, shape, steps] = parts[..] else {
        panic!("{name} has other parts than expected")
    };
    let axes = |text: &str| {
        let axes: Vec<usize> = text.split('x').map(|axis| axis.parse().unwrap()).collect();
        <[usize; 3]>::try_from(axes).unwrap()
    };
    let data_type = data_type.parse().unwrap();
    Golden {
        name: name.into(),
        stream: fs::read(path).unwrap(),
        data_type,
        version: version[1..].parse().unwrap(),
        connectivity: connectivity[1..].parse().unwrap(),
        shape: axes(shape),
        steps: axes(steps),
        voxels: pattern(kind, data_type.size(), axes(shape)),
    }
}

/// The same as in `make.py`.
fn pattern(kind: &str, label_bytes: usize, [sx, sy, sz]: [usize; 3]) -> Vec<u8> {
    let mut voxels = Vec::new();
    for (x, y, z) in (0..sz).flat_map(|z| {
        (0..sy).flat_map(move |y| (0..sx).map(move |x| (x as u64, y as u64, z as u64)))
    }) {
        let label = match kind {
            "one" => u64::MAX,
            "layers" if z % 2 == 0 && (x + y) % 2 == 0 => 9,
            "layers" => 3,
            _ if (7 * x + 13 * y + 29 * z + x * y) % 17 == 0 => u64::MAX - (x + y) % 9,
            _ => (x / 5 + 2 * (y / 3) + 3 * (z / 2)) * 0x0101_0101_0101_0101,
        };
        voxels.extend(&label.to_le_bytes()[..label_bytes]);
    }
    voxels
}
