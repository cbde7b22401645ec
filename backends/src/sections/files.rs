//! The files of sections that are open.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::hdf5::direct::DirectDataset;

/// How many are kept open: far below what a process may have.
const MOST_OPEN: usize = 128;

/// The dataset of a section.
const DATASET: &str = "img";

/// Datasets by their z, the one that was used last at the end.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<VecDeque<(i64, Arc<DirectDataset>)>>);

impl Files {
    /// The dataset of the section at `z`, whose file has this path. Nothing is opened here.
    pub(super) fn get(&self, z: i64, path: impl FnOnce() -> PathBuf) -> Arc<DirectDataset> {
        // Whatever a panic left is a list of datasets.
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.iter().position(|(of, _)| *of == z).and_then(|at| open.remove(at));
        let (_, dataset) =
            known.unwrap_or_else(|| (z, Arc::new(DirectDataset::new(path(), DATASET))));
        open.push_back((z, Arc::clone(&dataset)));
        let oldest = if open.len() > MOST_OPEN { open.pop_front() } else { None };
        drop(open);
        // Its file is closed outside of the lock.
        drop(oldest);
        dataset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_used_are_kept() {
        let files = Files::default();
        let path = || PathBuf::from("x");
        let first = files.get(0, path);
        for z in 1..200 {
            files.get(z, path);
            assert!(Arc::ptr_eq(&first, &files.get(0, path)));
        }
        assert_eq!(files.0.lock().unwrap().len(), MOST_OPEN);
        let second = files.get(1, path);
        assert_eq!(Arc::strong_count(&second), 2);
    }
}
