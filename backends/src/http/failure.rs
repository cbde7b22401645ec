//! What goes wrong on the web, as errors of a store.

use std::error::Error;

use bigarrays_core::backend::{BackendError, ErrorKind, Operation};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::address::Address;
use crate::remote::{kind_of_status, retry_after};

/// A request that got no answer, or not all of it.
pub(super) fn unanswered(at: &Address, op: Operation, error: reqwest::Error) -> BackendError {
    // The URL may hold a token.
    let error = error.without_url();
    let (kind, note) = if error.is_redirect() {
        (ErrorKind::Other, "the server sends us elsewhere, and there we do not go")
    } else if error.is_builder() {
        (ErrorKind::InvalidConfig, "no request can be made of this address")
    } else if says(&error, "certificate") {
        (ErrorKind::Other, "the server does not prove who it is (TLS)")
    } else if error.is_timeout() {
        (ErrorKind::Transient, "the server took too long")
    } else if error.is_connect() {
        (ErrorKind::Transient, "the server cannot be reached")
    } else {
        (ErrorKind::Transient, "the connection broke")
    };
    BackendError::new(kind, at, op).with_note(note).with_source(error)
}

/// Whether an error or a cause of it has a word in its text.
fn says(error: &dyn Error, word: &str) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.to_string().contains(word) {
            return true;
        }
        next = error.source();
    }
    false
}

/// An answer that is a refusal.
pub(super) fn refused(
    at: &Address,
    op: Operation,
    status: StatusCode,
    headers: &HeaderMap,
) -> BackendError {
    let kind = kind_of_status(status);
    let note = match status {
        StatusCode::UNAUTHORIZED => {
            "; a user and password may stand in the URL, or a token be given in code"
        }
        StatusCode::FORBIDDEN => {
            "; some public buckets answer so for a missing key: ?missing=403 takes it for one"
        }
        _ => "",
    };
    let error = BackendError::new(kind, at, op).with_note(format!("it answered {status}{note}"));
    match retry_after(headers) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// An answer that cannot be believed.
pub(super) fn unbelievable(at: &Address, op: Operation, why: impl Into<String>) -> BackendError {
    BackendError::new(ErrorKind::Other, at, op).with_note(why)
}

/// A value in an encoding that nobody here knows.
pub(super) fn unknown_encoding(at: &Address, op: Operation, name: &str) -> BackendError {
    BackendError::new(ErrorKind::Unsupported, at, op)
        .with_note(format!("the value is compressed as {name:?}, which is not known here"))
}
