//! Asking a server for a value.

use std::sync::atomic::{AtomicBool, Ordering};

use bigarrays_core::Key;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, ErrorKind, Meta, Operation,
};
use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};

use super::address::Address;
use super::options::Forbidden;
use super::{body, failure, headers};

/// Positions that no value reaches and that some server could not read.
const FAR: u64 = 1 << 62;

/// What a whole value may be compressed with.
const ANY: &str = "gzip, br, zstd";
/// A value is wanted as it is stored, not compressed on the way.
const AS_STORED: &str = "identity";

/// A client of one server.
pub(super) struct Client {
    pub(super) http: reqwest::Client,
    pub(super) address: Address,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) forbidden: Forbidden,
    /// Whether the server was seen to know no `HEAD`.
    pub(super) headless: AtomicBool,
}

/// One request.
#[derive(Clone, Copy)]
struct Ask<'a> {
    op: Operation,
    method: &'a Method,
    key: &'a Key,
    range: Option<&'a str>,
}

/// What a server answers, if it does not refuse.
enum Answer {
    Missing,
    /// The range begins behind the value's end.
    Beyond(HeaderMap),
    Found(Response),
}

impl Client {
    /// A whole value or a part of it.
    pub(super) async fn get(&self, key: &Key, range: &ByteRange) -> BackendResult<Option<Blob>> {
        let wanted = match range {
            ByteRange::Full => return self.whole(key).await,
            range => match written(range) {
                Some(wanted) => wanted,
                None => return self.nothing_of(key, range).await,
            },
        };
        let op = Operation::Get;
        let ask = Ask { op, method: &Method::GET, key, range: Some(&wanted) };
        match self.ask_stored(ask).await? {
            Answer::Missing => Ok(None),
            Answer::Beyond(_) => self.nothing_of(key, range).await,
            Answer::Found(reply) if reply.status() == StatusCode::PARTIAL_CONTENT => {
                self.partial(key, range, reply).await
            }
            Answer::Found(reply) => {
                let (encoding, total) = headers::stored(reply.headers())
                    .map_err(|name| failure::unknown_encoding(&self.address, op, &name))?;
                let version = headers::version(reply.headers(), total);
                let bytes = body::part(reply, range, total).await;
                let bytes = bytes.map_err(|error| self.broken(op, error))?;
                Ok(Some(Blob { bytes, version, content_encoding: encoding }))
            }
        }
    }

    async fn whole(&self, key: &Key) -> BackendResult<Option<Blob>> {
        let op = Operation::Get;
        let ask = Ask { op, method: &Method::GET, key, range: None };
        let reply = match self.ask(ask, ANY).await? {
            Answer::Missing => return Ok(None),
            Answer::Found(reply) if reply.status() == StatusCode::OK => reply,
            Answer::Found(_) | Answer::Beyond(_) => {
                let why = "a whole value was asked for and a part of it answered";
                return Err(failure::unbelievable(&self.address, op, why));
            }
        };
        let content_encoding = headers::encoding(reply.headers())
            .map_err(|name| failure::unknown_encoding(&self.address, op, &name))?;
        let version = headers::version(reply.headers(), headers::length(reply.headers()));
        let bytes = reply.bytes().await.map_err(|error| self.broken(op, error))?;
        Ok(Some(Blob { bytes, version, content_encoding }))
    }

    /// A part, of an answer that says that it is one.
    async fn partial(
        &self,
        key: &Key,
        range: &ByteRange,
        reply: Response,
    ) -> BackendResult<Option<Blob>> {
        let op = Operation::Get;
        let told = headers::content_range(reply.headers());
        let Some((len, total)) = told.and_then(|told| matching(range, told)) else {
            if let ByteRange::Suffix(_) = range {
                return self.suffix(key, range).await;
            }
            let why = format!("{range:?} was asked for and {told:?} answered");
            return Err(failure::unbelievable(&self.address, op, why));
        };
        let content_encoding = headers::encoding(reply.headers())
            .map_err(|name| failure::unknown_encoding(&self.address, op, &name))?;
        let version = headers::version(reply.headers(), total);
        let bytes = reply.bytes().await.map_err(|error| self.broken(op, error))?;
        if bytes.len() as u64 != len {
            let why = format!("{len} bytes were announced and {} came", bytes.len());
            return Err(self.error(ErrorKind::Transient, op).with_note(why));
        }
        Ok(Some(Blob { bytes, version, content_encoding }))
    }

    /// The end of a value, from a server that cannot count from there.
    async fn suffix(&self, key: &Key, range: &ByteRange) -> BackendResult<Option<Blob>> {
        let Some(meta) = self.head(key).await? else { return Ok(None) };
        let bounded = ByteRange::Bounded(range.resolve(meta.size));
        let blob = Box::pin(self.get(key, &bounded)).await?;
        if blob.as_ref().is_some_and(|blob| blob.version != meta.version) {
            return Err(self.replaced());
        }
        Ok(blob)
    }

