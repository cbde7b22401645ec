//! What happens when a system call fails, and when the power goes.

mod faults;
pub(crate) mod model;
mod power;
pub(crate) mod watch;

use std::fs;
use std::path::Path;

use bigarrays_core::Key;
use tempfile::TempDir;

/// A folder, in memory where that can be: there are thousands, and syncs cost nothing there. What
/// is proved does not depend on it.
pub(crate) fn folder() -> TempDir {
    let in_memory = TempDir::new_in("/dev/shm");
    in_memory.or_else(|_| TempDir::new()).unwrap()
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// Everything below a directory: files by path, directories with a slash at their end, sorted.
pub(crate) fn tree(root: &Path) -> Vec<String> {
    fn walk(root: &Path, directory: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                all.push(name + "/");
                walk(root, &path, all);
            } else {
                all.push(name);
            }
        }
    }
    let mut all = Vec::new();
    walk(root, root, &mut all);
    all.sort();
    all
}
