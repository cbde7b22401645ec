//! Long values in parts: what arrived is not sent again.
//!
//! A session is opened with a request, and each part is put to the address that it gave. The
//! object appears as a whole with the last part. After a failure the server is asked how much it
//! has. Emulators may take that question for the end of the upload; with those (see
//! [`Manners`](super::probe::Manners)) an upload that failed begins anew.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bigarrays_core::backend::{ByteRange, Value};
use http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use http::{HeaderValue, Method, StatusCode};
use tokio::time::sleep;

use super::bucket::Bucket;
use super::failure::Failure;
use super::pieces::Pieces;
use super::upload::{CONTENT_TYPE_OF_VALUES, Sent, Upload, stored};
use super::wire::{Answer, Ask};

/// How often an upload may fail in a row without an additional byte.
const ATTEMPTS: u32 = 5;
/// The wait after the first failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait, whatever the server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// An upload that is going on. The server is told if it is given up.
struct Session {
    bucket: Arc<Bucket>,
    /// Lets its holder write: it is not shown.
    url: String,
    is_open: bool,
}

/// What the server says after a part.
enum Step {
    Ended(Sent),
    /// It has the bytes up to here.
    At(u64),
}

impl Bucket {
    pub(super) async fn upload_in_parts(
        self: &Arc<Self>,
        upload: &Upload,
    ) -> Result<Sent, Failure> {
        let Some(mut session) = Session::open(self, upload).await? else {
            return Ok(Sent::Refused);
        };
        let sent = session.send(upload).await;
        session.is_open = sent.is_err();
        sent
    }
}

impl Session {
    /// Opens a session; `None` if the condition does not hold.
    async fn open(bucket: &Arc<Bucket>, upload: &Upload) -> Result<Option<Self>, Failure> {
        let document = upload.document(bucket.uploads.cache_control.as_deref());
        let json = HeaderValue::from_static("application/json; charset=UTF-8");
        let ask = Ask::new(Method::POST, bucket.upload_url("resumable", upload))
            .header(CONTENT_TYPE.as_str(), json)
            .header("x-upload-content-type", HeaderValue::from_static(CONTENT_TYPE_OF_VALUES))
            .header("x-upload-content-length", HeaderValue::from(upload.len()))
            .body(Pieces::new([document.into()]));
        let answer = bucket.ask(&ask).await?;
        match answer.status {
            StatusCode::OK | StatusCode::CREATED => {}
            StatusCode::PRECONDITION_FAILED => return Ok(None),
            _ => return Err(bucket.refusal(&answer)),
        }
        match answer.header(LOCATION.as_str()) {
            Some(url) => {
                Ok(Some(Self { bucket: Arc::clone(bucket), url: url.to_owned(), is_open: true }))
            }
            None => Err(Failure::transient("the server does not say where to send the parts")),
        }
    }

    async fn send(&self, upload: &Upload) -> Result<Sent, Failure> {
        let (total, part) = (upload.len(), self.bucket.uploads.part);
        let (mut at, mut failures) = (0_u64, 0_u32);
        let mut in_doubt = false;
        loop {
            let end = at.saturating_add(part).min(total);
            // With everything sent, or after a failure, the server is asked what it has.
            let range = if in_doubt || at == total { None } else { Some(at..end) };
            let is_question = range.is_none();
            if is_question && !self.bucket.resumes() {
                return Err(Failure::transient("the server did not end the upload"));
            }
            let failure = match self.step(upload, range).await {
                Ok(Step::Ended(sent)) => return Ok(sent),
                Ok(Step::At(position)) if position > at => {
                    (at, failures, in_doubt) = (position.min(total), 0, false);
                    continue;
                }
                // A question that is answered says where to go on, also if that is further back.
                Ok(Step::At(position)) if is_question => {
                    (at, in_doubt) = (position, false);
                    Failure::transient("the server does not take the next part")
                }
                Ok(Step::At(_)) => {
                    in_doubt = true;
                    Failure::transient("the server took nothing of a part")
                }
                Err(failure) if failure.is_transient() && self.bucket.resumes() => {
                    in_doubt = true;
                    failure
                }
                Err(failure) => return Err(failure),
            };
            failures += 1;
            if failures >= ATTEMPTS {
                return Err(failure);
            }
            let doubled = FIRST_WAIT.saturating_mul(1 << (failures - 1).min(8));
            sleep(failure.wait().unwrap_or(doubled).min(LONGEST_WAIT)).await;
        }
    }

