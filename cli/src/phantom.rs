//! A made-up piece of brain: cells with dark membranes, organelles and noise, and their labels.

/// An image `uint8` and a segmentation `uint32` of the same voxels, x fastest.
#[derive(Debug)]
pub(crate) struct Phantom {
    size: [u64; 3],
    image: Vec<u8>,
    labels: Vec<u32>,
}

/// How many times thicker a slice is than a pixel is wide.
const ANISOTROPY: f32 = 3.0;

/// A reproducible number in 0..1 for each `n`.
fn hash(n: u64) -> f32 {
    // The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
    let mut bits = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f32::from(u16::try_from((bits ^ (bits >> 31)) & 0xffff).unwrap_or(0)) / 65536.0
}

struct Cell {
    centre: [f32; 3],
    label: u32,
    /// Where its dark organelle lies, relative to the centre.
    organelle: [f32; 3],
}

impl Phantom {
    /// Grows cells in a box of this many voxels.
    pub(crate) fn grow(size: [u16; 3]) -> Self {
        let extent = size.map(f32::from);
        let cells: Vec<Cell> = (0..70_u32)
            .map(|n| {
                let random = |k: u64| hash(u64::from(n) * 16 + k);
                Cell {
                    centre: std::array::from_fn(|axis| random(axis as u64) * extent[axis]),
                    label: n + 1,
                    organelle: std::array::from_fn(|axis| (random(4 + axis as u64) - 0.5) * 24.0),
                }
            })
            .collect();
        let (mut image, mut labels) = (Vec::new(), Vec::new());
        let [nx, ny, nz] = size;
        for z in 0..nz {
            for y in 0..ny {
                for x in 0..nx {
                    let (gray, label) = voxel(&cells, [x, y, z]);
                    image.push(gray);
                    labels.push(label);
                }
            }
        }
        Self { size: size.map(u64::from), image, labels }
    }

    /// `[x, y, z, c]`.
    pub(crate) const fn size(&self) -> [u64; 4] {
        let [x, y, z] = self.size;
        [x, y, z, 1]
    }

    pub(crate) fn image(&self) -> &[u8] {
        &self.image
    }

    pub(crate) fn labels(&self) -> &[u8] {
        bytemuck::cast_slice(&self.labels)
    }
}

/// The gray value and the label of one voxel: the nearest cell, dark where the second nearest is
/// almost as near.
fn voxel(cells: &[Cell], at: [u16; 3]) -> (u8, u32) {
    let wobble = |k: f32| (f32::from(at[2]) * 0.15 + k).sin() * 3.0;
    let [x, y, z] = [
        f32::from(at[0]) + wobble(f32::from(at[1]) * 0.08),
        f32::from(at[1]) + wobble(f32::from(at[0]) * 0.07 + 2.0),
        f32::from(at[2]),
    ];
    let (mut first, mut second, mut nearest) = (f32::MAX, f32::MAX, &cells[0]);
    for cell in cells {
        let [cx, cy, cz] = cell.centre;
        let dz = (z - cz) * ANISOTROPY;
        let distance = (x - cx).mul_add(x - cx, (y - cy).mul_add(y - cy, dz * dz));
        if distance < first {
            (second, first, nearest) = (first, distance, cell);
        } else if distance < second {
            second = distance;
        }
    }
    let gap = second.sqrt() - first.sqrt();
    let place = u64::from(at[0]) | u64::from(at[1]) << 16 | u64::from(at[2]) << 32;
    let noise = (hash(place) + hash(!place) - 1.0) * 38.0;
    let [ox, oy, oz] = nearest.organelle;
    let [cx, cy, cz] = nearest.centre;
    let (dx, dy, dz) =
        ((x - cx - ox) / 11.0, (y - cy - oy) / 6.0, (z - cz - oz / ANISOTROPY) / 4.0);
    let organelle = dx * dx + dy * dy + dz * dz;
    let gray = if gap < 2.6 {
        62.0
    } else if organelle < 1.0 {
        // A mitochondrion: dark, with ridges.
        92.0 + (dx * 14.0).sin() * 16.0
    } else {
        158.0 + (hash(u64::from(nearest.label)) - 0.5) * 34.0
    };
    let gray = (gray + noise).clamp(0.0, 255.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of a byte"
    )]
    let gray = gray as u8;
    (gray, if gap < 2.6 { 0 } else { nearest.label })
}
