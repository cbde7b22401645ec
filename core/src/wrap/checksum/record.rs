//! What is kept beside a value.
//!
//! All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `basums_1` |
//! | 4 | CRC-32C of the rest |
//! | 8 | the length of the value |
//! | 4 + n | the version that it belongs to, after its length |
//! | 4 each | CRC-32C of each piece of 1 MiB of the value; of an empty value there is none |

use bytes::{Buf, BufMut, Bytes};

use crate::backend::{Blob, ByteRange, Version};

/// Bytes of a piece; the last one may have less.
pub(super) const PIECE: u64 = 1 << 20;
const MAGIC: &[u8; 8] = b"basums_1";

/// The checksums of one version of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    len: u64,
    version: Version,
    sums: Vec<u32>,
}

impl Record {
    /// The checksums of a value.
    pub(super) fn of(value: &[u8], version: &Version) -> Self {
        let piece = usize::try_from(PIECE).unwrap_or(usize::MAX);
        let sums = value.chunks(piece).map(crc32c::crc32c).collect();
        Self { len: value.len() as u64, version: version.clone(), sums }
    }

    /// What is stored; `None` if the version is too long for it.
    pub(super) fn to_bytes(&self) -> Option<Bytes> {
        let version = self.version.as_bytes();
        let mut rest = Vec::with_capacity(12 + version.len() + 4 * self.sums.len());
        rest.put_u64_le(self.len);
        rest.put_u32_le(u32::try_from(version.len()).ok()?);
        rest.put_slice(version);
        self.sums.iter().for_each(|sum| rest.put_u32_le(*sum));
        let mut bytes = Vec::with_capacity(12 + rest.len());
        bytes.put_slice(MAGIC);
        bytes.put_u32_le(crc32c::crc32c(&rest));
        bytes.put_slice(&rest);
        Some(bytes.into())
    }

    /// Reads what is stored; `None` if it is damaged.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        if rest.try_get_u32_le().ok()? != crc32c::crc32c(rest) {
            return None;
        }
        let len = rest.try_get_u64_le().ok()?;
        let version_len = usize::try_from(rest.try_get_u32_le().ok()?).ok()?;
        let (version, sums) = rest.split_at_checked(version_len)?;
        let (sums, more) = sums.as_chunks::<4>();
        let is_whole = more.is_empty() && sums.len() as u64 == len.div_ceil(PIECE);
        is_whole.then(|| Self {
            len,
            version: Version::new(version),
            sums: sums.iter().map(|sum| u32::from_le_bytes(*sum)).collect(),
        })
    }

    /// Compares what was read with what was put, if it is the same version; says in words what is
    /// wrong.
    pub(super) fn check(&self, range: &ByteRange, blob: &Blob) -> Result<(), String> {
        if blob.version.as_ref() != Some(&self.version) {
            return Ok(());
        }
        let range = range.resolve(self.len);
        let (wanted, found) = (range.end - range.start, blob.bytes.len() as u64);
        if wanted != found {
            return Err(format!("it has {found} bytes where {wanted} were stored"));
        }
        let mut border = range.start.next_multiple_of(PIECE);
        for (sum, piece) in self.sums.iter().zip(0_u64..) {
            let (start, end) = (piece * PIECE, ((piece + 1) * PIECE).min(self.len));
            if start < border || end > range.end {
                continue;
            }
            border = end;
            let inside = ByteRange::Bounded(start - range.start..end - range.start);
            let found = crc32c::crc32c(&inside.slice(&blob.bytes));
            if found != *sum {
                return Err(format!(
                    "its {} bytes from {start} on have the CRC32C {found:08x}, and {sum:08x} was \
                     stored with them",
                    end - start
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::ContentEncoding;

    const LEN: u64 = 2 * PIECE + 9;

    fn record(len: u64) -> (Record, Bytes) {
        let value = Bytes::from(vec![7; usize::try_from(len).unwrap()]);
        (Record::of(&value, &Version::from_u64(3)), value)
    }

    #[test]
    fn records_come_back_and_damaged_ones_do_not() {
        for len in [0, 1, PIECE, LEN] {
            let (record, _) = record(len);
            let bytes = record.to_bytes().unwrap();
            assert_eq!(Record::parse(&bytes), Some(record));
            for at in 0..bytes.len() {
                let mut damaged = bytes.to_vec();
                damaged[at] ^= 1;
                assert_eq!(Record::parse(&damaged), None, "byte {at}");
                assert_eq!(Record::parse(&bytes[..at]), None);
            }
        }
    }

    #[test]
    fn pieces_that_are_read_whole_are_compared_and_others_are_not() {
        let (record, value) = record(LEN);
        let mut damaged = value.to_vec();
        damaged[usize::try_from(PIECE).unwrap() + 5] ^= 1;
        let damaged = Bytes::from(damaged);
        let check = |value: &Bytes, range: ByteRange, version| {
            let bytes = range.slice(value);
            let version = Some(Version::from_u64(version));
            let blob = Blob { bytes, version, content_encoding: ContentEncoding::Identity };
            record.check(&range, &blob)
        };
        let ranges = [
            (ByteRange::Full, true),
            (ByteRange::From(5), true),
            (ByteRange::Suffix(PIECE + 9), true),
            (ByteRange::Bounded(PIECE..2 * PIECE), true),
            (ByteRange::Bounded(PIECE + 1..3 * PIECE), false),
            (ByteRange::Bounded(0..2 * PIECE - 1), false),
            (ByteRange::Bounded(2 * PIECE..3 * PIECE), false),
            (ByteRange::Suffix(3), false),
        ];
        for (range, is_covered) in ranges {
            assert_eq!(check(&value, range.clone(), 3), Ok(()));
            assert_eq!(check(&damaged, range.clone(), 3).is_err(), is_covered, "{range:?}");
            assert_eq!(check(&damaged, range, 4), Ok(()), "it is another version");
        }
        let short = value.slice(..value.len() - 1);
        assert!(check(&short, ByteRange::Full, 3).unwrap_err().contains("were stored"));
    }
}
