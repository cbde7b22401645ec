//! What stands in the database for a value: a record under its key in each of two families.

use bigarrays_core::backend::{ContentEncoding, ErrorKind, Meta, Version};
use bigarrays_core::key::Key;

use super::failure::{Failure, corrupt};

/// The format of a record. Part of the format, as everything here.
const FORMAT: u8 = 1;
/// Bytes before those of the value.
pub(super) const HEADER: usize = 16;

/// What is known of a value besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) content_encoding: ContentEncoding,
    pub(super) version: u64,
}

impl Header {
    pub(super) fn version(self) -> Version {
        Version::from_u64(self.version)
    }

    fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0] = FORMAT;
        bytes[1] = number(self.content_encoding);
        bytes[8..].copy_from_slice(&self.version.to_le_bytes());
        bytes
    }

    /// The header of a record of the family `values`; what follows it is the value.
    pub(super) fn of(record: &[u8]) -> Result<Self, Failure> {
        let short = || corrupt(format!("a record has only {} bytes", record.len()));
        let (header, _) = record.split_first_chunk::<HEADER>().ok_or_else(short)?;
        let [format, encoding, _, _, _, _, _, _, version @ ..] = *header;
        if format != FORMAT {
            let note = format!(
                "a record has format {format}, but this version of bigarrays knows only {FORMAT}"
            );
            return Err(Failure::new(ErrorKind::InvalidConfig, note));
        }
        let content_encoding = encoding_of(encoding)
            .ok_or_else(|| corrupt(format!("there is no content encoding {encoding}")))?;
        Ok(Self { content_encoding, version: u64::from_le_bytes(version) })
    }

    /// A record of the family `values`.
    pub(super) fn with_value(self, value: &[u8]) -> Vec<u8> {
        let mut record = Vec::with_capacity(HEADER + value.len());
        record.extend_from_slice(&self.to_bytes());
        record.extend_from_slice(value);
        record
    }

    /// A record of the family `keys`.
    pub(super) fn with_size(self, size: u64) -> [u8; HEADER + 8] {
        let mut record = [0; HEADER + 8];
        record[..HEADER].copy_from_slice(&self.to_bytes());
        record[HEADER..].copy_from_slice(&size.to_le_bytes());
        record
    }
}

/// What a record of the family `keys` says.
pub(super) fn meta(key: Key, record: &[u8]) -> Result<Meta, Failure> {
    let header = Header::of(record)?;
    let Ok(size) = <[u8; 8]>::try_from(&record[HEADER..]) else {
        return Err(corrupt(format!("a record of a key has {} bytes", record.len())));
    };
    Ok(Meta {
        key,
        size: u64::from_le_bytes(size),
        version: Some(header.version()),
        content_encoding: Some(header.content_encoding),
    })
}

const fn number(encoding: ContentEncoding) -> u8 {
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
            assert_eq!(number(content_encoding), n);
            let header = Header { content_encoding, version: 0x0102_0304_0506_0708 };
            let record = header.with_value(b"bytes");
            assert_eq!(record[..HEADER], [1, n, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
            assert_eq!(record[HEADER..], *b"bytes");
            assert_eq!(Header::of(&record).unwrap(), header);
            let meta = meta(Key::new("a").unwrap(), &header.with_size(5)).unwrap();
            assert_eq!((meta.size, meta.content_encoding), (5, Some(content_encoding)));
            assert_eq!(meta.version, Some(header.version()));
        }
    }

    #[test]
    fn what_is_no_record_is_told() {
        let key = || Key::new("a").unwrap();
        let header = Header { content_encoding: ContentEncoding::Identity, version: 1 };
        let good = header.with_size(7);
        for len in 0..good.len() {
            assert_eq!(meta(key(), &good[..len]).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        let changed = |at: usize, byte| {
            let mut record = good;
            record[at] = byte;
            meta(key(), &record).unwrap_err().kind()
        };
        assert_eq!(changed(0, 2), ErrorKind::InvalidConfig);
        assert_eq!(changed(1, 6), ErrorKind::Corrupt);
        assert!(meta(key(), &[&good[..], &[0]].concat()).is_err());
    }
}
