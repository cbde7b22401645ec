//! Second-stage compression: a stored value compressed as a whole.
//!
//! Which compression a value has is told by its store ([`ContentEncoding`]: a file suffix, an
//! HTTP header, a column) and never guessed from the bytes.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;

use crate::backend::{ContentEncoding, Value};
use crate::codec::CodecError;

/// How values are compressed before they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Transport {
    /// Not at all: every reader can read it, also one that maps the file.
    #[default]
    None,
    /// gzip at a level 0 (fast) to 12 (small).
    Gzip(u8),
    /// Brotli at a quality 0 to 11.
    Brotli(u8),
    /// Zstandard at a level 1 to 22.
    Zstd(u8),
}

impl Transport {
    /// gzip at the level that CloudVolume uses.
    pub const GZIP: Self = Self::Gzip(9);
    /// Brotli at the quality that CloudVolume uses.
    pub const BROTLI: Self = Self::Brotli(5);
    /// Zstandard at its own default level.
    pub const ZSTD: Self = Self::Zstd(3);

    /// Compresses a value. Levels beyond the range of the algorithm are taken as its nearest.
    ///
    /// # Errors
    /// [`CodecError::Transport`] if the compression library fails.
    pub fn compress(self, bytes: Vec<u8>) -> Result<Value, CodecError> {
        let failed = |encoding, source| CodecError::Transport { encoding, source };
        Ok(match self {
            Self::None => Value::plain(bytes),
            Self::Gzip(level) => {
                let level =
                    libdeflater::CompressionLvl::new(i32::from(level.min(12))).unwrap_or_default();
                let mut compressor = libdeflater::Compressor::new(level);
                let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
                let len = compressor.gzip_compress(&bytes, &mut out).map_err(|source| {
                    failed(ContentEncoding::Gzip, std::io::Error::other(source))
                })?;
                out.truncate(len);
                Value::encoded(out, ContentEncoding::Gzip)
            }
            Self::Brotli(quality) => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: i32::from(quality.min(11)),
                    size_hint: bytes.len(),
                    ..Default::default()
                };
                let mut out = Vec::new();
                brotli::BrotliCompress(&mut bytes.as_slice(), &mut out, &parameters)
                    .map_err(|source| failed(ContentEncoding::Brotli, source))?;
                Value::encoded(out, ContentEncoding::Brotli)
            }
            Self::Zstd(level) => {
                let out = zstd::bulk::compress(&bytes, i32::from(level.clamp(1, 22)))
                    .map_err(|source| failed(ContentEncoding::Zstd, source))?;
                Value::encoded(out, ContentEncoding::Zstd)
            }
        })
    }
}

/// Undoes the compression of a stored value whose decompressed length is at most `limit`.
/// `expected` is that length where the format fixes it. `scratch` is reused between calls.
///
/// # Errors
/// [`CodecError::Transport`] for damaged data, [`CodecError::TooLong`] if it decompresses to more
/// than `limit` bytes (no more than that is ever produced), [`CodecError::Unsupported`] for xz
/// and bzip2.
pub fn decompress<'a>(
    encoding: ContentEncoding,
    stored: &'a [u8],
    expected: Option<usize>,
    limit: usize,
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8], CodecError> {
    match encoding {
        ContentEncoding::Identity => return Ok(stored),
        ContentEncoding::Gzip => {
            if let Some(expected) = expected
                && inflate_exactly(stored, expected, scratch)
            {
                return Ok(scratch);
            }
            // Of unknown length, of several members, or damaged: the streaming reader tells.
            read_to_limit(encoding, flate2::read::MultiGzDecoder::new(stored), limit, scratch)?;
        }
        ContentEncoding::Brotli => {
            read_to_limit(encoding, brotli::Decompressor::new(stored, 4096), limit, scratch)?;
        }
        ContentEncoding::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(stored)
                .map_err(|source| CodecError::Transport { encoding, source })?;
            read_to_limit(encoding, decoder, limit, scratch)?;
        }
        ContentEncoding::Xz | ContentEncoding::Bzip2 => {
            return Err(CodecError::Unsupported {
                what: Cow::Owned(format!("the compression {encoding}")),
            });
        }
    }
    Ok(scratch)
}

