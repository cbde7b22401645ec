//! Sending one request.
//!
//! The crate `rust-s3` knows the requests of S3, where they go, and how they are signed. They are
//! sent from here, for the client of that crate cannot be told how long to wait for a connection
//! or for the next byte, drops the headers of refusals (`Retry-After`), and unpacks values if
//! some other crate of the program switches that on.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bigarrays_core::backend::ErrorKind;
use bytes::{Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use s3::Bucket;
use s3::command::{Command, HttpMethod};
use s3::request::Request as _;
use s3::request::tokio_backend::ReqwestRequest;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use super::failure::Failure;
use super::reply::Reply;
use crate::remote::Timeouts;

/// How much of a value is given to the connection at once: what tells that it moves.
const SLICE: usize = 256 * 1024;
/// The longest body of an answer that is not the value asked for.
pub(super) const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;
/// The longest explanation of an error that is read.
const LONGEST_ERROR: u64 = 1024 * 1024;
/// The most bytes that a server can make us set aside before it sends them.
const TRUSTED_LENGTH: u64 = 64 * 1024 * 1024;

/// The connections to the server of one bucket.
#[derive(Debug)]
pub(super) struct Client {
    /// Credentials and address. Its `Debug` shows no secrets.
    bucket: Bucket,
    http: reqwest::Client,
    timeouts: Timeouts,
    permits: Semaphore,
    anonymous: bool,
}

/// One request.
pub(super) struct Ask<'a> {
    pub(super) command: Command<'a>,
    /// The name of the object; empty for the bucket.
    pub(super) name: &'a str,
    pub(super) headers: HeaderMap,
    /// The value of a put.
    pub(super) body: Option<Bytes>,
    /// The longest answer that is right.
    pub(super) limit: u64,
}

impl<'a> Ask<'a> {
    pub(super) fn new(command: Command<'a>, name: &'a str) -> Self {
        Self { command, name, headers: HeaderMap::new(), body: None, limit: LONGEST_ANSWER }
    }
}

impl Client {
    pub(super) fn new(
        bucket: Bucket,
        timeouts: Timeouts,
        concurrency: usize,
        anonymous: bool,
    ) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .http1_only()
            .connect_timeout(timeouts.connect)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(concurrency)
            // Bytes are wanted as they are stored.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .build()
            .map_err(|error| {
                let note = "the system's certificates or connections cannot be used";
                Failure::new(ErrorKind::InvalidConfig, note).because(error)
            })?;
        let permits = Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS));
        Ok(Self { bucket, http, timeouts, permits, anonymous })
    }

    pub(super) const fn anonymous(&self) -> bool {
        self.anonymous
    }

    /// Sends a request once and reads the whole answer, whatever it is.
    pub(super) async fn exchange(&self, ask: Ask<'_>) -> Result<Reply, Failure> {
        // Never closed: the error cannot be.
        let _permit = self.permits.acquire().await;
        let total = self.timeouts.total;
        match timeout(total, self.send_and_read(ask)).await {
            Ok(answer) => answer,
            Err(_) => Err(late(format!("the request was not done after {total:?}"))),
        }
    }

    async fn send_and_read(&self, ask: Ask<'_>) -> Result<Reply, Failure> {
        let limit = ask.limit;
        let sent = Arc::new(AtomicU64::new(0));
        let request = self.signed(ask, &sent).await?;
        let idle = self.timeouts.idle;
        let response = while_moving(idle, &sent, self.http.execute(request)).await;
        let response = response.ok_or_else(|| self.silent())??;
        let limit = match response.status() {
            StatusCode::PARTIAL_CONTENT => limit,
            status if status.is_success() => limit.max(LONGEST_ANSWER),
            _ => LONGEST_ERROR,
        };
        self.read(response, limit).await
    }

    /// The request with its signature.
    async fn signed(
        &self,
        ask: Ask<'_>,
        sent: &Arc<AtomicU64>,
    ) -> Result<reqwest::Request, Failure> {
        let mut bucket = self.bucket.clone();
        *bucket.extra_headers_mut() = ask.headers;
        if matches!(ask.command, Command::ListObjectsV2 { .. }) {
            // Names may hold what XML cannot.
            bucket.add_query("encoding-type", "url");
        }
        let method = method_of(&ask.command.http_verb());
        let has_body = method == Method::PUT || method == Method::POST;
        let request = ReqwestRequest::new(&bucket, ask.name, ask.command).await?;
        let url = spaces_encoded(request.url()?);
        let headers = request.headers().await?;
        let body = match ask.body {
            Some(body) => body,
            None if has_body => request.request_body()?.into(),
            None => Bytes::new(),
        };
        let mut built = self.http.request(method, url).headers(headers);
        // Not signed: what lies between may change it.
        built = built.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if has_body {
            built = built.body(moving(body, sent));
        }
        Ok(built.build()?)
    }

    /// The whole body, of at most `limit` bytes.
    async fn read(&self, mut response: reqwest::Response, limit: u64) -> Result<Reply, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let told = response.content_length();
        let mut body = Body::default();
        loop {
            let chunk = timeout(self.timeouts.idle, response.chunk()).await;
            let chunk = chunk.map_err(|_| self.silent())??;
            let Some(chunk) = chunk else { break };
            body.push(chunk, told);
            if body.len() > limit {
                let note = format!("more than {limit} bytes");
                return Err(Failure::strange(note));
            }
        }
        let body = body.finish();
        // The client checks this too; a short value must not depend on that.
        if told.is_some_and(|told| told != body.len() as u64 && !body.is_empty()) {
            return Err(late("the answer is shorter or longer than it says"));
        }
        Ok(Reply { status, headers, body })
    }

    fn silent(&self) -> Failure {
        late(format!("nothing came from the server for {:?}", self.timeouts.idle))
    }
}

