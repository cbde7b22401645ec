//! Little-endian numbers out of pieces of a file.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::hdf5::direct::error::H5Error;

/// The address of nothing.
pub(in crate::hdf5::direct) const UNDEFINED: u64 = u64::MAX;

/// A file whose pieces are read by address.
#[derive(Debug)]
pub(in crate::hdf5::direct) struct Source<'a> {
    pub(in crate::hdf5::direct) file: &'a File,
    /// Where addresses count from.
    pub(in crate::hdf5::direct) base: u64,
    /// Bytes of the file.
    pub(in crate::hdf5::direct) len: u64,
}

impl Source<'_> {
    /// Where an address lies in the file.
    pub(in crate::hdf5::direct) fn offset(&self, address: u64) -> Result<u64, H5Error> {
        address.checked_add(self.base).filter(|&offset| offset <= self.len).ok_or_else(|| {
            H5Error::corrupt(format!("it points to {address}, which is not in the file"))
        })
    }

    /// The `len` bytes at an address; all of them must be in the file.
    pub(in crate::hdf5::direct) fn piece(
        &self,
        address: u64,
        len: usize,
    ) -> Result<Vec<u8>, H5Error> {
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
    pub(in crate::hdf5::direct) fn piece_up_to(
        &self,
        address: u64,
        len: usize,
    ) -> Result<Vec<u8>, H5Error> {
        let rest = self.len - self.offset(address)?;
        self.piece(address, usize::try_from(rest).map_or(len, |rest| rest.min(len)))
    }
}

/// Reads numbers one after the other.
#[derive(Debug, Clone, Copy)]
pub(in crate::hdf5::direct) struct Cursor<'a>(pub(in crate::hdf5::direct) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(in crate::hdf5::direct) fn take(&mut self, len: usize) -> Result<&'a [u8], H5Error> {
        let Some((taken, rest)) = self.0.split_at_checked(len) else {
            return Err(H5Error::corrupt("its description ends too early"));
        };
        self.0 = rest;
        Ok(taken)
    }

    pub(in crate::hdf5::direct) fn skip(&mut self, len: usize) -> Result<(), H5Error> {
        self.take(len).map(drop)
    }

    pub(in crate::hdf5::direct) fn byte(&mut self) -> Result<u8, H5Error> {
        self.number(1).map(|number| number.to_le_bytes()[0])
    }

    /// A number of up to eight bytes.
    pub(in crate::hdf5::direct) fn number(&mut self, len: usize) -> Result<u64, H5Error> {
        let mut word = [0; 8];
        let Some(place) = word.get_mut(..len) else {
            return Err(H5Error::corrupt("its description has a number of more than 8 bytes"));
        };
        place.copy_from_slice(self.take(len)?);
        Ok(u64::from_le_bytes(word))
    }

    pub(in crate::hdf5::direct) fn word(&mut self) -> Result<u32, H5Error> {
        let number = self.number(4)?;
        // Four bytes fit.
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A number of two bytes.
    pub(in crate::hdf5::direct) fn short(&mut self) -> Result<usize, H5Error> {
        let number = self.number(2)?;
        // Two bytes fit.
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }
}

/// A length that memory can hold.
pub(in crate::hdf5::direct) fn in_memory(len: u64) -> Result<usize, H5Error> {
    usize::try_from(len).map_err(|_| H5Error::corrupt("it tells a length beyond memory"))
}
