//! Second-stage compression: a stored value compressed as a whole.
//!
//! Which compression a value has is told by its store ([`ContentEncoding`]: a file suffix, an
//! HTTP header, a column) and never guessed from the bytes.

use std::io::{self, Read};

use bigarrays_info::Encoding;
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

    /// The transport of a chunk encoding where nobody chose one. It is CloudVolume's: gzip for
    /// those that leave something to compress, none for the rest.
    #[must_use]
    pub const fn for_encoding(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Raw
            | Encoding::CompressedSegmentation
            | Encoding::Compresso
            | Encoding::Crackle => Self::GZIP,
            Encoding::Jpeg
            | Encoding::Png
            | Encoding::Jxl
            | Encoding::Fpzip
            | Encoding::Kempressed
            | Encoding::Zfpc
            | Encoding::Gzip
            | Encoding::Zstd
            | Encoding::Blosclz => Self::None,
        }
    }

    /// Compresses a value. Levels beyond the range of the algorithm are taken as its nearest.
    ///
    /// # Errors
    /// [`CodecError::Transport`] if the compression library fails.
    pub fn compress(self, bytes: Vec<u8>) -> Result<Value, CodecError> {
        let (compressed, encoding) = match self {
            Self::None => return Ok(Value::plain(bytes)),
            Self::Gzip(level) => (gzip(&bytes, level), ContentEncoding::Gzip),
            Self::Brotli(quality) => (brotli(&bytes, quality), ContentEncoding::Brotli),
            Self::Zstd(level) => (zstd(&bytes, level), ContentEncoding::Zstd),
        };
        match compressed {
            Ok(compressed) => Ok(Value::encoded(compressed, encoding)),
            Err(source) => Err(CodecError::Transport { encoding, source }),
        }
    }
}

/// One gzip member.
pub(crate) fn gzip(bytes: &[u8], level: u8) -> io::Result<Vec<u8>> {
    let level = libdeflater::CompressionLvl::new(i32::from(level.min(12))).unwrap_or_default();
    let mut compressor = libdeflater::Compressor::new(level);
    let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let len = compressor.gzip_compress(bytes, &mut out).map_err(io::Error::other)?;
    out.truncate(len);
    Ok(out)
}

/// One Zstandard frame that tells its length.
pub(crate) fn zstd(bytes: &[u8], level: u8) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, i32::from(level.clamp(1, 22)))
}

fn brotli(bytes: &[u8], quality: u8) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: i32::from(quality.min(11)),
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut out = Vec::new();
    let mut bytes = bytes;
    brotli::BrotliCompress(&mut bytes, &mut out, &parameters)?;
    Ok(out)
}

/// Undoes the compression of a stored value whose decompressed length is at most `limit`.
/// `expected` is that length where the format fixes it. `scratch` is reused between calls.
///
/// # Errors
/// [`CodecError::Transport`] for damaged data, [`CodecError::TooLong`] if it decompresses to more
/// than `limit` bytes (no more than that is ever produced).
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
            if let Some(expected) = expected
                && unzstd_exactly(stored, expected, scratch)
            {
                return Ok(scratch);
            }
            let decoder = zstd::stream::read::Decoder::with_buffer(stored)
                .map_err(|source| CodecError::Transport { encoding, source })?;
            read_to_limit(encoding, decoder, limit, scratch)?;
        }
        ContentEncoding::Xz => {
            let memory = xz_memory_kib(limit);
            let reader = lzma_rust2::XzReader::new_mem_limit(stored, true, memory);
            read_to_limit(encoding, reader, limit, scratch)?;
        }
        ContentEncoding::Bzip2 => {
            read_to_limit(encoding, bzip2::read::MultiBzDecoder::new(stored), limit, scratch)?;
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

/// Undoes the compression of the first `needed` bytes of a stored value, which are then those of
/// `scratch`, if that is sooner done than the whole of `expected` bytes. `false`: it is not, or the
/// whole has to tell what is wrong.
pub(crate) fn decompress_head(
    encoding: ContentEncoding,
    stored: &[u8],
    (needed, expected): (usize, usize),
    scratch: &mut Vec<u8>,
) -> bool {
    /// A stream is decompressed at a third to two thirds of the rate of a whole.
    const SOONER: usize = 4;
    if encoding != ContentEncoding::Gzip
        || needed.saturating_mul(SOONER) > expected
        || !has_length(stored, expected)
    {
        return false;
    }
    if scratch.len() < needed {
        scratch.resize(needed, 0);
    }
    flate2::bufread::GzDecoder::new(stored).read_exact(&mut scratch[..needed]).is_ok()
}

/// Whether a gzip file says that it is of this length: it ends in it, modulo 2^32. A second member
/// would end in its own.
fn has_length(stored: &[u8], expected: usize) -> bool {
    stored.last_chunk::<4>().is_some_and(|trailer| {
        u64::from(u32::from_le_bytes(*trailer)) == expected as u64 & u64::from(u32::MAX)
    })
}

/// The fast path: one gzip member whose length is known. `false` if it is anything else.
fn inflate_exactly(stored: &[u8], expected: usize, scratch: &mut Vec<u8>) -> bool {
    if !has_length(stored, expected) {
        return false;
    }
    scratch.resize(expected, 0);
    let inflated = libdeflater::Decompressor::new().gzip_decompress(stored, scratch);
    matches!(inflated, Ok(len) if len == expected)
}

/// The fast path: frames whose length is known need no window beside the result. `false` if they
/// are of another length, or damaged.
fn unzstd_exactly(stored: &[u8], expected: usize, scratch: &mut Vec<u8>) -> bool {
    scratch.resize(expected, 0);
    let len = zstd::bulk::decompress_to_buffer(stored, scratch.as_mut_slice());
    matches!(len, Ok(len) if len == expected)
}

/// The memory that an xz stream may ask for: its header tells the size of the dictionary, up to
/// 4 GiB. The program's highest level has 64 MiB whatever the length of the value; a larger one is
/// of use only where the value is as large.
fn xz_memory_kib(limit: usize) -> u32 {
    const HIGHEST_LEVEL: usize = 64 << 20;
    const DECODER_ITSELF: usize = 1 << 20;
    let dictionary = limit.checked_next_power_of_two().unwrap_or(limit).max(HIGHEST_LEVEL);
    // The library takes the largest number for no limit at all.
    u32::try_from(dictionary.saturating_add(DECODER_ITSELF) / 1024).unwrap_or(u32::MAX - 1)
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
    fn transport_of_an_encoding_is_gzip_where_that_leaves_something_to_gain() {
        let gzipped: Vec<_> = Encoding::ALL
            .into_iter()
            .filter(|&encoding| Transport::for_encoding(encoding) == Transport::GZIP)
            .map(Encoding::name)
            .collect();
        assert_eq!(gzipped, ["raw", "compressed_segmentation", "compresso", "crackle"]);
        assert_eq!(Transport::for_encoding(Encoding::Fpzip), Transport::None);
    }

    #[test]
    fn memory_for_xz_is_that_of_its_highest_level_or_of_the_value() {
        assert_eq!(xz_memory_kib(0), 65 << 10);
        assert_eq!(xz_memory_kib(100 << 20), 129 << 10);
        assert!(xz_memory_kib(usize::MAX) < u32::MAX);
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
