//! What goes wrong below the trait, before it is known for which store and key.

use std::error::Error as StdError;
use std::fmt;

use bigarrays_core::backend::{BackendError, ErrorKind, Operation};
use bigarrays_core::key::Key;
use rocksdb::ErrorKind as RocksKind;

/// A failure of RocksDB, or something that this store refuses.
#[derive(Debug)]
pub(super) struct Failure {
    kind: ErrorKind,
    note: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// Whether a reader beside a writer may get over it by looking again.
    pub(super) is_stale: bool,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, note: impl Into<String>) -> Self {
        Self { kind, note: Some(note.into()), source: None, is_stale: false }
    }

    pub(super) fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// One that a reader beside a writer may get over by looking again.
    pub(super) const fn stale(mut self) -> Self {
        self.is_stale = true;
        self
    }

    /// The same with another kind and advice; the cause is kept.
    pub(super) fn explained(mut self, kind: ErrorKind, note: impl Into<String>) -> Self {
        self.kind = kind;
        self.note = Some(note.into());
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

impl From<rocksdb::Error> for Failure {
    fn from(error: rocksdb::Error) -> Self {
        let (kind, note) = classify(&error);
        let is_stale = is_stale(&error);
        Self { kind, note: note.map(ToOwned::to_owned), source: Some(error.into()), is_stale }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // The kinds are told apart in one place, that of the core.
        let kind = BackendError::io("", Operation::Open, std::io::Error::from(error.kind())).kind();
        Self { kind, note: None, source: Some(error.into()), is_stale: false }
    }
}

const LOCKED: &str = "another process writes to this database, and RocksDB lets only one; wait \
                      until it has closed the database, or open it for reading, which works \
                      beside a writer";
const NEWER: &str = "the database was written by a newer RocksDB than this program has; build \
                     with the crate rocksdb 0.25, which brings its own";
const FULL: &str = "after making room, open the database again if puts still fail";

/// What kind of failure it is, by the words of RocksDB: it passes on no numbers.
fn classify(error: &rocksdb::Error) -> (ErrorKind, Option<&'static str>) {
    let text: &str = error.as_ref();
    let says = |words: &[&str]| words.iter().any(|&word| text.contains(word));
    match error.kind() {
        RocksKind::Corruption | RocksKind::NotSupported | RocksKind::InvalidArgument
            if is_newer(text) =>
        {
            (ErrorKind::InvalidConfig, Some(NEWER))
        }
        RocksKind::Corruption => (ErrorKind::Corrupt, None),
        RocksKind::IOError if says(&["No space left", "Disk quota", "Space limit"]) => {
            (ErrorKind::StorageFull, Some(FULL))
        }
        RocksKind::IOError if says(&["lock file", "lock hold"]) => {
            (ErrorKind::Transient, Some(LOCKED))
        }
        RocksKind::IOError if says(&["Permission denied", "not permitted"]) => {
            (ErrorKind::PermissionDenied, None)
        }
        RocksKind::IOError if says(&["Read-only file system"]) => {
            (ErrorKind::ReadOnly, Some("its file system is read-only"))
        }
        RocksKind::IOError if says(&["Too many open files"]) => {
            (ErrorKind::Transient, Some("this process may open no more files; see max_open_files"))
        }
        RocksKind::NotSupported if says(&["read only", "secondary"]) => (ErrorKind::ReadOnly, None),
        RocksKind::Busy
        | RocksKind::TryAgain
        | RocksKind::TimedOut
        | RocksKind::Incomplete
        | RocksKind::MergeInProgress
        | RocksKind::Expired => (ErrorKind::Transient, None),
        _ => (ErrorKind::Other, None),
    }
}

/// Whether a file has a format that is yet to come. One with an impossible number is damaged.
fn is_newer(text: &str) -> bool {
    let number = text.split_once("unsupported format_version").map(|(_, rest)| {
        // 11.8 has no colon there, and goes on with more words.
        let rest = rest.trim_start_matches([':', ' ']);
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX)
    });
    // What a list of files says is proved by checksums: an entry that is not known is a new one.
    number.is_some_and(|number| number < 100) || text.contains("VersionEdit")
}

/// Whether a file was gone: a writer removes those that it has replaced, also from under readers.
fn is_stale(error: &rocksdb::Error) -> bool {
    let text: &str = error.as_ref();
    match error.kind() {
        RocksKind::IOError => text.contains("No such file"),
        RocksKind::TryAgain | RocksKind::Busy | RocksKind::Incomplete => true,
        _ => false,
    }
}
