//! Reading a database where no file can be made beside it, or none that could be removed again.
//!
//! SQLite needs `FILE-shm` to read a file in WAL mode, even one that nobody has open; in a
//! directory that cannot be written there is none. SQLite can be told that a file never changes,
//! and then needs nothing. So that this stays true, each reading is checked afterwards: a writer
//! makes `FILE-wal` before it does anything else, and what it moves into the file changes the
//! file's time.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How a file looked when it was opened as one that does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frozen {
    path: PathBuf,
    len: u64,
    modified: Option<SystemTime>,
}

impl Frozen {
    /// `None` if the file has a log, which must be read with it.
    pub(super) fn look(path: &Path) -> io::Result<Option<Self>> {
        let log = fs::metadata(beside(path, "-wal"));
        if log.is_ok_and(|log| log.len() > 0) {
            return Ok(None);
        }
        let file = fs::metadata(path)?;
        let modified = file.modified().ok();
        Ok(Some(Self { path: path.to_owned(), len: file.len(), modified }))
    }

    /// Whether nobody seems to have the file open.
    pub(super) fn stands_alone(path: &Path) -> bool {
        let exists = |suffix| fs::symlink_metadata(beside(path, suffix)).is_ok();
        !exists("-wal") && !exists("-shm") && !exists("-journal")
    }

    /// Whether the file did not change until now.
    pub(super) fn holds(&self) -> bool {
        Self::look(&self.path).is_ok_and(|now| now.as_ref() == Some(self))
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The name by which SQLite opens a file as one that does not change.
pub(super) fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_is_a_uri() {
        let uri = immutable_uri(Path::new("/a b/100%?x=1&#ü.db"));
        assert_eq!(uri, "file:/a%20b/100%25%3Fx%3D1%26%23%C3%BC.db?immutable=1");
    }
}
