//! Sums and means of each voxel type.

use crate::element::Element;

/// A voxel type whose mean can be taken. All are.
pub trait Mean: Element {
    /// Holds the sum of a window of up to [`LARGEST_WINDOW`](super::LARGEST_WINDOW) voxels.
    #[doc(hidden)]
    type Sum: Copy + Default + Send + Sync;

    /// The sum with this value.
    #[doc(hidden)]
    fn add_to(self, sum: Self::Sum) -> Self::Sum;

    /// The mean of `count` values, not 0; of integers rounded toward zero.
    #[doc(hidden)]
    fn mean(sum: Self::Sum, count: u64) -> Self;
}

macro_rules! integers {
    ($($T:ty, $Sum:ty;)*) => {$(
        impl Mean for $T {
            type Sum = $Sum;

            fn add_to(self, sum: $Sum) -> $Sum {
                sum.wrapping_add(<$Sum>::from(self))
            }

            fn mean(sum: $Sum, count: u64) -> Self {
                // The mean of values of a type is one of its values.
                let mean = <$Sum>::try_from(count).map_or(0, |count| sum / count.max(1));
                Self::try_from(mean).unwrap_or_default()
            }
        }
    )*};
}

integers! {
    u8, u32;
    u16, u32;
    u32, u64;
    u64, u128;
    i8, i32;
    i16, i32;
    i32, i64;
    i64, i128;
}

#[expect(clippy::cast_precision_loss, reason = "a window has few voxels")]
fn mean(sum: f64, count: u64) -> f64 {
    sum / count as f64
}

impl Mean for f32 {
    type Sum = f64;

    fn add_to(self, sum: f64) -> f64 {
        sum + f64::from(self)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a mean is rounded to the voxels' type")]
    fn mean(sum: f64, count: u64) -> Self {
        mean(sum, count) as Self
    }
}

impl Mean for f64 {
    type Sum = Self;

    fn add_to(self, sum: Self) -> Self {
        sum + self
    }

    fn mean(sum: Self, count: u64) -> Self {
        mean(sum, count)
    }
}
