//! Little-endian numbers of any width, and a reader that checks before it takes.

use crate::codec::CodecError;

/// The narrowest of 1, 2, 4 and 8 bytes that holds `max`.
pub(super) const fn width_of(max: u64) -> usize {
    match max {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// The number in at most 8 little-endian bytes.
pub(super) fn uint(bytes: &[u8]) -> u64 {
    match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        _ => bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)),
    }
}

/// Appends the low `width` bytes of a number.
pub(super) fn put(out: &mut Vec<u8>, value: u64, width: usize) {
    out.extend_from_slice(&value.to_le_bytes()[..width]);
}

/// A number from memory's side as a `u64`, the width of the format's own arithmetic.
pub(super) fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// A number of the stream as a length; one that memory cannot hold becomes one that nothing has.
pub(super) fn len(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// The part of a stream that is not read yet.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes. `what` they are is for the message: "it ends inside its labels".
    pub(super) fn take(&mut self, len: usize, what: &str) -> Result<&'a [u8], CodecError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            let left = self.rest.len();
            let what = format!("it ends inside its {what}: {left} of {len} bytes are there");
            return Err(CodecError::corrupt(what));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// `count` items of `width` bytes each.
    pub(super) fn take_items(
        &mut self,
        count: u64,
        width: usize,
        what: &str,
    ) -> Result<&'a [u8], CodecError> {
        self.take(len(count).saturating_mul(width), what)
    }

    /// The next number of `width` bytes.
    pub(super) fn uint(&mut self, width: usize, what: &str) -> Result<u64, CodecError> {
        self.take(width, what).map(uint)
    }
}
