//! What can be chosen of a server.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::s3::Credentials;
use crate::token::Tokens;

/// Which pages of other origins may read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cors {
    /// All. There are no cookies that a page could misuse.
    #[default]
    Any,
    /// Those of one origin.
    Origin(HeaderValue),
    /// None but the server's own.
    None,
}

/// A certificate and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What one request, and all of them together, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of values and cutouts that are in memory for all requests together. One that finds no
    /// room waits.
    pub memory: u64,
    /// Bytes of the voxels of a cutout.
    pub cutout: u64,
    /// Bytes of what is sent to the server: an object of the gateway, in all its parts.
    pub request: u64,
    /// For how long a request may be answered, a header be sent, a connection stand still.
    pub timeout: Duration,
    /// Connections at once. More wait to be accepted.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            cutout: 256 << 20,
            request: 1 << 30,
            timeout: Duration::from_secs(60),
            connections: 1024,
        }
    }
}

/// The gateway.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// Where it listens.
    pub bind: SocketAddr,
    /// Who may ask. Nobody else may.
    pub credentials: Credentials,
}

/// Is told what went wrong inside, a line each.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(&str) + Send + Sync>);

impl Log {
    /// Tells it to this.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, line: &str) {
        (self.0)(line);
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new(|line| tracing::error!("{line}"))
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log(..)")
    }
}

/// What a server does beside showing stores.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens. Default: `127.0.0.1:8080`.
    pub bind: SocketAddr,
    /// Who may read. Default: everybody.
    pub tokens: Option<Tokens>,
    /// Which pages may read. Default: all.
    pub cors: Cors,
    /// The address of the neuroglancer client that the viewer's button opens. Default: that of this
    /// build, or the public one ([`neuroglancer`](crate::neuroglancer)).
    pub neuroglancer: Option<String>,
    /// Default: no encryption.
    pub tls: Option<TlsFiles>,
    /// Bytes of stored values that are kept in memory. Default: none.
    pub cache: u64,
    /// For how long others may keep a chunk without asking again. Default: a minute.
    pub max_age: Duration,
    /// Whether the gateway may write. Default: no.
    pub writable: bool,
    /// Default: no gateway.
    pub s3: Option<S3Options>,
    /// Default: those of [`Limits`].
    pub limits: Limits,
    /// Default: events of `tracing`.
    pub log: Log,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tokens: None,
            cors: Cors::default(),
            neuroglancer: None,
            tls: None,
            cache: 0,
            max_age: Duration::from_secs(60),
            writable: false,
            s3: None,
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}
