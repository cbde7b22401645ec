//! Pure planning: long work on a box is cut into tasks, one after another, that share no chunk or
//! shard of what is written.

use std::ops::Range;

use crate::geometry::BoundingBox;

/// Tasks: blocks of one shape, x fastest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    bbox: BoundingBox,
    origin: [i64; 3],
    block: [u64; 3],
    /// The first block along each axis, and how many there are.
    first: [u64; 3],
    count: [u64; 3],
}

impl Plan {
    /// Cuts a box into blocks counted from `origin`, which is not above the box.
    pub(super) fn new(bbox: BoundingBox, origin: [i64; 3], block: [u64; 3]) -> Self {
        let distance = |at: [i64; 3], axis: usize| at[axis].abs_diff(origin[axis]);
        let first = std::array::from_fn(|axis| distance(bbox.min, axis) / block[axis]);
        let count = std::array::from_fn(|axis| match bbox.is_empty() {
            true => 0,
            false => distance(bbox.max, axis).div_ceil(block[axis]) - first[axis],
        });
        Self { bbox, origin, block, first, count }
    }

    pub(super) const fn bbox(&self) -> BoundingBox {
        self.bbox
    }

    pub(super) fn tasks(&self) -> u64 {
        self.count.iter().fold(1, |tasks, &count| tasks.saturating_mul(count))
    }

    /// The tasks of one of so many shares, of which each is about as large.
    pub(super) fn share(&self, index: u64, of: u64) -> Range<u64> {
        let border = |index: u64| {
            let border =
                u128::from(self.tasks()) * u128::from(index.min(of)) / u128::from(of.max(1));
            u64::try_from(border).unwrap_or(u64::MAX)
        };
        border(index)..border(index.saturating_add(1))
    }

    /// The voxels of a task; nothing for one that there is not.
    pub(super) fn task(&self, number: u64) -> BoundingBox {
        if number >= self.tasks() {
            return BoundingBox { min: [0; 3], max: [0; 3] };
        }
        let [x, y, _] = self.count;
        let place = [number % x, number / x % y, number / x / y];
        let border = |axis: usize, place: u64| {
            let distance = self.block[axis].saturating_mul(self.first[axis] + place);
            self.origin[axis].saturating_add_unsigned(distance)
        };
        let block = BoundingBox {
            min: std::array::from_fn(|axis| border(axis, place[axis])),
            max: std::array::from_fn(|axis| border(axis, place[axis] + 1)),
        };
        block.intersection(&self.bbox)
    }
}

/// Tasks of a share, so that shares are about equal.
const TASKS_A_SHARE: u64 = 4;

/// Voxels that a task may have, of so many in all, if each share is to have some tasks.
pub(super) fn task_room(voxels: u128, shares: u64, room: u64) -> u64 {
    let tasks = u128::from(shares.saturating_mul(TASKS_A_SHARE));
    match shares {
        0 | 1 => room,
        _ => room.min(u64::try_from(voxels / tasks).unwrap_or(u64::MAX)),
    }
}

/// Whether a block has no more voxels inside the extent than there is room for.
pub(super) fn fits(block: [u64; 3], extent: [u64; 3], room: u64) -> bool {
    // What lies beyond the end takes no room.
    let voxels = (0..3).map(|axis| block[axis].min(extent[axis].max(1)));
    voxels.fold(1, u64::saturating_mul) <= room
}

/// What is known when the shape of blocks is chosen, in voxels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shapes {
    /// Of what is best written at once.
    pub(super) unit: [u64; 3],
    /// Of the source's chunks; 0 along an axis where its borders never meet those of the target.
    pub(super) chunk: [u64; 3],
    /// From the origin to the end of the box.
    pub(super) extent: [u64; 3],
    /// Voxels that a block may have.
    pub(super) room: u64,
}

