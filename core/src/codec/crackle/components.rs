//! The regions of one slice: voxels that no wall parts, numbered in the order of a scan.

use super::cracks::{Cracks, LEFT, UP};

/// Numbers the 4-connected regions between the walls, from 0 in the order in which a scan, x
/// fastest, meets them. Gives their count. `parents` is scratch space.
pub(super) fn number_regions(walls: &Cracks, regions: &mut [u32], parents: &mut Vec<u32>) -> usize {
    parents.clear();
    let blank = vec![0; walls.sx];
    for y in 0..walls.sy {
        let (above, row) = regions.split_at_mut(y * walls.sx);
        let above = above.get((y.max(1) - 1) * walls.sx..).filter(|row| !row.is_empty());
        scan_row(walls.row(y), above.unwrap_or(&blank), row, parents);
    }
    let count = number_roots(parents);
    for region in regions {
        *region = parents[*region as usize];
    }
    count
}

/// Gives each voxel of a row a provisional number, that of a neighbour where no wall is between.
fn scan_row(walls: &[u8], above: &[u32], row: &mut [u32], parents: &mut Vec<u32>) {
    let mut here = 0;
    for ((walls, &above), number) in walls.iter().zip(above).zip(row) {
        here = match walls & (LEFT | UP) {
            UP => here,
            LEFT => above,
            0 if here == above => here,
            0 => join(parents, here, above),
            _ => {
                let new = u32::try_from(parents.len()).unwrap_or(u32::MAX);
                parents.push(new);
                new
            }
        };
        *number = here;
    }
}

/// Joins two provisional numbers under the smaller root, so that a root is the number that the scan
/// met first.
fn join(parents: &mut [u32], a: u32, b: u32) -> u32 {
    let (a, b) = (root(parents, a), root(parents, b));
    let (low, high) = (a.min(b), a.max(b));
    parents[high as usize] = low;
    low
}

fn root(parents: &mut [u32], mut number: u32) -> u32 {
    loop {
        let parent = parents[number as usize];
        if parent == number {
            return number;
        }
        let grandparent = parents[parent as usize];
        parents[number as usize] = grandparent;
        number = grandparent;
    }
}

/// Replaces each provisional number's parent by its final number: parents are smaller, so theirs
/// are known already.
fn number_roots(parents: &mut [u32]) -> usize {
    let mut count = 0;
    for number in 0..parents.len() {
        let parent = parents[number] as usize;
        if parent == number {
            parents[number] = count;
            count += 1;
        } else {
            parents[number] = parents[parent];
        }
    }
    count as usize
}
