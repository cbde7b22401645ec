//! Finding out what a server does not do as Google does.
//!
//! Emulators ignore conditions on some requests, and a condition that is ignored is a lost update.
//! So a store that writes to another server than Google's first tries it out, with an object of
//! its own.

use std::sync::Arc;

use bigarrays_core::backend::{ErrorKind, Value};
use bytes::Bytes;

use super::bucket::Bucket;
use super::failure::Failure;
use super::place::PROBE;
use super::resumable::is_question_harmless;
use super::upload::{Sent, Upload};
use crate::remote::{Mark, unique};

/// What a server does right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manners {
    /// It looks at the condition of a put.
    pub(super) puts: bool,
    /// It looks at the condition of a delete.
    pub(super) deletes: bool,
    /// It can be asked how much of an upload it has.
    pub(super) resumes: bool,
}

impl Manners {
    pub(super) const GOOGLE: Self = Self { puts: true, deletes: true, resumes: true };
    const NONE: Self = Self { puts: false, deletes: false, resumes: false };

    /// Tries a server out.
    pub(super) async fn find_out(bucket: &Arc<Bucket>) -> Result<Self, Failure> {
        let name = format!("{}{PROBE}{}", bucket.place.prefix, unique());
        let found = try_out(bucket, &name).await;
        let _ = bucket.delete_state(&name, None).await;
        match found {
            // Who may not write needs no conditions; a real write is told why.
            Err(failure) if is_no_permission(&failure, bucket) => Ok(Self::NONE),
            found => found,
        }
    }
}

fn is_no_permission(failure: &Failure, bucket: &Bucket) -> bool {
    match failure.kind {
        ErrorKind::PermissionDenied | ErrorKind::Unsupported | ErrorKind::ReadOnly => true,
        ErrorKind::Unauthenticated => bucket.wire.is_anonymous(),
        _ => false,
    }
}

async fn try_out(bucket: &Arc<Bucket>, name: &str) -> Result<Manners, Failure> {
    let put = async |generation: u64| {
        let value = Value::plain(Bytes::from_static(b"a probe of bigarrays"));
        let when = Some((generation, Mark::unconditional()));
        let upload = Upload { name: name.to_owned(), value, when };
        bucket.upload_at_once(&upload).await
    };
    let Sent::Stored(first) = put(0).await? else {
        // Nobody else has this name.
        return Ok(Manners::NONE);
    };
    let creates_twice = matches!(put(0).await?, Sent::Stored(_));
    // A generation that was never there: smaller, so that it is not the next one either.
    let replaces_any =
        matches!(put(first.generation.saturating_sub(1).max(1)).await?, Sent::Stored(_));
    let replaces = match put(first.generation).await? {
        Sent::Stored(second) => second.generation != first.generation,
        Sent::Refused => false,
    };
    // The object has another generation now, if the server has any.
    let deletes = !bucket.delete_state(name, Some(first.generation)).await?;
    Ok(Manners {
        puts: !creates_twice && !replaces_any && replaces,
        deletes: deletes && bucket.head(name).await?.is_some(),
        resumes: is_question_harmless(bucket, name).await?,
    })
}
