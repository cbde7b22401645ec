//! What all operations of a store share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use bigarrays_core::backend::ErrorKind;
use http::{HeaderValue, StatusCode};

use super::client::{Ask, Client};
use super::failure::{Failure, refusal};
use super::place::Place;
use super::probe::Conditions;
use super::reply::Reply;

/// A bucket, how to reach it, and how values are put into it.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) place: Place,
    pub(super) client: Client,
    pub(super) conditions: Conditions,
    pub(super) cache_control: Option<HeaderValue>,
    pub(super) multipart_threshold: u64,
    pub(super) part_size: u64,
    /// Why nothing is written, if so.
    pub(super) read_only: Option<String>,
    /// Whether the server has said anything that only an existing bucket says.
    pub(super) seen: AtomicBool,
}

impl Inner {
    /// Sends a request whose answer is a success, or one of these other statuses.
    pub(super) async fn ask(&self, ask: Ask<'_>, also: &[StatusCode]) -> Result<Reply, Failure> {
        let reply = self.client.exchange(ask).await?;
        if reply.status.is_success() {
            self.seen.store(true, Ordering::Relaxed);
            return Ok(reply);
        }
        if also.contains(&reply.status) { Ok(reply) } else { Err(self.refused(&reply)) }
    }

    /// What an answer that is not a success means.
    pub(super) fn refused(&self, reply: &Reply) -> Failure {
        refusal(reply, &self.place, self.client.anonymous())
    }

    /// Whether a 404 says that the object is missing; everything else that is not there is an
    /// error, or a wrong address would look like an empty volume.
    pub(super) fn is_missing(&self, reply: &Reply) -> bool {
        let is_key = reply.status == StatusCode::NOT_FOUND
            && reply.code().is_some_and(|code| code == "NoSuchKey");
        if is_key {
            self.seen.store(true, Ordering::Relaxed);
        }
        is_key
    }

    /// Refuses to write if the store only reads.
    pub(super) fn writable(&self) -> Result<(), Failure> {
        match &self.read_only {
            Some(why) => Err(Failure::new(ErrorKind::ReadOnly, why)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.place, f)
    }
}
