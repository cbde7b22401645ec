//! The coefficients of one block from its bits (T.81, annexes F and G).

use super::super::CodecError;
use super::bits::{BitReader, Huffman};

/// Where the coefficients of the zigzag order stand in a block.
pub(super) const NATURAL: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// A run of zeros as long as a symbol can tell, without a number after it.
const LONG_RUN: u8 = 15;

/// The tables of one component in one scan, and what one block leaves for the next.
#[derive(Debug)]
pub(super) struct Coder<'a> {
    pub(super) dc: Option<&'a Huffman>,
    pub(super) ac: Option<&'a Huffman>,
    /// The first coefficient of the block before.
    pub(super) prediction: i16,
}

impl Coder<'_> {
    fn next_dc(&mut self, bits: &mut BitReader) -> Result<i16, CodecError> {
        let category = bits.symbol(self.dc.ok_or_else(no_table)?).ok_or_else(no_code)?;
        self.prediction = self.prediction.wrapping_add(bits.signed(category));
        Ok(self.prediction)
    }
}

/// A whole block, times its quantization (in zigzag order), and whether only its first
/// coefficient is not zero.
pub(super) fn sequential(
    bits: &mut BitReader,
    coder: &mut Coder,
    quantization: &[u16; 64],
) -> Result<([i32; 64], bool), CodecError> {
    let mut block = [0; 64];
    block[0] = i32::from(coder.next_dc(bits)?) * i32::from(quantization[0]);
    let ac = coder.ac.ok_or_else(no_table)?;
    let mut index = 1;
    while index < 64 {
        let [run, category] = halves(bits.symbol(ac).ok_or_else(no_code)?);
        if category > 0 {
            index += usize::from(run);
            let (Some(&natural), Some(&step)) = (NATURAL.get(index), quantization.get(index))
            else {
                return Err(too_many());
            };
            block[usize::from(natural)] = i32::from(bits.signed(category)) * i32::from(step);
            index += 1;
        } else if run == LONG_RUN {
            index += 16;
        } else {
            return Ok((block, index == 1));
        }
    }
    Ok((block, false))
}

/// Goes past a whole block of which only the first coefficient matters, for the next one.
pub(super) fn pass_by(bits: &mut BitReader, coder: &mut Coder) -> Result<(), CodecError> {
    coder.next_dc(bits)?;
    let ac = coder.ac.ok_or_else(no_table)?;
    let mut index = 1;
    while index < 64 {
        let [run, category] = halves(bits.symbol(ac).ok_or_else(no_code)?);
        if category == 0 && run < LONG_RUN {
            break;
        }
        bits.pass(category);
        index += 1 + u32::from(run);
    }
    Ok(())
}

/// What a scan of a progressive image adds to blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    /// The first coefficient and the last.
    pub(super) band: [usize; 2],
    /// Whether the coefficients are there already, but for this bit.
    pub(super) is_refinement: bool,
    /// How many low bits are left to later scans.
    pub(super) low_bits: u32,
}

impl Pass {
    /// Adds to one block, in natural order.
    pub(super) fn decode(
        self,
        bits: &mut BitReader,
        coder: &mut Coder,
        skipped: &mut u32,
        block: &mut [i16; 64],
    ) -> Result<(), CodecError> {
        match (self.band[0], self.is_refinement) {
            (0, false) => block[0] = coder.next_dc(bits)? << self.low_bits,
            (0, true) => block[0] |= i16::from(bits.bit()) << self.low_bits,
            (_, false) => self.first(bits, coder, skipped, block)?,
            (_, true) => self.refine(bits, coder, skipped, block)?,
        }
        Ok(())
    }

    /// `skipped` counts the blocks, this one among them, that have nothing more in this band.
    fn first(
        self,
        bits: &mut BitReader,
        coder: &Coder,
        skipped: &mut u32,
        block: &mut [i16; 64],
    ) -> Result<(), CodecError> {
        if *skipped > 0 {
            *skipped -= 1;
            return Ok(());
        }
        let ac = coder.ac.ok_or_else(no_table)?;
        let [mut index, last] = self.band;
        while index <= last {
            let [run, category] = halves(bits.symbol(ac).ok_or_else(no_code)?);
            if category > 0 {
                index += usize::from(run);
                let Some(&natural) = NATURAL.get(index) else { return Err(too_many()) };
                block[usize::from(natural)] = bits.signed(category) << self.low_bits;
                index += 1;
            } else if run == LONG_RUN {
                index += 16;
            } else {
                *skipped = skipped_blocks(bits, run) - 1;
                return Ok(());
            }
        }
        Ok(())
    }

    fn refine(
        self,
        bits: &mut BitReader,
        coder: &Coder,
        skipped: &mut u32,
        block: &mut [i16; 64],
    ) -> Result<(), CodecError> {
        let ac = coder.ac.ok_or_else(no_table)?;
        let [mut index, last] = self.band;
        while *skipped == 0 && index <= last {
            let [run, category] = halves(bits.symbol(ac).ok_or_else(no_code)?);
            if category == 0 && run < LONG_RUN {
                *skipped = skipped_blocks(bits, run);
                break;
            }
            // A new coefficient is one bit large.
            let new = match (category, category > 0 && bits.bit()) {
                (0, _) => 0,
                (_, true) => 1 << self.low_bits,
                (_, false) => -1 << self.low_bits,
            };
            index = self.refine_until(bits, block, index, Some(run));
            if new != 0 {
                let Some(&natural) = NATURAL.get(index) else { return Err(too_many()) };
                block[usize::from(natural)] = new;
            }
            index += 1;
        }
        if *skipped > 0 {
            self.refine_until(bits, block, index, None);
            *skipped -= 1;
        }
        Ok(())
    }

    /// Adds a bit to each coefficient that is not zero, up to the zero after `zeros` others, or
    /// to the end of the band. Returns where it stopped.
    fn refine_until(
        self,
        bits: &mut BitReader,
        block: &mut [i16; 64],
        start: usize,
        zeros: Option<u8>,
    ) -> usize {
        let mut zeros = zeros;
        let bit = 1_i16 << self.low_bits;
        for index in start..=self.band[1] {
            let Some(&natural) = NATURAL.get(index) else { return index };
            let coefficient = &mut block[usize::from(natural)];
            if *coefficient == 0 {
                match &mut zeros {
                    Some(0) => return index,
                    Some(zeros) => *zeros -= 1,
                    None => {}
                }
            } else if bits.bit() && *coefficient & bit == 0 {
                *coefficient = coefficient.wrapping_add(coefficient.signum() * bit);
            }
        }
        self.band[1] + 1
    }
}

/// How many blocks from this one on have nothing more.
fn skipped_blocks(bits: &mut BitReader, run: u8) -> u32 {
    (1 << run) + if run > 0 { u32::from(bits.bits(run.into())) } else { 0 }
}

/// The run of zeros and the category of the number after it.
const fn halves(symbol: u8) -> [u8; 2] {
    [symbol >> 4, symbol & 15]
}

fn no_table() -> CodecError {
    CodecError::corrupt("a scan uses a Huffman table that is not there")
}

fn no_code() -> CodecError {
    CodecError::corrupt("its bits are no Huffman code")
}

fn too_many() -> CodecError {
    CodecError::corrupt("a block has more than 64 coefficients")
}