/// Decompresses a small document (such as `info`) of at most `limit` bytes.
///
/// # Errors
/// As [`decompress`].
pub fn decompress_document(
    encoding: ContentEncoding,
    stored: &Bytes,
    limit: usize,
) -> Result<Bytes, CodecError> {
    if encoding == ContentEncoding::Identity {
        return Ok(stored.clone());
    }
    let mut scratch = Vec::new();
    decompress(encoding, stored, None, limit, &mut scratch)?;
    Ok(scratch.into())
}

/// The fast path: one gzip member whose length is known. `false` if it is anything else.
fn inflate_exactly(stored: &[u8], expected: usize, scratch: &mut Vec<u8>) -> bool {
    // A gzip file ends in its length modulo 2^32; a second member would end in its own.
    let Some(trailer) = stored.last_chunk::<4>() else { return false };
    if u64::from(u32::from_le_bytes(*trailer)) != expected as u64 & u64::from(u32::MAX) {
        return false;
    }
    scratch.resize(expected, 0);
    let inflated = libdeflater::Decompressor::new().gzip_decompress(stored, scratch);
    matches!(inflated, Ok(len) if len == expected)
}

fn read_to_limit(
    encoding: ContentEncoding,
    reader: impl Read,
    limit: usize,
    scratch: &mut Vec<u8>,
) -> Result<(), CodecError> {
    scratch.clear();
    let more_than_enough = (limit as u64).saturating_add(1);
    let read = reader.take(more_than_enough).read_to_end(scratch);
    read.map_err(|source| CodecError::Transport { encoding, source })?;
    if scratch.len() > limit {
        return Err(CodecError::TooLong { limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Transport; 4] =
        [Transport::None, Transport::GZIP, Transport::BROTLI, Transport::ZSTD];

    fn undo(value: &Value, expected: Option<usize>, limit: usize) -> Result<Vec<u8>, CodecError> {
        let mut scratch = vec![1, 2, 3];
        decompress(value.content_encoding, &value.bytes, expected, limit, &mut scratch)
            .map(<[u8]>::to_vec)
    }

    proptest! {
        #[test]
        fn what_is_compressed_decompresses_equal(bytes in prop::collection::vec(any::<u8>(), 0..3000), level in 0_u8..30) {
            for transport in [Transport::None, Transport::Gzip(level), Transport::Brotli(level.min(9)), Transport::Zstd(level.min(19))] {
                let value = transport.compress(bytes.clone()).unwrap();
                prop_assert_eq!(&undo(&value, Some(bytes.len()), bytes.len()).unwrap(), &bytes);
                prop_assert_eq!(&undo(&value, None, 5000).unwrap(), &bytes);
            }
        }

        #[test]
        fn damaged_streams_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 1..300), at in any::<prop::sample::Index>(), flip in 1_u8..) {
            for transport in ALL {
                let mut stored = transport.compress(bytes.clone()).unwrap();
                let mut damaged = stored.bytes.to_vec();
                let at = at.index(damaged.len());
                damaged[at] ^= flip;
                stored.bytes = damaged.into();
                let _ = undo(&stored, Some(bytes.len()), bytes.len());
                bytes.reverse();
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        for transport in &ALL[1..] {
            let value = transport.compress(vec![0; 1 << 20]).unwrap();
            for expected in [Some(1000), None] {
                let error = undo(&value, expected, 1000).unwrap_err();
                assert!(matches!(error, CodecError::TooLong { limit: 1000 }), "{error}");
            }
        }
    }

    #[test]
    fn several_gzip_members_are_one_value() {
        let part = |bytes: &[u8]| Transport::GZIP.compress(bytes.to_vec()).unwrap().bytes;
        let joined = [part(b"abc"), part(b"defgh")].concat();
        let value = Value::encoded(joined, ContentEncoding::Gzip);
        assert_eq!(undo(&value, Some(8), 8).unwrap(), b"abcdefgh");
    }

    #[test]
    fn truncated_streams_are_errors() {
        for transport in &ALL[1..] {
            let mut value = transport.compress((0..=255).collect()).unwrap();
            value.bytes.truncate(value.bytes.len() - 5);
            assert!(undo(&value, Some(256), 256).is_err(), "{transport:?}");
        }
    }
}
