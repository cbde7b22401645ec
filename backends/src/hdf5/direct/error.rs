//! What goes wrong with an HDF5 file.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;

use bigarrays_core::backend::{BackendError, ErrorKind, Operation};

/// A failure to read or write a dataset: what kind it is, what was found, and where.
#[derive(Debug)]
pub struct H5Error(Box<Details>);

#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    what: String,
    chunk: Option<Vec<u64>>,
    dataset: Option<String>,
    file: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl H5Error {
    /// An error of this kind; `what` is a clause that says what was found or what to do.
    #[must_use]
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        let what = what.into();
        Self(Box::new(Details { kind, what, chunk: None, dataset: None, file: None, source: None }))
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, what)
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, what)
    }

    /// A failure of the file system.
    pub(crate) fn io(what: &str, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            // The file ends where its own index says that there is more.
            io::ErrorKind::UnexpectedEof => ErrorKind::Corrupt,
            _ => BackendError::io("", Operation::Get, io::Error::from(source.kind())).kind(),
        };
        Self::new(kind, what).because(source)
    }

    /// A refusal of the HDF5 library.
    pub(crate) fn library(kind: ErrorKind, what: &str, source: &hdf5::Error) -> Self {
        let text = source.to_string();
        // The library has no other way to say what the system said.
        let is_full = text.contains("No space left on device");
        Self::new(if is_full { ErrorKind::StorageFull } else { kind }, what).because(text)
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn in_chunk(mut self, chunk: &[u64]) -> Self {
        self.0.chunk.get_or_insert_with(|| chunk.to_vec());
        self
    }

    pub(crate) fn in_dataset(mut self, file: &Path, dataset: &str) -> Self {
        self.0.dataset.get_or_insert_with(|| dataset.to_owned());
        self.in_file(file)
    }

    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        let name = || file.to_string_lossy().replace(char::is_control, "\u{fffd}");
        self.0.file.get_or_insert_with(name);
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The error of an operation of the store that calls itself `store`.
    #[must_use]
    pub fn into_backend(self, store: impl fmt::Display, op: Operation) -> BackendError {
        let note = self.to_string();
        let error = BackendError::new(self.0.kind, store, op).with_note(note);
        match self.0.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

impl fmt::Display for H5Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { what, chunk, dataset, file, .. } = &*self.0;
        f.write_str(what)?;
        let Some(file) = file else { return Ok(()) };
        f.write_str(" (")?;
        if let Some(chunk) = chunk {
            write!(f, "chunk {chunk:?} of ")?;
        }
        if let Some(dataset) = dataset {
            write!(f, "the dataset {dataset:?} in ")?;
        }
        write!(f, "the file {file})")
    }
}

impl StdError for H5Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}
