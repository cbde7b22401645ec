//! What went wrong, as S3 says it.

use bigarrays::backend::{BackendError, ErrorKind};
use s3s::{S3Error, S3ErrorCode, s3_error};

use crate::options::Log;

/// A failure of a store. Its whole story goes to the log, as it names paths and hosts.
pub(super) fn of_store(log: &Log, error: &BackendError) -> S3Error {
    let answer = match error.kind() {
        ErrorKind::Transient => {
            s3_error!(ServiceUnavailable, "the store cannot be asked at the moment; try again")
        }
        ErrorKind::InvalidKey => s3_error!(InvalidArgument, "the store has no such keys"),
        ErrorKind::ReadOnly => s3_error!(AccessDenied, "the store is only read"),
        ErrorKind::Unsupported => s3_error!(NotImplemented, "the store cannot do that"),
        _ => s3_error!(InternalError, "the store failed"),
    };
    if !matches!(error.kind(), ErrorKind::InvalidKey | ErrorKind::ReadOnly | ErrorKind::Unsupported)
    {
        log.tell(&story(error));
    }
    answer
}

fn story(error: &BackendError) -> String {
    let mut story = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        story.push_str(": ");
        story.push_str(&error.to_string());
        cause = error.source();
    }
    story
}

pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "there is no such object")
}

pub(super) fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "the object is not in the state that was asked for")
}

pub(super) fn invalid(message: impl Into<String>) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidArgument, message.into())
}

pub(super) fn read_only() -> S3Error {
    s3_error!(AccessDenied, "this server only reads; start it with --writable to write")
}

pub(super) fn no_conditions() -> S3Error {
    s3_error!(NotImplemented, "this store honours no such condition")
}
