//! How a web address is opened.

use std::num::NonZeroUsize;

use bigarrays_core::backend::BackendResult;

use super::store::HttpBackend;
use crate::remote::{Secret, Timeouts};

/// What the answer 403 (forbidden) means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Forbidden {
    /// A failure: `PermissionDenied`.
    #[default]
    Denied,
    /// The key is missing: public buckets answer so to whoever may not list them. A value that
    /// really is forbidden is taken for missing too.
    Missing,
}

/// How to open a web address; see [`HttpBackend::builder`].
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `open`"]
pub struct HttpOptions {
    pub(super) url: Secret,
    /// A name without a value may be a token itself.
    pub(super) parameters: Vec<(Secret, Secret)>,
    pub(super) login: Option<(String, Secret)>,
    pub(super) bearer: Option<Secret>,
    pub(super) forbidden: Forbidden,
    pub(super) timeouts: Timeouts,
    pub(super) concurrency: NonZeroUsize,
    pub(super) certificates: Vec<Vec<u8>>,
}

impl HttpOptions {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: Secret::new(url),
            parameters: Vec::new(),
            login: None,
            bearer: None,
            forbidden: Forbidden::default(),
            timeouts: Timeouts::default(),
            concurrency: NonZeroUsize::new(32).unwrap_or(NonZeroUsize::MIN),
            certificates: Vec::new(),
        }
    }

    /// A parameter that is sent with each request, as those behind the URL's `?` are.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.parameters.push((Secret::new(name), value.into()));
        self
    }

    /// A user and a password (basic authentication), instead of those in the URL.
    pub fn login(mut self, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.login = Some((user.into(), password.into()));
        self
    }

    /// A token that is sent as `Authorization: Bearer`, instead of user and password.
    pub fn bearer(mut self, token: impl Into<Secret>) -> Self {
        self.bearer = Some(token.into());
        self
    }

    /// What 403 means; [`Forbidden::Denied`] by default.
    pub const fn forbidden(mut self, forbidden: Forbidden) -> Self {
        self.forbidden = forbidden;
        self
    }

    /// How long requests may take.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How many requests are made at once; 32 by default.
    pub const fn concurrency(mut self, concurrency: NonZeroUsize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Also trusts the certificates that this one (PEM) signed.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Makes the store. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// `InvalidConfig` if the URL is none of the web, or a certificate is none.
    pub fn open(self) -> BackendResult<HttpBackend> {
        HttpBackend::with(self)
    }
}
