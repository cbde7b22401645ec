//! What goes wrong below the trait, before it is known for which store and key.

use std::io;

use bigarrays_core::backend::{BackendError, ErrorKind, Operation};
use bigarrays_core::key::Key;

use super::store::FsBackend;

/// A failure of the file system, or something that this store refuses.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Option<ErrorKind>,
    note: Option<String>,
    source: Option<io::Error>,
}

impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        Self { kind: None, note: None, source: Some(source) }
    }
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, note: impl Into<String>) -> Self {
        Self { kind: Some(kind), note: Some(note.into()), source: None }
    }

    pub(super) fn because(mut self, source: io::Error) -> Self {
        self.source = Some(source);
        self
    }

    /// The error of an operation of `store`.
    pub(crate) fn of(self, store: &FsBackend, op: Operation) -> BackendError {
        let mut error = match (self.kind, self.source) {
            (None, Some(source)) => BackendError::io(store, op, source),
            (kind, source) => {
                let error = BackendError::new(kind.unwrap_or(ErrorKind::Other), store, op);
                match source {
                    Some(source) => error.with_source(source),
                    None => error,
                }
            }
        };
        if let Some(note) = self.note {
            error = error.with_note(note);
        }
        error
    }

    /// The error of an operation of `store` on `key`.
    pub(super) fn at(self, store: &FsBackend, op: Operation, key: &Key) -> BackendError {
        self.of(store, op).with_key(key)
    }
}

/// Whether a path that gave this error holds nothing: it does not exist, leads through a file, or
/// has a name that this file system cannot have.
pub(super) fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}
