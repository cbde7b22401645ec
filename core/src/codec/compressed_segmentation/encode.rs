//! Writing: block by block, indices and then table.

use std::collections::HashMap;

use super::header::{Header, MAX_OFFSET};
use super::layout::{BlockShape, Part, Strides};
use super::pack::pack;
use super::palette::Palette;
use crate::codec::{CodecError, Window};

/// Encodes a chunk `[x, y, z, c]` of labels of `N` bytes.
pub(super) fn encode<const N: usize>(
    voxels: &[u8],
    block: BlockShape,
    shape: [usize; 4],
) -> Result<Vec<u8>, CodecError> {
    let [x, y, z, channels] = shape;
    let window = Window { start: [0; 3], end: [x, y, z] };
    let mut stream = vec![0; channels * 4];
    let mut palette = Palette::<N>::default();
    let (labels, _) = voxels.as_chunks::<N>();
    let volume = labels.len() / channels.max(1);
    for channel in 0..channels {
        let offset = u32::try_from(stream.len() / 4).map_err(|_| too_large())?;
        stream[channel * 4..][..4].copy_from_slice(&offset.to_le_bytes());
        let labels = &labels[channel * volume..][..volume];
        ChannelWriter::new(&mut stream, block, &window)?.write(labels, &window, &mut palette)?;
    }
    Ok(stream)
}

#[cold]
fn too_large() -> CodecError {
    CodecError::unencodable(
        "compressed_segmentation holds at most 64 MiB of each channel of a chunk, and it takes \
         more; choose smaller chunks",
    )
}

/// Writes one channel at the end of a stream.
struct ChannelWriter<'a> {
    stream: &'a mut Vec<u8>,
    /// Where the channel begins in the stream, in bytes.
    base: usize,
    block: BlockShape,
    tables: Tables,
}

impl<'a> ChannelWriter<'a> {
    /// Makes room for the headers.
    fn new(
        stream: &'a mut Vec<u8>,
        block: BlockShape,
        window: &Window,
    ) -> Result<Self, CodecError> {
        let blocks = block.grid(window.end).into_iter().fold(1, usize::saturating_mul);
        if blocks > MAX_OFFSET / 2 {
            return Err(too_large());
        }
        let base = stream.len();
        stream.resize(base + blocks * 8, 0);
        Ok(Self { stream, base, block, tables: Tables::default() })
    }

    fn write<const N: usize>(
        mut self,
        labels: &[[u8; N]],
        window: &Window,
        palette: &mut Palette<N>,
    ) -> Result<(), CodecError> {
        let strides = Strides::of(window);
        let block = self.block;
        for part in block.parts(window.end, window) {
            let [width, height, depth] = part.shape;
            let rows = part.rows(strides).map(|(_, at)| &labels[at..][..width]);
            palette.read(width * height * depth, rows);
            let header = self.write_block(&part, palette)?;
            let place = self.base + part.block * 8;
            self.stream[place..][..8].copy_from_slice(header.to_words().as_flattened());
        }
        Ok(())
    }

    /// Writes the indices and, unless a block before has the same, the table.
    fn write_block<const N: usize>(
        &mut self,
        part: &Part,
        palette: &Palette<N>,
    ) -> Result<Header, CodecError> {
        let bits = fewest_bits(palette.table().len());
        let index_words = self.block.index_words(bits);
        let indices = (self.stream.len() - self.base) / 4;
        // Checked before anything of that length is made.
        let (indices, end) = (in_reach(indices)?, in_reach(indices.saturating_add(index_words))?);
        let start = self.stream.len();
        self.stream.resize(start + index_words * 4, 0);
        pack(bits, palette, (part, self.block), &mut self.stream[start..]);
        if let Some(table) = self.tables.find(palette.table()) {
            return Ok(Header { bits, table, indices });
        }
        self.tables.insert(palette.table(), end);
        for label in palette.table() {
            self.stream.extend_from_slice(&label.to_le_bytes()[..N]);
        }
        Ok(Header { bits, table: end, indices })
    }
}

/// An offset that the headers can hold.
fn in_reach(word: usize) -> Result<u32, CodecError> {
    if word > MAX_OFFSET { Err(too_large()) } else { u32::try_from(word).map_err(|_| too_large()) }
}

/// The fewest bits, of the widths that there are, that tell so many labels apart.
fn fewest_bits(labels: usize) -> u8 {
    [0, 1, 2, 4, 8, 16].into_iter().find(|&bits| labels <= 1 << bits).unwrap_or(32)
}

/// Where the tables of a channel begin, in words from its beginning.
#[derive(Debug, Default)]
struct Tables {
    offsets: HashMap<Box<[u64]>, u32>,
}

impl Tables {
    fn find(&self, labels: &[u64]) -> Option<u32> {
        self.offsets.get(labels).copied()
    }

    fn insert(&mut self, labels: &[u64], offset: u32) {
        self.offsets.insert(labels.into(), offset);
    }
}
