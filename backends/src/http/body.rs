//! Reading bodies: no more of them is kept than was asked for.

use std::ops::Range;

use bigarrays_core::backend::ByteRange;
use bytes::{Buf, Bytes, BytesMut};
use reqwest::{Response, Result};

/// Cuts a range out of a body that holds a whole value, of `total` bytes if that is known.
pub(super) async fn part(body: Response, range: &ByteRange, total: Option<u64>) -> Result<Bytes> {
    match (range, total) {
        (ByteRange::Suffix(count), None) => tail(body, *count).await,
        (range, total) => window(body, range.resolve(total.unwrap_or(u64::MAX))).await,
    }
}

/// The bytes at some positions. What comes behind them is not waited for.
async fn window(mut body: Response, wanted: Range<u64>) -> Result<Bytes> {
    let mut kept = BytesMut::new();
    let mut at = 0;
    while at < wanted.end {
        let Some(chunk) = body.chunk().await? else { break };
        let inside = wanted.start.saturating_sub(at)..wanted.end - at;
        kept.extend_from_slice(&ByteRange::Bounded(inside).slice(&chunk));
        at += chunk.len() as u64;
    }
    Ok(kept.freeze())
}

/// The last bytes of a body whose length nobody knows.
async fn tail(mut body: Response, count: u64) -> Result<Bytes> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut kept = BytesMut::new();
    while let Some(chunk) = body.chunk().await? {
        kept.extend_from_slice(&chunk);
        // Seldom, so that not every chunk moves all bytes.
        if kept.len() / 2 > count {
            kept.advance(kept.len() - count);
        }
    }
    kept.advance(kept.len().saturating_sub(count));
    Ok(kept.freeze())
}

/// How long a body is, by reading it.
pub(super) async fn count(mut body: Response) -> Result<u64> {
    let mut len = 0;
    while let Some(chunk) = body.chunk().await? {
        len += chunk.len() as u64;
    }
    Ok(len)
}
