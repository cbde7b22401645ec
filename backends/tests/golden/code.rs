//! What `tests/golden/plain/make.py` writes: each value tells where it is.

use std::path::PathBuf;

use bigarrays_core::{BoundingBox, DataType};

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/plain")
}

/// The bytes of a voxel.
fn voxel(at: [u64; 4], data_type: DataType) -> Vec<u8> {
    let code = at.iter().zip([1, 31, 997, 7919]).map(|(at, step)| at * step).sum::<u64>();
    let quarter = f64::from(u32::try_from(code).unwrap()) / 4.0;
    match data_type {
        DataType::Float64 => quarter.to_le_bytes().to_vec(),
        #[expect(clippy::cast_possible_truncation, reason = "a small number")]
        DataType::Float32 => (quarter as f32).to_le_bytes().to_vec(),
        other => code.to_le_bytes()[..other.size()].to_vec(),
    }
}

/// The bytes of the part of a box that lies in a volume of this size from `offset` on, zeros
/// elsewhere; Fortran order.
pub(crate) fn expected(
    bbox: BoundingBox,
    offset: [i64; 3],
    size: [u64; 3],
    channels: u64,
    data_type: DataType,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for c in 0..channels {
        for z in bbox.min[2]..bbox.max[2] {
            for y in bbox.min[1]..bbox.max[1] {
                for x in bbox.min[0]..bbox.max[0] {
                    let at = [x - offset[0], y - offset[1], z - offset[2]];
                    let at = at.map(|at| u64::try_from(at).unwrap_or(u64::MAX));
                    let is_inside = at.iter().zip(size).all(|(at, size)| *at < size);
                    let value =
                        voxel(if is_inside { [at[0], at[1], at[2], c] } else { [0; 4] }, data_type);
                    bytes.extend(if is_inside { value } else { vec![0; data_type.size()] });
                }
            }
        }
    }
    bytes
}
