//! A writer of lossless JPEG XL images: one modular frame, one predictor, one prefix code a
//! channel.
//!
//! What is written follows ISO/IEC 18181-1: sections C (entropy coding), D (image header), F
//! (frame header and table of contents) and H (modular). Each sample is predicted from its left,
//! upper and upper left neighbours; differences are written in prefix codes, long runs of none as
//! one copy. That is fast, and on noisy volumes as small as what libjxl makes with much effort.

use super::bits::BitWriter;
use super::prefix_code::PrefixCode;

/// Groups of pixels are the largest that there are, so that an image has few.
const GROUP_SIZE: usize = 1024;
const GROUP_SIZE_CODE: u64 = 3;

/// Differences below 2⁵ are symbols; of larger ones the highest bit and the two after it are.
const DIRECT_BITS: u32 = 5;
const HEAD_BITS: u32 = 2;

/// Symbols from here on are copies; no difference is as large.
const FIRST_COPY: usize = 64;

/// The shortest copy.
const MIN_COPY: usize = 7;

/// Lengths of copies below 2⁴ are symbols; of larger ones the highest bit is.
const DIRECT_COPY_BITS: u32 = 4;

/// Copies of whole groups make the last symbol.
const SYMBOLS: usize = FIRST_COPY + 32;

/// The predictor "gradient".
const GRADIENT: u64 = 5;

/// Encodes an image of one, three or four planes of 8-bit samples. Neither side is zero.
pub(super) fn encode(planes: &[u8], width: usize, height: usize) -> Vec<u8> {
    let planes = decorrelate(planes, width * height);
    let groups: Vec<_> = (0..height.div_ceil(GROUP_SIZE))
        .flat_map(|y| (0..width.div_ceil(GROUP_SIZE)).map(move |x| [x, y].map(|i| i * GROUP_SIZE)))
        .collect();
    let tokens: Vec<Vec<_>> = groups
        .iter()
        .map(|&start| planes.iter().map(|plane| tokens(plane, width, start)).collect())
        .collect();
    let codes: Vec<_> = (0..planes.len())
        .map(|channel| PrefixCode::new(&histogram(tokens.iter().map(|group| &group[channel]))))
        .collect();

    let mut global = BitWriter::with_capacity(256);
    write_global(&mut global, &codes);
    let sections = if let [only] = &tokens[..] {
        write_tokens(&mut global, only, &codes);
        vec![global.finish()]
    } else {
        let coarse_groups = height.div_ceil(8 * GROUP_SIZE) * width.div_ceil(8 * GROUP_SIZE);
        let mut sections = vec![global.finish()];
        // Sections of coarse groups and of transforms' coefficients: there are none.
        sections.resize(1 + coarse_groups + 1, Vec::new());
        sections.extend(tokens.iter().map(|group| write_group(group, &codes)));
        sections
    };

    let mut header = BitWriter::with_capacity(64 + 4 * sections.len());
    write_image_header(&mut header, planes.len(), width, height);
    write_frame_header(&mut header, planes.len());
    write_contents(&mut header, &sections);
    let mut encoded = header.finish();
    for section in sections {
        encoded.extend(section);
    }
    encoded
}

/// Planes of samples that say less of each other: luma and two chromas instead of red, green and
/// blue (the reversible transform YCgCo). Gray and alpha stay.
fn decorrelate(planes: &[u8], pixels: usize) -> Vec<Vec<i16>> {
    let mut planes: Vec<Vec<i16>> = planes
        .chunks_exact(pixels)
        .map(|plane| plane.iter().map(|&sample| sample.into()).collect())
        .collect();
    if let [red, green, blue, ..] = &mut planes[..] {
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            let orange = *red - *blue;
            let middle = *blue + (orange >> 1);
            let leaf = *green - middle;
            (*red, *green, *blue) = (middle + (leaf >> 1), orange, leaf);
        }
    }
    planes
}

/// A symbol, and bits that follow it as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    symbol: u8,
    extra_bits: u8,
    extra: u32,
}

