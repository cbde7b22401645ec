//! How long a remote store waits.

use std::time::Duration;

/// How long a request to a remote store may take.
///
/// Whatever runs out is a `Transient` failure: it may go well if tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To be connected, TLS included; 10 s by default.
    pub connect: Duration,
    /// Without a byte from the server, also for its first one; 30 s by default.
    pub idle: Duration,
    /// A request from its beginning to its last byte; 10 min by default.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            total: Duration::from_mins(10),
        }
    }
}
