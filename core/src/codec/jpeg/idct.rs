//! The inverse cosine transform of a block.
//!
//! Source: C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical fast 1-D DCT algorithms with 11
//! multiplications" (1989), in 13-bit fixed point with 2 bits kept between the passes, as the
//! accurate integer transform of libjpeg has it: every decoder that does so gets the same bits.

use std::num::Wrapping;

/// Overflow happens only with damaged numbers; what comes of it does not matter.
type Number = Wrapping<i32>;

const SCALE_BITS: usize = 13;
const KEPT_BITS: usize = 2;

/// A constant in 13-bit fixed point.
const fn number(value: i32) -> Number {
    Wrapping(value)
}

/// Samples of a block from its coefficients in natural order, already multiplied with their
/// quantization.
pub(super) fn inverse(block: &[i32; 64]) -> [[u8; 8]; 8] {
    let mut columns = [[number(0); 8]; 8];
    for (index, column) in columns.iter_mut().enumerate() {
        let input = std::array::from_fn(|row| number(block[8 * row + index]));
        *column = transform(input, SCALE_BITS - KEPT_BITS);
    }
    std::array::from_fn(|row| {
        let input = std::array::from_fn(|index| columns[index][row]);
        transform(input, SCALE_BITS + KEPT_BITS + 3).map(|Wrapping(sample)| to_sample(sample))
    })
}

/// The sample of a block without details: all coefficients but the first are 0.
pub(super) fn flat(first: i32) -> u8 {
    // What `inverse` comes to.
    let kept = (Wrapping(first) << KEPT_BITS) + number(1 << (KEPT_BITS + 2));
    to_sample((kept >> (KEPT_BITS + 3)).0)
}

fn to_sample(centred: i32) -> u8 {
    u8::try_from(centred.saturating_add(128).clamp(0, 255)).unwrap_or(0)
}

/// One dimension, rounded and without so many of its low bits.
#[inline]
fn transform(input: [Number; 8], shift: usize) -> [Number; 8] {
    let even = even_half([input[0], input[2], input[4], input[6]]);
    let odd = odd_half([input[1], input[3], input[5], input[7]]);
    let rounding = number(1 << (shift - 1));
    std::array::from_fn(|index| {
        let sum =
            if index < 4 { even[index] + odd[index] } else { even[7 - index] - odd[7 - index] };
        (sum + rounding) >> shift
    })
}

#[inline]
fn even_half([x0, x2, x4, x6]: [Number; 4]) -> [Number; 4] {
    let both = (x2 + x6) * number(4433); // 0.541196100
    let low = both - x6 * number(15137); // 1.847759065
    let high = both + x2 * number(6270); // 0.765366865
    let sum = (x0 + x4) << SCALE_BITS;
    let difference = (x0 - x4) << SCALE_BITS;
    [sum + high, difference + low, difference - low, sum - high]
}

#[inline]
fn odd_half([x1, x3, x5, x7]: [Number; 4]) -> [Number; 4] {
    let all = (x7 + x3 + x5 + x1) * number(9633); // 1.175875602
    let z1 = (x7 + x1) * number(-7373); // 0.899976223
    let z2 = (x5 + x3) * number(-20995); // 2.562915447
    let z3 = (x7 + x3) * number(-16069) + all; // 1.961570560
    let z4 = (x5 + x1) * number(-3196) + all; // 0.390180644
    [
        x1 * number(12299) + z1 + z4, // 1.501321110
        x3 * number(25172) + z2 + z3, // 3.072711026
        x5 * number(16819) + z2 + z4, // 2.053119869
        x7 * number(2446) + z1 + z3,  // 0.298631336
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn flat_block_is_what_the_transform_makes_of_it() {
        for first in -1400..1400 {
            let mut block = [0; 64];
            block[0] = first;
            assert_eq!(inverse(&block), [[flat(first); 8]; 8], "{first}");
        }
    }

    proptest! {
        #[test]
        fn samples_are_near_those_of_the_cosine_sum(
            coefficients in prop::collection::vec(-60_i32..60, 64),
        ) {
            let block: [i32; 64] = coefficients.try_into().unwrap();
            let samples = inverse(&block);
            let scale = |k: usize| if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
            let cosine = |x: usize, k: usize| {
                ((2 * x + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos()
            };
            for (y, row) in samples.iter().enumerate() {
                for (x, &sample) in row.iter().enumerate() {
                    let mut sum = 0.0;
                    for v in 0..8 {
                        for u in 0..8 {
                            let weight = scale(u) * scale(v) * cosine(x, u) * cosine(y, v);
                            sum += weight * f64::from(block[8 * v + u]);
                        }
                    }
                    let expected = (sum / 4.0 + 128.0).clamp(0.0, 255.0);
                    prop_assert!((f64::from(sample) - expected).abs() < 0.6);
                }
            }
        }

        #[test]
        fn damaged_numbers_do_not_overflow(coefficients in prop::collection::vec(any::<i32>(), 64)) {
            inverse(&coefficients.try_into().unwrap());
        }
    }
}
