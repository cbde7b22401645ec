//! What keys name.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bigarrays_core::backend::{
    BackendError, BackendResult, ContentEncoding, ErrorKind, KeyValueBackend, Meta, Operation,
    Version, wait,
};
use bigarrays_core::key::Key;

use super::blocks::Blocks;
use super::names::ranges_of;
use super::store::H5CuboidBackend;
use super::volume::{Cuboids, Named, Place, Volume};
use crate::hdf5::direct::H5Error;

/// What a key names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A file.
    Plain,
    /// A file that is no value: a block, the configuration.
    Own,
    /// The description of the volume.
    Info,
    /// A chunk in a block file.
    Chunk(Place),
    /// A chunk that this volume cannot have.
    OffGrid,
}

impl H5CuboidBackend {
    pub(super) fn route(&self, volume: Option<&Volume>, key: &Key) -> Route {
        let text = key.as_str();
        if *key == self.config_key {
            return Route::Own;
        }
        if *key == self.info_key {
            return Route::Info;
        }
        let Some(volume) = volume else { return Route::Plain };
        if ranges_of(&volume.config.prefix, text).is_some() {
            return Route::Own;
        }
        let Some(cuboids) = &volume.cuboids else { return Route::Plain };
        match text.strip_prefix(&cuboids.prefix).map(|name| cuboids.name_of_chunk(name)) {
            Some(Named::Chunk(place)) => Route::Chunk(place),
            Some(Named::OffGrid) => Route::OffGrid,
            Some(Named::Other) | None => Route::Plain,
        }
    }

    /// What a key names in the directory as it is now.
    pub(super) fn find(
        &self,
        op: Operation,
        key: &Key,
    ) -> BackendResult<(Option<Arc<Volume>>, Route)> {
        let volume = self.volume().map_err(|error| self.error(op, key, error))?;
        let route = self.route(volume.as_deref(), key);
        if route == Route::Own {
            let note = "it is the name of one of the store's own files";
            let error = BackendError::new(ErrorKind::InvalidKey, self, op).with_key(key);
            return Err(error.with_note(note));
        }
        Ok((volume, route))
    }

    pub(super) fn made_up_meta(&self, volume: &Volume) -> Option<Meta> {
        let (version, size) = (volume.made_up_version()?, volume.made_up.as_ref()?.len() as u64);
        let stored = wait(self.plain.head(&self.info_key));
        if !matches!(stored, Ok(None)) {
            return None;
        }
        let (key, version) = (self.info_key.clone(), Some(version));
        Some(Meta { key, size, version, content_encoding: Some(ContentEncoding::Identity) })
    }
}

impl Volume {
    /// Whether files to come cannot change what is known.
    pub(super) fn knows_its_files(&self) -> bool {
        let narrow = |cuboids: &Cuboids| cuboids.geometry.named <= 3;
        self.made_up.is_none()
            && !self.files.is_empty()
            && self.cuboids.as_ref().is_some_and(narrow)
    }

    /// The version of a description that is made up: it follows from its text.
    pub(super) fn made_up_version(&self) -> Option<Version> {
        let text = self.made_up.as_ref()?;
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Some(Version::from_u64(hasher.finish()))
    }
}

impl Cuboids {
    /// The first file that has a part of a chunk.
    pub(super) fn first_file(
        &self,
        blocks: &Blocks,
        place: &Place,
    ) -> Result<Option<String>, H5Error> {
        for piece in self.geometry.pieces(place.block, place.cell) {
            let name = self.geometry.name(&piece.block);
            let snapshot = blocks.get(&name).snapshot()?;
            let table = snapshot.as_ref().and_then(|snapshot| snapshot.map().table());
            if table.is_some_and(|table| table.find(&piece.chunk).is_some()) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}
