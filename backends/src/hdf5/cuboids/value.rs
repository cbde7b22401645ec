//! Values of chunks: pieces of HDF5 files put together, and taken apart.

use bigarrays_core::backend::{ErrorKind, Version};

use super::blocks::Blocks;
use super::geometry::{BlockId, Piece};
use super::volume::{Cuboids, Place, same_type};
use crate::hdf5::direct::{H5Error, Snapshot};

/// The HDF5 chunks of a chunk, with the block that they are all in.
type OfBlock = (BlockId, Vec<Piece>);

/// A block, and chunks of its file with their voxels.
pub(super) type TakenApart = (BlockId, Vec<(Vec<u64>, Vec<u8>)>);

/// What is known of a chunk that exists.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The state of its file, or files.
    pub(super) version: Version,
    /// Its voxels, x fastest, then y, z and channel; nothing if only its existence was asked.
    pub(super) voxels: Vec<u8>,
}

impl Cuboids {
    /// The chunk at a place; `None` if no part of it was ever written.
    pub(super) fn read(
        &self,
        blocks: &Blocks,
        place: &Place,
        voxels: bool,
    ) -> Result<Option<Chunk>, H5Error> {
        let by_block = self.by_block(place);
        let mut versions = Vec::new();
        let mut value = Vec::new();
        let mut exists = false;
        for (block, pieces) in &by_block {
            let dataset = blocks.get(&self.geometry.name(block));
            let whole = by_block.len() == 1 && self.is_whole(pieces, place);
            let read = dataset.read(|file| {
                self.check(file)?;
                let stored = |piece: &Piece| file.map().table()?.find(&piece.chunk);
                let there = pieces.iter().any(|piece| stored(piece).is_some());
                if there && voxels && whole {
                    // The bytes of the chunk are the value.
                    file.read_chunk(&pieces[0].chunk, &mut value)?;
                } else if there && voxels {
                    value.resize(self.value_len(place), 0);
                    self.read_pieces(file, pieces, place, &mut value)?;
                }
                Ok((there, file.state().version()))
            })?;
            let (there, version) = read.unwrap_or_else(|| (false, Version::new(&[])));
            exists |= there;
            versions.push(version);
        }
        Ok(exists.then(|| Chunk { version: joined(versions), voxels: value }))
    }

    fn by_block(&self, place: &Place) -> Vec<OfBlock> {
        let mut by_block: Vec<OfBlock> = Vec::new();
        for piece in self.geometry.pieces(place.block, place.cell) {
            match by_block.iter_mut().find(|(block, _)| *block == piece.block) {
                Some((_, pieces)) => pieces.push(piece),
                None => by_block.push((piece.block.clone(), vec![piece])),
            }
        }
        by_block
    }

    /// Whether one HDF5 chunk is the whole value, voxel by voxel.
    fn is_whole(&self, pieces: &[Piece], place: &Place) -> bool {
        let full = place.shape.iter().zip(&self.geometry.chunk);
        let in_order = |piece: &Piece| {
            let channels = (0..).map(Some);
            piece.channels.len() == self.channels
                && piece.channels.iter().copied().eq(channels.take(self.channels))
        };
        let full = full.fold(true, |all, (&shape, &chunk)| all && shape as u64 == chunk);
        full && matches!(pieces, [piece] if in_order(piece))
    }

    fn read_pieces(
        &self,
        file: &Snapshot,
        pieces: &[Piece],
        place: &Place,
        value: &mut [u8],
    ) -> Result<(), H5Error> {
        let mut piece_voxels = Vec::new();
        for piece in pieces {
            // Of a piece that is missing among others the fill values are taken.
            file.read_chunk(&piece.chunk, &mut piece_voxels)?;
            self.for_rows(piece, place, |in_value, in_piece, len| {
                let to = value.get_mut(in_value..in_value + len);
                if let (Some(to), Some(from)) = (to, piece_voxels.get(in_piece..in_piece + len)) {
                    to.copy_from_slice(from);
                }
            });
        }
        Ok(())
    }

