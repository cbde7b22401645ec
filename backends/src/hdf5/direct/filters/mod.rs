//! Undoing the filters of a chunk.
//!
//! Each filter tells the length that its output must have: it is known wherever the filters before
//! it (in the order of writing) keep the length or add to it by rule, and bounded where another
//! compressor came first.

mod compressed;
mod fletcher;
mod lzf;
mod shuffle;

use std::cell::RefCell;

use super::error::H5Error;

/// One thing done to the bytes of a chunk when it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// zlib.
    Deflate,
    /// Bytes of values of this size put together by their place in the value.
    Shuffle(usize),
    /// A checksum behind.
    Fletcher32,
    /// LZF, as h5py has it (32000).
    Lzf,
    /// A Blosc frame (32001) of values of this size.
    Blosc(usize),
    /// A Zstandard frame (32015).
    Zstd,
}

const LZF: i32 = 32000;
/// The number of the filter Blosc.
pub(crate) const BLOSC: i32 = 32001;
const ZSTD: i32 = 32015;

/// The filters of a dataset, in the order in which they were applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pipeline(Vec<Filter>);

/// Memory that a thread uses again for its next chunk.
#[derive(Default)]
pub(super) struct Scratch {
    /// What was read of the file.
    pub(super) stored: Vec<u8>,
    inflater: Option<libdeflater::Decompressor>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The most bytes that a thread keeps between two chunks.
const KEPT: usize = 16 << 20;

/// Lends the thread's memory. A second loan meanwhile gets memory of its own.
pub(super) fn with_scratch<T>(use_it: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => {
            let result = use_it(&mut scratch);
            if scratch.stored.capacity() > KEPT {
                scratch.stored = Vec::new();
            }
            result
        }
        Err(_) => use_it(&mut Scratch::default()),
    })
}

impl Pipeline {
    /// The filters with these numbers, on values of `size` bytes.
    pub(super) fn numbered(numbers: &[i32], size: usize) -> Result<Self, H5Error> {
        let known = numbers.iter().map(|&number| match number {
            1 => Ok(Filter::Deflate),
            2 => Ok(Filter::Shuffle(size)),
            3 => Ok(Filter::Fletcher32),
            LZF => Ok(Filter::Lzf),
            BLOSC => Ok(Filter::Blosc(size)),
            ZSTD => Ok(Filter::Zstd),
            other => Err(refusal(other)),
        });
        known.collect::<Result<_, _>>().map(Self)
    }

    /// The filters in the order in which they were applied.
    #[must_use]
    pub fn filters(&self) -> &[Filter] {
        &self.0
    }

    /// Whether there is none: chunks are stored as they are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The most bytes that a stored chunk of `len` bytes can have.
    pub(super) fn longest(&self, len: usize) -> usize {
        if self.is_empty() { len } else { len.saturating_mul(2).saturating_add(1 << 16) }
    }

    /// Undoes the filters on `scratch.stored`; `out` gets the `len` bytes of the chunk.
    pub(super) fn decode(
        &self,
        mask: u32,
        len: usize,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), H5Error> {
        let applied = |n: usize| n >= 32 || mask & (1 << n) == 0;
        let applied: Vec<Filter> =
            self.0.iter().enumerate().filter(|(n, _)| applied(*n)).map(|(_, &f)| f).collect();
        let inputs = lengths(&applied, len);
        for (filter, &input) in applied.iter().zip(&inputs).rev() {
            let limit = input.unwrap_or_else(|| self.longest(len));
            filter.undo(scratch, limit, out)?;
            std::mem::swap(&mut scratch.stored, out);
            if input.is_some_and(|input| input != scratch.stored.len()) {
                return Err(H5Error::corrupt(format!(
                    "it decodes to {} bytes of {limit}",
                    scratch.stored.len()
                )));
            }
        }
        std::mem::swap(&mut scratch.stored, out);
        if out.len() == len {
            return Ok(());
        }
        Err(H5Error::corrupt(format!("it has {} bytes of the {len} of its shape", out.len())))
    }
}

impl Pipeline {
    /// Applies the filters to the bytes of a chunk; gives the stored bytes and the mask of the
    /// filters that were left out, which a compressor is if it makes nothing shorter.
    pub(crate) fn encode(&self, chunk: Vec<u8>) -> Result<(Vec<u8>, u32), H5Error> {
        let (mut bytes, mut mask) = (chunk, 0);
        for (n, filter) in self.0.iter().enumerate() {
            match filter.apply(&bytes)? {
                Some(applied) => bytes = applied,
                None if n < 32 => mask |= 1 << n,
                None => return Err(H5Error::unsupported("it has more than 32 filters")),
            }
        }
        Ok((bytes, mask))
    }

    /// The filters of new files.
    pub(crate) const fn of(filters: Vec<Filter>) -> Self {
        Self(filters)
    }
}

/// The length of what each filter was given, where it is known.
fn lengths(filters: &[Filter], len: usize) -> Vec<Option<usize>> {
    let mut known = Some(len);
    let mut lengths = Vec::with_capacity(filters.len());
    for filter in filters {
        lengths.push(known);
        known = match filter {
            Filter::Shuffle(_) => known,
            Filter::Fletcher32 => known.and_then(|len| len.checked_add(fletcher::LEN)),
            _ => None,
        };
    }
    lengths
}

impl Filter {
    /// Undoes this filter on `scratch.stored`, to at most `limit` bytes.
    fn undo(self, scratch: &mut Scratch, limit: usize, out: &mut Vec<u8>) -> Result<(), H5Error> {
        let Scratch { stored, inflater } = scratch;
        match self {
            Self::Deflate => {
                let inflater = inflater.get_or_insert_with(libdeflater::Decompressor::new);
                compressed::inflate(inflater, stored, limit, out)
            }
            Self::Shuffle(size) => {
                shuffle::undo(stored, size, out);
                Ok(())
            }
            Self::Fletcher32 => fletcher::check_and_strip(stored, out),
            Self::Lzf => lzf::decompress(stored, limit, out),
            Self::Blosc(_) => compressed::blosc(stored, limit, out),
            Self::Zstd => compressed::zstd(stored, limit, out),
        }
    }
}

impl Filter {
    /// Does what this filter does when a chunk is written; `None` if it is better left out.
    fn apply(self, bytes: &[u8]) -> Result<Option<Vec<u8>>, H5Error> {
        Ok(match self {
            Self::Deflate => compressed::deflate(bytes).filter(|made| made.len() < bytes.len()),
            Self::Shuffle(size) => Some(shuffle::apply(bytes, size)),
            Self::Fletcher32 => Some(fletcher::with_checksum(bytes)),
            // There is no encoder here; readers know by the mask.
            Self::Lzf => None,
            Self::Blosc(size) => {
                Some(compressed::to_blosc(bytes, size)?).filter(|made| made.len() < bytes.len())
            }
            Self::Zstd => Some(compressed::to_zstd(bytes)?).filter(|made| made.len() < bytes.len()),
        })
    }
}

fn refusal(number: i32) -> H5Error {
    let name = match number {
        4 => "szip".to_owned(),
        5 => "nbit".to_owned(),
        6 => "scaleoffset".to_owned(),
        32004 => "lz4".to_owned(),
        32008 => "bitshuffle".to_owned(),
        32013 => "zfp".to_owned(),
        other => format!("number {other}"),
    };
    H5Error::unsupported(format!(
        "its chunks went through the filter {name}, which cannot be undone here; rewrite the file \
         with gzip (h5repack -f GZIP=4), or with shuffle, lzf, blosc, zstd or no filter"
    ))
}

#[cfg(test)]
mod tests;
