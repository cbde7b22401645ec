//! Writing the crack code of one slice: what `walk` reads.

use super::bytes::{put, wide, width_of};
use super::cracks::{Cracks, LEFT, MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, UP};

/// Signs among the moves of a chain, before they become pairs of moves.
const BRANCH: u8 = 4;
const END: u8 = 5;
/// A branch that had nothing left to go back for.
const NOTHING: u8 = 6;

/// What one slice's chains are gathered in, reused from slice to slice.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    /// Vertices at which chains start, `[x, y]`, in the order of a scan.
    starts: Vec<[usize; 2]>,
    /// Moves and signs of all chains.
    symbols: Vec<u8>,
    /// Vertices to go back to, and which symbol noted them.
    branches: Vec<(usize, usize)>,
}

impl Tracer {
    /// Appends the crack code of the lines, which are consumed.
    pub(super) fn encode(&mut self, cracks: &mut Cracks, out: &mut Vec<u8>) {
        self.starts.clear();
        self.symbols.clear();
        let stride = cracks.stride();
        // A chain takes all lines that hang together, so one starts where a scan meets a line.
        let mut first = stride;
        while let Some(next) = cracks.lines[first..].iter().position(|&lines| lines != 0) {
            first += next;
            self.starts.push([first % stride, first / stride - 1]);
            self.trace(cracks, first);
        }
        self.write_index(cracks, out);
        self.write_moves(out);
    }

    /// Follows the lines from a vertex and erases them.
    fn trace(&mut self, cracks: &mut Cracks, first: usize) {
        let mut vertex = first;
        loop {
            let Some((towards, next, more)) = take_line(cracks, vertex) else {
                match self.go_back(cracks) {
                    Some(branch) => vertex = branch,
                    None => return,
                }
                continue;
            };
            if more {
                self.branches.push((vertex, self.symbols.len()));
                self.symbols.push(BRANCH);
            }
            self.symbols.push(towards);
            vertex = next;
        }
    }

    /// Ends a branch, and gives the vertex noted last that still has lines.
    fn go_back(&mut self, cracks: &Cracks) -> Option<usize> {
        self.symbols.push(END);
        while let Some((vertex, symbol)) = self.branches.pop() {
            if has_line(cracks, vertex) {
                return Some(vertex);
            }
            self.symbols[symbol] = NOTHING;
        }
        None
    }

    fn write_index(&self, cracks: &Cracks, out: &mut Vec<u8>) {
        let x_width = width_of(wide(cracks.sx + 1));
        let y_width = width_of(wide(cracks.sy + 1));
        let rows = || self.starts.chunk_by(|a, b| a[1] == b[1]);
        let length = y_width + rows().map(|row| y_width + x_width * (1 + row.len())).sum::<usize>();
        put(out, wide(length), 4);
        put(out, wide(rows().count()), y_width);
        let mut last_y = 0;
        for row in rows() {
            let y = row[0][1];
            put(out, wide(y - last_y), y_width);
            put(out, wide(row.len()), x_width);
            last_y = y;
            let mut last_x = 0;
            for &[x, _] in row {
                put(out, wide(x - last_x), x_width);
                last_x = x;
            }
        }
    }

    fn write_moves(&self, out: &mut Vec<u8>) {
        let mut packer = Packer { out, byte: 0, moves: 0, last: 0 };
        for &symbol in &self.symbols {
            // The first move of a pair must not make a sign with the move before it.
            match symbol {
                BRANCH if packer.last == MOVE_DOWN => packer.pair(MOVE_LEFT, MOVE_RIGHT),
                BRANCH => packer.pair(MOVE_UP, MOVE_DOWN),
                END if packer.last == MOVE_UP => packer.pair(MOVE_RIGHT, MOVE_LEFT),
                END => packer.pair(MOVE_DOWN, MOVE_UP),
                NOTHING => {}
                towards => packer.push(towards),
            }
        }
        if packer.moves > 0 {
            let byte = packer.byte;
            out.push(byte);
        }
    }
}

/// Packs the differences of moves, four a byte from the low bits.
struct Packer<'a> {
    out: &'a mut Vec<u8>,
    byte: u8,
    /// Moves in `byte`.
    moves: u32,
    last: u8,
}

impl Packer<'_> {
    fn push(&mut self, towards: u8) {
        self.byte |= (towards.wrapping_sub(self.last) & 3) << (2 * self.moves);
        self.last = towards;
        self.moves += 1;
        if self.moves == 4 {
            self.out.push(self.byte);
            (self.byte, self.moves) = (0, 0);
        }
    }

    fn pair(&mut self, first: u8, second: u8) {
        self.push(first);
        self.push(second);
    }
}

/// Whether a vertex has lines. The border is never drawn, so what lies beyond it has none.
fn has_line(cracks: &Cracks, vertex: usize) -> bool {
    let lines = &cracks.lines;
    lines[vertex] != 0 || lines[vertex - 1] & UP != 0 || lines[vertex - cracks.stride()] & LEFT != 0
}

/// Erases a line of a vertex. Gives the move along it, where it leads, and whether the vertex had
/// more lines.
fn take_line(cracks: &mut Cracks, vertex: usize) -> Option<(u8, usize, bool)> {
    let stride = cracks.stride();
    let lines = &mut cracks.lines;
    let (towards, next) = if lines[vertex] & UP != 0 {
        (MOVE_RIGHT, vertex + 1)
    } else if lines[vertex - 1] & UP != 0 {
        (MOVE_LEFT, vertex - 1)
    } else if lines[vertex] & LEFT != 0 {
        (MOVE_DOWN, vertex + stride)
    } else if lines[vertex - stride] & LEFT != 0 {
        (MOVE_UP, vertex - stride)
    } else {
        return None;
    };
    lines[vertex.min(next)] &= if towards & 1 == 0 { !LEFT } else { !UP };
    Some((towards, next, has_line(cracks, vertex)))
}
