//! Half-open boxes of voxels.

use std::fmt;
use std::ops::Range;

/// A half-open box of voxels: `min` is inside, `max` is not. Axis order x, y, z; any sign.
///
/// A box may be empty. One whose `max` is below its `min` on some axis is *inverted*; the array
/// refuses it.
///
/// ```
/// use bigarrays_core::geometry::BoundingBox;
/// let bbox = BoundingBox::from([-13..51, 7..71, 1000..1064]);
/// assert_eq!(bbox.shape(), [64, 64, 64]);
/// assert_eq!(bbox.to_string(), "[-13:51, 7:71, 1000:1064]");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BoundingBox {
    /// The first voxel inside.
    pub min: [i64; 3],
    /// The first voxel beyond, on each axis.
    pub max: [i64; 3],
}

impl BoundingBox {
    /// The box from `min` (inside) to `max` (outside).
    #[must_use]
    pub const fn new(min: [i64; 3], max: [i64; 3]) -> Self {
        Self { min, max }
    }

    /// The box that begins at `min` and has `shape` voxels, or `None` if it leaves the range of
    /// coordinates.
    #[must_use]
    pub fn at(min: [i64; 3], shape: [u64; 3]) -> Option<Self> {
        let mut max = [0; 3];
        for axis in 0..3 {
            max[axis] = min[axis].checked_add_unsigned(shape[axis])?;
        }
        Some(Self { min, max })
    }

    /// Voxels per axis; 0 where the box is empty or inverted.
    #[must_use]
    pub fn shape(&self) -> [u64; 3] {
        std::array::from_fn(|axis| {
            if self.max[axis] > self.min[axis] {
                self.max[axis].abs_diff(self.min[axis])
            } else {
                0
            }
        })
    }

    /// How many voxels the box holds.
    #[must_use]
    pub fn voxels(&self) -> u128 {
        let [x, y, z] = self.shape().map(u128::from);
        // 2^192 would overflow, but a product of two axes fits, and saturation is honest enough.
        (x * y).saturating_mul(z)
    }

    /// Whether the box holds no voxel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shape().contains(&0)
    }

    /// Whether some axis ends before it begins.
    #[must_use]
    pub fn is_inverted(&self) -> bool {
        (0..3).any(|axis| self.max[axis] < self.min[axis])
    }

    /// Whether `other` lies inside.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.min[axis] <= other.min[axis] && other.max[axis] <= self.max[axis])
    }

    /// Whether the voxel lies inside.
    #[must_use]
    pub fn contains_point(&self, point: [i64; 3]) -> bool {
        (0..3).all(|axis| (self.min[axis]..self.max[axis]).contains(&point[axis]))
    }

    /// The voxels in both boxes; empty (and never inverted) if there are none.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let min: [i64; 3] = std::array::from_fn(|axis| self.min[axis].max(other.min[axis]));
        let max = std::array::from_fn(|axis| self.max[axis].min(other.max[axis]).max(min[axis]));
        Self { min, max }
    }
}

impl From<[Range<i64>; 3]> for BoundingBox {
    fn from([x, y, z]: [Range<i64>; 3]) -> Self {
        Self { min: [x.start, y.start, z.start], max: [x.end, y.end, z.end] }
    }
}

impl From<&Self> for BoundingBox {
    fn from(bbox: &Self) -> Self {
        *bbox
    }
}

impl fmt::Display for BoundingBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([x0, y0, z0], [x1, y1, z1]) = (self.min, self.max);
        write!(f, "[{x0}:{x1}, {y0}:{y1}, {z0}:{z1}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_neither_overflow_nor_panic() {
        let all = BoundingBox::new([i64::MIN; 3], [i64::MAX; 3]);
        assert_eq!(all.shape(), [u64::MAX; 3]);
        assert_eq!(all.voxels(), u128::MAX);
        assert_eq!(BoundingBox::at([i64::MAX; 3], [1; 3]), None);
        assert_eq!(BoundingBox::at([i64::MIN; 3], [u64::MAX; 3]), Some(all));
    }

    #[test]
    fn boxes_apart_intersect_in_an_empty_box() {
        let a = BoundingBox::from([0..4, 0..4, 0..4]);
        let b = BoundingBox::from([9..12, 0..4, 0..4]);
        assert!(a.intersection(&b).is_empty());
        assert!(!a.intersection(&b).is_inverted());
        assert!(BoundingBox::new([4, 0, 0], [0, 4, 4]).is_inverted());
    }
}