impl Shapes {
    /// The shape of a block: at least a unit. While there is room it grows, first so that it holds
    /// whole chunks of the source, of which none is then read twice.
    pub(super) fn block(&self) -> [u64; 3] {
        let mut block = self.unit;
        let mut axes = [0, 1, 2];
        // Where most is saved first.
        axes.sort_by_key(|&axis| std::cmp::Reverse(self.read_again(axis)));
        for axis in axes {
            if let Some(whole) = self.whole_chunks(axis) {
                self.grow(&mut block, axis, whole);
            }
        }
        loop {
            let mut axes = [0, 1, 2];
            axes.sort_by_key(|&axis| block[axis]);
            let before = block;
            for axis in axes {
                let twice = block[axis].saturating_mul(2);
                if self.grow(&mut block, axis, twice) {
                    break;
                }
            }
            if block == before {
                return block;
            }
        }
    }

    /// Voxels of the source that are read for a unit, in percent of its own, along an axis.
    fn read_again(&self, axis: usize) -> u64 {
        let (unit, chunk) = (self.unit[axis], self.chunk[axis]);
        unit.saturating_add(chunk).saturating_mul(100) / unit.max(1)
    }

    /// The shortest length of whole units and whole chunks of the source.
    fn whole_chunks(&self, axis: usize) -> Option<u64> {
        let (unit, chunk) = (self.unit[axis], self.chunk[axis]);
        if chunk == 0 {
            return None;
        }
        (unit / greatest_common_divisor(unit, chunk)).checked_mul(chunk)
    }

    /// Makes a block longer if there is room, but not beyond the end. Says whether it did.
    fn grow(&self, block: &mut [u64; 3], axis: usize, len: u64) -> bool {
        let unit = self.unit[axis];
        let end = self.extent[axis].div_ceil(unit).saturating_mul(unit);
        let len = len.min(end.max(unit));
        let mut grown = *block;
        grown[axis] = len;
        let grows = len > block[axis] && fits(grown, self.extent, self.room);
        if grows {
            *block = grown;
        }
        grows
    }
}

pub(super) const fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tasks_partition_the_box_and_share_no_unit(
            origin in prop::array::uniform3(-40_i64..40),
            unit in prop::array::uniform3(1_u64..9),
            chunk in prop::array::uniform3(0_u64..9),
            start in prop::array::uniform3(0_u64..30),
            shape in prop::array::uniform3(1_u64..30),
            room in 1_u64..5000,
        ) {
            let min = std::array::from_fn(|axis| origin[axis].saturating_add_unsigned(start[axis]));
            let bbox = BoundingBox::at(min, shape).unwrap();
            let extent = std::array::from_fn(|axis| start[axis] + shape[axis]);
            let shapes = Shapes { unit, chunk, extent, room };
            let block = shapes.block();
            prop_assert!((0..3).all(|axis| block[axis].is_multiple_of(unit[axis])));
            let inside: u64 = (0..3).map(|axis| block[axis].min(extent[axis])).product();
            prop_assert!(block == unit || inside <= room);
            let plan = Plan::new(bbox, origin, block);
            let tasks: Vec<_> = (0..plan.tasks()).map(|task| plan.task(task)).collect();
            let voxels: u128 = tasks.iter().map(BoundingBox::voxels).sum();
            prop_assert_eq!(voxels, bbox.voxels());
            for (n, task) in tasks.iter().enumerate() {
                prop_assert!(!task.is_empty() && bbox.contains(task));
                prop_assert!(tasks[..n].iter().all(|other| other.intersection(task).is_empty()));
                for axis in 0..3 {
                    let from = task.min[axis].abs_diff(origin[axis]);
                    prop_assert!(from.is_multiple_of(unit[axis]) || task.min[axis] == bbox.min[axis]);
                }
            }
            prop_assert!(plan.task(plan.tasks()).is_empty());
        }
    }

    #[test]
    fn blocks_hold_whole_chunks_of_the_source_where_there_is_room() {
        let shapes =
            Shapes { unit: [128, 128, 16], chunk: [64; 3], extent: [512; 3], room: 128 * 128 * 64 };
        assert_eq!(shapes.block(), [128, 128, 64]);
        assert_eq!(Shapes { room: 1, ..shapes }.block(), [128, 128, 16]);
        assert_eq!(Shapes { room: u64::MAX, ..shapes }.block(), [512; 3]);
    }
}
