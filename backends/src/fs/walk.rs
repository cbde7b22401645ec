//! Listing a tree, a directory at a time.

use std::fs::{self, ReadDir};
use std::io;
use std::path::{Path, PathBuf};

use bigarrays_core::backend::{ContentEncoding, Meta};
use bigarrays_core::{Key, Prefix};

use super::options::CompressedNames;
use super::path::{RESERVED, split_suffix};
use super::version;

/// Deeper than a key can be: a loop of symbolic links ends here.
const MAX_DEPTH: usize = 512;

/// Walks the files below a prefix. Memory grows with the depth of the tree and not its size.
pub(super) struct Walk {
    root: PathBuf,
    names: CompressedNames,
    /// Open directories with their places below the root.
    stack: Vec<(ReadDir, String)>,
}

impl Walk {
    pub(super) fn new(root: &Path, prefix: &Prefix, names: CompressedNames) -> io::Result<Self> {
        let mut walk = Self { root: root.to_owned(), names, stack: Vec::new() };
        walk.enter(prefix.as_str().to_owned())?;
        Ok(walk)
    }

    fn enter(&mut self, place: String) -> io::Result<()> {
        if self.stack.len() >= MAX_DEPTH {
            return Ok(());
        }
        match fs::read_dir(self.root.join(&place)) {
            Ok(entries) => self.stack.push((entries, place)),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn step(&mut self, name: &str, place: &str, path: &Path) -> io::Result<Option<Meta>> {
        // Follows links, as reading does.
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) || is_loop(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            self.enter(format!("{place}{name}/"))?;
            return Ok(None);
        }
        let (bare, content_encoding) = match self.names {
            CompressedNames::Resolve => split_suffix(name),
            CompressedNames::Literal => (name, ContentEncoding::Identity),
        };
        // A file beside a better one of the same key is not what a read would find.
        let hidden = content_encoding != ContentEncoding::Identity
            && std::iter::once(ContentEncoding::Identity)
                .chain(ContentEncoding::COMPRESSED)
                .take_while(|better| *better != content_encoding)
                .any(|better| {
                    path.with_file_name(format!("{bare}{}", better.file_suffix())).is_file()
                });
        if hidden || !metadata.is_file() {
            return Ok(None);
        }
        // A file whose name is no key cannot be read, and is not listed.
        Ok(Key::new(format!("{place}{bare}")).ok().map(|key| Meta {
            key,
            size: metadata.len(),
            version: Some(version::of(&metadata)),
            content_encoding,
        }))
    }
}

impl Iterator for Walk {
    type Item = io::Result<Meta>;

    fn next(&mut self) -> Option<io::Result<Meta>> {
        loop {
            let (entries, place) = self.stack.last_mut()?;
            let place = place.clone();
            match entries.next() {
                None => {
                    self.stack.pop();
                }
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(entry)) => {
                    let Ok(name) = entry.file_name().into_string() else { continue };
                    if name.starts_with(RESERVED) {
                        continue;
                    }
                    match self.step(&name, &place, &entry.path()) {
                        Ok(None) => {}
                        Ok(Some(meta)) => return Some(Ok(meta)),
                        Err(error) => return Some(Err(error)),
                    }
                }
            }
        }
    }
}

/// Whether there is nothing of that name (or a file where a directory would have to be).
pub(super) fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    // A name that is too long for the file system cannot be there.
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

fn is_loop(error: &io::Error) -> bool {
    // ELOOP, which the standard library has no stable name for.
    error.raw_os_error() == Some(40)
}
