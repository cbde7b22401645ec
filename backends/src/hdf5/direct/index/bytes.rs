//! Little-endian numbers out of pieces of a file.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::super::error::H5Error;

/// The address of nothing.
pub(super) const UNDEFINED: u64 = u64::MAX;

/// A file whose pieces are read by address.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a File,
    /// Where addresses count from.
    pub(super) base: u64,
    /// Bytes of the file.
    pub(super) len: u64,
}

impl Source<'_> {
    /// Where an address lies in the file.
    pub(super) fn offset(&self, address: u64) -> Result<u64, H5Error> {
        address.checked_add(self.base).filter(|&offset| offset <= self.len).ok_or_else(|| {
            H5Error::corrupt(format!("it points to {address}, which is not in the file"))
        })
    }

    /// The `len` bytes at an address; all of them must be in the file.
    pub(super) fn piece(&self, address: u64, len: usize) -> Result<Vec<u8>, H5Error> {
        let offset = self.offset(address)?;
        if len as u64 > self.len - offset {
            return Err(H5Error::corrupt(format!("the file ends in the {len} bytes at {address}")));
        }
        let mut bytes = vec![0; len];
        let read = self.file.read_exact_at(&mut bytes, offset);
        read.map_err(|error| H5Error::io("its description cannot be read", error))?;
        Ok(bytes)
    }

    /// The bytes at an address, at most `len`, fewer where the file ends.
    pub(super) fn piece_up_to(&self, address: u64, len: usize) -> Result<Vec<u8>, H5Error> {
        let rest = self.len - self.offset(address)?;
        self.piece(address, usize::try_from(rest).map_or(len, |rest| rest.min(len)))
    }
}

/// Reads numbers one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], H5Error> {
        let Some((taken, rest)) = self.0.split_at_checked(len) else {
            return Err(H5Error::corrupt("its description ends too early"));
        };
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, len: usize) -> Result<(), H5Error> {
        self.take(len).map(drop)
    }

    pub(super) fn byte(&mut self) -> Result<u8, H5Error> {
        self.number(1).map(|number| number.to_le_bytes()[0])
    }

    /// A number of up to eight bytes.
    pub(super) fn number(&mut self, len: usize) -> Result<u64, H5Error> {
        let mut word = [0; 8];
        let Some(place) = word.get_mut(..len) else {
            return Err(H5Error::corrupt("its description has a number of more than 8 bytes"));
        };
        place.copy_from_slice(self.take(len)?);
        Ok(u64::from_le_bytes(word))
    }

    pub(super) fn word(&mut self) -> Result<u32, H5Error> {
        let number = self.number(4)?;
        // Four bytes fit.
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A number of two bytes.
    pub(super) fn short(&mut self) -> Result<usize, H5Error> {
        let number = self.number(2)?;
        // Two bytes fit.
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }
}

/// A length that memory can hold.
pub(super) fn in_memory(len: u64) -> Result<usize, H5Error> {
    usize::try_from(len).map_err(|_| H5Error::corrupt("it tells a length beyond memory"))
}
