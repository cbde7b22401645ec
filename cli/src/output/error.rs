//! What can be wrong with a file to write.

use std::io;
use std::path::{Path, PathBuf};

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// The system refused.
    #[error("cannot {verb} {}", .path.display())]
    Io {
        /// What was done.
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// It has no place.
    #[error("cannot write {}: there is no folder {}; make it first", .path.display(), .folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// The name says of no format.
    #[error(
        "cannot write {}: its name must end in .npy, .tif, .tiff, .png, .nii, .nii.gz, .h5 or .raw, or in / for a folder of PNGs (or be - for npy on standard output)",
        .path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The format cannot hold such an array.
    #[error("cannot write {}: {what}; {advice}", .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What does not go together.
        what: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// There is no room for it.
    #[error("cannot write {}: the voxels take {size}; {advice}", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How much it would be, as text.
        size: String,
        /// What to do about it.
        advice: String,
    },
    /// The encoder failed.
    #[error("cannot encode {}", .path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the encoder says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The voxels do not have the size that is said.
    #[error("cannot write {}: {size:?} voxels take {expected} bytes, {found} are there", .path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// `[x, y, z, c]`.
        size: [u64; 4],
        /// The bytes of so many voxels.
        expected: u128,
        /// The bytes given.
        found: usize,
    },
}

impl OutputError {
    /// For `map_err`: the system refused to do this to that file.
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { verb, path: path.to_owned(), source }
    }

    pub(super) fn unsupported(path: &Path, what: impl Into<String>, advice: &'static str) -> Self {
        Self::Unsupported { path: path.to_owned(), what: what.into(), advice }
    }
}
