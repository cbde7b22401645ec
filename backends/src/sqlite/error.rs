//! SQLite's result codes as kinds of failure.

use bigarrays_core::Key;
use bigarrays_core::backend::{BackendError, ErrorKind, Operation};
use rusqlite::ErrorCode;

/// Where and in what something failed.
pub(super) struct Failed {
    pub(super) place: String,
    pub(super) op: Operation,
}

impl Failed {
    pub(super) fn of(&self, kind: ErrorKind) -> BackendError {
        BackendError::new(kind, &self.place, self.op)
    }

    /// The failure that SQLite reports.
    pub(super) fn sqlite(&self, error: rusqlite::Error) -> BackendError {
        let code = error.sqlite_error_code();
        let (kind, note) = match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
                ErrorKind::Transient,
                Some("another process held the database for longer than the busy timeout"),
            ),
            Some(ErrorCode::ReadOnly) => (ErrorKind::ReadOnly, None),
            Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                (ErrorKind::PermissionDenied, None)
            }
            Some(ErrorCode::DiskFull) => (ErrorKind::StorageFull, None),
            Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Corrupt, None),
            Some(ErrorCode::NotADatabase) => {
                (ErrorKind::Corrupt, Some("the file is not an SQLite database"))
            }
            Some(ErrorCode::TooBig) => {
                (ErrorKind::Unsupported, Some("the value is longer than SQLite allows"))
            }
            Some(ErrorCode::CannotOpen) => (
                ErrorKind::Other,
                Some("the file, or its folder, cannot be opened; is the path right, and may you write there?"),
            ),
            _ => (ErrorKind::Other, None),
        };
        let failure = self.of(kind).with_source(error);
        match note {
            Some(note) => failure.with_note(note),
            None => failure,
        }
    }

    /// The same, about one key.
    pub(super) fn at(self, key: &Key) -> impl Fn(rusqlite::Error) -> BackendError {
        let key = key.clone();
        move |error| self.sqlite(error).with_key(&key)
    }
}
