//! Values that can be recognised: reproducible bytes, and bytes that prove themselves whole.

use bytes::Bytes;

/// Length of the head of a [`sealed`] value: its number and its length.
pub(super) const HEAD: usize = 16;

/// `len` bytes that follow from `seed` and look random (splitmix64).
pub(super) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len.next_multiple_of(8));
    let mut state = seed.wrapping_mul(0x2545_F491_4F6C_DD1D);
    while bytes.len() < len {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Value number `number` of `len` bytes, 16 at the least: it says its number and length, and the
/// rest follows from these. A mixture of two such values, or a part of one, is neither.
#[must_use]
pub fn sealed(number: u64, len: usize) -> Bytes {
    let len = len.max(HEAD);
    let mut bytes = Vec::with_capacity(len);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&(len as u64).to_le_bytes());
    bytes.extend_from_slice(&noise(number, len - HEAD));
    bytes.into()
}

/// The number of a [`sealed`] value.
///
/// # Errors
/// What is wrong with it, in words: it was never written so, is cut off, or mixed with another.
pub fn unseal(bytes: &[u8]) -> Result<u64, String> {
    let (number, len) = read_head(bytes)?;
    if bytes.len() as u64 != len {
        return Err(format!("value {number} should have {len} bytes and has {}", bytes.len()));
    }
    if sealed(number, bytes.len()) != bytes {
        return Err(format!("value {number} is mixed with another one"));
    }
    Ok(number)
}

/// The number and length that the head of a [`sealed`] value tells.
pub(super) fn read_head(bytes: &[u8]) -> Result<(u64, u64), String> {
    let (number, rest) = bytes
        .split_first_chunk::<8>()
        .ok_or_else(|| format!("a value of {} bytes was never written", bytes.len()))?;
    let (len, _) = rest
        .split_first_chunk::<8>()
        .ok_or_else(|| format!("a value of {} bytes was never written", bytes.len()))?;
    Ok((u64::from_le_bytes(*number), u64::from_le_bytes(*len)))
}

/// Where two values begin to differ, in words.
pub(super) fn difference(got: &[u8], want: &[u8]) -> String {
    let at = got.iter().zip(want).position(|(a, b)| a != b);
    match at {
        Some(at) => format!(
            "{} bytes that differ from the {} expected at position {at}",
            got.len(),
            want.len()
        ),
        None => format!("{} bytes instead of {}", got.len(), want.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixture_or_a_part_is_recognised() {
        let (old, new) = (sealed(1, 100), sealed(2, 100));
        assert_eq!(unseal(&old), Ok(1));
        assert!(unseal(&old[..99]).is_err());
        assert!(unseal(&old[..5]).is_err());
        for cut in [8, 16, 50, 99] {
            let mixed = [&new[..cut], &old[cut..]].concat();
            assert!(unseal(&mixed).is_err(), "{cut}");
        }
        assert_ne!(noise(1, 64), noise(2, 64));
        assert_eq!(noise(1, 13), noise(1, 64)[..13]);
    }
}
