//! How a bucket is opened.

use std::num::NonZeroUsize;

use bigarrays_core::Prefix;
use bigarrays_core::backend::BackendResult;

use super::credentials::Credentials;
use super::store::S3Backend;
use crate::remote::Timeouts;

/// Whether the server honours conditions (`If-Match`, `If-None-Match`) of puts and deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Conditional {
    /// Find out, when a bucket is opened for writing: some servers ignore conditions silently and
    /// overwrite. Amazon is trusted without being asked.
    ///
    /// A small object with a name of its own is put below the prefix, put again, and removed;
    /// what came of it is remembered for as long as the process lives.
    #[default]
    Probe,
    /// All are honoured; nothing is asked.
    Trust,
    /// None is honoured; whoever sets one is told `Unsupported`.
    None,
}

/// How to open a bucket; see [`S3Backend::builder`].
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `open`"]
pub struct S3Options {
    pub(super) bucket: String,
    pub(super) prefix: Prefix,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) path_style: Option<bool>,
    pub(super) credentials: Option<Credentials>,
    pub(super) profile: Option<String>,
    pub(super) anonymous: bool,
    pub(super) instance_metadata: bool,
    pub(super) read_only: bool,
    pub(super) read_only_without_credentials: bool,
    pub(super) conditional: Conditional,
    pub(super) timeouts: Timeouts,
    pub(super) concurrency: NonZeroUsize,
    pub(super) cache_control: Option<String>,
    pub(super) multipart_threshold: u64,
    pub(super) part_size: u64,
}

const MIB: u64 = 1024 * 1024;

/// Enough for a cutout of a hundred chunks to cost one round trip.
const CONCURRENCY: NonZeroUsize = match NonZeroUsize::new(128) {
    Some(requests) => requests,
    None => NonZeroUsize::MIN,
};

impl S3Options {
    pub(super) fn new(bucket: String) -> Self {
        Self {
            bucket,
            prefix: Prefix::root(),
            endpoint: None,
            region: None,
            path_style: None,
            credentials: None,
            profile: None,
            anonymous: false,
            instance_metadata: false,
            read_only: false,
            read_only_without_credentials: false,
            conditional: Conditional::default(),
            timeouts: Timeouts::default(),
            concurrency: CONCURRENCY,
            cache_control: None,
            multipart_threshold: 64 * MIB,
            part_size: 16 * MIB,
        }
    }

    /// A place in the bucket: keys of this store are names below it. The whole bucket by default.
    pub fn prefix(mut self, prefix: Prefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// Another server than Amazon's, such as `http://127.0.0.1:9000`. By default what
    /// `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` says, or the place that has the credentials.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The region that requests are signed for. By default what `AWS_REGION` or
    /// `AWS_DEFAULT_REGION` says, or the place that has the credentials, or `us-east-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Whether the bucket is part of the path (`host/bucket/key`) or of the host
    /// (`bucket.host/key`). By default of the path, but of the host at Amazon if the bucket's name
    /// can be one.
    pub const fn path_style(mut self, path_style: bool) -> Self {
        self.path_style = Some(path_style);
        self
    }

    /// Credentials. Without them they are looked for: see the [module](super).
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// The section of the credentials file to take; it is looked at before the environment then.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// Whether requests are sent without credentials, whatever could be found; false by default.
    pub const fn anonymous(mut self, anonymous: bool) -> Self {
        self.anonymous = anonymous;
        self
    }

    /// Whether the machine is asked for its credentials (EC2 instance metadata) if none are found
    /// elsewhere; false by default, for on other machines that waits for nobody.
    pub const fn instance_metadata(mut self, ask: bool) -> Self {
        self.instance_metadata = ask;
        self
    }

    /// Whether puts and deletes are refused; false by default. Without credentials a store that
    /// only reads is anonymous.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Whether a store that finds no credentials opens for reading only instead of failing; false
    /// by default.
    pub const fn read_only_without_credentials(mut self, read_only: bool) -> Self {
        self.read_only_without_credentials = read_only;
        self
    }

    /// Whether the server honours conditions; [`Conditional::Probe`] by default.
    pub const fn conditional(mut self, conditional: Conditional) -> Self {
        self.conditional = conditional;
        self
    }

    /// How long to wait; see [`Timeouts`].
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How many requests are on their way at once, each on a connection of its own; 128 by
    /// default. More wait.
    pub const fn concurrency(mut self, requests: NonZeroUsize) -> Self {
        self.concurrency = requests;
        self
    }

    /// `Cache-Control` of what is put, such as `no-cache`; none by default.
    pub fn cache_control(mut self, cache_control: impl Into<String>) -> Self {
        self.cache_control = Some(cache_control.into());
        self
    }

    /// Values longer than this are put in parts; 64 MiB by default, 5 GiB at most.
    pub fn multipart_threshold(mut self, bytes: u64) -> Self {
        self.multipart_threshold = bytes.min(5 * 1024 * MIB);
        self
    }

    /// The length of parts; 16 MiB by default. S3 takes none under 5 MiB, and 10,000 parts at
    /// most: longer values have longer parts.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = bytes.clamp(5 * MIB, 5 * 1024 * MIB);
        self
    }

    /// Opens the bucket. A store that is opened for writing may send some requests first: see
    /// [`Conditional::Probe`]. The thread waits for them.
    ///
    /// # Errors
    /// Kind `InvalidConfig` for options that cannot be; `Unauthenticated` if there are no
    /// credentials to write with, with the places that were looked at; and what the server says
    /// to the first requests: `Unauthenticated`, `NotFound` for a bucket that does not exist,
    /// `Transient`.
    pub fn open(self) -> BackendResult<S3Backend> {
        S3Backend::with_options(self)
    }
}
