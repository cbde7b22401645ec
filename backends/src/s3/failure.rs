//! What goes wrong, and what the server's codes mean.

use std::error::Error as StdError;
use std::time::Duration;

use bigarrays_core::backend::{BackendError, ErrorKind, Operation};
use bigarrays_core::key::Key;
use http::StatusCode;
use s3::error::S3Error;

use super::place::Place;
use super::reply::Reply;
use crate::remote::{kind_of_status, retry_after};

/// A failed request, before it is known of which store and key.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    note: String,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, note: impl Into<String>) -> Self {
        Self { kind, note: note.into(), retry_after: None, source: None }
    }

    pub(super) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Something that no S3 server says.
    pub(super) fn strange(what: impl AsRef<str>) -> Self {
        let what = what.as_ref();
        Self::new(ErrorKind::Other, format!("the server does not answer as S3 does: {what}"))
    }

    /// The error of an operation as a whole.
    pub(super) fn of(self, place: &Place, op: Operation) -> BackendError {
        let mut error = BackendError::new(self.kind, place, op);
        if !self.note.is_empty() {
            error = error.with_note(self.note);
        }
        if let Some(wait) = self.retry_after {
            error = error.with_retry_after(wait);
        }
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }

    /// The error of an operation on one key.
    pub(super) fn at(self, place: &Place, op: Operation, key: &Key) -> BackendError {
        self.of(place, op).with_key(key)
    }
}

/// A request that found no answer.
impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        // Paths are in the error's text already, as the key.
        let error = error.without_url();
        let (kind, note) = if error.is_builder() {
            (ErrorKind::Other, "the request cannot be made")
        } else if is_untrusted(&error) {
            (ErrorKind::InvalidConfig, "the server's certificate is not trusted")
        } else if error.is_connect() {
            (ErrorKind::Transient, "there is no connection to the server")
        } else {
            (ErrorKind::Transient, "the connection broke before the answer was whole")
        };
        Self::new(kind, note).because(error)
    }
}

fn is_untrusted(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("invalid peer certificate") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A request that could not be signed.
impl From<S3Error> for Failure {
    fn from(error: S3Error) -> Self {
        let kind = match error {
            S3Error::Credentials(_) => ErrorKind::Unauthenticated,
            _ => ErrorKind::Other,
        };
        Self::new(kind, "the request cannot be signed").because(error)
    }
}

/// What an answer that is not a success means.
pub(super) fn refusal(reply: &Reply, place: &Place, anonymous: bool) -> Failure {
    let code = reply.code().unwrap_or_default();
    let kind = kind_of(&code, reply.status);
    let mut note = match code.as_str() {
        "" => reply.status.to_string(),
        code => format!("{code} ({})", reply.status.as_u16()),
    };
    if let Some(message) = reply.message() {
        note = format!("{note}: {message}");
    }
    if let Some(id) = reply.request_id() {
        note = format!("{note} [request {id}]");
    }
    if let Some(advice) = advice(&code, kind, reply, place, anonymous) {
        note = format!("{note}; {advice}");
    }
    let retry_after = retry_after(&reply.headers);
    Failure { retry_after, ..Failure::new(kind, note) }
}

pub(super) fn kind_of(code: &str, status: StatusCode) -> ErrorKind {
    match code {
        "SignatureDoesNotMatch"
        | "InvalidAccessKeyId"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "RequestTimeTooSkewed"
        | "RequestExpired"
        | "NotSignedUp"
        | "MissingSecurityHeader"
        | "InvalidSecurity" => ErrorKind::Unauthenticated,
        "AccessDenied" | "AccountProblem" | "AllAccessDisabled" => ErrorKind::PermissionDenied,
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "InvalidBucketName"
        | "IllegalLocationConstraintException" => ErrorKind::InvalidConfig,
        "NoSuchBucket" => ErrorKind::NotFound,
        "SlowDown"
        | "ServiceUnavailable"
        | "InternalError"
        | "RequestTimeout"
        | "OperationAborted"
        | "ConditionalRequestConflict"
        | "IncompleteBody"
        | "BadDigest"
        | "XAmzContentSHA256Mismatch"
        | "NoSuchUpload"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequests" => ErrorKind::Transient,
        "KeyTooLongError" | "InvalidURI" => ErrorKind::InvalidKey,
        "QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" => {
            ErrorKind::StorageFull
        }
        "NotImplemented" => ErrorKind::Unsupported,
        _ if status == StatusCode::CONFLICT => ErrorKind::Transient,
        _ if status.is_redirection() => ErrorKind::InvalidConfig,
        _ => kind_of_status(status),
    }
}

/// What the user can do.
fn advice(
    code: &str,
    kind: ErrorKind,
    reply: &Reply,
    place: &Place,
    anonymous: bool,
) -> Option<String> {
    if let (ErrorKind::InvalidConfig, Some(region)) = (kind, reply.region()) {
        return Some(format!("the bucket is in the region {region}: open it with that"));
    }
    Some(match (code, kind) {
        ("NoSuchBucket", _) => {
            format!("the bucket {:?} must be made first; it is not made here", place.bucket)
        }
        ("RequestTimeTooSkewed", _) => "the clock of this machine is wrong".into(),
        ("ExpiredToken" | "TokenRefreshRequired", _) => "the session is over: sign in again".into(),
        (_, ErrorKind::PermissionDenied) if anonymous => {
            "no credentials were sent, for none were found or asked for".into()
        }
        ("AccessDenied", _) => {
            "who may read but not list a bucket gets this answer for missing keys too".into()
        }
        ("", ErrorKind::NotFound) => format!(
            "is there an S3 server at {}?",
            place.endpoint.as_deref().unwrap_or("amazonaws.com")
        ),
        _ => return None,
    })
}