    /// The chunks of HDF5 files, all in one block, that a value becomes, each padded with zeros to
    /// its full shape.
    pub(super) fn take_apart(&self, place: &Place, value: &[u8]) -> Result<TakenApart, H5Error> {
        let (block, pieces) = self.only_block(place)?;
        if self.is_whole(&pieces, place) {
            let chunks = pieces.into_iter().map(|piece| (piece.chunk, value.to_vec())).collect();
            return Ok((block, chunks));
        }
        let size = self.data_type.size() as u64;
        let len = self.geometry.chunk.iter().fold(size, |len, &axis| len.saturating_mul(axis));
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut chunks = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let mut voxels = vec![0; len];
            self.for_rows(&piece, place, |in_value, in_piece, len| {
                let to = voxels.get_mut(in_piece..in_piece + len);
                if let (Some(to), Some(from)) = (to, value.get(in_value..in_value + len)) {
                    to.copy_from_slice(from);
                }
            });
            chunks.push((piece.chunk, voxels));
        }
        Ok((block, chunks))
    }

    /// The block that has all of a chunk, and its chunks there.
    pub(super) fn only_block(&self, place: &Place) -> Result<OfBlock, H5Error> {
        let mut by_block = self.by_block(place);
        match by_block.pop() {
            Some(only) if by_block.is_empty() && self.geometry.one_file_for_all_channels() => {
                Ok(only)
            }
            _ => Err(H5Error::new(
                ErrorKind::Unsupported,
                "its channels are in several files, which cannot be changed as one; such a volume \
                 can only be read",
            )),
        }
    }

    /// Calls `copy` for each row along x that a piece and the value share: where it begins in the
    /// value and in the piece, and its length, in bytes.
    fn for_rows(&self, piece: &Piece, place: &Place, mut copy: impl FnMut(usize, usize, usize)) {
        let size = self.data_type.size();
        let [x, y, z] = place.shape;
        // Lengths of a chunk: it fits in memory.
        let full = |axis: usize| usize::try_from(self.geometry.chunk[axis]).unwrap_or(usize::MAX);
        let (full_x, full_y, full_z) = (full(0), full(1), full(2));
        for (plane, channel) in piece.channels.iter().enumerate() {
            let channel = channel.and_then(|channel| usize::try_from(channel).ok());
            let Some(channel) = channel else { continue };
            for at_z in 0..z {
                for at_y in 0..y {
                    let in_value = ((channel * z + at_z) * y + at_y) * x * size;
                    let in_piece = ((plane * full_z + at_z) * full_y + at_y) * full_x * size;
                    copy(in_value, in_piece, x * size);
                }
            }
        }
    }

    /// Refuses a file that is not as the configuration says.
    pub(super) fn check(&self, file: &Snapshot) -> Result<(), H5Error> {
        let map = file.map();
        let (shape, chunk) = (self.geometry.dataset_shape(), self.geometry.dataset_chunk());
        if map.shape == shape
            && map.chunk() == Some(chunk.as_slice())
            && same_type(map.data_type, self.data_type)
        {
            return Ok(());
        }
        let found = format!("{} {:?} in chunks of {:?}", map.data_type, map.shape, map.chunk());
        let told = format!("{} {shape:?} in chunks of {chunk:?}", self.data_type);
        let text = format!("it is {found}, but this volume has files of {told}");
        Err(H5Error::new(ErrorKind::InvalidConfig, text))
    }
}

/// One version of several files.
fn joined(mut versions: Vec<Version>) -> Version {
    match (versions.pop(), versions.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            let all: Vec<u8> =
                versions.iter().chain(&last).flat_map(|one| one.as_bytes().to_vec()).collect();
            Version::new(&all)
        }
    }
}
