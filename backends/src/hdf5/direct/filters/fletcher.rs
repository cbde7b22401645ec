//! The checksum fletcher32 as HDF5 computes it: over words of 16 bits, the high byte first.

use super::super::error::H5Error;

/// Bytes of the checksum, which is stored little-endian behind the others.
pub(super) const LEN: usize = 4;

/// Words after which the sums are reduced; they cannot overflow before.
const RUN: usize = 360;

/// Takes the checksum off, if it is right.
pub(super) fn check_and_strip(stored: &[u8], out: &mut Vec<u8>) -> Result<(), H5Error> {
    let Some((content, told)) = stored.split_last_chunk::<LEN>() else {
        return Err(H5Error::corrupt("it is shorter than its checksum"));
    };
    let sum = checksum(content);
    // Old releases stored the bytes of each half the other way round.
    let [a, b, c, d] = *told;
    if u32::from_le_bytes(*told) != sum && u32::from_le_bytes([b, a, d, c]) != sum {
        return Err(H5Error::corrupt("its checksum (fletcher32) does not match"));
    }
    out.clear();
    out.extend_from_slice(content);
    Ok(())
}

/// The bytes and their checksum behind them.
pub(super) fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    [bytes, &checksum(bytes).to_le_bytes()].concat()
}

fn checksum(bytes: &[u8]) -> u32 {
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut low, mut high) = (0_u32, 0_u32);
    for run in bytes.chunks(RUN * 2) {
        for word in run.chunks(2) {
            let second = word.get(1).copied().unwrap_or(0);
            low += u32::from(u16::from_be_bytes([word[0], second]));
            high += low;
        }
        (low, high) = (fold(low), fold(high));
    }
    (low, high) = (fold(low), fold(high));
    (high << 16) | low
}
