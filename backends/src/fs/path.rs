//! From keys to files.

use std::path::{Path, PathBuf};

use bigarrays_core::Key;
use bigarrays_core::backend::ContentEncoding;

use super::options::CompressedNames;

/// Names of the store's own; never keys, never listed.
pub(super) const RESERVED: &str = ".bigarrays-";

/// Why a key cannot be a file name here.
pub(super) fn refuse(key: &Key, names: CompressedNames) -> Result<(), &'static str> {
    let text = key.as_str();
    if text.split('/').any(|component| component.starts_with(RESERVED)) {
        return Err("names beginning with .bigarrays- are the store's own");
    }
    if names == CompressedNames::Resolve && split_suffix(text).1 != ContentEncoding::Identity {
        return Err(
            "it ends like a compressed value (.gz .br .zstd .xz .bz2), and could not be told from \
             one; open the store with CompressedNames::Literal if suffixes mean nothing in it",
        );
    }
    Ok(())
}

/// The file of a key whose value is compressed in this way.
pub(super) fn file(root: &Path, key: &Key, encoding: ContentEncoding) -> PathBuf {
    let mut path = root.join(key.as_str()).into_os_string();
    path.push(encoding.file_suffix());
    path.into()
}

/// A file name without CloudVolume's suffix, and the compression that it stands for.
pub(super) fn split_suffix(name: &str) -> (&str, ContentEncoding) {
    for encoding in ContentEncoding::COMPRESSED {
        match name.strip_suffix(encoding.file_suffix()) {
            Some(bare) if !bare.is_empty() && !bare.ends_with('/') => return (bare, encoding),
            _ => {}
        }
    }
    (name, ContentEncoding::Identity)
}