fn late(note: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Transient, note)
}

const fn method_of(verb: &HttpMethod) -> Method {
    match verb {
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Get => Method::GET,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Post => Method::POST,
        HttpMethod::Head => Method::HEAD,
    }
}

/// `+` means a space in forms only, and not every server reads a query as one. The signature is
/// the same for both.
fn spaces_encoded(mut url: Url) -> Url {
    if let Some(query) = url.query().filter(|query| query.contains('+')) {
        let query = query.replace('+', "%20");
        url.set_query(Some(&query));
    }
    url
}

/// A body that tells how far it got.
fn moving(body: Bytes, sent: &Arc<AtomicU64>) -> reqwest::Body {
    if body.len() <= SLICE {
        return body.into();
    }
    let sent = Arc::clone(sent);
    let slices = (0..body.len()).step_by(SLICE).map(move |start| {
        sent.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Infallible>(body.slice(start..body.len().min(start + SLICE)))
    });
    reqwest::Body::wrap_stream(stream::iter(slices))
}

/// Waits as long as something is sent; `None` if nothing moved for `idle`.
async fn while_moving<T>(
    idle: Duration,
    sent: &AtomicU64,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    loop {
        let before = sent.load(Ordering::Relaxed);
        match timeout(idle, work.as_mut()).await {
            Ok(done) => return Some(done),
            Err(_) if sent.load(Ordering::Relaxed) != before => {}
            Err(_) => return None,
        }
    }
}

/// Pieces that become one; a body that comes in one piece is not copied.
#[derive(Default)]
struct Body {
    first: Bytes,
    all: BytesMut,
}

impl Body {
    fn push(&mut self, chunk: Bytes, told: Option<u64>) {
        if self.len() == 0 {
            self.first = chunk;
            return;
        }
        if self.all.is_empty() {
            let whole = told.unwrap_or(0).min(TRUSTED_LENGTH);
            self.all.reserve(usize::try_from(whole).unwrap_or(0).max(self.first.len()));
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&chunk);
    }

    fn len(&self) -> u64 {
        self.first.len().max(self.all.len()) as u64
    }

    fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_one_piece_is_not_copied_and_pieces_are_joined() {
        let piece = Bytes::from(vec![1; 100]);
        let address = piece.as_ptr();
        let mut body = Body::default();
        body.push(piece, Some(100));
        assert_eq!(body.finish().as_ptr(), address);
        let mut body = Body::default();
        for piece in ["ab", "c", "", "de"] {
            body.push(Bytes::from(piece), Some(u64::MAX));
        }
        assert_eq!(body.len(), 5);
        assert_eq!(body.finish(), "abcde");
    }

    #[test]
    fn spaces_of_a_query_are_encoded_as_in_a_path() {
        let url = Url::parse("http://h/b?prefix=a+b%2Bc&x=1").unwrap();
        assert_eq!(spaces_encoded(url).as_str(), "http://h/b?prefix=a%20b%2Bc&x=1");
    }
}
