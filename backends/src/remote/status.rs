//! What the answer of an HTTP server means.

use std::time::Duration;

use bigarrays_core::backend::ErrorKind;
use http::{HeaderMap, StatusCode, header};

/// The longest wait that a server can make us take.
const LONGEST: Duration = Duration::from_mins(5);

/// What kind of failure a status is. 404, 304, 409 and 412 mean what the request makes of them:
/// whoever asks looks at those first.
pub(crate) fn kind_of_status(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorKind::PermissionDenied,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => ErrorKind::Unsupported,
        StatusCode::INSUFFICIENT_STORAGE => ErrorKind::StorageFull,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            ErrorKind::Transient
        }
        status if status.is_server_error() => ErrorKind::Transient,
        _ => ErrorKind::Other,
    }
}

/// How long the server asks to be left alone: seconds, at most five minutes. A date is not
/// understood, for two clocks seldom agree; the usual wait is taken then.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_are_busy_or_broken_are_asked_again_and_others_are_not() {
        for status in [408, 425, 429, 500, 502, 503, 504] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(kind_of_status(status), ErrorKind::Transient, "{status}");
        }
        for (status, kind) in [
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::PermissionDenied),
            (405, ErrorKind::Unsupported),
            (501, ErrorKind::Unsupported),
            (507, ErrorKind::StorageFull),
            (400, ErrorKind::Other),
        ] {
            assert_eq!(kind_of_status(StatusCode::from_u16(status).unwrap()), kind);
        }
    }

    #[test]
    fn a_server_cannot_make_us_wait_for_ever() {
        let with = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static(text));
            retry_after(&headers)
        };
        assert_eq!(with("3"), Some(Duration::from_secs(3)));
        assert_eq!(with("99999999"), Some(LONGEST));
        assert_eq!(with("Fri, 31 Dec 1999 23:59:59 GMT"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
