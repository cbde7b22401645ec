//! What an entry of the local store looks like.
//!
//! All numbers are little-endian. An entry is one value of the local store, so that the store
//! itself keeps it whole:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `bacache1` |
//! | 4 | the length of the head, H |
//! | 4 | CRC-32C of the head |
//! | H | the head |
//! | the rest | the value as the remote store gave it |
//!
//! The head:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | the length of the value |
//! | 4 | CRC-32C of the value |
//! | 8 | when the remote store was asked: seconds since the Unix epoch |
//! | 4 + n | its content encoding: the token of the HTTP header, after its length |
//! | 4 + n | the identity of the remote store |
//! | 4 + n | the key |
//! | 1 | 1 if there is a version, 0 if not |
//! | 4 + n | the version |
//!
//! Its name is `v1/`, two digits, `/`, and thirty digits: MurmurHash3 (x64, 128 bits) of the
//! identity, a zero byte and the key, in hexadecimal digits. Two names that meet in one hash
//! replace each other: the head tells whose value it is.

use std::io::Cursor;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};

use crate::backend::{Blob, ContentEncoding, Version};
use crate::key::Key;

const MAGIC: &[u8; 8] = b"bacache1";
/// Before the head: magic, length, checksum.
const BEFORE: usize = 16;
/// The directory of all entries.
pub(super) const DIRECTORY: &str = "v1";

/// Whose value an entry is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) identity: &'a str,
    pub(super) key: &'a Key,
}

/// What an entry says of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the value.
    pub(super) len: u64,
    pub(super) version: Option<Version>,
    pub(super) content_encoding: ContentEncoding,
    /// When the remote store was asked.
    pub(super) checked: Duration,
    /// Where the value begins in the entry.
    pub(super) start: u64,
}

impl Owner<'_> {
    /// The name of the entry. `None` never happens.
    pub(super) fn name(self) -> Option<Key> {
        let text = [self.identity.as_bytes(), &[0], self.key.as_str().as_bytes()].concat();
        let hash = murmur3::murmur3_x64_128(&mut Cursor::new(text), 0).ok()?;
        let digits = format!("{hash:032x}");
        let (first, rest) = digits.split_at(2);
        Key::new(format!("{DIRECTORY}/{first}/{rest}")).ok()
    }
}

/// Whether a key is the name of an entry: nothing else is ever counted or deleted.
pub(super) fn is_name(key: &Key) -> bool {
    let parts: Vec<&str> = key.as_str().split('/').collect();
    let [DIRECTORY, first, rest] = parts.as_slice() else { return false };
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    first.len() == 2 && rest.len() == 30 && is_hex(first) && is_hex(rest)
}

/// An entry for a value that the remote store gave at some time. `None` if a length does not fit.
pub(super) fn encode(owner: Owner<'_>, blob: &Blob, checked: Duration) -> Option<Bytes> {
    let mut head = Vec::with_capacity(128);
    head.put_u64_le(blob.bytes.len() as u64);
    head.put_u32_le(crc32c::crc32c(&blob.bytes));
    head.put_u64_le(checked.as_secs());
    let version = blob.version.as_ref().map_or(&[][..], Version::as_bytes);
    let token = blob.content_encoding.token().as_bytes();
    for text in [token, owner.identity.as_bytes(), owner.key.as_str().as_bytes()] {
        head.put_u32_le(u32::try_from(text.len()).ok()?);
        head.put_slice(text);
    }
    head.put_u8(u8::from(blob.version.is_some()));
    head.put_u32_le(u32::try_from(version.len()).ok()?);
    head.put_slice(version);

    let mut entry = Vec::with_capacity(BEFORE + head.len() + blob.bytes.len());
    entry.put_slice(MAGIC);
    entry.put_u32_le(u32::try_from(head.len()).ok()?);
    entry.put_u32_le(crc32c::crc32c(&head));
    entry.put_slice(&head);
    entry.put_slice(&blob.bytes);
    Some(entry.into())
}

/// What an entry turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decoded {
    /// The value that was asked for.
    Value(Head, Bytes),
    /// The whole value of somebody else.
    Foreign,
    /// Not a whole entry.
    Damaged,
}

