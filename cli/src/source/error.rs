//! What can be wrong with a source, in words that say what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use bigarrays::info::DataType;

/// A foreign file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
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
    /// The file is not what its name says.
    #[error("{} is not a {format} file: {reason}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What its name says.
        format: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The file is right, but of a kind that is not read.
    #[error("cannot read {}: {what}; {advice}", .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it has.
        what: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The file is shorter than its header says.
    #[error(
        "{} is truncated: its voxels take {expected} bytes, {found} are there; copy or download it again",
        .path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes of voxels according to the header.
        expected: u64,
        /// Bytes of voxels that are there.
        found: u64,
    },
    /// The compressed bytes do not unpack.
    #[error(
        "{} is damaged after {found} of {expected} bytes of voxels; copy or download it again",
        .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Bytes of voxels according to the header.
        expected: u64,
        /// Bytes of voxels unpacked so far.
        found: u64,
        /// What the decompressor says.
        source: io::Error,
    },
    /// A page of a stack does not decode.
    #[error("cannot decode {}{}", .path.display(), page_suffix(*.page))]
    Decode {
        /// The file.
        path: PathBuf,
        /// The page in the file, from 0, if it has several.
        page: Option<usize>,
        /// What the decoder says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A dataset of an HDF5 file cannot be opened or read.
    #[cfg(feature = "hdf5")]
    #[error("cannot read {}", .path.display())]
    Dataset {
        /// The file.
        path: PathBuf,
        /// What the store says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The pages of a stack differ.
    #[error(
        "{}{} is {found}, but {} is {expected}; all pages of a stack must agree",
        .path.display(), page_suffix(*.page), .first.display()
    )]
    PagesDiffer {
        /// The file that differs.
        path: PathBuf,
        /// The page in the file, from 0, if it has several.
        page: Option<usize>,
        /// What it is.
        found: String,
        /// The file of the first page.
        first: PathBuf,
        /// What the first page is.
        expected: String,
    },
    /// A page does not fit the memory.
    #[error(
        "a page of {} takes {page_bytes} bytes and must be in memory as a whole, but the limit is {memory} bytes; raise --memory",
        .path.display()
    )]
    PageTooLarge {
        /// The file.
        path: PathBuf,
        /// What a page takes.
        page_bytes: u64,
        /// The limit.
        memory: u64,
    },
    /// A raw file does not have the length that its size says.
    #[error(
        "{} has {found} bytes, but {size:?} voxels of {data_type} are exactly {expected} bytes; check --size and --dtype",
        .path.display()
    )]
    RawLength {
        /// The file.
        path: PathBuf,
        /// The given size.
        size: Vec<u64>,
        /// The given type.
        data_type: DataType,
        /// Bytes that these make.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// An option is not understood.
    #[error("cannot use {option} {text:?}: {reason}")]
    BadOption {
        /// The option.
        option: &'static str,
        /// What was given.
        text: String,
        /// What is needed.
        reason: &'static str,
    },
    /// An option is missing, or does not belong to this kind of file.
    #[error("cannot read {} like this: {reason}", .path.display())]
    Options {
        /// The file.
        path: PathBuf,
        /// What to do.
        reason: &'static str,
    },
    /// The axes do not fit the file.
    #[error("{} has {} dimensions {shape:?}, but the axes {axes} name {named}; give --axes with a letter each", .path.display(), .shape.len())]
    AxesMismatch {
        /// The file.
        path: PathBuf,
        /// Its dimensions.
        shape: Vec<u64>,
        /// The axes.
        axes: String,
        /// How many these are.
        named: usize,
    },
    /// There are no voxels, or more than can be counted.
    #[error("{} has {what}: its shape is {shape:?}", .path.display())]
    BadShape {
        /// The file.
        path: PathBuf,
        /// Its dimensions.
        shape: Vec<u64>,
        /// Which of the two.
        what: &'static str,
    },
    /// A slab found no room on disk.
    #[error(
        "cannot keep {bytes} unpacked bytes of {} in a temporary file in {}; set TMPDIR to a folder with more room, or raise --memory to {}",
        .path.display(), .folder.display(), .bytes.saturating_mul(2)
    )]
    Spool {
        /// The file.
        path: PathBuf,
        /// The length of the slab.
        bytes: u64,
        /// The folder of temporary files.
        folder: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A box was asked for that is not in the source, or into a buffer of another length.
    #[error(
        "cannot read the box {min:?}..{max:?} of a source of size {size:?} into {buffer} bytes"
    )]
    BadBox {
        /// The first voxel.
        min: [u64; 3],
        /// The voxel after the last.
        max: [u64; 3],
        /// Of the source.
        size: [u64; 4],
        /// The length of the buffer.
        buffer: usize,
    },
    /// The memory for a slab is not to be had.
    #[error("cannot get {bytes} bytes of memory to read {}; lower --memory", .path.display())]
    OutOfMemory {
        /// The file.
        path: PathBuf,
        /// What was wanted.
        bytes: u64,
    },
}

impl SourceError {
    /// For `map_err`: the system refused to do this to that file.
    pub(super) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { verb, path: path.to_owned(), source }
    }

    pub(super) fn malformed(path: &Path, format: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), format, reason: brief(&reason.into()) }
    }

    pub(super) fn unsupported(path: &Path, what: impl Into<String>, advice: &'static str) -> Self {
        Self::Unsupported { path: path.to_owned(), what: brief(&what.into()), advice }
    }
}

/// Characters that an error quotes, or says, of a file or an argument.
const MOST: usize = 150;

/// The beginning of a text that may be of any length.
pub(super) fn brief(text: &str) -> String {
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn page_suffix(page: Option<usize>) -> String {
    page.map_or_else(String::new, |page| format!(", page {page}"))
}
