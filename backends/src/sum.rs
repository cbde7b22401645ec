//! CRC32C of stored bytes, for the stores that keep one beside each value.

/// The checksum of some bytes.
pub(crate) fn of(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// Compares bytes, which begin at `start` in their value, with the checksum that was stored; says
/// in words what is wrong.
pub(crate) fn check(start: u64, bytes: &[u8], stored: Option<u32>) -> Result<(), String> {
    let found = of(bytes);
    match stored {
        Some(stored) if stored == found => Ok(()),
        Some(stored) => Err(format!(
            "its {} bytes from {start} on have the CRC32C {found:08x}, and {stored:08x} was stored \
             with them",
            bytes.len()
        )),
        None => Err(format!("no checksum was stored of its bytes from {start} on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc32c() {
        // RFC 3720, appendix B.4.
        assert_eq!(of(&[0; 32]), 0x8a91_36aa);
        assert_eq!(of(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn what_is_wrong_is_told_with_both_sums() {
        assert_eq!(check(0, b"123456789", Some(0xe306_9283)), Ok(()));
        let told = check(7, b"123456788", Some(0xe306_9283)).unwrap_err();
        assert!(told.contains("9 bytes from 7 on") && told.contains("e3069283"), "{told}");
        assert!(check(0, b"x", None).is_err());
    }
}
