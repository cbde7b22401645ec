//! What goes wrong below the trait, before it is known for which store and key.

use std::error::Error as StdError;
use std::fmt;

use bigarrays_core::backend::{BackendError, ErrorKind, Operation};
use bigarrays_core::key::Key;
use rusqlite::ErrorCode;

/// A failure of SQLite, or something that this store refuses.
#[derive(Debug)]
pub(super) struct Failure {
    kind: ErrorKind,
    note: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let (kind, note) = classify(&error);
        Self { kind, note: note.map(ToOwned::to_owned), source: Some(error.into()) }
    }
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, note: impl Into<String>) -> Self {
        Self { kind, note: Some(note.into()), source: None }
    }

    pub(super) fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    pub(super) const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error of an operation of the store that calls itself `store`.
    pub(super) fn of(self, store: impl fmt::Display, op: Operation) -> BackendError {
        let mut error = BackendError::new(self.kind, store, op);
        if let Some(note) = self.note {
            error = error.with_note(note);
        }
        if let Some(source) = self.source {
            error = error.with_source(source);
        }
        error
    }

    /// The error of an operation on `key`.
    pub(super) fn at(self, store: impl fmt::Display, op: Operation, key: &Key) -> BackendError {
        self.of(store, op).with_key(key)
    }
}

/// What stored data is damaged, in words.
pub(super) fn corrupt(note: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Corrupt, note)
}

fn classify(error: &rusqlite::Error) -> (ErrorKind, Option<&'static str>) {
    let Some(code) = error.sqlite_error_code() else {
        let kind = match error {
            // A column that does not hold what the format says.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => ErrorKind::Corrupt,
            _ => ErrorKind::Other,
        };
        return (kind, None);
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (ErrorKind::Transient, Some("another process keeps the database locked"))
        }
        ErrorCode::DiskFull => (ErrorKind::StorageFull, None),
        ErrorCode::ReadOnly => {
            (ErrorKind::ReadOnly, Some("the file, or its directory, is read-only"))
        }
        ErrorCode::PermissionDenied => (ErrorKind::PermissionDenied, None),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => (ErrorKind::Corrupt, None),
        ErrorCode::CannotOpen => {
            (ErrorKind::Other, Some("the file, or its log beside it, cannot be opened"))
        }
        _ => (ErrorKind::Other, None),
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // The kinds are told apart in one place, that of the core.
        let kind = BackendError::io("", Operation::Open, std::io::Error::from(error.kind())).kind();
        Self { kind, note: None, source: Some(error.into()) }
    }
}
