//! Volumes above a key, opened once.

use std::sync::Arc;

use bigarrays::backend::{ByteRange, Version, wait};
use bigarrays::geometry::parse_chunk_name;
use bigarrays::{
    BigArray, BoundingBox, DynBackend, Error, Key, KeyValueBackend, Prefix, Result, VolumeInfo,
};
use quick_cache::sync::Cache;

use super::slots::Slots;
use crate::served::{INDICES, ON_THEIR_WAY};

/// Volumes and scales that are kept open.
const OPENED: usize = 64;

/// So many chunks are made at once, each of which may need much memory.
const MAKERS: usize = 3;

/// The volumes of a store.
#[derive(Debug)]
pub(super) struct Volumes {
    store: DynBackend,
    pub(super) makers: Slots,
    described: Cache<Prefix, Arc<Described>>,
    opened: Cache<(Prefix, usize), (Option<Version>, BigArray)>,
}

/// A volume's description.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) root: Prefix,
    pub(super) info: VolumeInfo,
    pub(super) version: Option<Version>,
}

impl Volumes {
    pub(super) fn new(store: DynBackend) -> Self {
        Self {
            store,
            makers: Slots::new(MAKERS),
            described: Cache::new(OPENED),
            opened: Cache::new(OPENED),
        }
    }

    /// The volume in a place, or `None` if there is none.
    pub(super) fn at(&self, root: Prefix) -> Result<Option<Arc<Described>>> {
        let info = Key::new(format!("{root}info"))?;
        let Some(meta) = wait(self.store.head(&info))? else { return Ok(None) };
        if let Some(known) = self.described.get(&root)
            && known.version.is_some()
            && known.version == meta.version
        {
            return Ok(Some(known));
        }
        match BigArray::builder(DynBackend::clone(&self.store)).root(root.clone()).info() {
            Ok(info) => {
                let described = Described { root: root.clone(), info, version: meta.version };
                let described = Arc::new(described);
                self.described.insert(root, Arc::clone(&described));
                Ok(Some(described))
            }
            Err(Error::NoInfo { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The volume nearest above a key, and what of the key stands behind its place.
    pub(super) fn above(&self, key: &Key) -> Result<Option<(Arc<Described>, String)>> {
        let text = key.as_str();
        // Behind the last slash stands the value's own name.
        let ends = text.match_indices('/').map(|(at, _)| at).rev().chain([0]);
        for end in ends {
            let Ok(root) = Prefix::new(&text[..end]) else { continue };
            if let Some(volume) = self.at(root.clone())? {
                return Ok(Some((volume, text[root.as_str().len()..].to_owned())));
            }
        }
        Ok(None)
    }

    /// A scale of a volume that is stored.
    pub(super) fn open(&self, volume: &Described, scale: usize) -> Result<BigArray> {
        let name = (volume.root.clone(), scale);
        if let Some((version, array)) = self.opened.get(&name)
            && version.is_some()
            && version == volume.version
        {
            return Ok(array);
        }
        let store = DynBackend::clone(&self.store);
        let array = BigArray::builder(store).root(volume.root.clone()).scale(scale);
        let array = array.memory(ON_THEIR_WAY).index_cache(INDICES).open()?;
        self.opened.insert(name, (volume.version.clone(), array.clone()));
        Ok(array)
    }

    /// A value as it is stored.
    pub(super) fn stored(&self, key: &Key) -> Result<Option<bigarrays::backend::Blob>> {
        Ok(wait(self.store.get(key, ByteRange::Full))?)
    }
}

impl Described {
    /// The scale and the chunk that a path below the volume names, of the scales of `info`.
    pub(super) fn chunk(info: &VolumeInfo, path: &str) -> Option<(usize, BoundingBox)> {
        let (scale, name) = path.rsplit_once('/')?;
        let index = info.scales.iter().position(|known| known.key.trim_matches('/') == scale)?;
        Some((index, parse_chunk_name(name)?))
    }
}