/// Reads an entry and checks every byte of it.
pub(super) fn decode(owner: Owner<'_>, entry: &Bytes) -> Decoded {
    let Some((head, crc, is_owner)) = parse(owner, entry) else { return Decoded::Damaged };
    let start = usize::try_from(head.start).unwrap_or(usize::MAX);
    let value = entry.slice(start.min(entry.len())..);
    if value.len() as u64 != head.len || crc32c::crc32c(&value) != crc {
        return Decoded::Damaged;
    }
    if is_owner { Decoded::Value(head, value) } else { Decoded::Foreign }
}

/// The head, the checksum of the value, and whether it is the owner's.
fn parse(owner: Owner<'_>, entry: &[u8]) -> Option<(Head, u32, bool)> {
    let mut before = entry.get(..BEFORE)?.strip_prefix(MAGIC)?;
    let (len, crc) = (before.get_u32_le(), before.get_u32_le());
    let end = BEFORE.checked_add(usize::try_from(len).ok()?)?;
    let head = entry.get(BEFORE..end)?;
    if crc32c::crc32c(head) != crc {
        return None;
    }
    let mut rest = head;
    let value_len = rest.try_get_u64_le().ok()?;
    let value_crc = rest.try_get_u32_le().ok()?;
    let checked = Duration::from_secs(rest.try_get_u64_le().ok()?);
    let token = std::str::from_utf8(text(&mut rest)?).ok()?;
    let content_encoding = ContentEncoding::from_token(token)?;
    let (identity, key) = (text(&mut rest)?, text(&mut rest)?);
    let has_version = rest.try_get_u8().ok()? == 1;
    let version = text(&mut rest)?;
    let version = has_version.then(|| Version::new(version));
    let is_owner = identity == owner.identity.as_bytes() && key == owner.key.as_str().as_bytes();
    let start = end as u64;
    Some((Head { len: value_len, version, content_encoding, checked, start }, value_crc, is_owner))
}

/// A text after its length.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(rest.try_get_u32_le().ok()?).ok()?;
    let (text, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn owner(key: &Key) -> Owner<'_> {
        Owner { identity: "s3://bucket", key }
    }

    fn blob() -> Blob {
        Blob {
            bytes: Bytes::from_static(b"the value"),
            version: Some(Version::new(&[7; 40])),
            content_encoding: ContentEncoding::Gzip,
        }
    }

    #[test]
    fn what_was_encoded_is_decoded_for_its_owner_only() {
        let key = Key::new("8_8_40/0-64_0-64_0-64").unwrap();
        let at = Duration::from_secs(1_700_000_000);
        for blob in [blob(), Blob { version: None, bytes: Bytes::new(), ..blob() }] {
            let entry = encode(owner(&key), &blob, at).unwrap();
            let Decoded::Value(head, bytes) = decode(owner(&key), &entry) else { panic!() };
            assert_eq!((&bytes, &head.version), (&blob.bytes, &blob.version));
            assert_eq!((head.content_encoding, head.checked), (blob.content_encoding, at));
            let other = Key::new("other").unwrap();
            assert_eq!(decode(owner(&other), &entry), Decoded::Foreign);
        }
        let name = owner(&key).name().unwrap();
        assert!(is_name(&name), "{name}");
        assert!(!is_name(&key) && !is_name(&Key::new("v1/ab/notes").unwrap()));
    }

    proptest! {
        #[test]
        fn any_damage_is_noticed(at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<prop::sample::Index>()) {
            let key = Key::new("k").unwrap();
            let entry = encode(owner(&key), &blob(), Duration::ZERO).unwrap();
            prop_assert_eq!(decode(owner(&key), &entry.slice(..cut.index(entry.len()))), Decoded::Damaged);
            let mut bent = entry.to_vec();
            bent[at.index(entry.len())] ^= flip;
            prop_assert_eq!(decode(owner(&key), &bent.into()), Decoded::Damaged);
            let mut long = entry.to_vec();
            long.push(flip);
            prop_assert_eq!(decode(owner(&key), &long.into()), Decoded::Damaged);
        }
    }
}
