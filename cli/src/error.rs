//! What can go wrong with a command, and the exit status that says so.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bigarrays::codec::CodecError;

use crate::interrupt;
use crate::output::OutputError;
use crate::source::SourceError;

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line is understood but makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What was given does not fit what is there.
    #[error("{0}")]
    Refused(String),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
    /// A URL did not open.
    #[error(transparent)]
    Open(#[from] bigarrays::OpenError),
    /// The array or its store failed.
    #[error(transparent)]
    Array(#[from] bigarrays::Error),
    /// A description is not one.
    #[error("cannot use the description {}", .path.display())]
    Info {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: bigarrays::info::InfoError,
    },
    /// A description made of the options is not one.
    #[error("cannot describe such a volume")]
    Describe(#[from] bigarrays::info::InfoError),
    /// A foreign file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A result cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A server cannot start.
    #[cfg(feature = "server")]
    #[error(transparent)]
    Serve(#[from] bigarrays_server::ServeError),
    /// A file or stream failed.
    #[error("cannot {verb} {}", .path.display())]
    File {
        /// What was done.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl CliError {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }

    pub(crate) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source }
    }

    /// 2 for a command line that is not right, 1 for everything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::Usage(_)) { 2 } else { 1 })
    }

    /// Whether the command ended because a signal came, and not for what it did.
    pub(crate) fn is_interruption(&self) -> bool {
        let stopped = matches!(self, Self::Interrupted | Self::Array(bigarrays::Error::Cancelled));
        stopped && interrupt::has_come()
    }

    /// What to do about it on the command line, where the error itself speaks of the library.
    fn advice(&self) -> Option<&'static str> {
        use bigarrays::Error as Array;
        use bigarrays::backend::ErrorKind;
        const MAKE: &str = "make a volume there with `bigarrays create` or `import`";
        let error = match self {
            Self::Array(error) | Self::Open(bigarrays::OpenError::Array(error)) => error,
            Self::Open(bigarrays::OpenError::NoVolume(_)) => return Some(MAKE),
            _ => return None,
        };
        match error {
            Array::NoInfo { .. } => Some(MAKE),
            Array::Backend(error) => match error.kind() {
                ErrorKind::NotFound if error.to_string().contains('?') => {
                    Some("a plain path has no ?parameters; write file://PATH?...")
                }
                ErrorKind::Corrupt => Some("restore it from a copy, or make it anew"),
                ErrorKind::NotFound => {
                    Some("check the path, or make a volume with `bigarrays create` or `import`")
                }
                ErrorKind::StorageFull => Some("free some space and run the command again"),
                ErrorKind::Transient => Some("run the command again"),
                _ => None,
            },
            Array::Info { .. } | Array::InfoBytes { .. } => {
                Some("put a copy of the volume's info in its place; the chunks are as they were")
            }
            Array::BadShard { .. } => {
                Some("restore the file from a copy, or write all of its chunks again")
            }
            Array::Unaligned(_) => {
                Some("choose such a box, or give --unaligned to `write` and `import`")
            }
            Array::OutOfBounds { .. } => {
                Some("choose a box inside, or give `cutout` --outside fill, `write` --crop")
            }
            Array::MissingChunk { .. } => Some("--missing fill takes it for the fill value"),
            Array::AlreadyExists { .. } => Some("`bigarrays rm URL --all` removes a volume"),
            Array::BadChunk { source, .. } if is_of_decoding(source) => {
                Some("write that chunk again, or remove it with `rm --box`")
            }
            Array::UnsupportedScale { what, .. } if what.contains("cargo feature") => {
                Some("build the command with it: cargo install --path cli --all-features")
            }
            _ => None,
        }
    }

    /// The whole story: the error and its causes, a line each, and what to do.
    pub(crate) fn story(&self) -> String {
        let mut story = format!("error: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            story.push_str(&format!("\n  because: {}", error.to_string().replace('\n', "\n    ")));
            cause = error.source();
        }
        if let Some(advice) = self.advice() {
            story.push_str(&format!("\n  what to do: {advice}"));
        }
        story
    }
}

/// Whether the fault is in stored bytes, and not in voxels that were to be stored.
const fn is_of_decoding(error: &CodecError) -> bool {
    !matches!(
        error,
        CodecError::Unencodable { .. }
            | CodecError::EncoderFailed { .. }
            | CodecError::Unsupported { .. }
    )
}

impl From<bigarrays::backend::BackendError> for CliError {
    fn from(error: bigarrays::backend::BackendError) -> Self {
        Self::Array(error.into())
    }
}
