//! What the errors of `object_store` mean.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use bigarrays_core::backend::{BackendError, ErrorKind, Operation};
use http::StatusCode;
use object_store::Error;
use object_store::client::HttpError;

use crate::remote::{Secret, kind_of_status};

/// How `object_store` begins the text of an answer that is a refusal. Its type is private.
pub(super) const REFUSAL: &str = "Server returned non-2xx status code: ";

/// Codes of services that say that they do not know who asks.
const STRANGER: [&str; 9] = [
    "AuthenticationFailed",
    "AuthorizationFailure",
    "InvalidAuthenticationInfo",
    "NoAuthenticationInformation",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
];

/// What lies at the bottom of an error.
#[derive(Debug, Default)]
pub(super) struct Cause {
    /// The status of the answer.
    pub(super) status: Option<StatusCode>,
    /// The service's own word for it.
    pub(super) code: Option<String>,
    /// What the system said.
    pub(super) io: Option<io::ErrorKind>,
    /// Whether there was no answer, or not all of it.
    unanswered: bool,
    /// Whether it is about a certificate.
    certificate: bool,
}

impl Cause {
    pub(super) fn of(error: &Error) -> Self {
        let mut cause = Self::default();
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = next {
            cause.look_at(error);
            next = error.source();
        }
        cause
    }

    fn look_at(&mut self, error: &(dyn StdError + 'static)) {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            self.io.get_or_insert(error.kind());
        }
        self.unanswered |= error.is::<HttpError>();
        let text = error.to_string();
        self.certificate |= text.contains("certificate");
        let refusal = text.strip_prefix(REFUSAL);
        // A part of a batch tells its status in another form.
        let part = || text.strip_suffix(')')?.rsplit_once("(code: ").map(|(_, status)| status);
        if let Some(told) = refusal.or_else(part)
            && self.status.is_none()
        {
            let digits = told.get(..3).and_then(|digits| digits.parse().ok());
            self.status = digits.and_then(|digits| StatusCode::from_u16(digits).ok());
            let code = told.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
            self.code = code.map(|(code, _)| code.to_owned());
        }
    }

    /// Whether the service said this word.
    pub(super) fn is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether there is no such container or bucket.
    pub(super) fn no_container(&self) -> bool {
        self.is(&["ContainerNotFound", "NoSuchBucket", "ResourceNotFound", "AccountNotFound"])
    }

    /// Whether a directory stands where a file would, or the other way round.
    pub(super) fn in_the_way(&self) -> bool {
        use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory};
        let kinds = [AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory];
        self.io.is_some_and(|kind| kinds.contains(&kind))
    }

    fn kind(&self, error: &Error) -> ErrorKind {
        if self.no_container() {
            return ErrorKind::NotFound;
        }
        if self.is(&STRANGER) {
            return ErrorKind::Unauthenticated;
        }
        if self.is(&["ContainerBeingDeleted", "ConditionalRequestConflict", "OperationAborted"]) {
            return ErrorKind::Transient;
        }
        if self.is(&["PublicAccessNotPermitted", "InsufficientAccountPermissions"]) {
            return ErrorKind::PermissionDenied;
        }
        match error {
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Error::Unauthenticated { .. } => ErrorKind::Unauthenticated,
            Error::NotSupported { .. } | Error::NotImplemented { .. } => ErrorKind::Unsupported,
            Error::InvalidPath { .. } => ErrorKind::InvalidKey,
            Error::UnknownConfigurationKey { .. } => ErrorKind::InvalidConfig,
            Error::Generic { .. } => self.kind_below(error),
            _ => ErrorKind::Other,
        }
    }

    /// The kind of an error that `object_store` has no name for.
    fn kind_below(&self, error: &Error) -> ErrorKind {
        if let Some(status) = self.status {
            return kind_of_status(status);
        }
        if self.certificate {
            return ErrorKind::Other;
        }
        if self.unanswered {
            return ErrorKind::Transient;
        }
        match self.io {
            Some(kind) => kind_of_io(kind),
            // Its local store keeps such names for its temporary files.
            None if error.to_string().contains("Filenames containing trailing") => {
                ErrorKind::InvalidKey
            }
            None => ErrorKind::Other,
        }
    }
}

fn kind_of_io(kind: io::ErrorKind) -> ErrorKind {
    use io::ErrorKind as Io;
    match kind {
        Io::ConnectionAborted
        | Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::BrokenPipe
        | Io::UnexpectedEof => ErrorKind::Transient,
        Io::IsADirectory | Io::NotADirectory | Io::DirectoryNotEmpty | Io::AlreadyExists => {
            ErrorKind::InvalidKey
        }
        kind => BackendError::io("", Operation::Get, kind.into()).kind(),
    }
}

