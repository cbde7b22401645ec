//! The distinct labels of a block, and which of them each voxel has.

/// Slots of the smallest hash table; a power of two.
const FEWEST_SLOTS: usize = 64;

/// So many labels are compared with a voxel one by one, which takes no branch and no memory; most
/// blocks have fewer.
const FEW: usize = 16;

/// The labels of one block, as their `N` bytes. Reused from block to block for its memory.
#[derive(Debug, Default)]
pub(super) struct Palette<const N: usize> {
    labels: Labels<N>,
    /// For each voxel the number of its label.
    numbers: Vec<u32>,
    /// For each number the index of the label in the sorted table, and 0 before the first.
    indices: Vec<u32>,
    /// The sorted table, with numbers.
    sorted: Vec<(u64, u32)>,
    /// The table's labels.
    table: Vec<u64>,
}

impl<const N: usize> Palette<N> {
    /// Takes in the voxels of a block, rows of one length.
    pub(super) fn read<'a>(&mut self, voxels: usize, rows: impl Iterator<Item = &'a [[u8; N]]>) {
        self.labels.clear();
        self.numbers.resize(voxels, 0);
        let mut numbers = self.numbers.as_mut_slice();
        for row in rows {
            let Some((first, others)) = numbers.split_at_mut_checked(row.len()) else { break };
            numbers = others;
            self.labels.row(row, first);
        }
        self.sort();
    }

    /// The distinct labels, sorted.
    pub(super) fn table(&self) -> &[u64] {
        &self.table
    }

    /// For each voxel the number of its label, for [`indices`](Self::indices).
    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// For each number the label's index in the sorted table.
    pub(super) fn indices(&self) -> &[u32] {
        &self.indices
    }

    fn sort(&mut self) {
        let labels = &self.labels.labels;
        self.sorted.clear();
        self.sorted.extend(labels.iter().map(|&label| widened(label)).zip(1..));
        self.sorted.sort_unstable();
        self.table.clear();
        self.table.extend(self.sorted.iter().map(|&(label, _)| label));
        self.indices.clear();
        self.indices.resize(labels.len() + 1, 0);
        for (at, &(_, number)) in (0..).zip(&self.sorted) {
            self.indices[index(number)] = at;
        }
    }
}

/// Labels in the order of their first voxels, numbered from 1.
#[derive(Debug, Default)]
struct Labels<const N: usize> {
    labels: Vec<[u8; N]>,
    /// The hash table, open addressing: the number of a label, or 0.
    slots: Vec<u32>,
}

impl<const N: usize> Labels<N> {
    fn clear(&mut self) {
        self.labels.clear();
        self.slots.clear();
        self.slots.resize(FEWEST_SLOTS, 0);
    }

    /// The numbers of a row of voxels.
    #[inline]
    fn row(&mut self, row: &[[u8; N]], numbers: &mut [u32]) {
        let (octets, rest) = row.as_chunks::<8>();
        let (numbers, last_numbers) = numbers.as_chunks_mut::<8>();
        for (octet, numbers) in octets.iter().zip(numbers) {
            self.octet(octet, numbers);
        }
        if let Some(&last) = rest.last() {
            let mut octet = [last; 8];
            octet[..rest.len()].copy_from_slice(rest);
            let mut numbers = [0; 8];
            self.octet(&octet, &mut numbers);
            last_numbers.copy_from_slice(&numbers[..rest.len()]);
        }
    }

    #[inline]
    fn octet(&mut self, octet: &[[u8; N]; 8], numbers: &mut [u32; 8]) {
        if self.labels.len() <= FEW {
            compare(octet, &self.labels, numbers);
            if !numbers.contains(&0) {
                return;
            }
        }
        self.look_up(octet, numbers);
    }

    #[inline(never)]
    fn look_up(&mut self, octet: &[[u8; N]; 8], numbers: &mut [u32; 8]) {
        let mut last = (octet[0], self.number(octet[0]));
        for (number, &voxel) in numbers.iter_mut().zip(octet) {
            if voxel != last.0 {
                last = (voxel, self.number(voxel));
            }
            *number = last.1;
        }
    }

    /// The number of a label, which may be a new one.
    fn number(&mut self, label: [u8; N]) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = hash(label) & mask;
        while let Some(place) = self.slots[slot].checked_sub(1) {
            if self.labels[index(place)] == label {
                return place + 1;
            }
            slot = (slot + 1) & mask;
        }
        self.labels.push(label);
        let number = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        self.slots[slot] = number;
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
}

/// For each voxel the number of its label, or 0 if it is none of them. Halves of 32 bits are
/// compared, which all processors do side by side.
#[inline]
fn compare<const N: usize>(octet: &[[u8; N]; 8], labels: &[[u8; N]], numbers: &mut [u32; 8]) {
    let (low, high) = (octet.map(low), octet.map(high));
    let mut found = [0; 8];
    for (number, &label) in (1..).zip(labels) {
        let (label_low, label_high) = (self::low(label), self::high(label));
        for (place, found) in found.iter_mut().enumerate() {
            let is_label = (low[place] == label_low) & (N == 4 || high[place] == label_high);
            *found |= if is_label { number } else { 0 };
        }
    }
    *numbers = found;
}

fn low<const N: usize>(label: [u8; N]) -> u32 {
    u32::from_le_bytes([0, 1, 2, 3].map(|byte| label[byte]))
}

fn high<const N: usize>(label: [u8; N]) -> u32 {
    if N == 4 { 0 } else { u32::from_le_bytes([4, 5, 6, 7].map(|byte| label[byte])) }
}

fn widened<const N: usize>(label: [u8; N]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..N].copy_from_slice(&label);
    u64::from_le_bytes(bytes)
}

/// Multiplies by the golden ratio and takes the high bits, which depend on all bits of the label.
fn hash<const N: usize>(label: [u8; N]) -> usize {
    usize::try_from(widened(label).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).unwrap_or(0)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
