//! What a read costs by the size of chunks.

use super::{Mean, Result, builder, check, cost, simulation, somewhere};
use crate::model::Network;
use crate::table::{Table, short};
use crate::volume::Volume;

/// What is read: its name and shape.
const BOXES: [(&str, [u64; 3]); 5] = [
    ("voxel", [1, 1, 1]),
    ("32^3", [32, 32, 32]),
    ("128^3", [128, 128, 128]),
    ("512^3", [512, 512, 512]),
    ("512^2 slice", [512, 512, 1]),
];

/// Boxes of a volume of 4096^3 voxels, in chunks of different sizes. Whole chunks are read, as it is
/// with all encodings but raw.
///
/// # Errors
/// If a read fails.
pub fn table() -> Result<Table> {
    let mut table = Table::new(&[
        "box",
        "chunk",
        "chunk_bytes",
        "seconds",
        "requests",
        "bytes",
        "bytes_a_voxel_wanted",
    ]);
    for log in 4_u32..=8 {
        let volume = Volume::new((12 - log) * 3, 1 << log);
        for (name, shape) in BOXES {
            let (clock, model) = simulation(volume, Network::s3());
            let model = model.whole();
            let array = builder(&model).open()?;
            let places = if shape[2] == 512 { 3 } else { 30 };
            let mut costs = Vec::new();
            for place in 0..places {
                let bbox = somewhere(&volume, shape, place)?;
                let (voxels, cost) = cost(&model, &clock, || array.read::<u8>(bbox))?;
                check(&array, &bbox, &voxels)?;
                costs.push(cost);
            }
            let mean = Mean::of(&costs);
            let wanted: u64 = shape.iter().product();
            table.push(&[
                &name,
                &(1_u64 << log),
                &volume.chunk_bytes(),
                &short(mean.seconds),
                &short(mean.requests),
                &short(mean.bytes),
                &short(mean.bytes / wanted as f64),
            ]);
        }
    }
    Ok(table)
}
