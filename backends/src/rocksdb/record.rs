//! What the family of keys says of a value.

use std::ops::Range;

use bigarrays_core::backend::{ContentEncoding, ErrorKind, Meta, Version};
use bigarrays_core::key::Key;

use super::failure::{Failure, corrupt};
use super::sums::PieceSums;

/// The format of a record without checksums. Part of the format of the database, as everything
/// here.
const BARE: u8 = 1;
/// The format of a record that ends with a checksum for each piece.
const SUMMED: u8 = 2;
/// Bytes of a record, without its checksums.
const LEN: usize = 24;
/// Bytes of a piece of a value; the last one may have less.
pub(super) const PIECE: u64 = 1 << 20;

/// What is known of a value besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) content_encoding: ContentEncoding,
    /// The number of its first piece.
    pub(super) version: u64,
    /// In bytes.
    pub(super) size: u64,
}

/// A record, and the checksums of its pieces if they are known.
pub(super) type Summed = (Record, Option<PieceSums>);

impl Record {
    pub(super) fn parse(record: &[u8]) -> Result<Self, Failure> {
        Self::split(record).map(|(record, _)| record)
    }

    /// The record, and the checksums of its pieces if it has some.
    pub(super) fn parse_with_sums(record: &[u8]) -> Result<Summed, Failure> {
        let (record, sums) = Self::split(record)?;
        Ok((record, sums.map(PieceSums::parse)))
    }

    /// A record, and the bytes of its checksums.
    fn split(record: &[u8]) -> Result<(Self, Option<&[u8]>), Failure> {
        let damaged = || corrupt(format!("the record of a key has {} bytes", record.len()));
        let (head, sums) = record.split_first_chunk::<LEN>().ok_or_else(damaged)?;
        let (this, format) = Self::parse_head(*head)?;
        match format {
            BARE if sums.is_empty() => Ok((this, None)),
            SUMMED if sums.len() as u64 == Self::pieces(this.size).saturating_mul(4) => {
                Ok((this, Some(sums)))
            }
            _ => Err(damaged()),
        }
    }

    fn parse_head(head: [u8; LEN]) -> Result<(Self, u8), Failure> {
        let [format, encoding, _, _, _, _, _, _, rest @ ..] = head;
        if ![BARE, SUMMED].contains(&format) {
            let note = format!(
                "a record has format {format}, but this version of bigarrays knows only {SUMMED}"
            );
            return Err(Failure::new(ErrorKind::InvalidConfig, note));
        }
        let content_encoding = encoding_of(encoding)
            .ok_or_else(|| corrupt(format!("there is no content encoding {encoding}")))?;
        let number = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
        let [v0, v1, v2, v3, v4, v5, v6, v7, size @ ..] = rest;
        let version = number([v0, v1, v2, v3, v4, v5, v6, v7]);
        Ok((Self { content_encoding, version, size: number(size) }, format))
    }

    pub(super) fn to_bytes(self, sums: Option<&PieceSums>) -> Vec<u8> {
        let mut bytes = vec![0; LEN];
        bytes[0] = if sums.is_some() { SUMMED } else { BARE };
        bytes[1] = number_of(self.content_encoding);
        bytes[8..16].copy_from_slice(&self.version.to_le_bytes());
        bytes[16..].copy_from_slice(&self.size.to_le_bytes());
        bytes.extend(sums.into_iter().flat_map(PieceSums::to_bytes));
        bytes
    }

    pub(super) fn version(self) -> Version {
        Version::from_u64(self.version)
    }

    pub(super) fn meta(self, key: Key) -> Meta {
        Meta {
            key,
            size: self.size,
            version: Some(self.version()),
            content_encoding: Some(self.content_encoding),
        }
    }

    /// How many pieces a value of this length has; none if it is empty.
    pub(super) const fn pieces(size: u64) -> u64 {
        size.div_ceil(PIECE)
    }

    /// All its numbers: one for each piece, and one at least.
    pub(super) fn numbers(self) -> Range<u64> {
        self.version..self.version.saturating_add(Self::pieces(self.size).max(1))
    }

    /// The keys of all its pieces.
    pub(super) fn piece_keys(self) -> impl Iterator<Item = [u8; 8]> {
        (0..Self::pieces(self.size)).map(move |n| self.piece_key(n))
    }