    /// Sends a part, or without one asks what the server has.
    async fn step(&self, upload: &Upload, range: Option<Range<u64>>) -> Result<Step, Failure> {
        let total = upload.len();
        let (told, bytes) = match range {
            None => (format!("bytes */{total}"), None),
            Some(Range { start, end }) => {
                let part = ByteRange::Bounded(start..end);
                let bytes = part.slice(&upload.value.bytes);
                (format!("bytes {start}-{}/{total}", end.saturating_sub(1)), Some(bytes))
            }
        };
        let told = HeaderValue::try_from(told);
        let told = told.map_err(|error| Failure::transient("a bad range").because(error))?;
        let ask = Ask::new(Method::PUT, self.url.clone()).header(CONTENT_RANGE.as_str(), told);
        let answer = self.bucket.ask(&self.at_home(ask.body(Pieces::new(bytes)))).await?;
        match answer.status {
            StatusCode::OK | StatusCode::CREATED => stored(&answer, upload).map(Step::Ended),
            StatusCode::PERMANENT_REDIRECT => position(&answer, total).map(Step::At),
            StatusCode::PRECONDITION_FAILED => Ok(Step::Ended(Sent::Refused)),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Err(Failure::transient("the server has forgotten the upload; it begins anew"))
            }
            _ => Err(self.bucket.refusal(&answer)),
        }
    }

    /// Sends the token only to the server that it is meant for.
    fn at_home(&self, ask: Ask) -> Ask {
        match self.bucket.place.endpoint.is_at(&self.url) {
            true => ask,
            false => ask.without_token(),
        }
    }
}

/// Whether a server can be asked how much it has of an upload, without taking that for its end.
pub(super) async fn is_question_harmless(
    bucket: &Arc<Bucket>,
    name: &str,
) -> Result<bool, Failure> {
    let value = Value::plain(bytes::Bytes::from_static(b"?"));
    let upload = Upload { name: name.to_owned(), value, when: None };
    let Some(mut session) = Session::open(bucket, &upload).await? else {
        return Ok(false);
    };
    let answer = session.step(&upload, None).await;
    session.is_open = matches!(answer, Ok(Step::At(_)));
    match answer {
        Ok(Step::At(position)) => Ok(position == 0),
        Ok(Step::Ended(_)) | Err(_) => Ok(false),
    }
}

/// Up to where the server has the bytes: `Range: bytes=0-99`, or no header for none.
pub(super) fn position(answer: &Answer, total: u64) -> Result<u64, Failure> {
    let Some(text) = answer.header(RANGE.as_str()) else {
        return Ok(0);
    };
    let last = text.strip_prefix("bytes=0-").and_then(|last| last.parse::<u64>().ok());
    let end = last.and_then(|last| last.checked_add(1)).filter(|&end| end <= total);
    end.ok_or_else(|| Failure::transient("the server says that it has parts which were not sent"))
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        let ask = self.at_home(Ask::new(Method::DELETE, self.url.clone()));
        let bucket = Arc::clone(&self.bucket);
        // If this does not arrive, the server forgets the upload by itself after a week.
        self.bucket.runtime.spawn(async move {
            let _ = bucket.ask(&ask).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderMap;

    #[test]
    fn what_the_server_has_is_believed_only_within_the_value() {
        let told = |range: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(range) = range {
                headers.insert(RANGE, HeaderValue::from_static(range));
            }
            let status = StatusCode::PERMANENT_REDIRECT;
            position(&Answer { status, headers, body: Bytes::new() }, 100).ok()
        };
        assert_eq!(told(None), Some(0));
        assert_eq!(told(Some("bytes=0-49")), Some(50));
        assert_eq!(told(Some("bytes=0-99")), Some(100));
        for bad in ["bytes=0-100", "bytes=7-49", "0-49", "bytes=0-18446744073709551615"] {
            assert_eq!(told(Some(bad)), None, "{bad}");
        }
    }
}
