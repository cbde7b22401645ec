//! Keys of a directory of cuboid files.

use std::collections::BTreeSet;
use std::sync::Arc;

use bigarrays_core::backend::{BackendResult, ContentEncoding, KeyValueBackend, Meta, Operation};
use bigarrays_core::key::{Key, Prefix};
use futures::stream::{self, BoxStream, StreamExt};

use super::route::Route;
use super::store::H5CuboidBackend;
use super::volume::Volume;
use crate::hdf5::direct::{ChunkTable, H5Error};

impl H5CuboidBackend {
    pub(super) fn all_keys<'a>(
        &'a self,
        prefix: &'a Prefix,
        volume: Option<Arc<Volume>>,
    ) -> BoxStream<'a, BackendResult<Meta>> {
        let Some(volume) = volume else {
            // A file with the name of a configuration to come is one.
            return self.plain.list(prefix);
        };
        let files = Arc::clone(&volume);
        let is_plain = move |meta: &BackendResult<Meta>| match meta {
            Ok(meta) => self.is_plain_or_info(Some(&files), &meta.key),
            Err(_) => true,
        };
        let plain = self.plain.list(prefix);
        let plain = plain.filter(move |meta| std::future::ready(is_plain(meta)));
        let info = self.made_up_meta(&volume).filter(|meta| prefix.contains(&meta.key));
        plain.chain(stream::iter(info.map(Ok))).chain(self.chunks(prefix, volume)).boxed()
    }

    fn chunks<'a>(
        &'a self,
        prefix: &'a Prefix,
        volume: Arc<Volume>,
    ) -> BoxStream<'a, BackendResult<Meta>> {
        let Some(scale) = volume.cuboids.as_ref().map(|cuboids| cuboids.prefix.clone()) else {
            return stream::empty().boxed();
        };
        // No chunk's key has a directory below that of the scale.
        if !scale.starts_with(prefix.as_str()) {
            return stream::empty().boxed();
        }
        let told =
            move |error: H5Error| error.into_backend(self, Operation::List).with_prefix(prefix);
        let names = match self.names() {
            Ok(names) => names,
            Err(error) => return stream::iter([Err(told(error))]).boxed(),
        };
        let blocks = names.into_iter().flat_map(move |name| match self.chunks_of(&volume, &name) {
            Ok(metas) => metas.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(told(error))],
        });
        stream::iter(blocks).boxed()
    }

    /// The chunks that have their first part in this file. (With channels in several files a chunk
    /// is listed for the first of them that has a part of it.)
    fn chunks_of(&self, volume: &Volume, name: &str) -> Result<Vec<Meta>, H5Error> {
        let Some(cuboids) = &volume.cuboids else { return Ok(Vec::new()) };
        let Some(block) = cuboids.geometry.block_of(name) else { return Ok(Vec::new()) };
        let Some(snapshot) = self.blocks.get(name).snapshot()? else { return Ok(Vec::new()) };
        cuboids.check(&snapshot)?;
        let table = snapshot.map().table();
        let voxels: BTreeSet<[i64; 3]> = table
            .into_iter()
            .flat_map(ChunkTable::iter)
            .map(|(chunk, _)| cuboids.geometry.voxel(&block, &chunk))
            .collect();
        let mut metas = Vec::with_capacity(voxels.len());
        for (key, place) in voxels.into_iter().filter_map(|voxel| cuboids.key(voxel)) {
            let version = if cuboids.geometry.one_file_for_all_channels() {
                Some(snapshot.state().version())
            } else if cuboids.first_file(&self.blocks, &place)?.as_deref() == Some(name) {
                cuboids.read(&self.blocks, &place, false)?.map(|chunk| chunk.version)
            } else {
                continue;
            };
            let size = cuboids.value_len(&place) as u64;
            metas.push(Meta {
                key,
                size,
                version,
                content_encoding: Some(ContentEncoding::Identity),
            });
        }
        Ok(metas)
    }

    fn is_plain_or_info(&self, volume: Option<&Volume>, key: &Key) -> bool {
        matches!(self.route(volume, key), Route::Plain | Route::Info)
    }
}
