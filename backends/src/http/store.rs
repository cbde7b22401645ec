//! The store.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    ErrorKind, IoModel, KeyValueBackend, Meta, Operation, Precondition, PutOutcome, Value,
};
use bigarrays_core::key::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use reqwest::header::HeaderValue;
use reqwest::redirect::{Attempt, Policy};
use tokio::runtime::Handle;

use super::address::{Address, Login};
use super::options::HttpOptions;
use super::request::Client;
use crate::remote::{Parts, handle, read_parts, run};

/// How often a server may send us elsewhere.
const MAX_REDIRECTS: usize = 10;

/// Files behind a web server, for reading. Cloning is cheap and gives another handle.
#[derive(Clone)]
pub struct HttpBackend {
    client: Arc<Client>,
    runtime: Handle,
    concurrency: NonZeroUsize,
}

impl HttpBackend {
    /// Opens a web address, for example `https://example.org/volume`, with the default options.
    ///
    /// # Errors
    /// As [`HttpOptions::open`].
    pub fn new(url: &str) -> BackendResult<Self> {
        Self::builder(url).open()
    }

    /// Options for opening a web address.
    pub fn builder(url: &str) -> HttpOptions {
        HttpOptions::new(url)
    }

    pub(super) fn with(options: HttpOptions) -> BackendResult<Self> {
        let parsed = Address::parse(options.url.reveal());
        let (mut address, login) = parsed.map_err(|reason| {
            BackendError::new(ErrorKind::InvalidConfig, "a web address", Operation::Open)
                .with_note(reason)
        })?;
        for (name, value) in &options.parameters {
            address.add_query(name.reveal(), value.reveal());
        }
        let invalid = |note: &str| {
            BackendError::new(ErrorKind::InvalidConfig, &address, Operation::Open).with_note(note)
        };
        let authorization = authorization(&options, login)
            .map_err(|()| invalid("the user, password or token cannot stand in a header"))?;
        let http = client(&options).map_err(|error| {
            invalid("no client can be made of these options").with_source(error)
        })?;
        let runtime =
            handle().map_err(|error| BackendError::io(&address, Operation::Open, error))?;
        let forbidden = options.forbidden;
        let headless = AtomicBool::new(false);
        let client = Client { http, address, authorization, forbidden, headless };
        Ok(Self { client: Arc::new(client), runtime, concurrency: options.concurrency })
    }

    fn refused(&self, kind: ErrorKind, op: Operation) -> BackendError {
        BackendError::new(kind, self, op)
    }

    fn read_only(&self, op: Operation, key: &Key) -> BackendError {
        self.refused(ErrorKind::ReadOnly, op)
            .with_key(key)
            .with_note("a web server is only read; open the bucket or directory behind it to write")
    }
}

/// The header that proves who asks. It never shows, not even in logs of the client.
fn authorization(options: &HttpOptions, login: Option<Login>) -> Result<Option<HeaderValue>, ()> {
    let text = match (&options.bearer, options.login.clone().or(login)) {
        (Some(token), _) => format!("Bearer {}", token.reveal()),
        (None, Some((user, password))) => {
            format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.reveal())))
        }
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| ())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn client(
    options: &HttpOptions,
) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("bigarrays/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.timeouts.connect)
        .read_timeout(options.timeouts.idle)
        .timeout(options.timeouts.total)
        .pool_max_idle_per_host(options.concurrency.get())
        .redirect(Policy::custom(redirected))
        // The parameters of the URL would be told to the host we are sent to.
        .referer(false)
        // Another crate may turn these on for the whole program.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate();
    for pem in &options.certificates {
        let certificates = reqwest::Certificate::from_pem_bundle(pem)?;
        if certificates.is_empty() {
            return Err("there is no certificate in what was given for one".into());
        }
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder.build()?)
}

fn redirected(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let was_safe = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if was_safe && attempt.url().scheme() != "https" {
        return attempt.error("the server sends us from https to http");
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("the server sends us on more than ten times");
    }
    attempt.follow()
}

#[async_trait]
impl KeyValueBackend for HttpBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            io: IoModel::Async,
            concurrency: self.concurrency,
            writable: false,
            listable: false,
            range_reads: true,
            prefers_whole: false,
            batch_bytes: Capabilities::BATCH_BYTES,
            conditional_put: ConditionalPut::Unsupported,
            conditional_delete: false,
            max_value_len: None,
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let (client, wanted) = (Arc::clone(&self.client), key.clone());
        let answer = run(&self.runtime, async move { client.head(&wanted).await }).await;
        answer.map_err(|error| error.with_key(key))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let (client, wanted) = (Arc::clone(&self.client), key.clone());
        let answer = run(&self.runtime, async move { client.get(&wanted, &range).await }).await;
        answer.map_err(|error| error.with_key(key))
    }

    async fn put(
        &self,
        key: &Key,
        _value: Value,
        _when: Precondition,
    ) -> BackendResult<PutOutcome> {
        Err(self.read_only(Operation::Put, key))
    }

    async fn delete(&self, key: &Key, _when: Precondition) -> BackendResult<DeleteOutcome> {
        Err(self.read_only(Operation::Delete, key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let error = self.refused(ErrorKind::Unsupported, Operation::List);
        let error = error.with_prefix(prefix).with_note("the web has no listing of files");
        stream::iter([Err(error)]).boxed()
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let get = |range| self.get(key, ByteRange::Bounded(range));
        match read_parts(ranges, self.concurrency.get(), get).await? {
            Some(Parts::Whole(parts)) => Ok(Some(parts)),
            Some(Parts::Missing) => Ok(None),
            Some(Parts::Torn) => Err(self.client.replaced().with_key(key)),
            None => {
                let exists = self.head(key).await?.is_some();
                Ok(exists.then(|| vec![Bytes::new(); ranges.len()]))
            }
        }
    }
}

impl fmt::Display for HttpBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.address.fmt(f)
    }
}

impl fmt::Debug for HttpBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBackend")
            .field("url", &self.client.address)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
