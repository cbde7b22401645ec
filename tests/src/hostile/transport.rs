//! Stored values that are compressed as a whole.

use bigarrays_core::backend::ContentEncoding;
use bigarrays_core::transport::decompress;

use super::bound::measured;

/// The most that a decompressor takes for itself. What is in C (gzip in part, Zstandard) is not
/// counted.
const fn of_decompressor(encoding: ContentEncoding) -> u64 {
    const MIB: u64 = 1 << 20;
    match encoding {
        ContentEncoding::Identity => 0,
        ContentEncoding::Gzip | ContentEncoding::Zstd => MIB / 4,
        // The largest window is 16 MiB, held twice while it grows; and tables.
        ContentEncoding::Brotli => 36 * MIB,
        // The dictionary of the highest level has 64 MiB.
        ContentEncoding::Xz => 68 * MIB,
        // A block of 900 kB, sorted by numbers of 4 bytes.
        ContentEncoding::Bzip2 => 5 * MIB,
    }
}

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
    let most = 4 * limit as u64 + of_decompressor(encoding);
    assert!(held <= most, "decompressing {encoding} held {held} bytes, not {most}");
    match result {
        // What is not compressed is handed on as it is; its reader checks the length.
        Ok(bytes) if encoding == ContentEncoding::Identity => assert_eq!(bytes, stored),
        Ok(bytes) => assert!(bytes.len() <= limit, "{} bytes, not {limit}", bytes.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
