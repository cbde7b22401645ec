//! A dataset `volume` of an HDF5 file, (c,)z,y,x as CREMI has it, in chunks with gzip.

use std::path::Path;

use bigarrays::backends::hdf5::export::{Export, Writer};
use tempfile::Builder;

use super::OutputError;
use super::pages::Read;
use super::replace::{folder, usual_permissions};
use super::stream::Wanted;
use crate::error::CliError;
use crate::source::tiles_of;

pub(super) fn save(path: &Path, wanted: &Wanted, read: Read<'_>) -> Result<(), CliError> {
    let mut builder = Builder::new();
    builder.prefix(".bigarrays-").suffix(".part");
    if let Some(permissions) = usual_permissions() {
        builder.permissions(permissions);
    }
    let part =
        builder.tempfile_in(folder(path)).map_err(OutputError::io("create a file beside", path))?;
    let encode = |source: Box<dyn std::error::Error + Send + Sync>| OutputError::Encode {
        path: path.to_owned(),
        source,
    };
    let export = Export {
        data_type: wanted.data_type,
        size: wanted.size,
        chunk: wanted.chunk,
        resolution: wanted.resolution,
        offset: std::array::from_fn(|axis| wanted.corner[axis] * wanted.resolution[axis]),
    };
    let writer = Writer::create(part.path(), "volume", &export).map_err(|e| encode(e.into()))?;
    for tile in tiles_of(wanted.shape(), wanted.chunk, wanted.phase, wanted.memory) {
        // What is not written is zeros.
        if let Some(voxels) = read(&tile)? {
            let bytes = voxels.fortran_bytes();
            writer
                .write(tile.min, tile.shape(), wanted.channel(&bytes))
                .map_err(|e| encode(e.into()))?;
        }
    }
    writer.finish().map_err(|e| encode(e.into()))?;
    part.persist(path)
        .map_err(|error| OutputError::io("rename the complete file to", path)(error.error))?;
    Ok(())
}
