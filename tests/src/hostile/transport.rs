//! Stored values that are compressed as a whole.

use bigarrays_core::backend::ContentEncoding;
use bigarrays_core::transport::decompress;

use super::bound::measured;

/// The most that a decompressor takes for itself: Brotli's largest window, 16 MiB, held twice while
/// it grows, and its tables.
const DECOMPRESSOR: u64 = 36 << 20;

/// Decompresses an input.
///
/// | byte | what it chooses |
/// |---|---|
/// | 0 | the compression: gzip, brotli, zstd, xz, bzip2, none, `byte % 6` |
/// | 1, 2 | the limit, little-endian |
/// | 3 | what length is expected: none, the limit, half of it, `byte % 3` |
/// | 4.. | the stored value |
///
/// # Panics
/// If more than the limit comes out, or more memory was held than the result and a decompressor
/// take.
pub fn transport(input: &[u8]) {
    let Some(([chosen, low, high, expected], stored)) = input.split_first_chunk() else { return };
    let encoding = ContentEncoding::COMPRESSED
        .get(usize::from(*chosen) % 6)
        .copied()
        .unwrap_or(ContentEncoding::Identity);
    let limit = usize::from(u16::from_le_bytes([*low, *high]));
    let expected = [None, Some(limit), Some(limit / 2)][usize::from(*expected) % 3];

    let mut scratch = Vec::new();
    let (result, held) = measured(|| decompress(encoding, stored, expected, limit, &mut scratch));
    let most = 4 * limit as u64 + DECOMPRESSOR;
    assert!(held <= most, "decompressing {encoding} held {held} bytes, not {most}");
    match result {
        // What is not compressed is handed on as it is; its reader checks the length.
        Ok(bytes) if encoding == ContentEncoding::Identity => assert_eq!(bytes, stored),
        Ok(bytes) => assert!(bytes.len() <= limit, "{} bytes, not {limit}", bytes.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