    /// A range in which there is no byte: only whether the key is there is to be found out.
    async fn nothing_of(&self, key: &Key, range: &ByteRange) -> BackendResult<Option<Blob>> {
        let Some(meta) = self.head(key).await? else { return Ok(None) };
        if written(range).is_some() && !range.resolve(meta.size).is_empty() {
            return Err(self.replaced());
        }
        let content_encoding = meta.content_encoding.unwrap_or_default();
        Ok(Some(Blob { bytes: Bytes::new(), version: meta.version, content_encoding }))
    }

    /// Size and version of a value.
    pub(super) async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        if self.headless.load(Ordering::Relaxed) {
            return self.head_by_get(key).await;
        }
        let op = Operation::Head;
        let reply = match self.ask_stored(Ask { op, method: &Method::HEAD, key, range: None }).await
        {
            Ok(Answer::Missing) => return Ok(None),
            Ok(Answer::Found(reply)) => reply,
            Ok(Answer::Beyond(_)) => return self.head_by_get(key).await,
            // A signed URL is often good for GET only.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return self.head_by_get(key).await;
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                self.headless.store(true, Ordering::Relaxed);
                return self.head_by_get(key).await;
            }
            Err(error) => return Err(error),
        };
        match self.meta(key, reply.headers(), None)? {
            Some(meta) => Ok(Some(meta)),
            None => self.head_by_get(key).await,
        }
    }

    /// Size and version by asking for the first byte.
    async fn head_by_get(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let op = Operation::Head;
        let ask = Ask { op, method: &Method::GET, key, range: Some("bytes=0-0") };
        let (headers, total) = match self.ask_stored(ask).await? {
            Answer::Missing => return Ok(None),
            Answer::Beyond(headers) => {
                let told = headers::content_range(&headers).and_then(|told| told.total);
                (headers, Some(told.unwrap_or(0)))
            }
            Answer::Found(reply) if reply.status() == StatusCode::PARTIAL_CONTENT => {
                let told = headers::content_range(reply.headers()).and_then(|told| told.total);
                (reply.headers().clone(), told)
            }
            Answer::Found(reply) => {
                let headers = reply.headers().clone();
                match headers::length(&headers) {
                    Some(total) => (headers, Some(total)),
                    None => {
                        let len = body::count(reply).await;
                        (headers, Some(len.map_err(|error| self.broken(op, error))?))
                    }
                }
            }
        };
        if total.is_none() {
            let why = "the server does not tell how long the value is";
            return Err(failure::unbelievable(&self.address, op, why));
        }
        self.meta(key, &headers, total)
    }

    /// What headers tell of a value; `None` if its size is neither given nor told.
    fn meta(
        &self,
        key: &Key,
        headers: &HeaderMap,
        total: Option<u64>,
    ) -> BackendResult<Option<Meta>> {
        let (encoding, told) = headers::stored(headers)
            .map_err(|name| failure::unknown_encoding(&self.address, Operation::Head, &name))?;
        let Some(size) = total.or(told) else { return Ok(None) };
        Ok(Some(Meta {
            key: key.clone(),
            size,
            version: headers::version(headers, Some(size)),
            content_encoding: Some(encoding),
        }))
    }

    /// Asks for a value as it is stored; if nothing but a compressed form of it is there, for that.
    async fn ask_stored(&self, ask: Ask<'_>) -> BackendResult<Answer> {
        match self.ask(ask, AS_STORED).await? {
            Answer::Missing => self.ask(ask, ANY).await,
            // What is stored is the compressed form, and the server would cut another one.
            Answer::Found(reply)
                if ask.range.is_some() && headers::was_decompressed(reply.headers()) =>
            {
                self.ask(ask, ANY).await
            }
            answer => Ok(answer),
        }
    }

    async fn ask(&self, ask: Ask<'_>, encodings: &'static str) -> BackendResult<Answer> {
        let url = self.address.of(ask.key);
        let request = self.http.request(ask.method.clone(), url);
        let mut request = request.header(ACCEPT_ENCODING, encodings);
        if let Some(range) = ask.range {
            request = request.header(RANGE, range);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let reply = request.send().await.map_err(|error| self.broken(ask.op, error))?;
        match reply.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => self.ends(ask, reply),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Answer::Missing),
            StatusCode::NOT_ACCEPTABLE if encodings == AS_STORED => Ok(Answer::Missing),
            StatusCode::FORBIDDEN if self.forbidden == Forbidden::Missing => Ok(Answer::Missing),
            StatusCode::RANGE_NOT_SATISFIABLE if ask.range.is_some() => {
                Ok(Answer::Beyond(reply.headers().clone()))
            }
            status => Err(failure::refused(&self.address, ask.op, status, reply.headers())),
        }
    }

    /// Refuses a body that could be cut off without anybody noticing.
    fn ends(&self, ask: Ask<'_>, reply: Response) -> BackendResult<Answer> {
        let bodiless = *ask.method == Method::HEAD;
        if bodiless || headers::ends_visibly(reply.headers(), reply.version()) {
            return Ok(Answer::Found(reply));
        }
        let why = "the reply has neither a length nor chunks, so it could be cut off unnoticed";
        Err(self.error(ErrorKind::Unsupported, ask.op).with_note(why))
    }

    fn error(&self, kind: ErrorKind, op: Operation) -> BackendError {
        BackendError::new(kind, &self.address, op)
    }

    fn broken(&self, op: Operation, error: reqwest::Error) -> BackendError {
        failure::unanswered(&self.address, op, error)
    }

    /// A value that changed between two requests which need one state of it.
    pub(super) fn replaced(&self) -> BackendError {
        self.error(ErrorKind::Transient, Operation::Get)
            .with_note("the value was replaced between two requests of one read")
    }
}

