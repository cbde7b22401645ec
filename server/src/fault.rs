//! What went wrong, as a status and a sentence.

use axum::response::{IntoResponse, Response};
use bigarrays::Error;
use bigarrays::backend::{BackendError, ErrorKind};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

/// An answer that says what went wrong.
///
/// Of a failure inside, the asker is told its kind only: messages of stores name paths and hosts.
/// The whole of it goes to the [log](crate::Log).
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    message: String,
    inside: Option<String>,
}

/// What only the log is told; travels with the answer.
#[derive(Debug, Clone)]
pub(crate) struct Inside(pub(crate) String);

impl Fault {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), inside: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// No value has such a name, or none is stored.
    pub(crate) fn no_value() -> Self {
        Self::not_found("nothing is stored under this name")
    }

    /// What the asker is told.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What who runs the server is told.
    pub(crate) fn story(&self) -> &str {
        self.inside.as_deref().unwrap_or(&self.message)
    }

    /// The server is at fault, or what it depends on.
    pub(crate) fn inside(status: StatusCode, message: &str, error: &dyn std::error::Error) -> Self {
        let mut story = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            story.push_str(": ");
            story.push_str(&error.to_string());
            cause = error.source();
        }
        Self { status, message: message.to_owned(), inside: Some(story) }
    }
}

/// The status of a failure of a store, and what the asker is told.
const fn of_store(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::Transient => {
            (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be asked at the moment; try again")
        }
        ErrorKind::InvalidKey => (StatusCode::NOT_FOUND, "nothing is stored under this name"),
        ErrorKind::ReadOnly => (StatusCode::FORBIDDEN, "the store is only read"),
        ErrorKind::Unsupported => (StatusCode::NOT_IMPLEMENTED, "the store cannot do that"),
        ErrorKind::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "the store has no room left"),
        ErrorKind::Corrupt => {
            (StatusCode::INTERNAL_SERVER_ERROR, "what is stored there is damaged")
        }
        _ => (StatusCode::BAD_GATEWAY, "the store failed"),
    }
}

impl From<BackendError> for Fault {
    fn from(error: BackendError) -> Self {
        let (status, message) = of_store(error.kind());
        if status.is_server_error() {
            Self::inside(status, message, &error)
        } else {
            Self::new(status, message)
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Backend(error) => error.into(),
            Error::NoInfo { .. } => Self::not_found("there is no volume at this path"),
            error @ (Error::NoSuchScale { .. } | Error::MissingChunk { .. }) => {
                Self::not_found(error.to_string())
            }
            error @ (Error::OutOfBounds { .. }
            | Error::OutOfRange { .. }
            | Error::InvertedBox { .. }
            | Error::InvalidKey(_)) => Self::bad_request(error.to_string()),
            error @ Error::TooLarge { .. } => Self::too_large(error.to_string()),
            error @ (Error::UnsupportedScale { .. } | Error::ScaleOutsideStore { .. }) => {
                Self::inside(StatusCode::NOT_IMPLEMENTED, "this scale cannot be read here", &error)
            }
            error @ Error::Redirect { .. } => {
                Self::inside(StatusCode::NOT_IMPLEMENTED, "the volume has moved elsewhere", &error)
            }
            error => {
                let message = "the volume cannot be read: what is stored is damaged";
                Self::inside(StatusCode::INTERNAL_SERVER_ERROR, message, &error)
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.message }).to_string();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // That something is missing may change at any time.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(inside) = self.inside {
            response.extensions_mut().insert(Inside(inside));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::backend::Operation;

    fn fault(kind: ErrorKind) -> Fault {
        BackendError::new(kind, "sqlite:///secret/place.db", Operation::Get).into()
    }

    #[test]
    fn a_failure_of_a_store_is_never_a_404_and_tells_no_path() {
        for kind in [
            ErrorKind::Transient,
            ErrorKind::Other,
            ErrorKind::Corrupt,
            ErrorKind::PermissionDenied,
            ErrorKind::Unauthenticated,
            ErrorKind::NotFound,
            ErrorKind::InvalidConfig,
        ] {
            let fault = fault(kind);
            assert!(fault.status.is_server_error(), "{kind:?}");
            assert!(!fault.message.contains("secret"));
            assert!(fault.inside.unwrap().contains("secret"));
        }
    }

    #[test]
    fn a_name_that_no_value_of_the_store_can_have_is_not_found() {
        assert_eq!(fault(ErrorKind::InvalidKey).status, StatusCode::NOT_FOUND);
    }
}
