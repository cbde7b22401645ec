//! Why an operation of a store failed.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::key::{InvalidKey, Key, Prefix};

/// The result of one operation of a store.
pub type BackendResult<T> = Result<T, BackendError>;

/// What kind of failure it was; this decides what the caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store knows who asks and says no.
    PermissionDenied,
    /// The store does not know who asks: credentials are missing, wrong or expired.
    Unauthenticated,
    /// It may go well if tried again. The only kind that is retried.
    Transient,
    /// This store cannot do that at all.
    Unsupported,
    /// The store was opened, or is mounted, for reading only.
    ReadOnly,
    /// There is no room left to write.
    StorageFull,
    /// The key cannot be a name in this store.
    InvalidKey,
    /// There is no such store (a key that is absent is no failure).
    NotFound,
    /// The store cannot be opened as it was configured.
    InvalidConfig,
    /// What is stored is damaged.
    Corrupt,
    /// Anything else.
    Other,
}

impl ErrorKind {
    const fn text(self) -> &'static str {
        match self {
            Self::PermissionDenied => "permission denied",
            Self::Unauthenticated => "not authenticated",
            Self::Transient => "temporary failure",
            Self::Unsupported => "not supported",
            Self::ReadOnly => "the store is read-only",
            Self::StorageFull => "no space left",
            Self::InvalidKey => "not a valid key for this store",
            Self::NotFound => "there is no such store",
            Self::InvalidConfig => "invalid configuration",
            Self::Corrupt => "the stored data is damaged",
            Self::Other => "failed",
        }
    }
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Opening the store.
    Open,
    /// Asking for size and version.
    Head,
    /// Reading a value or a part of it.
    Get,
    /// Writing a value.
    Put,
    /// Deleting a value.
    Delete,
    /// Listing keys.
    List,
    /// Removing what interrupted writers left behind.
    Clean,
}

impl Operation {
    const fn verb(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Head => "look up",
            Self::Get => "read",
            Self::Put => "write",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Clean => "clean",
        }
    }
}

/// A failed operation of a store: what, where, which key, and the cause.
///
/// The one-line text has the form "cannot \<verb\> \<key\> in \<store\>: \<kind\>"; the cause is
/// in [`source`](StdError::source) and not repeated.
#[derive(Debug)]
pub struct BackendError(Box<Details>);

#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    backend: String,
    op: Operation,
    key: Option<String>,
    note: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl BackendError {
    /// An error of `kind` in the store that calls itself `backend`.
    #[must_use]
    pub fn new(kind: ErrorKind, backend: impl fmt::Display, op: Operation) -> Self {
        let backend = backend.to_string();
        Self(Box::new(Details {
            kind,
            backend,
            op,
            key: None,
            note: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Says which key it was about.
    #[must_use]
    pub fn with_key(mut self, key: &Key) -> Self {
        self.0.key = Some(key.to_string());
        self
    }

    /// Says which prefix it was about.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &Prefix) -> Self {
        self.0.key = (!prefix.is_root()).then(|| prefix.to_string());
        self
    }

    /// Adds what the user can do, or what was expected.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.0.note = Some(note.into());
        self
    }

    /// How long the store itself asks to be left alone (`Retry-After`).
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// An error whose kind follows from an I/O error.
    #[must_use]
    pub fn io(backend: impl fmt::Display, op: Operation, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::PermissionDenied => ErrorKind::PermissionDenied,
            Io::ReadOnlyFilesystem => ErrorKind::ReadOnly,
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::StorageFull,
            Io::Interrupted | Io::TimedOut | Io::WouldBlock => ErrorKind::Transient,
            Io::InvalidFilename => ErrorKind::InvalidKey,
            _ => ErrorKind::Other,
        };
        Self::new(kind, backend, op).with_source(source)
    }

    /// A key that this store cannot have.
    #[must_use]
    pub fn invalid_key(backend: impl fmt::Display, op: Operation, source: InvalidKey) -> Self {
        let mut error = Self::new(ErrorKind::InvalidKey, backend, op);
        error.0.key = Some(source.text.clone());
        error.with_source(source)
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done.
    #[must_use]
    pub fn op(&self) -> Operation {
        self.0.op
    }

    /// Which key or prefix it was about.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// How long the store itself asks to be left alone, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Which store it was.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.0.backend
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} ", self.0.op.verb())?;
        if let Some(key) = &self.0.key {
            write!(f, "{key:?} in ")?;
        }
        f.write_str(&self.0.backend)?;
        // The bare "failed" says nothing that the cause does not say better.
        if self.0.kind != ErrorKind::Other || (self.0.source.is_none() && self.0.note.is_none()) {
            write!(f, ": {}", self.0.kind.text())?;
        }
        match &self.0.note {
            Some(note) => write!(f, ": {note}"),
            None => Ok(()),
        }
    }
}

impl StdError for BackendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}
