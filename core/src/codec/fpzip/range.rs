//! The range coder: numbers of known odds to bytes and back.
//!
//! Both sides hold an interval `low .. low + range` of 32 bits and narrow it with every number. Its
//! leading bytes that are settled leave it (`normalize`); where it grows too short before that, its
//! end is moved to the next carry, which costs a fraction of a bit but needs no carry ever.
//!
//! Between calls `range >= 2^16`, and `low + range <= 2^32`. A number narrows the interval to a part
//! of itself, at least 1 long because `range >> 16` was at least 1. `normalize` multiplies a range
//! below 2^24 by 256; where it moves the end, the interval crosses a border of bits 24 with less than
//! 2^16, so the low 16 bits of `low` are not all zero and neither is the new range.

use super::model::{self, Model};

/// Writes numbers.
#[derive(Debug)]
pub(super) struct RangeEncoder {
    out: Vec<u8>,
    low: u32,
    range: u32,
}

impl RangeEncoder {
    /// An encoder that expects to write so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), low: 0, range: u32::MAX }
    }

    /// All bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.put(4);
        self.out
    }

    /// A symbol of the model's alphabet.
    #[inline]
    pub(super) fn symbol(&mut self, symbol: usize, model: &mut Model) {
        let (start, odds) = model.encode(symbol);
        self.range >>= model::BITS;
        self.low = self.low.wrapping_add(self.range.wrapping_mul(start));
        self.range = self.range.wrapping_mul(odds);
        self.normalize();
    }

    /// A number below 2^n, all alike.
    #[inline]
    pub(super) fn bits(&mut self, number: u64, n: u32) {
        let mut rest = number;
        let mut n = n;
        while n > 16 {
            self.short(rest & 0xffff, 16);
            rest >>= 16;
            n -= 16;
        }
        if n > 0 {
            self.short(rest, n);
        }
    }

    #[inline]
    fn short(&mut self, number: u64, n: u32) {
        // At most 16 bits, of which none is lost.
        let [a, b, ..] = number.to_le_bytes();
        self.range >>= n;
        let start = self.range.wrapping_mul(u32::from(u16::from_le_bytes([a, b])));
        self.low = self.low.wrapping_add(start);
        self.normalize();
    }

    #[inline]
    fn normalize(&mut self) {
        while (self.low ^ self.low.wrapping_add(self.range)) >> 24 == 0 {
            self.put(1);
            self.range <<= 8;
        }
        if self.range >> 16 == 0 {
            self.put(2);
            self.range = self.low.wrapping_neg();
        }
    }

    #[inline]
    fn put(&mut self, bytes: usize) {
        for _ in 0..bytes {
            let [first, ..] = self.low.to_be_bytes();
            self.out.push(first);
            self.low <<= 8;
        }
    }
}

/// Reads numbers. Damage is remembered ([`is_sound`](Self::is_sound)) and what comes after it means
/// nothing.
#[derive(Debug)]
pub(super) struct RangeDecoder<'a> {
    rest: &'a [u8],
    low: u32,
    range: u32,
    code: u32,
    sound: bool,
}

impl<'a> RangeDecoder<'a> {
    /// Begins to read a stream.
    pub(super) fn new(stream: &'a [u8]) -> Self {
        let mut decoder = Self { rest: stream, low: 0, range: u32::MAX, code: 0, sound: true };
        decoder.get(4);
        decoder
    }

    /// Whether all that was read was there, and was such as an encoder writes.
    pub(super) const fn is_sound(&self) -> bool {
        self.sound
    }

    /// A symbol of the model's alphabet.
    #[inline]
    pub(super) fn symbol(&mut self, model: &mut Model) -> usize {
        self.range >>= model::BITS;
        let place = self.place(model::TOTAL - 1);
        let (symbol, start, odds) = model.decode(place);
        self.low = self.low.wrapping_add(self.range.wrapping_mul(start));
        self.range = self.range.wrapping_mul(odds);
        self.normalize();
        symbol
    }

    /// A number below 2^n.
    #[inline]
    pub(super) fn bits(&mut self, n: u32) -> u64 {
        let mut number = 0;
        let mut done = 0;
        while n - done > 16 {
            number |= u64::from(self.short(16)) << done;
            done += 16;
        }
        if n > done {
            number |= u64::from(self.short(n - done)) << done;
        }
        number
    }

    #[inline]
    fn short(&mut self, n: u32) -> u32 {
        self.range >>= n;
        let number = self.place((1 << n) - 1);
        self.low = self.low.wrapping_add(self.range.wrapping_mul(number));
        self.normalize();
        number
    }

    /// Where the code lies, in steps of the range.
    #[inline]
    fn place(&mut self, most: u32) -> u32 {
        let place = self.code.wrapping_sub(self.low).checked_div(self.range).unwrap_or(u32::MAX);
        if place > most {
            self.sound = false;
        }
        place.min(most)
    }

    #[inline]
    fn normalize(&mut self) {
        while (self.low ^ self.low.wrapping_add(self.range)) >> 24 == 0 {
            self.get(1);
            self.range <<= 8;
        }
        if self.range >> 16 == 0 {
            self.get(2);
            self.range = self.low.wrapping_neg();
        }
    }

    #[inline]
    fn get(&mut self, bytes: usize) {
        for _ in 0..bytes {
            let byte = if let Some((&byte, rest)) = self.rest.split_first() {
                self.rest = rest;
                byte
            } else {
                self.sound = false;
                0
            };
            self.code = self.code << 8 | u32::from(byte);
            self.low <<= 8;
        }
    }
}
