//! Block files that are open.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::hdf5::direct::DirectDataset;

/// The dataset in every file.
pub(super) const DATASET: &str = "img";
/// Files that are kept open, each with the places of its chunks in memory (24 bytes a chunk).
const KEPT: usize = 64;

/// The files that were used last.
#[derive(Debug)]
pub(super) struct Blocks {
    root: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    uses: u64,
    files: HashMap<String, (Arc<DirectDataset>, u64)>,
}

impl Blocks {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, open: Mutex::default() }
    }

    /// The directory of the files.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The dataset of the file with this name, which need not exist.
    pub(super) fn get(&self, name: &str) -> Arc<DirectDataset> {
        // Every state between two statements is sound.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.uses += 1;
        let now = open.uses;
        if let Some((dataset, used)) = open.files.get_mut(name) {
            *used = now;
            return Arc::clone(dataset);
        }
        if open.files.len() >= KEPT {
            let oldest = open.files.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                open.files.remove(&oldest);
            }
        }
        let dataset = Arc::new(DirectDataset::new(self.root.join(name), DATASET));
        open.files.insert(name.to_owned(), (Arc::clone(&dataset), now));
        dataset
    }
}