/// The error of a store that calls itself `name`; no secret shows in it.
pub(super) fn failure(error: Error, name: &str, op: Operation, secrets: &[Secret]) -> BackendError {
    let cause = Cause::of(&error);
    let kind = cause.kind(&error);
    let failure = BackendError::new(kind, name, op);
    let failure = match note(kind, &cause) {
        Some(note) => failure.with_note(note),
        None => failure,
    };
    let text = format!("{error} {error:?}");
    if secrets.iter().any(|secret| text.contains(secret.reveal())) {
        return failure.with_source(Hidden::new(&error, secrets));
    }
    failure.with_source(error)
}

fn note(kind: ErrorKind, cause: &Cause) -> Option<String> {
    let code = cause.code.as_deref().or_else(|| cause.status?.canonical_reason());
    let advice = match kind {
        ErrorKind::NotFound => Some("there is no such container, or it is not for everyone to see"),
        ErrorKind::Unauthenticated => {
            Some("the key, token or account is wrong, missing or expired, or not for this network")
        }
        ErrorKind::InvalidKey if cause.in_the_way() => {
            Some("a key cannot stand beside keys below it in this store")
        }
        ErrorKind::Other if cause.certificate => Some("the server does not prove who it is (TLS)"),
        _ => None,
    };
    match (code, advice) {
        (Some(code), Some(advice)) => Some(format!("{advice} ({code})")),
        (Some(text), None) | (None, Some(text)) => Some(text.to_owned()),
        (None, None) => None,
    }
}

/// The text of an error in which a secret stood.
#[derive(Debug)]
struct Hidden(String);

impl Hidden {
    fn new(error: &Error, secrets: &[Secret]) -> Self {
        let mut text = error.to_string();
        for secret in secrets {
            text = text.replace(secret.reveal(), "***");
        }
        Self(text)
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Hidden {}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::client::HttpErrorKind;

    fn generic(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::Generic { store: "test", source: source.into() }
    }

    fn kind(error: Error) -> ErrorKind {
        failure(error, "test://", Operation::Get, &[]).kind()
    }

    fn refusal(status: &str, code: &str) -> Error {
        generic(format!("{REFUSAL}{status}: <Error><Code>{code}</Code></Error>"))
    }

    #[test]
    fn errors_have_the_kinds_of_what_lies_below() {
        for (error, want) in [
            (refusal("503 Service Unavailable", "ServerBusy"), ErrorKind::Transient),
            (refusal("403 Forbidden", "AuthenticationFailed"), ErrorKind::Unauthenticated),
            (
                refusal("403 Forbidden", "AuthorizationPermissionMismatch"),
                ErrorKind::PermissionDenied,
            ),
            (refusal("404 Not Found", "ContainerNotFound"), ErrorKind::NotFound),
            (refusal("409 Conflict", "PublicAccessNotPermitted"), ErrorKind::PermissionDenied),
            (refusal("507 Insufficient", ""), ErrorKind::StorageFull),
            (generic(io::Error::from(io::ErrorKind::ConnectionReset)), ErrorKind::Transient),
            (generic(io::Error::from(io::ErrorKind::StorageFull)), ErrorKind::StorageFull),
            (generic(io::Error::from(io::ErrorKind::NotADirectory)), ErrorKind::InvalidKey),
            (generic("anything else"), ErrorKind::Other),
        ] {
            let text = format!("{error}");
            assert_eq!(kind(error), want, "{text}");
        }
        let broken = |text: &'static str| {
            generic(HttpError::new(HttpErrorKind::Unknown, io::Error::other(text)))
        };
        assert_eq!(kind(broken("reset")), ErrorKind::Transient);
        assert_eq!(kind(broken("invalid peer certificate: Expired")), ErrorKind::Other);
    }

    #[test]
    fn a_name_that_looks_like_a_refusal_is_none() {
        let path = format!("{REFUSAL}503 (code: 503)");
        let error = Error::NotFound { path, source: "gone".into() };
        assert_eq!(Cause::of(&error).status, None);
    }

    #[test]
    fn secrets_are_taken_out_of_quoted_answers() {
        let secrets = [Secret::new("hunter2")];
        let error = generic("the signature sig=hunter2 is old");
        let error = failure(error, "az://c", Operation::Get, &secrets);
        let source = StdError::source(&error).unwrap();
        let shown = format!("{error} {error:?} {source} {source:?}");
        assert!(!shown.contains("hunter2") && shown.contains("sig=***"), "{shown}");
    }
}
