//! Chunks of sharded scales, each under its own name.

use bigarrays::backend::{Blob, ContentEncoding};
use bigarrays::{Error, Key, Result, VolumeInfo};
use bytes::Bytes;

use super::volume::{Described, Volumes};

/// A value as this view shows it: descriptions without shards, chunks that are in shards, and all
/// else as it is stored.
pub(super) fn show(volumes: &Volumes, key: &Key) -> Result<Option<Blob>> {
    let Some((volume, path)) = volumes.above(key)? else { return volumes.stored(key) };
    if path == "info" {
        return describe(key, &volume, unsharded(&volume.info)).map(Some);
    }
    let Some((scale, chunk)) = Described::chunk(&volume.info, &path) else {
        return volumes.stored(key);
    };
    if volume.info.scales[scale].sharding.is_none() {
        return volumes.stored(key);
    }
    let array = volumes.open(&volume, scale)?;
    let cell =
        array.grid().cell_of(chunk.min).filter(|&cell| array.grid().chunk_box(cell) == chunk);
    let Some(cell) = cell else { return Ok(None) };
    array.read_chunk_bytes(cell)
}

/// The description of a volume whose chunks are values of their own.
fn unsharded(info: &VolumeInfo) -> VolumeInfo {
    let mut info = info.clone();
    for scale in &mut info.scales {
        scale.sharding = None;
    }
    info
}

/// A description as a value, of the state of the one that it is made of.
pub(super) fn describe(key: &Key, volume: &Described, info: VolumeInfo) -> Result<Blob> {
    let bytes = info.to_json().map_err(|source| Error::Info {
        backend: "a view".to_owned(),
        key: key.clone(),
        source: Box::new(source),
    })?;
    Ok(Blob {
        bytes: Bytes::from(bytes),
        version: volume.version.clone(),
        content_encoding: ContentEncoding::Identity,
    })
}
