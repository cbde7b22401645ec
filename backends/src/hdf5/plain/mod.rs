//! One dataset of one HDF5 file as a volume.

use std::path::Path;

use bigarrays_core::DynBackend;
use bigarrays_core::backend::{BackendError, BackendResult, ErrorKind, Operation};

/// Opens a dataset of a file.
///
/// # Errors
/// Always: this is being built.
pub fn open(path: &Path, dataset: Option<&str>) -> BackendResult<DynBackend> {
    let name = format!("h5://{}?dataset={}", path.display(), dataset.unwrap_or_default());
    let note = "one dataset of a file cannot be opened yet";
    Err(BackendError::new(ErrorKind::Unsupported, name, Operation::Open).with_note(note))
}
