//! Where the chunks of a dataset lie in its file.
//!
//! The library finds a chunk by walking its index from the beginning for every question (also for
//! `H5Dget_chunk_info_by_coord`): 40 s for the 32768 chunks of one cuboid file. So the index is
//! read here, once: the layout message (`layout`) leads to it (`btree`, `array`). Kinds of index that are not read here are asked of the library.

mod array;
mod btree;
mod layout;
mod library;
mod slots;

use super::error::H5Error;
use super::format::bytes::Source;
use super::map::grid_of;
use layout::Index;
pub(super) use layout::chunk_shape;
use slots::Numbering;

/// The stored bytes of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Where they begin, in bytes from the beginning of the file.
    pub offset: u64,
    /// How many they are.
    pub size: u32,
    /// Filters that were not applied: bit n is that of filter n.
    pub filter_mask: u32,
}

/// The stored chunks of a dataset, by their position in the grid of chunks.
#[derive(Debug, Clone, Default)]
pub struct ChunkTable {
    /// Counts of chunks along each axis.
    grid: Vec<u64>,
    /// Sorted by the position in row-major order.
    places: Vec<(u64, ChunkPlace)>,
}

impl ChunkTable {
    /// How many chunks are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Chunks along each axis of the dataset, stored or not.
    #[must_use]
    pub fn grid(&self) -> &[u64] {
        &self.grid
    }

    /// The place of a chunk, `None` if it is not stored or outside the dataset.
    #[must_use]
    pub fn find(&self, chunk: &[u64]) -> Option<ChunkPlace> {
        let position = self.position(chunk)?;
        let at = self.places.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        self.places.get(at).map(|(_, place)| *place)
    }

    /// The stored chunks, in row-major order.
    pub fn iter(&self) -> impl Iterator<Item = (Vec<u64>, ChunkPlace)> + '_ {
        self.places.iter().map(|(position, place)| (self.chunk_at(*position), *place))
    }

    fn position(&self, chunk: &[u64]) -> Option<u64> {
        if chunk.len() != self.grid.len() {
            return None;
        }
        let mut position = 0_u64;
        for (&at, &count) in chunk.iter().zip(&self.grid) {
            if at >= count {
                return None;
            }
            // The product of all counts was found to fit.
            position = position * count + at;
        }
        Some(position)
    }

    fn chunk_at(&self, position: u64) -> Vec<u64> {
        let mut rest = position;
        let mut chunk = vec![0; self.grid.len()];
        for (at, &count) in chunk.iter_mut().zip(&self.grid).rev() {
            *at = rest % count;
            rest /= count;
        }
        chunk
    }
}

/// What is known of a chunked dataset before its index is read.
#[derive(Debug)]
pub(super) struct Chunked<'a> {
    pub(super) source: &'a Source<'a>,
    /// The content of the layout message, if the header could be read.
    pub(super) layout: Option<&'a [u8]>,
    pub(super) shape: &'a [u64],
    /// The shape that the dataset may have at most, `None` where it has no end.
    pub(super) largest: &'a [Option<u64>],
    pub(super) chunk: &'a [u64],
    /// Bytes of a chunk without filters.
    pub(super) chunk_bytes: usize,
    pub(super) filtered: bool,
    /// The library's own view, if it was asked.
    pub(super) dataset: Option<&'a hdf5::Dataset>,
}

/// Collects chunks and checks each.
#[derive(Debug)]
struct Collector<'a> {
    about: &'a Chunked<'a>,
    table: ChunkTable,
    most: u64,
    numbering: Numbering,
}

impl Collector<'_> {
    /// Takes a chunk by its first value. One that lies outside the shape (the dataset was made
    /// smaller) does not count.
    fn add(&mut self, start: &[u64], place: ChunkPlace) -> Result<(), H5Error> {
        let mut chunk = Vec::with_capacity(start.len());
        for (&at, &size) in start.iter().zip(self.about.chunk) {
            if at % size != 0 {
                return Err(H5Error::corrupt(format!("its index has a chunk at {start:?}")));
            }
            chunk.push(at / size);
        }
        match self.table.position(&chunk) {
            Some(position) => self.add_at(position, place).map_err(|error| error.in_chunk(&chunk)),
            None => Ok(()),
        }
    }

    /// Takes a chunk by its number in an index without coordinates.
    fn add_number(&mut self, number: u64, place: ChunkPlace) -> Result<(), H5Error> {
        let chunk = self.numbering.chunk(number);
        match self.table.position(&chunk) {
            Some(position) => self.add_at(position, place).map_err(|error| error.in_chunk(&chunk)),
            None => Ok(()),
        }
    }

    fn add_at(&mut self, position: u64, place: ChunkPlace) -> Result<(), H5Error> {
        let end = place.offset.checked_add(u64::from(place.size));
        if end.is_none_or(|end| end > self.about.source.len) {
            return Err(H5Error::corrupt(format!(
                "the chunk's {} bytes at {} are not in the file, which ends at {}",
                place.size, place.offset, self.about.source.len
            )));
        }
        if self.table.places.len() as u64 >= self.most {
            return Err(H5Error::corrupt("its index has more chunks than the dataset"));
        }
        self.table.places.push((position, place));
        Ok(())
    }

    fn finish(mut self) -> Result<ChunkTable, H5Error> {
        self.table.places.sort_unstable_by_key(|(position, _)| *position);
        if self.table.places.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(H5Error::corrupt("its index has a chunk twice"));
        }
        self.table.places.shrink_to_fit();
        Ok(self.table)
    }
}

/// Reads the index of a dataset. `None` if it is of a kind that only the library can read.
pub(super) fn read(about: &Chunked<'_>) -> Result<Option<ChunkTable>, H5Error> {
    let grid = grid_of(about.shape, about.chunk);
    let Some(most) = grid.iter().try_fold(1_u64, |product, &n| product.checked_mul(n)) else {
        return Err(H5Error::unsupported("it has more chunks than can be counted"));
    };
    let table = ChunkTable { grid, places: Vec::new() };
    let numbering = Numbering::new(about.largest, about.chunk);
    let mut found = Collector { about, table, most, numbering };
    let source = about.source;
    let index = about.layout.map_or(Ok(Index::Other), |content| layout::layout(content, about))?;
    match index {
        Index::Empty => {}
        Index::Btree { root } => btree::read(source, root, &mut found)?,
        Index::Single { address, size, filter_mask } => {
            array::read_single(source, address, size, filter_mask, &mut found)?;
        }
        Index::Implicit { address } => array::read_implicit(source, address, &mut found)?,
        Index::FixedArray { header } => array::read_fixed(source, header, &mut found)?,
        Index::Extensible | Index::Other => match about.dataset {
            Some(dataset) => library::read(dataset, &mut found, index == Index::Extensible)?,
            None => return Ok(None),
        },
    }
    found.finish().map(Some)
}
