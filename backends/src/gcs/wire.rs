//! One request and its whole answer, within the timeouts and with a token.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures::future::{Either, select};
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, Response};
use tokio::time::timeout;

use super::failure::Failure;
use super::pieces::{Pieces, Progress};
use super::place::Endpoint;
use super::tokens::Tokens;
use crate::remote::Timeouts;

/// The most that is read of an answer which is not a value.
pub(super) const MAX_DOCUMENT: u64 = 32 << 20;
/// The most that is read of an answer that says why not.
const MAX_REASON: u64 = 64 << 10;
/// How much room is made for an answer before its bytes are there.
const MAX_TRUST: u64 = 64 << 20;

/// A request.
#[derive(Debug)]
pub(super) struct Ask {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Pieces,
    limit: u64,
    with_token: bool,
}

impl Ask {
    pub(super) fn new(method: Method, url: String) -> Self {
        let (headers, body) = (HeaderMap::new(), Pieces::default());
        Self { method, url, headers, body, limit: MAX_DOCUMENT, with_token: true }
    }

    pub(super) fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn body(mut self, body: Pieces) -> Self {
        self.body = body;
        self
    }

    /// The most bytes that the answer may have.
    pub(super) fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Keeps the token at home, for an address that is not the server's.
    pub(super) fn without_token(mut self) -> Self {
        self.with_token = false;
        self
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The connections to a server, and who we are there.
#[derive(Debug)]
pub(super) struct Wire {
    client: Client,
    timeouts: Timeouts,
    tokens: Option<Tokens>,
}

/// A client for a server: nothing is unpacked, nothing is followed.
pub(super) fn client(
    endpoint: &Endpoint,
    timeouts: Timeouts,
    concurrency: usize,
) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .user_agent(concat!("bigarrays/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .pool_max_idle_per_host(concurrency)
        // An upload that is not complete is answered by 308, and a token goes to nobody else.
        .redirect(Policy::none())
        // Many connections move more than one that all requests share.
        .http1_only();
    // No proxy of the environment leads to this machine.
    if endpoint.is_loopback { builder.no_proxy() } else { builder }.build()
}

impl Wire {
    pub(super) fn new(client: Client, timeouts: Timeouts, tokens: Option<Tokens>) -> Self {
        Self { client, timeouts, tokens }
    }

    /// Whether requests carry no token.
    pub(super) fn is_anonymous(&self) -> bool {
        self.tokens.is_none()
    }

    /// Sends a request. A token that is refused is replaced once, and the request repeated once.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Answer, Failure> {
        let Some(tokens) = self.tokens.as_ref().filter(|_| ask.with_token) else {
            return self.send(ask, None).await;
        };
        let token = tokens.current().await?;
        let answer = self.send(ask, Some(token.header())).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            token.was_accepted();
            return Ok(answer);
        }
        let Some(token) = tokens.instead_of(&token).await? else {
            return Ok(answer);
        };
        let answer = self.send(ask, Some(token.header())).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            token.was_accepted();
        }
        Ok(answer)
    }

    async fn send(&self, ask: &Ask, token: Option<&HeaderValue>) -> Result<Answer, Failure> {
        let Timeouts { idle, total, .. } = self.timeouts;
        let progress = Progress::begin();
        let work = pin!(self.exchange(ask, token, &progress));
        let stalled = pin!(progress.stalled(idle));
        match timeout(total, select(work, stalled)).await {
            Ok(Either::Left((answer, _))) => answer,
            Ok(Either::Right(((), _))) => {
                Err(Failure::transient(format!("nothing moved for {idle:?}")))
            }
            Err(_) => Err(Failure::transient(format!("it was not done within {total:?}"))),
        }
    }

    async fn exchange(
        &self,
        ask: &Ask,
        token: Option<&HeaderValue>,
        progress: &Progress,
    ) -> Result<Answer, Failure> {
        let mut request = self.client.request(ask.method.clone(), &ask.url);
        request = request.headers(ask.headers.clone());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        // The length of a stream is not known unless it is said.
        if ask.body.len() > 0 || matches!(ask.method, Method::POST | Method::PUT) {
            request = request.header(CONTENT_LENGTH, ask.body.len());
        }
        if ask.body.len() > 0 {
            request = request.body(Body::wrap_stream(ask.body.stream(progress.clone())));
        }
        let again = request.try_clone().filter(|_| ask.method == Method::GET);
        let response = match (request.send().await, again) {
            // The server closed the connection just when it was used again.
            (Err(error), Some(again)) if was_cut(&error) => again.send().await,
            (response, _) => response,
        };
        let response = response.map_err(Failure::of_request)?;
        progress.mark();
        read(response, ask.limit, progress).await
    }
}

/// Whether a request was sent over a connection that broke before anything came back.
fn was_cut(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && !error.is_timeout()
}

/// Reads an answer: a success up to the limit, of anything else as much as is worth telling.
async fn read(mut response: Response, limit: u64, progress: &Progress) -> Result<Answer, Failure> {
    let (status, headers) = (response.status(), response.headers().clone());
    let is_success = status.is_success();
    let limit = if is_success { limit } else { limit.min(MAX_REASON) };
    let room = response.content_length().unwrap_or(0).min(limit).min(MAX_TRUST);
    let mut body = BytesMut::with_capacity(usize::try_from(room).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(Failure::of_request)? {
        progress.mark();
        if (body.len() as u64).saturating_add(chunk.len() as u64) > limit {
            if is_success {
                let note = format!("the server sends more than the {limit} bytes asked for");
                return Err(Failure::transient(note));
            }
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: body.freeze() })
}
