//! `h5:///directory`, `h5:///directory/config.json` and `h5:///file.h5?dataset=/name`.
//!
//! A directory of cuboid files takes `block=x,y,z` and `compression=deflate|blosc|none` for a new
//! volume, `durability=none|batch|each` and `in_place=true`.

use std::path::Path;
use std::sync::Arc;

use bigarrays_backends::fs::Durability;
use bigarrays_backends::hdf5::cuboids::{Compression, H5CuboidBackend};
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::stores::plain;
use crate::url::StoreUrl;

/// Opens the store.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    let path = Path::new(url.location());
    let is_config = path.extension().is_some_and(|end| end == "json");
    if url.parameter("dataset").is_some() || (path.is_file() && !is_config) {
        return plain::open(url, access);
    }
    url.allow_parameters(&["block", "compression", "durability", "in_place"])?;
    let mut options = H5CuboidBackend::builder(path)
        .create(access == Access::Create)
        .read_only(access == Access::ReadOnly)
        .compression(compression(url)?)
        .durability(durability(url)?)
        .in_place(in_place(url)?);
    if let Some(block) = block(url)? {
        options = options.block(block);
    }
    Ok(Arc::new(options.open()?))
}

fn compression(url: &StoreUrl) -> Result<Compression, OpenError> {
    match url.parameter("compression") {
        None => Ok(Compression::default()),
        Some("deflate") => Ok(Compression::Deflate),
        Some("blosc") => Ok(Compression::Blosc),
        Some("none") => Ok(Compression::None),
        Some(other) => refuse(url, "compression", other, "deflate, blosc, none"),
    }
}

fn durability(url: &StoreUrl) -> Result<Durability, OpenError> {
    match url.parameter("durability") {
        None => Ok(Durability::default()),
        Some("none") => Ok(Durability::None),
        Some("batch") => Ok(Durability::Batch),
        Some("each") => Ok(Durability::Each),
        Some(other) => refuse(url, "durability", other, "none, batch, each"),
    }
}

fn in_place(url: &StoreUrl) -> Result<bool, OpenError> {
    match url.parameter("in_place") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => refuse(url, "in_place", other, "true, false"),
    }
}

fn block(url: &StoreUrl) -> Result<Option<[u64; 3]>, OpenError> {
    let Some(text) = url.parameter("block") else { return Ok(None) };
    let lengths = text.split(',').map(|length| length.trim().parse().ok().filter(|&n| n > 0));
    let lengths: Option<Vec<u64>> = lengths.collect();
    match lengths.map(<[u64; 3]>::try_from) {
        Some(Ok(block)) => Ok(Some(block)),
        _ => refuse(url, "block", text, "three lengths in voxels, as 1024,1024,128"),
    }
}

fn refuse<T>(url: &StoreUrl, name: &str, value: &str, known: &str) -> Result<T, OpenError> {
    Err(url.invalid(format!("the {name} {value:?} is none of {known}")).into())
}
