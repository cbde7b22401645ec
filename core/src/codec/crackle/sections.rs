//! The sections of a stream, cut apart and checked against their crc32c.

use std::fmt::Arguments;
use std::ops::Range;

use super::bytes::{Reader, len};
use super::header::Header;
use super::markov;
use crate::codec::{ChunkSpec, CodecError};

/// A stream cut into its sections.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    pub(super) header: Header,
    pub(super) labels: &'a [u8],
    /// The packed Markov model, empty if the order is 0.
    pub(super) model: &'a [u8],
    /// All crack codes, one after another.
    codes: &'a [u8],
    /// Where in `codes` that of each slice lies.
    slices: Vec<Range<usize>>,
    /// A crc32c a slice, in version 1.
    crcs: Option<&'a [[u8; 4]]>,
}

impl<'a> Stream<'a> {
    /// Cuts the stream of a chunk and checks all that does not need its slices decoded.
    pub(super) fn read(encoded: &'a [u8], spec: &ChunkSpec) -> Result<Self, CodecError> {
        let mut reader = Reader::new(encoded);
        let header = Header::read(&mut reader)?;
        header.check(spec)?;
        let index = read_index(&mut reader, &header)?;
        let labels = reader.take(len(header.label_bytes), "labels")?;
        let model = reader.take(markov::packed_len(header.markov_order), "Markov model")?;

        let mut end = 0_usize;
        let slices: Vec<_> = index
            .iter()
            .map(|&bytes| {
                let start = end;
                end = end.saturating_add(len(u64::from(u32::from_le_bytes(bytes))));
                start..end
            })
            .collect();
        let codes = reader.take(end, "crack codes")?;
        let crcs = if header.version == 0 { None } else { Some(read_crcs(&mut reader, labels)?) };
        if let Some(crcs) = crcs
            && crcs.len() != slices.len()
        {
            let what = format!(
                "it has {} bytes after its crack codes, and should have {}",
                4 * crcs.len() + 4,
                4 * slices.len() + 4
            );
            return Err(CodecError::corrupt(what));
        }
        Ok(Self { header, labels, model, codes, slices, crcs })
    }

    /// The crack code of a slice.
    pub(super) fn code(&self, z: usize) -> &'a [u8] {
        self.slices.get(z).map_or(&[], |range| &self.codes[range.clone()])
    }

    /// Checks the region numbers of a slice.
    pub(super) fn check_regions(&self, z: usize, regions: &[u32]) -> Result<(), CodecError> {
        let Some(crc) = self.crcs.and_then(|crcs| crcs.get(z)) else { return Ok(()) };
        check_crc(format_args!("the cracks of slice {z}"), crc32c_of_regions(regions), *crc)
    }
}

/// The crack index: bytes of the crack code of each slice.
fn read_index<'a>(reader: &mut Reader<'a>, header: &Header) -> Result<&'a [[u8; 4]], CodecError> {
    let index = reader.take_items(u64::from(header.shape[2]), 4, "crack index")?;
    if header.version == 1 {
        let crc = reader.take(4, "crack index")?;
        let what = format_args!("the numbers of its crack index");
        check_crc(what, crc32c::crc32c(index), [crc[0], crc[1], crc[2], crc[3]])?;
    }
    Ok(index.as_chunks().0)
}

/// Checks the labels and gives the crc32c of the slices: all that is left.
fn read_crcs<'a>(reader: &mut Reader<'a>, labels: &[u8]) -> Result<&'a [[u8; 4]], CodecError> {
    let (crcs, odd) = reader.rest().as_chunks::<4>();
    let Some((first, slices)) = crcs.split_first() else {
        return Err(CodecError::corrupt("it ends before the crc32c of its labels"));
    };
    if !odd.is_empty() {
        return Err(CodecError::corrupt("it ends inside a crc32c"));
    }
    check_crc(format_args!("its labels"), crc32c::crc32c(labels), *first)?;
    Ok(slices)
}

fn check_crc(what: Arguments<'_>, found: u32, stored: [u8; 4]) -> Result<(), CodecError> {
    let stored = u32::from_le_bytes(stored);
    if found == stored {
        return Ok(());
    }
    Err(CodecError::corrupt(format!("{what} have crc32c {found:#010x} instead of {stored:#010x}")))
}

/// The crc32c of region numbers as little-endian `u32`.
pub(super) fn crc32c_of_regions(regions: &[u32]) -> u32 {
    let mut block = [0_u8; 4096];
    regions.chunks(block.len() / 4).fold(0, |crc, regions| {
        let (words, _) = block.as_chunks_mut();
        for (word, region) in words.iter_mut().zip(regions) {
            *word = region.to_le_bytes();
        }
        crc32c::crc32c_append(crc, &block[..4 * regions.len()])
    })
}