impl Token {
    /// The token of a difference.
    fn difference(sample: i16, predicted: i16) -> Self {
        let difference = i32::from(sample) - i32::from(predicted);
        // Signs alternate: 0, -1, 1, -2, 2.
        let value = ((difference << 1) ^ (difference >> 31)).unsigned_abs();
        Self::hybrid(value, DIRECT_BITS, HEAD_BITS, 0)
    }

    /// The token of a copy of the sample before, so many times.
    fn copy(length: usize) -> Self {
        let value = u32::try_from(length.saturating_sub(MIN_COPY)).unwrap_or(u32::MAX);
        Self::hybrid(value, DIRECT_COPY_BITS, 0, FIRST_COPY)
    }

    fn hybrid(value: u32, direct_bits: u32, head_bits: u32, first: usize) -> Self {
        let high = value.checked_ilog2().unwrap_or(0);
        let (symbol, extra_bits) = if high < direct_bits {
            (value, 0)
        } else {
            let extra_bits = high - head_bits;
            let head = (value >> extra_bits) - (1 << head_bits);
            ((1 << direct_bits) + ((high - direct_bits) << head_bits) + head, extra_bits)
        };
        let symbol = usize::try_from(symbol).map_or(usize::MAX, |symbol| first + symbol);
        Self {
            symbol: u8::try_from(symbol).unwrap_or(u8::MAX),
            extra_bits: u8::try_from(extra_bits).unwrap_or(u8::MAX),
            extra: value & ((1 << extra_bits) - 1),
        }
    }
}

/// The differences of one plane in one group.
fn tokens(plane: &[i16], width: usize, [left, top]: [usize; 2]) -> Vec<Token> {
    let columns = GROUP_SIZE.min(width - left);
    let rows = plane.chunks_exact(width).skip(top).take(GROUP_SIZE);
    let mut tokens = Tokens { tokens: Vec::with_capacity(columns * rows.len()), zeros: 0 };
    let mut above: Option<&[i16]> = None;
    for row in rows {
        let row = &row[left..left + columns];
        if let Some(above) = above {
            // Left of the image is what is above it.
            let (mut west, mut north_west) = (above[0], above[0]);
            for (&sample, &north) in row.iter().zip(above) {
                let (low, high) = (north.min(west), north.max(west));
                tokens.push(sample, (north + west - north_west).clamp(low, high));
                (west, north_west) = (sample, north);
            }
        } else {
            let mut west = 0;
            for &sample in row {
                tokens.push(sample, west);
                west = sample;
            }
        }
        above = Some(row);
    }
    tokens.finish()
}

/// Tokens, with a run of zeros still open.
struct Tokens {
    tokens: Vec<Token>,
    zeros: usize,
}

impl Tokens {
    fn push(&mut self, sample: i16, predicted: i16) {
        if sample == predicted {
            self.zeros += 1;
        } else {
            self.end_run();
            self.tokens.push(Token::difference(sample, predicted));
        }
    }

    /// A long run is one zero and its copies.
    fn end_run(&mut self) {
        let zero = Token::difference(0, 0);
        if self.zeros > MIN_COPY {
            self.tokens.extend([zero, Token::copy(self.zeros - 1)]);
        } else {
            self.tokens.extend(std::iter::repeat_n(zero, self.zeros));
        }
        self.zeros = 0;
    }

    fn finish(mut self) -> Vec<Token> {
        self.end_run();
        self.tokens
    }
}

fn histogram<'a>(groups: impl Iterator<Item = &'a Vec<Token>>) -> [u32; SYMBOLS] {
    let mut counts = [0_u32; SYMBOLS];
    for token in groups.flatten() {
        let count = &mut counts[usize::from(token.symbol)];
        *count = count.saturating_add(1);
    }
    counts
}

fn write_tokens(to: &mut BitWriter, channels: &[Vec<Token>], codes: &[PrefixCode]) {
    for (tokens, code) in channels.iter().zip(codes) {
        for token in tokens {
            let (length, bits) = code.code(token.symbol.into());
            to.put(length, bits);
            to.put(token.extra_bits.into(), token.extra.into());
        }
    }
}

