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

#[cfg(test)]
mod tests {
    use std::fs;

    use bigarrays_core::backend::{Capabilities, KeyValueBackend, KeyValueBackendExt, wait};
    use bigarrays_core::{BigArray, DataType, Key, VolumeInfo};
    use ndarray::Array3;

    use crate::{OpenError, OpenOptions};

    fn open(url: &str) -> Result<bigarrays_core::DynBackend, OpenError> {
        let url = super::StoreUrl::parse(url).unwrap();
        super::open(&url, super::Access::Create)
    }

    #[test]
    fn a_volume_is_made_by_its_url_and_opened_by_its_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("volume");
        let url = format!("h5://{}", place.display());
        let store = open(&format!("{url}?block=32,32,16&compression=blosc&durability=none"));
        let info = VolumeInfo::builder(DataType::Uint8, [40, 20, 8]).chunk_size([16, 16, 8]);
        let info = info.resolution([4.0; 3]).build().unwrap();
        let array = BigArray::create(store.unwrap(), info).unwrap();
        array.write([0, 0, 0], Array3::<u8>::ones((40, 20, 8)).view()).unwrap();
        let config = fs::read_to_string(place.join("config.json")).unwrap();
        assert!(config.contains(r#""blockSize":[32,32,16]"#), "{config}");
        assert!(config.contains(r#""compression":"blosc""#), "{config}");
        let again = OpenOptions::new().open(&format!("{url}/config.json")).unwrap();
        assert!(again.read::<u8>(again.bounds()).unwrap().iter().all(|&voxel| voxel == 1));
    }

    #[test]
    fn reading_changes_nothing_and_needs_a_volume() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("h5://{}", dir.path().display());
        let parsed = super::StoreUrl::parse(&url).unwrap();
        assert!(super::open(&parsed, super::Access::ReadOnly).is_err());
        assert!(super::open(&parsed, super::Access::ReadWrite).is_err());
        let store = open(&url).unwrap();
        let Capabilities { writable, .. } = store.capabilities();
        assert!(writable);
        assert_eq!(wait(store.get_bytes(&Key::new("info").unwrap())).unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn slips_in_the_url_are_told() {
        for (query, word) in [
            ("block=1,2", "block"),
            ("block=0,1,1", "block"),
            ("compression=lzw", "lzw"),
            ("durability=some", "some"),
            ("in_place=yes", "yes"),
            ("inplace=true", "inplace"),
        ] {
            let error = open(&format!("h5:///nowhere?{query}")).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn a_file_is_one_dataset() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.h5");
        fs::write(&path, "no HDF5").unwrap();
        // Whatever that says of this file, it is not taken for a directory.
        let error = open(&format!("h5://{}", path.display())).unwrap_err();
        assert!(!error.to_string().contains("directory"), "{error}");
    }
}
