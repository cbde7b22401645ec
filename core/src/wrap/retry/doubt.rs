//! Conditional writes whose answer was lost: settled by reading back.
//!
//! The rules and their limit are told at [`Retry`](super::Retry).

use super::pace::Waits;
use super::{again, is_transient};
use crate::backend::{
    BackendError, BackendResult, ByteRange, DeleteOutcome, KeyValueBackend, Precondition,
    PutOutcome, Value, Version,
};
use crate::key::Key;

/// What the key tells about an attempt of ours that may or may not have arrived.
enum Finding {
    /// The key is as we wanted it: it arrived.
    Done(Option<Version>),
    /// The key is as it was expected before: nothing arrived yet.
    Untouched,
    /// The key is in a state that is not ours.
    Foreign,
}

/// A conditional put.
pub(super) async fn put<B: KeyValueBackend>(
    store: &B,
    mut waits: Waits<'_>,
    key: &Key,
    value: Value,
    when: Precondition,
) -> BackendResult<PutOutcome> {
    // The failure of an earlier attempt, which may arrive as long as we do not know better.
    let mut doubt: Option<BackendError> = None;
    loop {
        match store.put(key, value.clone(), when.clone()).await {
            Ok(PutOutcome::Conflict) if doubt.is_some() => {}
            Err(error) if is_transient(&error) => doubt = Some(error),
            answer => return answer,
        }
        let found = find_put(store, &mut waits, key, &value, &when).await;
        match unless_unknown(found, &mut doubt)? {
            Finding::Done(version) => return Ok(PutOutcome::Written { version }),
            Finding::Foreign => return Ok(PutOutcome::Conflict),
            Finding::Untouched => {
                let asked = doubt.as_ref().and_then(BackendError::retry_after);
                if !waits.wait(asked).await {
                    return doubt.map_or(Ok(PutOutcome::Conflict), Err);
                }
            }
        }
    }
}

/// A delete of one version.
pub(super) async fn delete<B: KeyValueBackend>(
    store: &B,
    mut waits: Waits<'_>,
    key: &Key,
    version: Version,
) -> BackendResult<DeleteOutcome> {
    let when = Precondition::IfVersion(version);
    let mut doubt: Option<BackendError> = None;
    loop {
        match store.delete(key, when.clone()).await {
            Ok(DeleteOutcome::Conflict) if doubt.is_some() => {}
            Err(error) if is_transient(&error) => doubt = Some(error),
            answer => return answer,
        }
        let found = find_delete(store, &mut waits, key, &when).await;
        match unless_unknown(found, &mut doubt)? {
            Finding::Done(_) => return Ok(DeleteOutcome::Deleted),
            Finding::Foreign => return Ok(DeleteOutcome::Conflict),
            Finding::Untouched => {
                let asked = doubt.as_ref().and_then(BackendError::retry_after);
                if !waits.wait(asked).await {
                    return doubt.map_or(Ok(DeleteOutcome::Conflict), Err);
                }
            }
        }
    }
}

/// If the key could not be read back, the first failure is the one to report: it is the write's.
fn unless_unknown(
    found: BackendResult<Finding>,
    doubt: &mut Option<BackendError>,
) -> BackendResult<Finding> {
    found.map_err(|unread| match doubt.take() {
        Some(error) => error.with_note("whether it took effect could not be read back"),
        None => unread,
    })
}

async fn find_put<B: KeyValueBackend>(
    store: &B,
    waits: &mut Waits<'_>,
    key: &Key,
    value: &Value,
    when: &Precondition,
) -> BackendResult<Finding> {
    let Some(blob) = again(waits, || store.get(key, ByteRange::Full)).await? else {
        return Ok(match when {
            Precondition::IfVersion(_) => Finding::Foreign,
            Precondition::IfAbsent | Precondition::Always => Finding::Untouched,
        });
    };
    if matches!(when, Precondition::IfVersion(_)) && when.holds(blob.version.as_ref()) {
        return Ok(Finding::Untouched);
    }
    let ours = blob.bytes == value.bytes && blob.content_encoding == value.content_encoding;
    Ok(if ours { Finding::Done(blob.version) } else { Finding::Foreign })
}

async fn find_delete<B: KeyValueBackend>(
    store: &B,
    waits: &mut Waits<'_>,
    key: &Key,
    when: &Precondition,
) -> BackendResult<Finding> {
    let meta = again(waits, || store.head(key)).await?;
    Ok(match meta {
        None => Finding::Done(None),
        Some(meta) if when.holds(meta.version.as_ref()) => Finding::Untouched,
        Some(_) => Finding::Foreign,
    })
}
