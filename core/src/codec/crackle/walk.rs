//! Reading a crack code: chains of moves that draw the lines of a slice.
//!
//! ```text
//! u32                  bytes of the index
//! index                rows that have chains, in the width of sy + 1; for each: rows since the
//!                      one before, chains in the width of sx + 1, vertices since the one before
//! moves                2 bits each, as differences: packed from the low bits, or see `markov`
//! ```
//!
//! The moves of a slice's chains follow each other without a gap. Two opposite moves in a row
//! cannot draw anything and are signs instead: up-down or left-right notes the vertex as a branch,
//! down-up or right-left ends a branch and goes back to the vertex noted last; if none is left, the
//! chain is over.

use super::bytes::{Reader, len, wide, width_of};
use super::cracks::{Cracks, LEFT, MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, UP};
use super::markov::{MarkovMoves, Model};
use crate::codec::CodecError;

/// Draws the lines that a crack code tells.
pub(super) fn draw(
    code: &[u8],
    model: Option<&Model>,
    cracks: &mut Cracks,
) -> Result<(), CodecError> {
    if code.is_empty() {
        return Ok(());
    }
    let mut reader = Reader::new(code);
    let index_len = len(reader.uint(4, "crack code")?);
    let index = reader.take(index_len, "index of chains")?;
    // No chains at all: crackle writes this one byte wide, whatever the width of a row.
    if index.iter().all(|&byte| byte == 0) {
        return Ok(());
    }
    let mut starts = Starts::read(index, cracks)?;
    match model {
        None => draw_chains(&mut starts, PackedMoves::new(reader.rest()), cracks),
        Some(model) => draw_chains(&mut starts, MarkovMoves::new(reader.rest(), model), cracks),
    }
}

/// The vertices at which chains start, read one by one from the index.
#[derive(Debug)]
struct Starts<'a> {
    reader: Reader<'a>,
    x_width: usize,
    y_width: usize,
    rows_left: u64,
    chains_left: u64,
    x: u64,
    y: u64,
}

impl<'a> Starts<'a> {
    fn read(index: &'a [u8], cracks: &Cracks) -> Result<Self, CodecError> {
        let mut reader = Reader::new(index);
        let x_width = width_of(wide(cracks.sx + 1));
        let y_width = width_of(wide(cracks.sy + 1));
        let rows_left = reader.uint(y_width, INDEX)?;
        Ok(Self { reader, x_width, y_width, rows_left, chains_left: 0, x: 0, y: 0 })
    }

    /// Where the lines of the next chain's first vertex are.
    fn next(&mut self, cracks: &Cracks) -> Result<Option<usize>, CodecError> {
        while self.chains_left == 0 {
            if self.rows_left == 0 {
                return Ok(None);
            }
            self.rows_left -= 1;
            self.y = self.y.saturating_add(self.reader.uint(self.y_width, INDEX)?);
            self.chains_left = self.reader.uint(self.x_width, INDEX)?;
            self.x = 0;
        }
        self.chains_left -= 1;
        self.x = self.x.saturating_add(self.reader.uint(self.x_width, INDEX)?);
        let (x, y) = (len(self.x), len(self.y));
        if x > cracks.sx || y > cracks.sy {
            let what = format!(
                "a chain starts at vertex {x}, {y} of {} by {} voxels",
                cracks.sx, cracks.sy
            );
            return Err(CodecError::corrupt(what));
        }
        Ok(Some(cracks.at(x, y)))
    }
}

const INDEX: &str = "index of chains";

/// Moves of 2 bits, four a byte from the low bits.
struct PackedMoves<'a> {
    bytes: std::slice::Iter<'a, u8>,
    /// The moves left of a byte, under a bit that tells when there are none.
    byte: u32,
}

impl<'a> PackedMoves<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter(), byte: 1 }
    }
}

impl Iterator for PackedMoves<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.byte == 1 {
            self.byte = 0x100 | u32::from(*self.bytes.next()?);
        }
        let [low, ..] = self.byte.to_le_bytes();
        self.byte >>= 2;
        Some(low & 3)
    }
}

/// No move: it differs by 2 from none.
const NONE: u8 = 4;

/// Draws all chains from the differences of their moves.
fn draw_chains(
    starts: &mut Starts<'_>,
    mut differences: impl Iterator<Item = u8>,
    cracks: &mut Cracks,
) -> Result<(), CodecError> {
    let mut pen = Pen::new(cracks);
    let mut last = 0;
    let mut branches = Vec::new();
    // A move is drawn when the one after it shows that it is no sign.
    let mut held = NONE;
    while let Some(start) = starts.next(cracks)? {
        pen.vertex = start;
        loop {
            let Some(difference) = differences.next() else {
                return Err(CodecError::corrupt("a crack code ends inside a chain"));
            };
            last = (last + difference) & 3;
            if last ^ held != 2 {
                if held != NONE {
                    pen.draw(held, cracks)?;
                }
                held = last;
                continue;
            }
            held = NONE;
            if matches!(last, MOVE_DOWN | MOVE_RIGHT) {
                if branches.len() > 2 * cracks.lines.len() {
                    return Err(CodecError::corrupt("a chain has more branches than vertices"));
                }
                branches.push(pen.vertex);
            } else if let Some(vertex) = branches.pop() {
                pen.vertex = vertex;
            } else {
                break;
            }
        }
    }
    Ok(())
}

/// Where a chain is, and how far each move takes it.
struct Pen {
    vertex: usize,
    steps: [usize; 4],
}

impl Pen {
    fn new(cracks: &Cracks) -> Self {
        let mut steps = [0; 4];
        steps[usize::from(MOVE_UP)] = cracks.stride().wrapping_neg();
        steps[usize::from(MOVE_RIGHT)] = 1;
        steps[usize::from(MOVE_DOWN)] = cracks.stride();
        steps[usize::from(MOVE_LEFT)] = usize::MAX;
        Self { vertex: 0, steps }
    }

    /// Draws one line. A vertex beyond the slice is an error here or, if its row is of the slice,
    /// when walls are made of the lines.
    fn draw(&mut self, towards: u8, cracks: &mut Cracks) -> Result<(), CodecError> {
        let next = self.vertex.wrapping_add(self.steps[usize::from(towards & 3)]);
        let line = if towards & 1 == 0 { LEFT } else { UP };
        let Some(lines) = cracks.lines.get_mut(self.vertex.min(next)) else {
            return Err(CodecError::corrupt("a crack leaves the slice"));
        };
        *lines |= line;
        self.vertex = next;
        Ok(())
    }
}