fn write_group(channels: &[Vec<Token>], codes: &[PrefixCode]) -> Vec<u8> {
    let tokens: usize = channels.iter().map(Vec::len).sum();
    let mut to = BitWriter::with_capacity(tokens / 2);
    // The frame's tree and codes, weights by default, no transforms of its own.
    to.put_all(&[(1, 1), (1, 1), (2, 0)]);
    write_tokens(&mut to, channels, codes);
    to.finish()
}

/// One of a few choices, the last ones of which have further bits.
fn put_choice(to: &mut BitWriter, value: usize, choices: [(u32, usize); 4]) {
    for (index, (bits, offset)) in (0..).zip(choices) {
        let rest = value.checked_sub(offset).and_then(|rest| u64::try_from(rest).ok());
        if let Some(rest) = rest.filter(|rest| rest >> bits == 0) {
            to.put_all(&[(2, index), (bits, rest)]);
            return;
        }
    }
}

fn write_image_header(to: &mut BitWriter, channels: usize, width: usize, height: usize) {
    let side = [(9, 1), (13, 1), (18, 1), (30, 1)];
    // The signature; sides not in eighths.
    to.put_all(&[(16, 0x0aff), (1, 0)]);
    put_choice(to, height, side);
    // The sides are in no named ratio.
    to.put(3, 0);
    put_choice(to, width, side);
    // Not all as by default; no extra fields; integers of 8 bits; 16 bits are enough for them.
    to.put_all(&[(1, 0), (1, 0), (1, 0), (2, 0), (1, 1)]);
    if channels == 4 {
        // One extra channel: alpha as by default, 8 bits.
        to.put_all(&[(2, 1), (1, 1)]);
    } else {
        to.put(2, 0);
    }
    // The samples are as they are, not XYB.
    to.put(1, 0);
    if channels == 1 {
        // Not the default colours: no profile, gray, D65, no gamma but the transfer function 13
        // (sRGB), relative intent.
        to.put_all(&[(1, 0), (1, 0), (2, 1), (2, 1), (1, 0), (2, 2), (4, 13 - 2), (2, 1)]);
    } else {
        // sRGB is the default.
        to.put(1, 1);
    }
    // No extensions; transforms as by default.
    to.put_all(&[(2, 0), (1, 1)]);
    to.pad_to_byte();
}

fn write_frame_header(to: &mut BitWriter, channels: usize) {
    // Not all as by default; a regular frame; modular; no flags; not YCbCr; no upsampling.
    to.put_all(&[(1, 0), (2, 0), (1, 1), (2, 0), (1, 0), (2, 0)]);
    if channels == 4 {
        // No upsampling of alpha.
        to.put(2, 0);
    }
    // One pass, no crop, replaces what is there.
    to.put_all(&[(2, GROUP_SIZE_CODE), (2, 0), (1, 0), (2, 0)]);
    if channels == 4 {
        // So does alpha.
        to.put(2, 0);
    }
    // The last frame, without a name.
    to.put_all(&[(1, 1), (2, 0)]);
    // Filters not as by default: neither of the two, no extensions.
    to.put_all(&[(1, 0), (1, 0), (2, 0), (2, 0)]);
    // No extensions.
    to.put(2, 0);
}

fn write_contents(to: &mut BitWriter, sections: &[Vec<u8>]) {
    // In their natural order.
    to.put(1, 0);
    to.pad_to_byte();
    for section in sections {
        put_choice(to, section.len(), [(10, 0), (14, 1024), (22, 17_408), (30, 4_211_712)]);
    }
    to.pad_to_byte();
}

/// What holds for all groups: the tree that chooses a code by the channel, and the codes.
fn write_global(to: &mut BitWriter, codes: &[PrefixCode]) {
    // Dequantization as by default; a tree.
    to.put_all(&[(1, 1), (1, 1)]);
    write_tree(to, codes.len());
    write_codes(to, codes);
    // This tree and these codes; weights by default.
    to.put_all(&[(1, 1), (1, 1)]);
    if codes.len() > 1 {
        // One transform: of colours, from channel 0 on, to YCgCo.
        to.put_all(&[(2, 1), (2, 0), (2, 0), (3, 0), (2, 0)]);
    } else {
        to.put(2, 0);
    }
}

