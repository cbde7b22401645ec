//! How a bucket is opened.

use std::env;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bigarrays_core::backend::{BackendError, BackendResult, ErrorKind, Operation, wait};
use bigarrays_core::key::Prefix;

use super::bucket::{Bucket, Uploads};
use super::credentials::Credentials;
use super::failure::Failure;
use super::place::{Endpoint, Place, is_bucket};
use super::probe::Manners;
use super::store::GcsBackend;
use super::tokens::Tokens;
use super::wire::{Wire, client};
use crate::remote::{Timeouts, handle, run};

/// What the parts of a long value must be multiples of.
const UNIT: u64 = 256 << 10;
const PART: u64 = 16 << 20;
const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

const READ: &str = "https://www.googleapis.com/auth/devstorage.read_only";
const WRITE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// How to open a bucket; see [`GcsBackend::builder`].
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `open`"]
pub struct GcsOptions {
    bucket: String,
    prefix: String,
    endpoint: Option<String>,
    credentials: Credentials,
    read_only: bool,
    timeouts: Timeouts,
    concurrency: NonZeroUsize,
    cache_control: Option<String>,
    resumable_above: u64,
    part: u64,
}

impl GcsOptions {
    pub(super) fn new(bucket: String) -> Self {
        Self {
            bucket,
            prefix: String::new(),
            endpoint: None,
            credentials: Credentials::surroundings(),
            read_only: false,
            timeouts: Timeouts::default(),
            concurrency: CONCURRENCY,
            cache_control: Some("no-cache".to_owned()),
            resumable_above: PART,
            part: PART,
        }
    }

    /// The part of the bucket that is the store: a directory; all of it by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The address of the server. By default what the environment variable
    /// `STORAGE_EMULATOR_HOST` says, as for Google's own programs, or else Google's.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Who the store is at the server; [`Credentials::surroundings`] by default.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Whether puts and deletes are refused; false by default. Tokens are for reading only then.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How long requests may take.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How many requests the engine has under way at once; 64 by default.
    pub const fn concurrency(mut self, concurrency: NonZeroUsize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// What caches may do with the values; `no-cache` by default: they ask whether a value is
    /// still the same. Google lets caches show public objects that say nothing for an hour,
    /// also after they were overwritten. An empty text says nothing.
    pub fn cache_control(mut self, cache_control: impl Into<String>) -> Self {
        self.cache_control = Some(cache_control.into()).filter(|text| !text.is_empty());
        self
    }

    /// Values longer than so many bytes are sent in parts, of which those that arrived are not
    /// sent again after a failure; 16 MiB by default. Conditional puts are sent in parts from
    /// 256 MiB on.
    pub const fn resumable_above(mut self, bytes: u64) -> Self {
        self.resumable_above = bytes;
        self
    }

    /// How long the parts are: a multiple of 256 KiB; 16 MiB by default.
    pub const fn part(mut self, bytes: u64) -> Self {
        self.part = bytes;
        self
    }

    /// Opens the bucket. Nothing is asked of Google's server yet; another one is tried out if the
    /// store is to be written to.
    ///
    /// # Errors
    /// Kind `InvalidConfig` if an option or the credentials cannot be used; `NotFound` if the
    /// server that was tried out has no such bucket, `Unauthenticated` if it takes no such
    /// credentials, `Transient` if it cannot be reached.
    pub fn open(self) -> BackendResult<GcsBackend> {
        let place = self.place()?;
        let name = place.name();
        let fail = |failure: Failure| failure.of(&name, Operation::Open);
        let is_google = place.endpoint.is_google;
        let wire = self.wire(&place).map_err(fail)?;
        let runtime = handle().map_err(|error| BackendError::io(&name, Operation::Open, error))?;
        let uploads = Uploads {
            resumable_above: self.resumable_above,
            part: self.part,
            cache_control: self.cache_control,
        };
        let bucket = Arc::new(Bucket::new(place, wire, runtime, uploads));
        let manners = if is_google || self.read_only {
            Manners::GOOGLE
        } else {
            let bucket = Arc::clone(&bucket);
            let runtime = bucket.runtime.clone();
            wait(run(&runtime, async move { Manners::find_out(&bucket).await })).map_err(fail)?
        };
        Ok(GcsBackend::new(bucket, manners, self.concurrency, self.read_only))
    }

    fn place(&self) -> BackendResult<Place> {
        let shown: String = self.bucket.chars().filter(|c| !c.is_control()).take(80).collect();
        let invalid = |what: String| {
            let store = format!("gs://{shown}");
            BackendError::new(ErrorKind::InvalidConfig, store, Operation::Open).with_note(what)
        };
        if !is_bucket(&self.bucket) {
            return Err(invalid("that is no name of a bucket".to_owned()));
        }
        if self.part == 0 || !self.part.is_multiple_of(UNIT) {
            return Err(invalid("the parts of an upload must be multiples of 256 KiB".to_owned()));
        }
        let prefix = Prefix::new(&self.prefix).map_err(|error| invalid(error.to_string()))?;
        let endpoint = match self.endpoint_text() {
            Some(text) => Endpoint::parse(&text),
            None => Ok(Endpoint::google()),
        };
        let endpoint = endpoint.map_err(|why| invalid(format!("the endpoint is refused: {why}")));
        Ok(Place { endpoint: endpoint?, bucket: self.bucket.clone(), prefix })
    }

    fn endpoint_text(&self) -> Option<String> {
        let emulator = || env::var("STORAGE_EMULATOR_HOST").ok().filter(|host| !host.is_empty());
        self.endpoint.clone().or_else(emulator)
    }

    fn wire(&self, place: &Place) -> Result<Wire, Failure> {
        let client = client(&place.endpoint, self.timeouts, self.concurrency.get());
        let client = client.map_err(|error| {
            let note = "no secure connections can be made on this machine";
            Failure::new(ErrorKind::InvalidConfig, note).because(error)
        })?;
        let scope = if self.read_only { READ } else { WRITE };
        let is_google = place.endpoint.is_google;
        let source = self.credentials.source(&place.bucket, scope, &client, is_google)?;
        let patience = self.timeouts.connect.saturating_add(self.timeouts.idle);
        let tokens = source.map(|source| Tokens::new(source, patience));
        Ok(Wire::new(client, self.timeouts, tokens))
    }
}
