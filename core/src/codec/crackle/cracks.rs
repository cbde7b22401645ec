//! The cracks of one slice: on which sides of which voxels lines are drawn.
//!
//! A vertex is a corner of voxels, `sx + 1` of them in each of `sy + 1` rows; vertex (x, y) is the
//! upper left corner of voxel (x, y). A line from (x, y) down parts a voxel from its left
//! neighbour, a line to the right parts it from the upper one, so two bits a vertex hold all lines.
//! The border of the slice is never drawn.

use crate::codec::CodecError;

/// A line from this vertex down: between this voxel and its left neighbour.
pub(super) const LEFT: u8 = 1;
/// A line from this vertex to the right: between this voxel and its upper neighbour.
pub(super) const UP: u8 = 2;

/// The moves of the crack code. Opposite ones differ by 2.
pub(super) const MOVE_UP: u8 = 0;
pub(super) const MOVE_RIGHT: u8 = 1;
pub(super) const MOVE_DOWN: u8 = 2;
pub(super) const MOVE_LEFT: u8 = 3;

/// The lines of one slice, reused from slice to slice.
#[derive(Debug)]
pub(super) struct Cracks {
    pub(super) sx: usize,
    pub(super) sy: usize,
    /// `LEFT` and `UP` of every vertex, after one blank row that lets a vertex look upwards.
    pub(super) lines: Vec<u8>,
}

impl Cracks {
    /// A slice without lines.
    pub(super) fn new(sx: usize, sy: usize) -> Result<Self, CodecError> {
        let vertices = (sx.saturating_add(1)).saturating_mul(sy.saturating_add(2));
        if u32::try_from(vertices).is_err() {
            let what = format!("crackle with slices of {sx} by {sy} voxels");
            return Err(CodecError::Unsupported { what: what.into() });
        }
        Ok(Self { sx, sy, lines: vec![0; vertices] })
    }

    pub(super) fn clear(&mut self) {
        self.lines.fill(0);
    }

    /// Vertices in a row.
    pub(super) const fn stride(&self) -> usize {
        self.sx + 1
    }

    /// Where the lines of a vertex are.
    pub(super) const fn at(&self, x: usize, y: usize) -> usize {
        x + (y + 1) * self.stride()
    }

    /// The lines of a row of voxels.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        let start = self.at(0, y);
        &self.lines[start..start + self.sx]
    }

    /// Makes walls of the lines: in the permissible format a wall is where no line is. Walls are
    /// drawn around the slice too.
    pub(super) fn make_walls(&mut self, permissible: bool) -> Result<(), CodecError> {
        let flip = if permissible { LEFT | UP } else { 0 };
        let stride = self.stride();
        let mut rows = self.lines.chunks_exact_mut(stride);
        let mut stray = rows.next().is_some_and(|row| row.iter().any(|&lines| lines != 0));
        for (y, row) in rows.enumerate() {
            if y == self.sy {
                stray |= row.iter().any(|&lines| lines != 0);
                break;
            }
            let (voxels, last) = row.split_at_mut(self.sx);
            stray |= last[0] != 0 || voxels[0] & LEFT != 0;
            stray |= y == 0 && voxels.iter().any(|&lines| lines & UP != 0);
            voxels.iter_mut().for_each(|lines| *lines ^= flip);
            voxels[0] |= LEFT;
            if y == 0 {
                voxels.iter_mut().for_each(|walls| *walls |= UP);
            }
        }
        if stray {
            return Err(CodecError::corrupt("a crack leaves the slice or runs along its border"));
        }
        Ok(())
    }

    /// Makes lines of the walls: what [`make_walls`](Self::make_walls) undoes.
    pub(super) fn make_lines(&mut self, permissible: bool) {
        let flip = if permissible { LEFT | UP } else { 0 };
        let (stride, sx) = (self.stride(), self.sx);
        for (y, row) in self.lines.chunks_exact_mut(stride).skip(1).take(self.sy).enumerate() {
            let border = if y == 0 { UP } else { 0 };
            row[..sx].iter_mut().for_each(|lines| *lines = (*lines ^ flip) & !border);
            row[0] &= !LEFT;
        }
    }
}
