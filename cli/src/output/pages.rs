//! A box page by page, of which a few are in memory.

use std::ops::Range;

use bigarrays::DynArray;

use super::stream::Wanted;
use super::write::Voxels;
use crate::error::CliError;
use crate::source::Tile;

/// Reads a piece of a box; `None` is zeros.
pub(super) type Read<'a> = &'a mut dyn FnMut(&Tile) -> Result<Option<DynArray>, CliError>;

/// The pages of a box, one for each z, asked for in order.
pub(super) struct Pages<'a> {
    wanted: Wanted,
    read: Read<'a>,
    held: Option<(Range<u64>, Vec<u8>)>,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(wanted: Wanted, read: Read<'a>) -> Self {
        Self { wanted, read, held: None }
    }

    /// A page with its channels as neighbours: row by row, sample by sample, little-endian.
    pub(super) fn page(&mut self, z: u64) -> Result<Vec<u8>, CliError> {
        let slab = match self.held.take() {
            Some((slab, bytes)) if slab.contains(&z) => (slab, bytes),
            _ => self.slab(z)?,
        };
        let (range, bytes) = self.held.insert(slab);
        let [x, y, _, channels] = self.wanted.size;
        let size = [x, y, range.end - range.start, channels];
        let voxels = Voxels { bytes, data_type: self.wanted.data_type, size };
        Ok(voxels.page(usize::try_from(z - range.start).unwrap_or(usize::MAX)))
    }

    /// As many pages from here on as a layer of chunks has, or as fit in memory.
    fn slab(&mut self, z: u64) -> Result<(Range<u64>, Vec<u8>), CliError> {
        let [x, y, depth, _] = self.wanted.size;
        let chunk = self.wanted.chunk[2].max(1);
        // Where the layer of chunks ends.
        let into = (z + chunk - self.wanted.phase[2] % chunk) % chunk;
        let layer = chunk - into;
        let plane = [x, y, self.wanted.channels, self.wanted.data_type.size() as u64];
        let plane = plane.into_iter().fold(1, u64::saturating_mul).max(1);
        let fitting = (self.wanted.memory / 2 / plane).max(1);
        let range = z..(z + layer.min(fitting)).min(depth);
        let tile = Tile { min: [0, 0, range.start], max: [x, y, range.end] };
        let bytes = match (self.read)(&tile)? {
            Some(voxels) => self.wanted.channel(&voxels.fortran_bytes()).to_vec(),
            None => {
                let pages = plane / self.wanted.channels.max(1) * self.wanted.size[3];
                let len = pages.saturating_mul(range.end - range.start);
                vec![0; usize::try_from(len).unwrap_or(usize::MAX)]
            }
        };
        Ok((range, bytes))
    }
}
