//! The distinct labels of a block, and which of them each voxel has.

/// Slots of the smallest hash table; a power of two.
const FEWEST_SLOTS: usize = 64;

/// The labels of one block. Reused from block to block for its memory.
#[derive(Debug, Default)]
pub(super) struct Palette {
    /// In the order of their first voxels; after [`sort`](Self::sort), ascending.
    labels: Vec<u64>,
    /// For each voxel the number of its label, in the order of their first voxels.
    numbers: Vec<u32>,
    /// For each such number the index of the label in the sorted table.
    indices: Vec<u32>,
    /// The hash table, open addressing: one more than the number of a label, or 0.
    slots: Vec<u32>,
    /// What is being sorted.
    order: Vec<(u64, u32)>,
}

impl Palette {
    /// Begins another block.
    pub(super) fn clear(&mut self) {
        self.labels.clear();
        self.numbers.clear();
        self.slots.clear();
        self.slots.resize(FEWEST_SLOTS, 0);
    }

    /// The distinct labels.
    pub(super) fn labels(&self) -> &[u64] {
        &self.labels
    }

    /// For each voxel the number of its label, for [`indices`](Self::indices).
    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// For each number the label's index in the sorted table.
    pub(super) fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Adds the voxels of a row.
    pub(super) fn add_row<const N: usize>(&mut self, row: &[[u8; N]]) {
        let Some(&first) = row.first() else { return };
        let (mut last, mut number) = (first, self.number(widened(first)));
        let start = self.numbers.len();
        self.numbers.resize(start + row.len(), number);
        for (at, run) in (start..).step_by(8).zip(row.chunks(8)) {
            // Most rows have one label.
            for (at, &voxel) in (at..).zip(run) {
                if voxel != last {
                    (last, number) = (voxel, self.number(widened(voxel)));
                }
                self.numbers[at] = number;
            }
        }
    }

    /// The number of a label, which may be a new one.
    fn number(&mut self, label: u64) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = hash(label) & mask;
        loop {
            let Some(number) = self.slots[slot].checked_sub(1) else { break };
            if self.labels[index(number)] == label {
                return number;
            }
            slot = (slot + 1) & mask;
        }
        let number = u32::try_from(self.labels.len()).unwrap_or(u32::MAX - 1);
        self.labels.push(label);
        self.slots[slot] = number + 1;
        if self.labels.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let slots = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(slots, 0);
        for (number, &label) in (1..).zip(&self.labels) {
            let mut slot = hash(label) & (slots - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = number;
        }
    }

    /// Sorts the labels when all voxels are there.
    pub(super) fn sort(&mut self) {
        self.order.clear();
        self.order.extend(self.labels.iter().copied().zip(0..));
        self.order.sort_unstable();
        self.indices.resize(self.labels.len(), 0);
        for (at, &(label, number)) in (0..).zip(&self.order) {
            self.labels[index(at)] = label;
            self.indices[index(number)] = at;
        }
    }
}

fn widened<const N: usize>(label: [u8; N]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..N].copy_from_slice(&label);
    u64::from_le_bytes(bytes)
}

/// Multiplies by the golden ratio and takes high bits, which depend on all bits of the label.
fn hash(label: u64) -> usize {
    index((label.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
