//! Values on their way into block files.

use std::collections::BTreeMap;

use bigarrays_core::Key;
use bigarrays_core::backend::{
    BackendResult, ContentEncoding, ErrorKind, Operation, Precondition, Value,
};

use super::change::{Changed, Edit, Editor, Writing};
use super::geometry::BlockId;
use super::store::H5CuboidBackend;
use super::volume::{Cuboids, Place, Volume};
use crate::fs::Durability;
use crate::hdf5::direct::H5Error;

impl H5CuboidBackend {
    fn editor<'a>(&'a self, volume: &'a Volume) -> Option<Editor<'a>> {
        let writing = Writing {
            in_place: self.options().in_place,
            sync: self.options().durability != Durability::None,
        };
        let (blocks, plain) = (&self.blocks, &self.plain);
        let cuboids = volume.cuboids.as_ref()?;
        Some(Editor { blocks, plain, volume, cuboids, writing })
    }

    /// The HDF5 chunks that a value becomes, if it is one of this chunk.
    pub(super) fn take_apart(
        &self,
        cuboids: &Cuboids,
        place: &Place,
        value: &Value,
    ) -> Result<Edit, H5Error> {
        if value.content_encoding != ContentEncoding::Identity {
            return Err(H5Error::new(
                ErrorKind::Unsupported,
                "voxels go into HDF5 files as they are, which compress them themselves: write \
                 without transport compression",
            ));
        }
        let (len, found) = (cuboids.value_len(place), value.bytes.len());
        if len != found {
            let text =
                format!("its value has {found} bytes; the raw voxels of this chunk are {len}");
            return Err(H5Error::new(ErrorKind::Unsupported, text));
        }
        let (block, chunks) = cuboids.take_apart(place, &value.bytes)?;
        let chunks = chunks.into_iter().map(|(chunk, voxels)| (chunk, Some(voxels))).collect();
        Ok(Edit { block, chunks })
    }

    pub(super) fn removal(cuboids: &Cuboids, place: &Place) -> Result<Edit, H5Error> {
        let (block, pieces) = cuboids.only_block(place)?;
        let chunks = pieces.into_iter().map(|piece| (piece.chunk, None)).collect();
        Ok(Edit { block, chunks })
    }

    pub(super) fn change(
        &self,
        volume: &Volume,
        edit: Edit,
        when: &Precondition,
    ) -> Result<Changed, H5Error> {
        match self.editor(volume) {
            Some(editor) => editor.change(edit, when),
            None => Ok(Changed::Conflict),
        }
    }

    /// Changes several chunks, each file once.
    pub(super) fn change_all(
        &self,
        volume: &Volume,
        edits: Vec<(Key, Edit)>,
        op: Operation,
    ) -> BackendResult<()> {
        // What fails for all chunks of a file is told with the name of one.
        let mut by_block: BTreeMap<BlockId, (Key, Edit)> = BTreeMap::new();
        for (key, mut edit) in edits {
            match by_block.get_mut(&edit.block) {
                Some((_, same)) => same.chunks.append(&mut edit.chunks),
                None => {
                    by_block.insert(edit.block.clone(), (key, edit));
                }
            }
        }
        for (key, edit) in by_block.into_values() {
            let changed = self.change(volume, edit, &Precondition::Always);
            let _always_done = changed.map_err(|error| self.error(op, &key, error))?;
        }
        Ok(())
    }
}
