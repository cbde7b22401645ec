//! The main job: describe a volume, write chunk-aligned boxes, cut out any box.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use bigarrays::ndarray::Array3;
use bigarrays::{DataType, VolumeInfo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let url = format!("sqlite://{}/brain.db?prefix=em", dir.path().display());

    let info = VolumeInfo::builder(DataType::Uint8, [500, 400, 100])
        .resolution([8.0, 8.0, 40.0])
        .build()?;
    let volume = bigarrays::create(&url, info)?;

    // Two slabs of whole chunks; the volume's end counts as a chunk border.
    for z in [0, 64] {
        let depth = if z == 0 { 64 } else { 36 };
        let slab = Array3::from_shape_fn((500, 400, depth), |(x, y, k)| {
            u8::try_from((x + y + z + k) % 256).unwrap_or(0)
        });
        volume.write([0, 0, i64::try_from(z)?], slab.view())?;
    }

    // Any box: across chunks, and outside the volume, where zeros are.
    let cutout = volume.read::<u8>([100..200, 50..150, 60..70])?;
    println!("{:?}: first voxel {}", cutout.dim(), cutout[[0, 0, 0, 0]]);
    let corner = volume.read::<u8>([-10..10, -10..10, 0..1])?;
    println!(
        "{:?}: outside {}, inside {}",
        corner.dim(),
        corner[[0, 0, 0, 0]],
        corner[[15, 15, 0, 0]]
    );
    println!("points: {:?}", volume.read_points::<u8>(&[[0, 0, 0], [499, 399, 99]])?.column(0));
    Ok(())
}
