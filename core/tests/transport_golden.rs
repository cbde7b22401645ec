//! Values that other programs compressed: Python 3.11's `lzma` (liblzma) and `bz2` (libbzip2).
//!
//! The content is `bytes(((i * i) >> 3) % 251 for i in range(3000))`. A file with two streams has
//! the first 1000 bytes in one and the rest in another; the `.xz` one has 8 bytes of padding
//! between them.
#![expect(clippy::unwrap_used, reason = "the helpers belong to the tests")]

use bigarrays_core::backend::ContentEncoding::{self, Bzip2, Xz};
use bigarrays_core::codec::CodecError;
use bigarrays_core::transport::decompress;
use proptest::prelude::*;

const FILES: [(&str, ContentEncoding, &[u8]); 6] = [
    ("default.xz", Xz, include_bytes!("golden/transport/default.xz")),
    ("level9_sha256.xz", Xz, include_bytes!("golden/transport/level9_sha256.xz")),
    ("delta_crc32.xz", Xz, include_bytes!("golden/transport/delta_crc32.xz")),
    ("two_streams_padded.xz", Xz, include_bytes!("golden/transport/two_streams_padded.xz")),
    ("default.bz2", Bzip2, include_bytes!("golden/transport/default.bz2")),
    ("two_streams.bz2", Bzip2, include_bytes!("golden/transport/two_streams.bz2")),
];

const LEN: usize = 3000;

fn content() -> Vec<u8> {
    (0..LEN).map(|i| u8::try_from(((i * i) >> 3) % 251).unwrap()).collect()
}

fn undo(encoding: ContentEncoding, stored: &[u8], limit: usize) -> Result<Vec<u8>, CodecError> {
    let mut scratch = vec![9; 5];
    decompress(encoding, stored, None, limit, &mut scratch).map(<[u8]>::to_vec)
}

#[test]
fn values_of_other_programs_decompress() {
    for (name, encoding, stored) in FILES {
        assert_eq!(undo(encoding, stored, LEN).unwrap(), content(), "{name}");
        assert_eq!(undo(encoding, stored, usize::MAX).unwrap(), content(), "{name}");
    }
}

#[test]
fn more_than_the_limit_is_too_long() {
    for (name, encoding, stored) in FILES {
        for limit in [0, 999, 1000, 1500, LEN - 1] {
            let error = undo(encoding, stored, limit).unwrap_err();
            assert!(matches!(error, CodecError::TooLong { .. }), "{name} at {limit}: {error}");
        }
    }
}

#[test]
fn cut_off_values_are_errors() {
    for (name, encoding, stored) in FILES {
        // Where one stream ends and no other has begun, the value is whole as far as it goes.
        let whole = |undone: &[u8]| undone == &content()[..1000] && name.starts_with("two_streams");
        for len in 1..stored.len() {
            if let Ok(undone) = undo(encoding, &stored[..len], LEN) {
                assert!(whole(&undone), "{name} cut to {len}");
            }
        }
    }
}

#[test]
fn xz_dictionary_beyond_any_level_is_refused_before_it_is_allocated() {
    // Larger than any level has, and of use for a value that is larger than that.
    let stored = with_dictionary(30);
    assert_eq!(undo(Xz, &stored, 100 << 20).unwrap(), content());
    for too_large in [stored, with_dictionary(40)] {
        let error = undo(Xz, &too_large, LEN).unwrap_err();
        let CodecError::Transport { encoding: Xz, source } = error else { panic!("{error}") };
        assert_eq!(source.kind(), std::io::ErrorKind::OutOfMemory, "{source}");
    }
}

/// The first file, asking for a dictionary of 128 MiB (30) or 4 GiB less a byte (40).
fn with_dictionary(property: u8) -> Vec<u8> {
    let (_, _, stored) = FILES[0];
    let mut stored = stored.to_vec();
    // After the 12 bytes of the stream header: length of the block header in words less one, flags,
    // filter 0x21 (LZMA2), 1 byte of properties, the property, padding, CRC32.
    let header_end = 12 + 4 * (usize::from(stored[12]) + 1);
    assert_eq!(stored[13..16], [0, 0x21, 1]);
    stored[16] = property;
    let crc = libdeflater::crc32(&stored[12..header_end - 4]);
    stored[header_end - 4..header_end].copy_from_slice(&crc.to_le_bytes());
    stored
}

proptest! {
    #[test]
    fn damaged_values_never_panic(
        file in 0..FILES.len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
    ) {
        let (_, encoding, stored) = FILES[file];
        let mut damaged = stored.to_vec();
        for (at, flip) in flips {
            damaged[at.index(stored.len())] ^= flip;
        }
        if let Ok(undone) = undo(encoding, &damaged, LEN) {
            prop_assert!(undone.len() <= LEN);
        }
    }
}