/// A chain of decisions "is the channel above k?", whose leaves are the channels, last one first.
fn write_tree(to: &mut BitWriter, channels: usize) {
    let mut symbols = Vec::new();
    let leaf = [0, GRADIENT, 0, 0, 0];
    for above in (0..channels.saturating_sub(1)).rev() {
        // Decides by property 0, the channel; the sign of the threshold is its lowest bit.
        symbols.extend([1, 2 * u64::try_from(above).unwrap_or(u64::MAX)]);
        symbols.extend(leaf);
    }
    symbols.extend(leaf);
    let mut counts = [0; 8];
    for &symbol in &symbols {
        counts[usize::try_from(symbol).unwrap_or(0)] += 1;
    }
    let code = PrefixCode::new(&counts);
    // No copies; the same code in all contexts; a prefix code, of symbols that are the values.
    to.put_all(&[(1, 0), (1, 1), (2, 0), (1, 1), (4, 4), (3, 0), (3, 0)]);
    code.write_size(to);
    code.write(to);
    for symbol in symbols {
        let (length, bits) = code.code(usize::try_from(symbol).unwrap_or(0));
        to.put(length, bits);
    }
}

fn write_codes(to: &mut BitWriter, codes: &[PrefixCode]) {
    // Copies, from symbol 64 = 8 + 56 on, of at least 7 = 5 + 2.
    to.put_all(&[(1, 1), (2, 3), (15, 56), (2, 2), (2, 2)]);
    to.put_all(&[(4, DIRECT_COPY_BITS.into()), (3, 0), (3, 0)]);
    // Which code a context has, in three bits: the leaves of the tree, then distances of copies.
    to.put_all(&[(1, 1), (2, 3)]);
    for (number, _) in (1..).zip(codes).collect::<Vec<_>>().into_iter().rev() {
        to.put(3, number);
    }
    to.put(3, 0);
    // Prefix codes. Distances: symbols are the values.
    to.put_all(&[(1, 1), (4, 0)]);
    for _ in codes {
        to.put_all(&[(4, DIRECT_BITS.into()), (3, HEAD_BITS.into()), (2, 0)]);
    }
    // Of two distances, always the second, which means the sample before.
    to.put_all(&[(1, 1), (4, 0)]);
    for code in codes {
        code.write_size(to);
    }
    to.put_all(&[(2, 1), (2, 0), (1, 1)]);
    for code in codes {
        code.write(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_the_head_of_a_number_and_leave_the_rest() {
        let token = |value| {
            let token = Token::hybrid(value, DIRECT_BITS, HEAD_BITS, 0);
            (token.symbol, token.extra_bits, token.extra)
        };
        assert_eq!(token(0), (0, 0, 0));
        assert_eq!(token(31), (31, 0, 0));
        assert_eq!(token(0b10_0000), (32, 3, 0));
        assert_eq!(token(0b11_1101), (35, 3, 0b101));
        assert_eq!(token(0b11_1111_1100), (51, 7, 0b111_1100));
    }

    #[test]
    fn longest_copy_and_largest_difference_have_symbols() {
        assert!(usize::from(Token::copy(GROUP_SIZE * GROUP_SIZE).symbol) < SYMBOLS);
        for difference in [-510, 510] {
            assert!(usize::from(Token::difference(difference, 0).symbol) < FIRST_COPY);
        }
    }

    #[test]
    fn run_of_zeros_is_one_and_its_copies_from_eight_on() {
        let zero = Token::difference(0, 0);
        let run = |length| tokens(&vec![0; length], length, [0, 0]);
        assert_eq!(run(7), [zero; 7]);
        assert_eq!(run(8), [zero, Token::copy(7)]);
    }

    #[test]
    fn colour_transform_is_the_reversible_one() {
        let planes = decorrelate(&[200, 10, 30], 1);
        let [y, co, cg] = [planes[0][0], planes[1][0], planes[2][0]];
        let middle = y - (cg >> 1);
        let blue = middle - (co >> 1);
        assert_eq!([blue + co, cg + middle, blue], [200, 10, 30]);
    }
}
