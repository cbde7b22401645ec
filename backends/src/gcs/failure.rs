//! Why a request failed, before it is known for which key and operation it was made.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bigarrays_core::Key;
use bigarrays_core::backend::{BackendError, ErrorKind, Operation};
use http::StatusCode;
use serde_json::Value as Json;

use super::wire::Answer;
use crate::remote::{kind_of_status, retry_after};

/// The most of a server's words that is repeated.
const MAX_WORDS: usize = 300;

/// A failure that can be told to everyone who waits for the same thing.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    note: Option<String>,
    wait: Option<Duration>,
    cause: Option<Cause>,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, note: impl Into<String>) -> Self {
        Self { kind, note: Some(note.into()), wait: None, cause: None }
    }

    /// It may go well if tried again.
    pub(super) fn transient(note: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transient, note)
    }

    pub(super) fn because(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Cause(Arc::new(cause)));
        self
    }

    /// What an answer means that is no success.
    pub(super) fn of_answer(answer: &Answer) -> Self {
        let Said { message, reason } = Said::parse(&answer.body);
        let is_rate = matches!(reason.as_str(), "rateLimitExceeded" | "userRateLimitExceeded");
        let kind = match answer.status {
            StatusCode::FORBIDDEN if is_rate => ErrorKind::Transient,
            status => kind_of_status(status),
        };
        let code = answer.status.as_u16();
        let note = match message.as_str() {
            "" => format!("the server answered {code}"),
            message => format!("the server answered {code}: {message}"),
        };
        let wait = retry_after(&answer.headers);
        Self { kind, note: Some(note), wait, cause: None }
    }

    /// What a request means that got no answer.
    pub(super) fn of_request(error: reqwest::Error) -> Self {
        // A request that cannot be made will not be made at the second time either.
        let kind = if error.is_builder() { ErrorKind::Other } else { ErrorKind::Transient };
        let failure = Self { kind, note: None, wait: None, cause: None };
        // The address of a resumable upload lets its holder write.
        failure.because(error.without_url())
    }

    /// Adds what the user can do.
    pub(super) fn advise(mut self, advice: &str) -> Self {
        self.note = Some(match self.note {
            Some(note) => format!("{note}; {advice}"),
            None => advice.to_owned(),
        });
        self
    }

    pub(super) fn is_transient(&self) -> bool {
        self.kind == ErrorKind::Transient
    }

    /// How long the server asks to be left alone.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.wait
    }

    pub(super) fn of(self, store: impl fmt::Display, op: Operation) -> BackendError {
        let mut error = BackendError::new(self.kind, store, op);
        if let Some(note) = self.note {
            error = error.with_note(note);
        }
        if let Some(wait) = self.wait {
            error = error.with_retry_after(wait);
        }
        if let Some(cause) = self.cause {
            error = error.with_source(cause);
        }
        error
    }

    pub(super) fn at(self, store: impl fmt::Display, op: Operation, key: &Key) -> BackendError {
        self.of(store, op).with_key(key)
    }
}

/// A cause that several errors have.
#[derive(Clone)]
struct Cause(Arc<dyn StdError + Send + Sync>);

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// What a server says about a failure: JSON as the API has it, or any text.
struct Said {
    message: String,
    reason: String,
}

impl Said {
    fn parse(body: &[u8]) -> Self {
        let Ok(json) = serde_json::from_slice::<Json>(body) else {
            return Self { message: words(&String::from_utf8_lossy(body)), reason: String::new() };
        };
        let text = |place: &str| json.pointer(place).and_then(Json::as_str).unwrap_or_default();
        Self {
            message: words(text("/error/message")),
            reason: text("/error/errors/0/reason").to_owned(),
        }
    }
}

/// A text as a part of one line.
fn words(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|c| !c.is_control());
    match line.char_indices().nth(MAX_WORDS) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, header};

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::from(body.to_owned());
        Answer { status, headers: HeaderMap::new(), body }
    }

    #[test]
    fn errors_of_the_api_are_told_by_their_message() {
        let body = r#"{"error":{"code":403,"message":"no storage.objects.get",
            "errors":[{"reason":"forbidden"}]}}"#;
        let failure = Failure::of_answer(&answer(403, body));
        assert_eq!(failure.kind, ErrorKind::PermissionDenied);
        let told = failure.of("gs://b", Operation::Get).to_string();
        assert!(told.ends_with("the server answered 403: no storage.objects.get"), "{told}");
    }

    #[test]
    fn a_limit_on_the_rate_is_no_lack_of_permission() {
        let body = r#"{"error":{"errors":[{"reason":"rateLimitExceeded"}]}}"#;
        assert!(Failure::of_answer(&answer(403, body)).is_transient());
        let mut busy = answer(429, "");
        busy.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
        let failure = Failure::of_answer(&busy);
        assert!(failure.is_transient());
        assert_eq!(failure.wait(), Some(Duration::from_secs(7)));
        let error = failure.of("gs://b", Operation::Get);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn whatever_a_server_says_stays_one_short_line() {
        let page = format!("<html>\n\u{1b}[31m{}</html>", "long ".repeat(1000));
        let told = Failure::of_answer(&answer(502, &page)).of("gs://b", Operation::Get).to_string();
        assert!(told.len() < 450 && !told.contains(char::is_control), "{told}");
        assert!(Failure::of_answer(&answer(500, "{\"error\":7}")).is_transient());
    }
}
