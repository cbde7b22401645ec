//! Why a server did not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::fault::Fault;
use crate::served::InvalidName;

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A store cannot be served under such a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Two stores have one name.
    #[error("two stores have the name {name:?}; give one of them another, as in URL=NAME")]
    SameName {
        /// The name.
        name: String,
    },
    /// Nothing would be served.
    #[error("there is nothing to serve; name a volume, or a place above volumes")]
    Nothing,
    /// The address cannot be had.
    #[error("cannot listen on {address}; choose another one, or end who listens there")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A file that was named cannot be used.
    #[error("cannot use {}: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The gateway would let nobody in.
    #[error(
        "the gateway has no keys; set BIGARRAYS_S3_ACCESS_KEY and BIGARRAYS_S3_SECRET_KEY, or name a file of them"
    )]
    NoCredentials,
    /// A store cannot be looked into.
    #[error("cannot list the volumes of {name:?}: {reason}")]
    Store {
        /// The name it is served under.
        name: String,
        /// Why.
        reason: String,
    },
    /// The system gave no threads, or no sockets.
    #[error("cannot start the server")]
    System(#[from] io::Error),
}

impl ServeError {
    pub(crate) fn store(name: &str, fault: &Fault) -> Self {
        Self::Store { name: name.to_owned(), reason: fault.story().to_owned() }
    }

    /// A file, and what is wrong with it.
    pub(crate) fn file(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::File { path: path.to_owned(), reason: reason.to_string() }
    }
}