    /// The key of a piece: big-endian, so that pieces lie in the order in which they were made.
    pub(super) const fn piece_key(self, n: u64) -> [u8; 8] {
        self.version.wrapping_add(n).to_be_bytes()
    }
}

const fn number_of(encoding: ContentEncoding) -> u8 {
    match encoding {
        ContentEncoding::Identity => 0,
        ContentEncoding::Gzip => 1,
        ContentEncoding::Brotli => 2,
        ContentEncoding::Zstd => 3,
        ContentEncoding::Xz => 4,
        ContentEncoding::Bzip2 => 5,
    }
}

const fn encoding_of(number: u8) -> Option<ContentEncoding> {
    Some(match number {
        0 => ContentEncoding::Identity,
        1 => ContentEncoding::Gzip,
        2 => ContentEncoding::Brotli,
        3 => ContentEncoding::Zstd,
        4 => ContentEncoding::Xz,
        5 => ContentEncoding::Bzip2,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        for n in 0..=5 {
            let content_encoding = encoding_of(n).unwrap();
            assert_eq!(number_of(content_encoding), n);
            let record = Record { content_encoding, version: 0x0102_0304_0506_0708, size: 9 };
            let bytes = record.to_bytes(None);
            let want = [1, n, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 0, 0, 0, 0];
            assert_eq!(bytes, want);
            assert_eq!(Record::parse_with_sums(&bytes).unwrap(), (record, None));
            let sums = PieceSums::of(b"123456789");
            let bytes = record.to_bytes(Some(&sums));
            assert_eq!(bytes[0], 2);
            assert_eq!((&bytes[1..24], &bytes[24..]), (&want[1..], &[0x83, 0x92, 0x06, 0xe3][..]));
            assert_eq!(Record::parse(&bytes).unwrap(), record);
            assert_eq!(Record::parse_with_sums(&bytes).unwrap(), (record, Some(sums)));
        }
    }

    #[test]
    fn what_is_no_record_is_told() {
        let encoding = ContentEncoding::Identity;
        let record = Record { content_encoding: encoding, version: 1, size: 7 };
        let good = record.to_bytes(None);
        for good in [&good, &record.to_bytes(Some(&PieceSums::of(b"7 bytes")))] {
            for len in 0..good.len() {
                assert_eq!(Record::parse(&good[..len]).unwrap_err().kind(), ErrorKind::Corrupt);
            }
            assert!(Record::parse(&[&good[..], &[0]].concat()).is_err());
        }
        let changed = |at: usize, byte| {
            let mut record = good.clone();
            record[at] = byte;
            Record::parse(&record).unwrap_err().kind()
        };
        assert_eq!(changed(0, 2), ErrorKind::Corrupt);
        assert_eq!(changed(0, 3), ErrorKind::InvalidConfig);
        assert_eq!(changed(1, 6), ErrorKind::Corrupt);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_record_or_told(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
            is_likely: bool,
        ) {
            let mut bytes = bytes;
            if is_likely {
                let sums = bytes.get(LEN..).unwrap_or_default().len() / 4 % 3;
                bytes.resize(LEN + 4 * sums, 7);
                (bytes[0], bytes[1]) = (if sums == 0 { BARE } else { SUMMED }, bytes[1] % 8);
                let size = PIECE * sums as u64;
                bytes[16..LEN].copy_from_slice(&size.to_le_bytes());
            }
            if let Ok((record, sums)) = Record::parse_with_sums(&bytes) {
                let again = record.to_bytes(sums.as_ref());
                proptest::prop_assert_eq!(&again[..2], &bytes[..2]);
                proptest::prop_assert_eq!(&again[8..], &bytes[8..]);
            }
        }
    }

    #[test]
    fn a_value_has_a_piece_for_each_mebibyte_and_their_keys_are_in_order() {
        let content_encoding = ContentEncoding::Identity;
        for (size, pieces) in [(0, 0), (1, 1), (PIECE, 1), (PIECE + 1, 2), (5 * PIECE, 5)] {
            let record = Record { content_encoding, version: 254, size };
            let keys: Vec<_> = record.piece_keys().collect();
            assert_eq!(keys.len(), pieces);
            assert!(keys.is_sorted());
        }
    }
}
