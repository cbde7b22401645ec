//! Finding out which conditions a server honours.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use bigarrays_core::backend::{ConditionalPut, ErrorKind};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use s3::command::Command;

use super::client::{Ask, Client};
use super::failure::{Failure, refusal};
use super::place::Place;
use super::reply::Reply;
use super::write::is_conflict;

/// An ETag that no value has.
const NO_ETAG: HeaderValue = HeaderValue::from_static("\"00000000000000000000000000000000\"");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Which conditions are honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conditions {
    /// Of puts: that there is no value.
    pub(super) create: bool,
    /// Of puts: that there is a certain one.
    pub(super) swap: bool,
    /// Of deletes: that there is a certain one.
    pub(super) delete: bool,
}

impl Conditions {
    pub(super) const ALL: Self = Self { create: true, swap: true, delete: true };
    pub(super) const NONE: Self = Self { create: false, swap: false, delete: false };

    pub(super) const fn level(self) -> ConditionalPut {
        match (self.create, self.swap) {
            (true, true) => ConditionalPut::CompareAndSwap,
            (true, false) => ConditionalPut::CreateOnly,
            (false, _) => ConditionalPut::Unsupported,
        }
    }
}

/// What was found out in this process.
fn known() -> &'static Mutex<HashMap<Place, Conditions>> {
    static KNOWN: OnceLock<Mutex<HashMap<Place, Conditions>>> = OnceLock::new();
    KNOWN.get_or_init(Mutex::default)
}

pub(super) fn remembered(place: &Place) -> Option<Conditions> {
    known().lock().unwrap_or_else(PoisonError::into_inner).get(place).copied()
}

/// Tries conditions that do not hold on a value of its own.
///
/// Who may not write finds out nothing: no condition is honoured then, and each put says why.
pub(super) async fn probe(client: &Client, place: &Place) -> Result<Conditions, Failure> {
    let name = place.probe();
    let asker = Asker { client, place, name: &name };
    let found = match asker.create().await {
        Ok(true) => asker.try_conditions().await,
        Ok(false) => Ok(Conditions::NONE),
        Err(failure) => Err(failure),
    };
    let found = match found {
        Err(failure) if failure.kind == ErrorKind::PermissionDenied => return Ok(Conditions::NONE),
        found => found?,
    };
    let mut known = known().lock().unwrap_or_else(PoisonError::into_inner);
    known.insert(place.clone(), found);
    Ok(found)
}

struct Asker<'a> {
    client: &'a Client,
    place: &'a Place,
    name: &'a str,
}

impl Asker<'_> {
    /// Makes the value on condition that it is not there; `false` if the server knows no
    /// conditions at all.
    async fn create(&self) -> Result<bool, Failure> {
        let reply = self.put(header::IF_NONE_MATCH, ANY).await?;
        if reply.status.is_success() {
            return Ok(true);
        }
        let failure = refusal(&reply, self.place, self.client.anonymous());
        if failure.kind == ErrorKind::Unsupported { Ok(false) } else { Err(failure) }
    }

    async fn try_conditions(&self) -> Result<Conditions, Failure> {
        let create = self.put(header::IF_NONE_MATCH, ANY).await;
        let swap = self.put(header::IF_MATCH, NO_ETAG).await;
        let delete = self.delete(Some(NO_ETAG)).await;
        // Whatever came of it, nothing is left behind.
        let removed = self.delete(None).await;
        let (create, swap) = (is_conflict(&create?), is_conflict(&swap?));
        let delete = is_conflict(&delete?);
        let removed = removed?;
        if !removed.status.is_success() {
            let failure = refusal(&removed, self.place, self.client.anonymous());
            if failure.kind != ErrorKind::PermissionDenied {
                return Err(failure);
            }
        }
        Ok(Conditions { create, swap, delete })
    }

    async fn put(&self, name: HeaderName, value: HeaderValue) -> Result<Reply, Failure> {
        let command = Command::PutObject {
            content: b"",
            content_type: "application/octet-stream",
            custom_headers: Some(HeaderMap::from_iter([(name, value)])),
            multipart: None,
        };
        self.client.exchange(Ask::new(command, self.name)).await
    }

    async fn delete(&self, etag: Option<HeaderValue>) -> Result<Reply, Failure> {
        let mut ask = Ask::new(Command::DeleteObject, self.name);
        ask.headers.extend(etag.map(|etag| (header::IF_MATCH, etag)));
        self.client.exchange(ask).await
    }
}
