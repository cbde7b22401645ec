//! Entropy-coded bits and the Huffman codes in them (T.81, annexes C and F).

use super::super::CodecError;

/// Codes up to this long are found in one step.
const LOOKUP_BITS: u32 = 10;

const MAX_CODE_BITS: usize = 16;

/// A Huffman code for bytes.
#[derive(Debug, Clone)]
pub(super) struct Huffman {
    /// By the next bits: length and symbol of the code that they begin with; 0 if it is longer.
    lookup: Vec<u16>,
    /// By length: one past the last code, as the high bits of 16.
    limits: [u32; MAX_CODE_BITS + 1],
    /// By length: what to add to a code to find its symbol.
    offsets: [u32; MAX_CODE_BITS + 1],
    symbols: Vec<u8>,
}

impl Huffman {
    /// The code with so many symbols of each length, given in order. `None` if there are more
    /// codes than bits can tell apart.
    pub(super) fn new(counts: &[u8; MAX_CODE_BITS], symbols: &[u8]) -> Option<Self> {
        let mut lookup = vec![0; 1 << LOOKUP_BITS];
        let mut limits = [0; MAX_CODE_BITS + 1];
        let mut offsets = [0_u32; MAX_CODE_BITS + 1];
        let mut code = 0_u32;
        let mut rest = symbols.iter();
        let mut used = 0_u32;
        for (length, &count) in (1_u32..).zip(counts) {
            let index = usize::try_from(length).ok()?;
            offsets[index] = used.wrapping_sub(code);
            for symbol in rest.by_ref().take(count.into()) {
                if length <= LOOKUP_BITS {
                    let spare = LOOKUP_BITS - length;
                    let first = usize::try_from(code << spare).ok()?;
                    let entry = u16::try_from(length << 8 | u32::from(*symbol)).ok()?;
                    lookup.get_mut(first..first + (1 << spare))?.fill(entry);
                }
                code += 1;
                used += 1;
            }
            if code > 1 << length {
                return None;
            }
            limits[index] = code << (16 - length);
            code <<= 1;
        }
        Some(Self { lookup, limits, offsets, symbols: symbols.to_vec() })
    }
}

/// The bits of one scan, up to the next marker.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// The next bits, highest first. Below the counted ones may be more that are already right.
    buffer: u64,
    count: u32,
    /// Zeros appended after the last byte; reading them is an error, told by [`check`](Self::check).
    padding: u32,
}

impl<'a> BitReader<'a> {
    pub(super) const fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position, buffer: 0, count: 0, padding: 0 }
    }

    /// Where in the bytes the bits end, once all are read.
    pub(super) const fn position(&self) -> usize {
        self.position
    }

    /// An error if more was read than there is.
    pub(super) fn check(&self) -> Result<(), CodecError> {
        if self.padding > self.count {
            return Err(CodecError::corrupt("a scan ends before all of its blocks"));
        }
        Ok(())
    }

    /// Goes on after a restart marker, which must be next.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), CodecError> {
        self.check()?;
        if self.bytes.get(self.position..self.position + 2) != Some(&[0xff, 0xd0 | number]) {
            return Err(CodecError::corrupt("a restart marker is not where it belongs"));
        }
        *self = Self::new(self.bytes, self.position + 2);
        Ok(())
    }

    /// Makes sure of 32 bits and more: a code, and a number after it.
    #[inline]
    fn fill(&mut self) {
        if self.count >= 32 {
            return;
        }
        let next = self.bytes.get(self.position..).and_then(|rest| rest.first_chunk());
        match next.map(|&bytes| u64::from_be_bytes(bytes)) {
            Some(word) if !has_marker_byte(word) => {
                self.buffer |= word >> self.count;
                let taken = (63 - self.count) / 8;
                self.position += usize::try_from(taken).unwrap_or(0);
                self.count += 8 * taken;
            }
            _ => self.fill_slowly(),
        }
    }

    #[cold]
    fn fill_slowly(&mut self) {
        while self.count <= 56 {
            match self.bytes.get(self.position..).unwrap_or_default() {
                // A stuffed zero makes 255 a value.
                [0xff, 0, ..] => {
                    self.buffer |= 0xff << (56 - self.count);
                    self.position += 2;
                }
                [0xff, ..] | [] => self.padding += 8,
                [byte, ..] => {
                    self.buffer |= u64::from(*byte) << (56 - self.count);
                    self.position += 1;
                }
            }
            self.count += 8;
        }
    }

    #[inline]
    fn skip(&mut self, bits: u32) {
        self.buffer <<= bits;
        self.count -= bits;
    }

    /// The next number of at most 16 bits, of which `bits` are there.
    #[inline]
    fn take(&mut self, bits: u32) -> u16 {
        let [high, low, ..] = self.buffer.to_be_bytes();
        let next = u32::from(u16::from_be_bytes([high, low]));
        self.skip(bits);
        u16::try_from(next >> (16 - bits)).unwrap_or(0)
    }

    /// The next bit.
    #[inline]
    pub(super) fn bit(&mut self) -> bool {
        self.fill();
        self.take(1) == 1
    }

    /// The next number of at most 15 bits.
    #[inline]
    pub(super) fn bits(&mut self, bits: u32) -> u16 {
        self.fill();
        self.take(bits.min(15))
    }

    /// The next symbol; `None` if the bits are no code.
    #[inline]
    pub(super) fn symbol(&mut self, code: &Huffman) -> Option<u8> {
        self.fill();
        let [high, low, ..] = self.buffer.to_be_bytes();
        let next = u16::from_be_bytes([high, low]);
        let [length, symbol] = code.lookup[usize::from(next >> (16 - LOOKUP_BITS))].to_be_bytes();
        if length > 0 {
            self.skip(length.into());
            return Some(symbol);
        }
        self.long_symbol(code, next)
    }

    #[cold]
    fn long_symbol(&mut self, code: &Huffman, next: u16) -> Option<u8> {
        let next = u32::from(next);
        let tables = code.limits.iter().zip(&code.offsets).zip(0_u32..);
        for ((&limit, &offset), length) in tables.skip(1) {
            if next < limit {
                let index = (next >> (16 - length)).wrapping_add(offset);
                self.skip(length);
                let symbol = usize::try_from(index).ok().and_then(|index| code.symbols.get(index));
                return symbol.copied();
            }
        }
        None
    }

    /// Goes past a number of a category.
    #[inline]
    pub(super) fn pass(&mut self, category: u8) {
        self.skip(category.min(15).into());
    }

    /// The next signed number of a category, which is its number of bits; at most 15.
    #[inline]
    pub(super) fn signed(&mut self, category: u8) -> i16 {
        let bits = u32::from(category.min(15));
        if bits == 0 {
            return 0;
        }
        let value = i32::from(self.take(bits));
        // The lower half of the numbers are negative.
        let value = if value >> (bits - 1) == 0 { value + 1 - (1 << bits) } else { value };
        i16::try_from(value).unwrap_or(0)
    }
}

