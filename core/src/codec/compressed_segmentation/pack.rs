//! From label indices to packed bits.

use super::layout::{BlockShape, Part, Strides};
use super::palette::Palette;

/// Packs the indices of a part of a block into its bytes, which are zeros.
pub(super) fn pack<const N: usize>(
    bits: u8,
    palette: &Palette<N>,
    place: (&Part, BlockShape),
    out: &mut [u8],
) {
    match bits {
        0 => {}
        1 => pack_part::<N, 1>(palette, place, out),
        2 => pack_part::<N, 2>(palette, place, out),
        4 => pack_part::<N, 4>(palette, place, out),
        8 => pack_part::<N, 8>(palette, place, out),
        16 => pack_part::<N, 16>(palette, place, out),
        _ => pack_part::<N, 32>(palette, place, out),
    }
}

fn pack_part<const N: usize, const BITS: usize>(
    palette: &Palette<N>,
    (part, block): (&Part, BlockShape),
    out: &mut [u8],
) {
    let (numbers, indices) = (palette.numbers(), palette.indices());
    if numbers.len() == block.volume() {
        return pack_run::<BITS>(numbers, indices, 0, out);
    }
    let rows = part.rows(Strides { y: 0, z: 0 });
    for (numbers, (voxel, _)) in numbers.chunks(part.shape[0].max(1)).zip(rows) {
        pack_run::<BITS>(numbers, indices, block.place(voxel), out);
    }
}

/// Packs neighbours from a place on. What comes after them in their last byte is overwritten.
fn pack_run<const BITS: usize>(numbers: &[u32], indices: &[u32], place: usize, out: &mut [u8]) {
    let look_up = |number: u32| {
        let index = usize::try_from(number).ok().and_then(|number| indices.get(number));
        index.copied().unwrap_or(0)
    };
    let bit = place * BITS;
    if !bit.is_multiple_of(8) {
        for (&number, bit) in numbers.iter().zip((bit..).step_by(BITS)) {
            let [index, ..] = look_up(number).to_le_bytes();
            out[bit / 8] |= index << (bit % 8);
        }
        return;
    }
    let (octets, rest) = numbers.as_chunks::<8>();
    let (whole, tail) = out[bit / 8..].split_at_mut(octets.len() * BITS);
    for (octet, packed) in octets.iter().zip(whole.as_chunks_mut::<BITS>().0) {
        *packed = pack_octet(octet.map(look_up));
    }
    let mut last = [0; 8];
    for (index, &number) in last.iter_mut().zip(rest) {
        *index = look_up(number);
    }
    for (to, from) in tail.iter_mut().zip(pack_octet::<BITS>(last)) {
        *to = from;
    }
}

fn pack_octet<const BITS: usize>(indices: [u32; 8]) -> [u8; BITS] {
    let mut packed = [0; BITS];
    if BITS <= 8 {
        let bits = (0..).step_by(BITS).zip(indices);
        let bits = bits.fold(0, |bits, (shift, index)| bits | u64::from(index) << shift);
        packed.copy_from_slice(&bits.to_le_bytes()[..BITS]);
    } else {
        for (bytes, index) in packed.chunks_exact_mut(BITS / 8).zip(indices) {
            bytes.copy_from_slice(&index.to_le_bytes()[..BITS / 8]);
        }
    }
    packed
}
