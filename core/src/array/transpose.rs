//! Planes of voxels whose rows become columns, in tiles that fit into the fastest cache.
//!
//! A chunk has x fastest, an array in C order has z: voxel by voxel, one of the two would be
//! touched at a distance of whole planes each time.

/// Bytes of a row of a tile: of a line of cache, which is then used as a whole on both sides.
const LINE: usize = 64;

/// Moves a plane of `rows` times `columns` voxels of `SIZE` bytes. `load` gives the bytes of a row
/// from a column on, so many voxels; `store` takes those of a column from a row on.
pub(super) fn transpose<'a, const SIZE: usize>(
    [rows, columns]: [usize; 2],
    load: impl Fn(usize, usize, usize) -> &'a [u8],
    mut store: impl FnMut(usize, usize, &[u8]),
) {
    let side = LINE / SIZE;
    let mut tile = [[0; LINE]; LINE];
    let mut turned = [[0; LINE]; LINE];
    for row in (0..rows).step_by(side) {
        let high = side.min(rows - row);
        for column in (0..columns).step_by(side) {
            let wide = side.min(columns - column);
            for (n, line) in tile[..high].iter_mut().enumerate() {
                line[..wide * SIZE].copy_from_slice(load(row + n, column, wide));
            }
            turn::<SIZE>(&tile, &mut turned, [high, wide]);
            for (n, line) in turned[..wide].iter().enumerate() {
                store(column + n, row, &line[..high * SIZE]);
            }
        }
    }
}

type Tile = [[u8; LINE]; LINE];

/// Turns a part of a tile, and perhaps more of it: a whole tile takes a known number of steps.
fn turn<const SIZE: usize>(tile: &Tile, turned: &mut Tile, part: [usize; 2]) {
    if SIZE == 1 {
        return turn_bytes(tile, turned, part);
    }
    let side = LINE / SIZE;
    for (column, line) in turned[..side].iter_mut().enumerate() {
        for (row, voxel) in line.as_chunks_mut::<SIZE>().0.iter_mut().enumerate() {
            *voxel = tile[row].as_chunks::<SIZE>().0[column];
        }
    }
}

/// Eight times eight bytes at once, in eight words.
fn turn_bytes(tile: &Tile, turned: &mut Tile, [rows, columns]: [usize; 2]) {
    for row in 0..rows.div_ceil(8) {
        for column in 0..columns.div_ceil(8) {
            let word = |n: usize| tile[8 * row + n].as_chunks::<8>().0[column];
            let words = turn_words(std::array::from_fn(|n| u64::from_le_bytes(word(n))));
            for (n, word) in words.into_iter().enumerate() {
                turned[8 * column + n].as_chunks_mut::<8>().0[row] = word.to_le_bytes();
            }
        }
    }
}

/// Halves change places, then quarters in them, then bytes in these.
fn turn_words(mut words: [u64; 8]) -> [u64; 8] {
    for (apart, mask) in
        [(4, 0x0000_0000_ffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)]
    {
        for n in (0..8).filter(|n| n & apart == 0) {
            let shift = 8 * apart;
            let differ = ((words[n] >> shift) ^ words[n + apart]) & mask;
            words[n + apart] ^= differ;
            words[n] ^= differ << shift;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const SIZE: usize>(rows: usize, columns: usize) {
        let voxel = |row: usize, column: usize| {
            let bytes = (1 + row * columns + column).wrapping_mul(0x9e37_79b9).to_le_bytes();
            <[u8; SIZE]>::try_from(&bytes[..SIZE]).unwrap()
        };
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let plane: Vec<u8> = cells.flat_map(|(row, column)| voxel(row, column)).collect();
        let mut turned = vec![0; plane.len()];
        transpose::<SIZE>(
            [rows, columns],
            |row, column, count| &plane[(row * columns + column) * SIZE..][..count * SIZE],
            |column, row, bytes| {
                turned[(column * rows + row) * SIZE..][..bytes.len()].copy_from_slice(bytes);
            },
        );
        for column in 0..columns {
            for row in 0..rows {
                let at = (column * rows + row) * SIZE;
                assert_eq!(turned[at..at + SIZE], voxel(row, column), "{row}, {column}");
            }
        }
    }

    #[test]
    fn planes_of_any_shape_are_turned_whole() {
        for rows in [0, 1, 7, 8, 9, 63, 64, 65, 130] {
            for columns in [0, 1, 8, 31, 64, 100] {
                check::<1>(rows, columns);
                check::<2>(rows, columns);
                check::<4>(rows, columns);
                check::<8>(rows, columns);
            }
        }
    }
}
