//! From eight packed indices to eight labels.
//!
//! Eight indices of `BITS` bits are `BITS` bytes, whatever the width. Labels are their `N` bytes,
//! so that neither the stream nor the result needs to be aligned.

/// A block's table in the form that its width of index makes fastest.
pub(super) trait Lookup<const N: usize, const BITS: usize> {
    /// The labels of eight indices. An index past the table, which must not be, has label 0.
    fn octet(&self, packed: &[u8; BITS], labels: &mut [[u8; N]; 8]);
}

/// For 1 bit: the labels of every four indices.
pub(super) struct Quads<const N: usize>([[[u8; N]; 4]; 16]);

impl<const N: usize> Quads<N> {
    pub(super) fn new(table: &[[u8; N]]) -> Self {
        let [zero, one] = padded::<N, 2>(table);
        Self(std::array::from_fn(|quad| {
            std::array::from_fn(|place| if quad >> place & 1 == 0 { zero } else { one })
        }))
    }
}

impl<const N: usize> Lookup<N, 1> for Quads<N> {
    #[inline]
    fn octet(&self, &[packed]: &[u8; 1], labels: &mut [[u8; N]; 8]) {
        let (quads, _) = labels.as_chunks_mut::<4>();
        for (quad, index) in quads.iter_mut().zip([packed & 15, packed >> 4]) {
            *quad = self.0[usize::from(index)];
        }
    }
}

/// For 2 bits: the labels of every two indices.
pub(super) struct Pairs<const N: usize>([[[u8; N]; 2]; 16]);

impl<const N: usize> Pairs<N> {
    pub(super) fn new(table: &[[u8; N]]) -> Self {
        let table = padded::<N, 4>(table);
        Self(std::array::from_fn(|pair| [table[pair & 3], table[pair >> 2]]))
    }
}

impl<const N: usize> Lookup<N, 2> for Pairs<N> {
    #[inline]
    fn octet(&self, &[low, high]: &[u8; 2], labels: &mut [[u8; N]; 8]) {
        let (pairs, _) = labels.as_chunks_mut::<2>();
        for (pair, index) in pairs.iter_mut().zip([low & 15, low >> 4, high & 15, high >> 4]) {
            *pair = self.0[usize::from(index)];
        }
    }
}

/// For 4 bits.
pub(super) struct Nibbles<const N: usize>([[u8; N]; 16]);

impl<const N: usize> Nibbles<N> {
    pub(super) fn new(table: &[[u8; N]]) -> Self {
        Self(padded(table))
    }
}

impl<const N: usize> Lookup<N, 4> for Nibbles<N> {
    #[inline]
    fn octet(&self, packed: &[u8; 4], labels: &mut [[u8; N]; 8]) {
        let (pairs, _) = labels.as_chunks_mut::<2>();
        for (pair, &byte) in pairs.iter_mut().zip(packed) {
            *pair = [self.0[usize::from(byte & 15)], self.0[usize::from(byte >> 4)]];
        }
    }
}

/// For 8 bits.
pub(super) struct Bytes<'a, const N: usize>(pub(super) &'a [[u8; N]; 256]);

impl<const N: usize> Lookup<N, 8> for Bytes<'_, N> {
    #[inline]
    fn octet(&self, packed: &[u8; 8], labels: &mut [[u8; N]; 8]) {
        for (label, &index) in labels.iter_mut().zip(packed) {
            *label = self.0[usize::from(index)];
        }
    }
}

/// For 16 and 32 bits: no table is that long, so that every index is looked at.
pub(super) struct Wide<'a, const N: usize>(pub(super) &'a [[u8; N]]);

impl<const N: usize, const BITS: usize> Lookup<N, BITS> for Wide<'_, N> {
    #[inline]
    fn octet(&self, packed: &[u8; BITS], labels: &mut [[u8; N]; 8]) {
        for (label, index) in labels.iter_mut().zip(unpack(packed)) {
            *label = self.0.get(index).copied().unwrap_or([0; N]);
        }
    }
}

/// Eight indices as numbers.
#[inline]
pub(super) fn unpack<const BITS: usize>(packed: &[u8; BITS]) -> [usize; 8] {
    std::array::from_fn(|place| match BITS {
        32 => word([0, 1, 2, 3].map(|byte| packed[place * 4 + byte])),
        16 => word([packed[place * 2], packed[place * 2 + 1], 0, 0]),
        _ => {
            let byte = usize::from(packed[place * BITS / 8]);
            byte >> (place * BITS % 8) & ((1 << BITS) - 1)
        }
    })
}

fn word(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

/// The first `LEN` labels, with zeros for those that the stream does not have.
pub(super) fn padded<const N: usize, const LEN: usize>(table: &[[u8; N]]) -> [[u8; N]; LEN] {
    if let Some(table) = table.first_chunk() {
        return *table;
    }
    let mut labels = [[0; N]; LEN];
    labels[..table.len()].copy_from_slice(table);
    labels
}
