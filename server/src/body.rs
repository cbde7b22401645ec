//! Bodies that are read as they are sent.

use std::io;
use std::ops::Range;

use axum::body::Body;
use bigarrays::backend::{ByteRange, Version};
use bigarrays::{DynBackend, Key};
use bytes::Bytes;
use futures::stream;

use crate::budget::Held;
use crate::store::ask;

/// So much is read at once. A few such pieces are on their way at a time.
const PIECE: u64 = 2 << 20;

/// Where the sending of a value is.
struct Sending {
    store: DynBackend,
    key: Key,
    left: Range<u64>,
    version: Option<Version>,
    /// Memory for the pieces on their way.
    _held: Held,
}

/// A part of a value in pieces. If the value is replaced, or the store fails, the connection is
/// cut: bytes of two states are never taken for one value.
pub(crate) fn pieces(
    store: DynBackend,
    key: Key,
    range: Range<u64>,
    version: Option<Version>,
    held: Held,
) -> Body {
    let sending = Sending { store, key, left: range, version, _held: held };
    Body::from_stream(stream::try_unfold(sending, next))
}

async fn next(mut sending: Sending) -> io::Result<Option<(Bytes, Sending)>> {
    if sending.left.is_empty() {
        return Ok(None);
    }
    let end = sending.left.end.min(sending.left.start.saturating_add(PIECE));
    let range = sending.left.start..end;
    let (key, asked) = (sending.key.clone(), ByteRange::Bounded(range.clone()));
    let answer =
        ask(&sending.store, move |store| Box::pin(async move { store.get(&key, asked).await }));
    match answer.await.map_err(io::Error::other)? {
        Some(blob)
            if blob.version == sending.version
                && blob.bytes.len() as u64 == range.end - range.start =>
        {
            sending.left.start = range.end;
            Ok(Some((blob.bytes, sending)))
        }
        _ => Err(io::Error::other("the value was replaced while it was sent")),
    }
}
