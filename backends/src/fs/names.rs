//! Which files a key may be.

use std::io;
use std::path::{Path, PathBuf};

use bigarrays_core::backend::{ContentEncoding, ErrorKind};
use bigarrays_core::key::{Key, Prefix};

use super::failure::Failure;
use super::options::CompressedNames;

/// The beginning of names that are the store's own.
const RESERVED: &str = ".bigarrays-";

/// The encodings that a value can be stored in, most important first.
const RESOLVED: [ContentEncoding; 6] = [
    ContentEncoding::Identity,
    ContentEncoding::Gzip,
    ContentEncoding::Brotli,
    ContentEncoding::Zstd,
    ContentEncoding::Xz,
    ContentEncoding::Bzip2,
];

pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

pub(super) fn is_temporary(name: &str) -> bool {
    is_reserved(name) && name.ends_with(".tmp")
}

/// The name of a temporary file.
pub(crate) fn temporary(number: u64) -> String {
    format!("{RESERVED}{number:016x}.tmp")
}

/// Whether nothing below `prefix` can be a value.
pub(super) fn holds_reserved(prefix: &Prefix) -> bool {
    prefix.as_str().split('/').any(is_reserved)
}

impl CompressedNames {
    /// The encodings in which a value may be stored; the first that is there counts.
    pub(super) const fn encodings(self) -> &'static [ContentEncoding] {
        match self {
            Self::Resolve => &RESOLVED,
            Self::Literal => &[ContentEncoding::Identity],
        }
    }

    /// Refuses keys that this store cannot have.
    pub(super) fn check(self, key: &Key) -> Result<(), Failure> {
        let text = key.as_str();
        if text.split('/').any(is_reserved) {
            let note = format!("names that begin with {RESERVED:?} are the store's own");
            return Err(Failure::new(ErrorKind::InvalidKey, note));
        }
        if let Some((_, encoding)) = self.split(text) {
            let suffix = encoding.file_suffix();
            let note = format!(
                "a file name that ends in {suffix:?} is a value compressed with {encoding}; \
                 open the store with `CompressedNames::Literal` to use such keys"
            );
            return Err(Failure::new(ErrorKind::InvalidKey, note));
        }
        Ok(())
    }

    /// The bare name and the encoding of a file name with a suffix.
    pub(super) fn split(self, name: &str) -> Option<(&str, ContentEncoding)> {
        let split = |encoding: &ContentEncoding| {
            let suffix = encoding.file_suffix();
            let bare = name.strip_suffix(suffix).filter(|_| !suffix.is_empty())?;
            Some((bare, *encoding))
        };
        self.encodings().iter().find_map(split)
    }

    /// Asks for each name that the value at `bare` may have, until one is there.
    pub(super) fn find<T>(
        self,
        bare: &Path,
        probe: impl Fn(&Path) -> Result<Option<T>, Failure>,
    ) -> Result<Option<(T, ContentEncoding)>, Failure> {
        for &encoding in self.encodings() {
            if let Some(found) = probe(&path_in(bare, encoding))? {
                return Ok(Some((found, encoding)));
            }
        }
        Ok(None)
    }

    /// Removes the files of the value at `bare`, but the one in `kept`, and tells whether there
    /// were any.
    ///
    /// The least important goes first: whoever looks meanwhile finds the value as it was or as
    /// it will be, never one that had long been overwritten. So that this holds after a power cut,
    /// too, what was done in the directory before is made to `settle` before a file goes.
    pub(super) fn remove(
        self,
        bare: &Path,
        kept: Option<ContentEncoding>,
        settle: impl Fn() -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let mut removed = false;
        for &encoding in self.encodings().iter().rev() {
            let path = path_in(bare, encoding);
            if Some(encoding) == kept || !is_there(&path)? {
                continue;
            }
            if kept.is_some() || removed {
                settle()?;
            }
            removed |= remove_file(&path)?;
        }
        Ok(removed)
    }
}

/// The file in which the value at `bare` is stored in `encoding`.
pub(super) fn path_in(bare: &Path, encoding: ContentEncoding) -> PathBuf {
    let mut path = bare.as_os_str().to_owned();
    path.push(encoding.file_suffix());
    PathBuf::from(path)
}

/// Whether something is at a path that can be removed, be it a link that leads nowhere.
fn is_there(path: &Path) -> io::Result<bool> {
    match super::io::link_metadata(path) {
        Ok(metadata) => Ok(!metadata.is_dir()),
        Err(error) if super::failure::is_absence(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a file, and tells whether there was one. A directory is none.
fn remove_file(path: &Path) -> io::Result<bool> {
    match super::io::unlink(path) {
        Ok(()) => Ok(true),
        Err(error) if super::failure::is_absence(&error) => Ok(false),
        // What unlinking a directory answers differs between systems.
        Err(_) if path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_split_off_or_have_no_meaning() {
        let names = CompressedNames::Resolve;
        assert_eq!(names.split("a.tar.gz"), Some(("a.tar", ContentEncoding::Gzip)));
        assert_eq!(names.split("0-64.bz2"), Some(("0-64", ContentEncoding::Bzip2)));
        assert_eq!(names.split("a.gz.tmp"), None);
        assert_eq!(names.split("agz"), None);
        assert_eq!(CompressedNames::Literal.split("a.gz"), None);
    }

    #[test]
    fn own_names_are_refused_at_any_depth() {
        for text in [".bigarrays-1.tmp", "a/.bigarrays-/b", ".bigarrays-x/y"] {
            let key = Key::new(text).unwrap();
            assert!(CompressedNames::Literal.check(&key).is_err(), "{text}");
        }
        assert!(is_temporary(&temporary(7)));
        assert!(CompressedNames::Resolve.check(&Key::new("a/.bigarrays").unwrap()).is_ok());
    }
}
