//! Reading: channels, headers and blocks of a stream that may be hostile.

use super::header::Header;
use super::layout::{BlockShape, Part};
use super::lookup::{Bytes, Lookup, Nibbles, Pairs, Quads, Wide, padded};
use super::paint::{Canvas, Indices};
use crate::codec::{CodecError, Window};

/// An encoded chunk and what is known of it beforehand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) encoded: &'a [u8],
    pub(super) block: BlockShape,
    /// Voxels along each axis.
    pub(super) shape: [usize; 3],
    pub(super) channels: usize,
}

impl Chunk<'_> {
    /// Decodes a window of all channels to labels of `N` bytes: to its rows along x, y fastest,
    /// then z and channel.
    pub(super) fn decode<const N: usize>(
        &self,
        window: &Window,
        rows: &mut [&mut [u8]],
    ) -> Result<(), CodecError> {
        let (words, rest) = self.encoded.as_chunks::<4>();
        if !rest.is_empty() {
            let bytes = self.encoded.len();
            return Err(CodecError::corrupt(format!("it has {bytes} bytes, not a multiple of 4")));
        }
        let Some(offsets) = words.get(..self.channels) else {
            let (found, channels) = (words.len(), self.channels);
            let what =
                format!("it has {found} words, too few for the offsets of its {channels} channels");
            return Err(CodecError::corrupt(what));
        };
        if rows.is_empty() {
            return Ok(());
        }
        let height = window.end[1] - window.start[1];
        let channels = rows.len() / self.channels;
        for (rows, &offset) in rows.chunks_exact_mut(channels).zip(offsets) {
            let channel =
                Channel { words: from_word(words, u32::from_le_bytes(offset)), chunk: self };
            channel.decode::<N>(window, Canvas { rows, height })?;
        }
        Ok(())
    }
}

/// The words from the beginning of a channel to the end of the stream: where the channel ends is
/// written nowhere.
#[derive(Debug, Clone, Copy)]
struct Channel<'a> {
    words: &'a [[u8; 4]],
    chunk: &'a Chunk<'a>,
}

impl Channel<'_> {
    fn decode<const N: usize>(
        &self,
        window: &Window,
        mut canvas: Canvas<'_, '_, N>,
    ) -> Result<(), CodecError> {
        let (block, shape) = (self.chunk.block, self.chunk.shape);
        let blocks = block.grid(shape).into_iter().fold(1, usize::saturating_mul);
        let (headers, _) = self.words.as_chunks::<2>();
        let Some(headers) = headers.get(..blocks) else {
            let found = self.words.len();
            let what =
                format!("a channel has {found} words, too few for the headers of {blocks} blocks");
            return Err(CodecError::corrupt(what));
        };
        for part in block.parts(shape, window) {
            let header = Header::from_words(headers[part.block]);
            self.decode_block(header, &part, &mut canvas)?;
        }
        Ok(())
    }

    fn decode_block<const N: usize>(
        &self,
        header: Header,
        part: &Part,
        canvas: &mut Canvas<'_, '_, N>,
    ) -> Result<(), CodecError> {
        let (table, _) = from_word(self.words, header.table).as_flattened().as_chunks::<N>();
        let Some(&first) = table.first() else {
            return Err(self.no_table(part, header));
        };
        let job = Job { channel: self, part, header, table };
        match header.bits {
            0 => {
                canvas.fill(part, first);
                Ok(())
            }
            1 => job.paint(canvas, &Quads::new(table)),
            2 => job.paint(canvas, &Pairs::new(table)),
            4 => job.paint(canvas, &Nibbles::new(table)),
            8 => match table.first_chunk() {
                Some(table) => job.paint(canvas, &Bytes(table)),
                None => job.paint(canvas, &Bytes(&padded(table))),
            },
            16 => job.paint::<16, _>(canvas, &Wide(table)),
            32 => job.paint::<32, _>(canvas, &Wide(table)),
            bits => Err(bad_width(part, bits)),
        }
    }

    #[cold]
    fn no_table(&self, part: &Part, header: Header) -> CodecError {
        let (block, table, words) = (part.block, header.table, self.words.len());
        CodecError::corrupt(format!(
            "block {block} has its table at word {table}, but its channel has {words} words"
        ))
    }
}

/// A block whose indices are to be looked up.
struct Job<'a, const N: usize> {
    channel: &'a Channel<'a>,
    part: &'a Part,
    header: Header,
    /// From the table's beginning to the end of the stream.
    table: &'a [[u8; N]],
}

impl<const N: usize> Job<'_, N> {
    fn paint<const BITS: usize, L>(
        &self,
        canvas: &mut Canvas<'_, '_, N>,
        lookup: &L,
    ) -> Result<(), CodecError>
    where
        L: Lookup<N, BITS>,
    {
        let block = self.channel.chunk.block;
        let words = from_word(self.channel.words, self.header.indices);
        if words.len() < block.index_words(self.header.bits) {
            return Err(self.too_few_indices());
        }
        let indices = Indices::<BITS> { bytes: words.as_flattened(), block };
        // A table that no index can miss needs no look at the indices: nearly every one.
        if BITS == 32 || self.table.len() < 1 << BITS {
            let max = indices.max(self.part);
            if max >= self.table.len() {
                return Err(self.past_table(max));
            }
        }
        canvas.paint(self.part, &indices, lookup);
        Ok(())
    }

    #[cold]
    fn too_few_indices(&self) -> CodecError {
        let (block, indices) = (self.part.block, self.header.indices);
        let needed = self.channel.chunk.block.index_words(self.header.bits);
        let words = self.channel.words.len();
        CodecError::corrupt(format!(
            "block {block} has {needed} words of indices from word {indices} on, but its channel \
             has {words} words"
        ))
    }

    #[cold]
    fn past_table(&self, index: usize) -> CodecError {
        let (block, labels) = (self.part.block, self.table.len());
        CodecError::corrupt(format!(
            "block {block} has the index {index}, but only {labels} labels come after the \
             beginning of its table"
        ))
    }
}

#[cold]
fn bad_width(part: &Part, bits: u8) -> CodecError {
    let block = part.block;
    CodecError::corrupt(format!(
        "block {block} has indices of {bits} bits, not 0, 1, 2, 4, 8, 16 or 32"
    ))
}

/// The words from an offset on; none if it is past the end.
fn from_word(words: &[[u8; 4]], offset: u32) -> &[[u8; 4]] {
    usize::try_from(offset).ok().and_then(|offset| words.get(offset..)).unwrap_or_default()
}
