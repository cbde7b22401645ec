//! Boundary bits as run-length coded indices of windows, both ways.

use std::ops::Range;

use super::super::CodecError;
use super::boundaries::Boundaries;
use super::header::{Header, Layout, Sections};
use super::number;

/// Reads the boundary bits of some slices.
///
/// # Errors
/// [`CodecError::Corrupt`] if the windows are not those of a chunk of the header's shape.
pub(super) fn decode(
    header: &Header,
    sections: &Sections<'_>,
    slices: Range<usize>,
) -> Result<Boundaries, CodecError> {
    match header.layout.window_bytes() {
        1 => decode_as::<1>(header, sections, slices),
        2 => decode_as::<2>(header, sections, slices),
        4 => decode_as::<4>(header, sections, slices),
        _ => decode_as::<8>(header, sections, slices),
    }
}

fn decode_as<const N: usize>(
    header: &Header,
    sections: &Sections<'_>,
    slices: Range<usize>,
) -> Result<Boundaries, CodecError> {
    // Both other readers take no values at all for no boundaries at all.
    let nothing = [[0; N]];
    let values = match sections.values.as_chunks::<N>().0 {
        [] => &nothing[..],
        values => values,
    };
    let (codes, rest) = sections.windows.as_chunks::<N>();
    if !rest.is_empty() {
        let found = sections.windows.len();
        let what = format!("its windows are {found} bytes, which is no multiple of {N}");
        return Err(CodecError::corrupt(what));
    }
    let mut cursor = Cursor::new(header, slices);
    for code in codes {
        let code = number(code);
        let (index, repeats) = if code & 1 == 1 { (0, code >> 1) } else { (code >> 1, 1) };
        let Some(value) = usize::try_from(index).ok().and_then(|index| values.get(index)) else {
            let most = values.len();
            let what = format!("a window has the value number {index}, but there are {most}");
            return Err(CodecError::corrupt(what));
        };
        cursor.put(number(value), repeats)?;
    }
    cursor.finish()
}

/// Where the next window goes.
struct Cursor {
    boundaries: Boundaries,
    slices: Range<usize>,
    steps: [usize; 3],
    grid: [usize; 3],
    /// The next block.
    block: [usize; 3],
    blocks: usize,
    /// Blocks from the next on.
    left: usize,
}

impl Cursor {
    fn new(header: &Header, slices: Range<usize>) -> Self {
        let [sx, sy, _] = header.shape;
        let grid = header.layout.grid(header.shape);
        let blocks = grid.iter().product();
        Self {
            boundaries: Boundaries::none([sx, sy, slices.len()]),
            slices,
            steps: header.layout.steps,
            grid,
            block: [0; 3],
            blocks,
            left: blocks,
        }
    }

    fn put(&mut self, value: u64, repeats: u64) -> Result<(), CodecError> {
        let repeats = usize::try_from(repeats).ok().filter(|&repeats| repeats <= self.left);
        let Some(repeats) = repeats else {
            let blocks = self.blocks;
            return Err(CodecError::corrupt(format!("it has windows past its {blocks} blocks")));
        };
        self.left -= repeats;
        if value == 0 {
            self.advance(repeats);
            return Ok(());
        }
        for _ in 0..repeats {
            self.paint(value);
            self.advance(1);
        }
        Ok(())
    }

    fn advance(&mut self, blocks: usize) {
        let [x, y, z] = &mut self.block;
        *x += blocks;
        while *x >= self.grid[0] {
            *x -= self.grid[0];
            *y += 1;
            if *y == self.grid[1] {
                *y = 0;
                *z += 1;
            }
        }
    }

    fn paint(&mut self, value: u64) {
        let [bx, by, bz] = self.block;
        let [xs, ys, zs] = self.steps;
        let [_, sy, _] = self.boundaries.shape();
        let mask = u64::MAX >> (64 - xs);
        let (word, shift) = (bx * xs / 64, bx * xs % 64);
        let (first_y, first_z) = (by * ys, bz * zs);
        let last_y = (first_y + ys).min(sy);
        for z in first_z.max(self.slices.start)..(first_z + zs).min(self.slices.end) {
            for y in first_y..last_y {
                let bits = value >> (xs * (y - first_y + ys * (z - first_z))) & mask;
                let row = self.boundaries.row_mut(y, z - self.slices.start);
                row[word] |= bits << shift;
                if shift + xs > 64
                    && let Some(next) = row.get_mut(word + 1)
                {
                    *next |= bits >> (64 - shift);
                }
            }
        }
    }

    fn finish(self) -> Result<Boundaries, CodecError> {
        if self.left == 0 {
            return Ok(self.boundaries);
        }
        let found = self.blocks - self.left;
        let what = format!("it has windows for {found} of its {} blocks", self.blocks);
        Err(CodecError::corrupt(what))
    }
}

/// Windows as they are stored.
#[derive(Debug)]
pub(super) struct Encoded {
    /// Distinct windows, ascending.
    pub(super) values: Vec<u64>,
    /// Indices and runs.
    pub(super) codes: Vec<u64>,
}

impl Encoded {
    /// Cuts the boundary bits of a chunk into windows; `None` if they have more distinct ones than
    /// indices.
    pub(super) fn new(boundaries: &Boundaries, layout: &Layout) -> Option<Self> {
        let blocks = gather(boundaries, layout);
        let mut values = blocks.clone();
        values.sort_unstable();
        values.dedup();
        // The lowest bit of a number tells runs from indices.
        let most = u64::MAX >> (65 - 8 * layout.window_bytes());
        let last = u64::try_from(values.len().saturating_sub(1)).unwrap_or(u64::MAX);
        (last <= most).then(|| Self { codes: run_lengths(&blocks, &values, most), values })
    }
}

/// The windows of all blocks.
fn gather(boundaries: &Boundaries, layout: &Layout) -> Vec<u64> {
    let [sx, sy, sz] = boundaries.shape();
    let [xs, ys, zs] = layout.steps;
    let [nx, ny, nz] = layout.grid(boundaries.shape());
    let mut blocks = vec![0; nx * ny * nz];
    for z in 0..sz {
        for y in 0..sy {
            let shift = xs * (y % ys + ys * (z % zs));
            let begin = nx * (y / ys + ny * (z / zs));
            let row = boundaries.row(y, z);
            for (block, x) in blocks[begin..begin + nx].iter_mut().zip((0..sx).step_by(xs)) {
                *block |= bits(row, x, xs.min(sx - x)) << shift;
            }
        }
    }
    blocks
}

/// Up to 64 bits of a row.
fn bits(row: &[u64], x: usize, count: usize) -> u64 {
    let (word, shift) = (x / 64, x % 64);
    let mut bits = row[word] >> shift;
    if shift + count > 64 {
        bits |= row[word + 1] << (64 - shift);
    }
    bits & u64::MAX >> (64 - count)
}

fn run_lengths(blocks: &[u64], values: &[u64], most: u64) -> Vec<u64> {
    let mut codes = Vec::new();
    let mut zeros = 0;
    let (mut last, mut last_index) = (values.first().copied().unwrap_or(0), 0);
    for &block in blocks {
        if block != last {
            last = block;
            let index = values.partition_point(|&value| value < block);
            last_index = u64::try_from(index).unwrap_or(u64::MAX);
        }
        if last_index == 0 {
            zeros += 1;
        }
        if zeros == most || (last_index != 0 && zeros != 0) {
            codes.push(zeros << 1 | 1);
            zeros = 0;
        }
        if last_index != 0 {
            codes.push(last_index << 1);
        }
    }
    if zeros != 0 {
        codes.push(zeros << 1 | 1);
    }
    codes
}
