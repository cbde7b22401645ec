//! Floats as the coder sees them: predicted as numbers, told apart as ordered integers.

/// A float of one width.
pub(super) trait Real: Copy {
    /// Its width in bits.
    const WIDTH: u32;
    /// Positive zero.
    const ZERO: Self;
    /// Its width in bytes.
    const SIZE: usize = Self::WIDTH as usize / 8;

    /// The value of little-endian bytes, of which there are [`SIZE`](Self::SIZE).
    fn from_le(bytes: &[u8]) -> Self;
    /// Writes the value as little-endian bytes.
    fn to_le(self, bytes: &mut [u8]);
    fn to_u64(self) -> u64;
    /// The value of the low bits.
    fn from_u64(bits: u64) -> Self;
    fn is_nan(self) -> bool;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;

    /// What the seven neighbours that came before make of a value: the Lorenzo predictor. The terms
    /// stand in the order in which fpzip adds them, which decides how they round.
    #[inline]
    fn predict(n: &Neighbours<Self>) -> Self {
        let sum = n.x.minus(n.yz).plus(n.y).minus(n.xz).plus(n.z).minus(n.xy).plus(n.xyz);
        if sum.is_nan() { predict_nan(n) } else { sum }
    }
}

/// The values one place back along the axes named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbours<R> {
    pub(super) x: R,
    pub(super) y: R,
    pub(super) z: R,
    pub(super) xy: R,
    pub(super) xz: R,
    pub(super) yz: R,
    pub(super) xyz: R,
}

/// The prediction bit by bit where it is not a number, as x86 makes it: of two operands that are not
/// numbers the first counts, made quiet; a new one is negative. The bits matter because the decoder
/// must predict what the encoder did, and other processors and compilers make others.
#[cold]
fn predict_nan<R: Real>(n: &Neighbours<R>) -> R {
    let quiet = 1 << (mantissa_bits::<R>() - 1);
    let step = |sum: R, term: R, result: R| {
        if sum.is_nan() {
            R::from_u64(sum.to_u64() | quiet)
        } else if term.is_nan() {
            R::from_u64(term.to_u64() | quiet)
        } else if result.is_nan() {
            R::from_u64(u64::MAX << (mantissa_bits::<R>() - 1))
        } else {
            result
        }
    };
    let mut sum = step(n.x, n.yz, n.x.minus(n.yz));
    sum = step(sum, n.y, sum.plus(n.y));
    sum = step(sum, n.xz, sum.minus(n.xz));
    sum = step(sum, n.z, sum.plus(n.z));
    sum = step(sum, n.xy, sum.minus(n.xy));
    step(sum, n.xyz, sum.plus(n.xyz))
}

const fn mantissa_bits<R: Real>() -> u32 {
    if R::WIDTH == 32 { 23 } else { 52 }
}

macro_rules! real {
    ($float:ty, $bits:ty) => {
        impl Real for $float {
            const WIDTH: u32 = <$bits>::BITS;
            const ZERO: Self = 0.0;

            #[inline]
            fn from_le(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(0.0, |bytes| Self::from_le_bytes(*bytes))
            }

            #[inline]
            fn to_le(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn to_u64(self) -> u64 {
                self.to_bits().into()
            }

            #[inline]
            fn from_u64(bits: u64) -> Self {
                #[expect(clippy::allow_attributes, reason = "not for the wider of the two")]
                #[allow(clippy::cast_possible_truncation, reason = "the low bits are asked for")]
                Self::from_bits(bits as $bits)
            }

            #[inline]
            fn is_nan(self) -> bool {
                Self::is_nan(self)
            }

            #[inline]
            fn plus(self, other: Self) -> Self {
                self + other
            }

            #[inline]
            fn minus(self, other: Self) -> Self {
                self - other
            }
        }
    };
}

real!(f32, u32);
real!(f64, u64);

/// Floats as integers in the reverse of their order, of so many of their leading bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map {
    bits: u32,
    shift: u32,
}

impl Map {
    pub(super) const fn new<R: Real>(bits: u32) -> Self {
        Self { bits, shift: R::WIDTH - bits }
    }

    /// The bits kept.
    pub(super) const fn bits(self) -> u32 {
        self.bits
    }

    /// The integer of a float.
    #[inline]
    pub(super) fn forward<R: Real>(self, value: R) -> u64 {
        self.flip(!value.to_u64() >> self.shift & self.mask())
    }

    /// The float of an integer, the bits not kept being zero.
    #[inline]
    pub(super) fn inverse<R: Real>(self, integer: u64) -> R {
        R::from_u64(!self.flip(integer & self.mask()) << self.shift)
    }

    /// Two's complement for sign and magnitude: its own inverse.
    #[inline]
    const fn flip(self, integer: u64) -> u64 {
        let sign = integer >> (self.bits - 1);
        integer ^ (sign.wrapping_neg() & (self.mask() >> 1))
    }

    #[inline]
    const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }
}