/// Whether a byte is 255, which begins a marker or a stuffed value.
const fn has_marker_byte(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    (!word).wrapping_sub(ONES) & word & (ONES << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_all_lengths_are_found() {
        // Codes 0, 10, 110, ... up to 16 bits.
        let symbols: Vec<u8> = (1..=16).collect();
        let code = Huffman::new(&[1; 16], &symbols).unwrap();
        let mut bytes = Vec::new();
        let mut bits = String::new();
        for length in 1..=16_usize {
            bits += &"1".repeat(length - 1);
            bits += "0";
        }
        for byte in bits.as_bytes().chunks(8) {
            let text = std::str::from_utf8(byte).unwrap();
            bytes.push(u8::from_str_radix(&format!("{text:0<8}"), 2).unwrap());
            if bytes.last() == Some(&0xff) {
                bytes.push(0);
            }
        }
        let mut reader = BitReader::new(&bytes, 0);
        for symbol in symbols {
            assert_eq!(reader.symbol(&code).unwrap(), symbol);
            reader.check().unwrap();
        }
    }

    #[test]
    fn impossible_codes_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Huffman::new(&counts, &[1, 2, 3]).is_none());
        let only = Huffman::new(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[9]).unwrap();
        assert!(BitReader::new(&[0x80], 0).symbol(&only).is_none());
    }

    #[test]
    fn numbers_have_their_sign_from_the_first_bit() {
        let mut reader = BitReader::new(&[0b0110_0111, 0, 0], 0);
        reader.fill();
        assert_eq!([reader.signed(1), reader.signed(2), reader.signed(3)], [-1, 3, -6]);
    }

    #[test]
    fn reading_past_a_marker_is_an_error_once_checked() {
        let mut reader = BitReader::new(&[0xff, 0, 0xff, 0xd9], 0);
        assert_eq!(reader.bits(8), 0xff);
        reader.check().unwrap();
        assert!(!reader.bit());
        assert!(reader.check().is_err());
        assert_eq!(reader.position(), 2);
    }

    #[test]
    fn restart_goes_on_behind_its_marker() {
        let mut reader = BitReader::new(&[0xa5, 0xff, 0xd3, 0xc0, 0xff, 0xd9], 0);
        assert_eq!(reader.bits(4), 0xa);
        reader.restart(3).unwrap();
        assert_eq!(reader.bits(2), 3);
        assert!(reader.restart(4).is_err());
    }
}