/// The header that asks for a range; `None` for one in which there is certainly nothing.
fn written(range: &ByteRange) -> Option<String> {
    match *range {
        ByteRange::Full => Some("bytes=0-".into()),
        ByteRange::Bounded(ref range) if range.is_empty() || range.start >= FAR => None,
        ByteRange::Bounded(ref range) if range.end >= FAR => {
            Some(format!("bytes={}-", range.start))
        }
        ByteRange::Bounded(ref range) => Some(format!("bytes={}-{}", range.start, range.end - 1)),
        ByteRange::From(start) => (start < FAR).then(|| format!("bytes={start}-")),
        ByteRange::Suffix(0) => None,
        ByteRange::Suffix(count) if count >= FAR => Some("bytes=0-".into()),
        ByteRange::Suffix(count) => Some(format!("bytes=-{count}")),
    }
}

/// How many bytes a believable answer to `range` has, and the value's length if it is told.
pub(super) fn matching(
    range: &ByteRange,
    told: headers::ContentRange,
) -> Option<(u64, Option<u64>)> {
    let (first, last) = told.span?;
    let wanted = match (range, told.total) {
        (_, Some(total)) => range.resolve(total),
        // Where the value ends is not known: only an answer with all that was asked is whole.
        (ByteRange::Bounded(wanted), None) => wanted.clone(),
        (_, None) => return None,
    };
    let matches = wanted.start == first && wanted.end.checked_sub(1) == Some(last);
    matches.then(|| (wanted.end - wanted.start, told.total))
}

#[cfg(test)]
mod tests {
    use super::headers::ContentRange;
    use super::*;

    #[test]
    fn ranges_are_written_as_servers_read_them() {
        let text = |range| written(&range);
        assert_eq!(text(ByteRange::Bounded(2..4)).as_deref(), Some("bytes=2-3"));
        assert_eq!(text(ByteRange::Bounded(2..u64::MAX)).as_deref(), Some("bytes=2-"));
        assert_eq!(text(ByteRange::From(7)).as_deref(), Some("bytes=7-"));
        assert_eq!(text(ByteRange::Suffix(9)).as_deref(), Some("bytes=-9"));
        assert_eq!(text(ByteRange::Suffix(u64::MAX)).as_deref(), Some("bytes=0-"));
        let nothing = [ByteRange::Bounded(5..5), ByteRange::From(u64::MAX), ByteRange::Suffix(0)];
        assert!(nothing.iter().all(|range| written(range).is_none()));
    }

    #[test]
    fn an_answer_must_hold_just_what_was_asked() {
        let told = |first, last, total| ContentRange { span: Some((first, last)), total };
        let wanted = ByteRange::Bounded(10..20);
        assert_eq!(matching(&wanted, told(10, 19, Some(100))), Some((10, Some(100))));
        assert_eq!(matching(&wanted, told(10, 14, Some(15))), Some((5, Some(15))));
        assert_eq!(matching(&wanted, told(10, 14, Some(100))), None);
        assert_eq!(matching(&wanted, told(11, 19, Some(100))), None);
        assert_eq!(matching(&wanted, told(10, 19, None)), Some((10, None)));
        assert_eq!(matching(&wanted, told(10, 14, None)), None);
        assert_eq!(matching(&ByteRange::From(3), told(3, 9, None)), None);
        assert_eq!(matching(&ByteRange::Suffix(3), told(7, 9, Some(10))), Some((3, Some(10))));
        assert_eq!(matching(&ByteRange::Suffix(3), told(0, 2, Some(10))), None);
    }
}
