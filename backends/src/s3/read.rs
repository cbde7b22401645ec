//! Reading objects and what is known of them.

use std::ops::Range;
use std::sync::atomic::Ordering;

use bigarrays_core::backend::{Blob, ByteRange, ContentEncoding, ErrorKind, Version};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use s3::command::Command;

use super::client::{Ask, LONGEST_ANSWER};
use super::failure::Failure;
use super::inner::Inner;
use super::reply::Reply;

/// The last position that servers can read in a range.
const LAST: u64 = i64::MAX as u64 - 1;

/// What is known of an object without its bytes.
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) version: Option<Version>,
    pub(super) encoding: ContentEncoding,
    pub(super) reply: Reply,
}

/// A range as it is asked for.
enum Wanted {
    Whole,
    /// The header, and how many bytes it can mean.
    Part(HeaderValue, u64),
    /// No request can ask for no bytes.
    Nothing,
}

impl Inner {
    pub(super) async fn head(&self, name: &str) -> Result<Option<Head>, Failure> {
        let reply = self.client.exchange(Ask::new(Command::HeadObject, name)).await?;
        if !reply.status.is_success() {
            return self.explain_head(name, &reply).await;
        }
        self.seen.store(true, Ordering::Relaxed);
        let size =
            reply.content_length().ok_or_else(|| Failure::strange("HEAD without a length"))?;
        let (version, encoding) = (reply.version(), reply.encoding()?);
        Ok(Some(Head { size, version, encoding, reply }))
    }

    /// A refused HEAD has no body that says why: a GET of one byte has.
    async fn explain_head(&self, name: &str, reply: &Reply) -> Result<Option<Head>, Failure> {
        let is_known = self.seen.load(Ordering::Relaxed);
        if reply.status == StatusCode::NOT_FOUND && is_known {
            return Ok(None);
        }
        if reply.status.is_server_error() {
            return Err(self.refused(reply));
        }
        let mut ask = Ask::new(Command::GetObject, name);
        ask.headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-0"));
        let reason = self.client.exchange(ask).await?;
        if self.is_missing(&reason) {
            return Ok(None);
        }
        // Made meanwhile, or a server that refuses HEAD alone.
        Err(if reason.status.is_success() { self.refused(reply) } else { self.refused(&reason) })
    }

    pub(super) async fn get(&self, name: &str, range: ByteRange) -> Result<Option<Blob>, Failure> {
        let mut ask = Ask::new(Command::GetObject, name);
        match wanted(&range) {
            Wanted::Nothing => return self.nothing_of(name).await,
            Wanted::Whole => ask.limit = u64::MAX,
            Wanted::Part(header, most) => {
                ask.headers.insert(header::RANGE, header);
                ask.limit = most;
            }
        }
        let reply = self.client.exchange(ask).await?;
        match reply.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                self.seen.store(true, Ordering::Relaxed);
                let blob = |bytes| -> Result<Blob, Failure> {
                    let (version, content_encoding) = (reply.version(), reply.encoding()?);
                    Ok(Blob { bytes, version, content_encoding })
                };
                cut(&reply, &range).and_then(blob).map(Some)
            }
            // Nothing there, where this begins.
            StatusCode::RANGE_NOT_SATISFIABLE => self.nothing_of(name).await,
            _ if self.is_missing(&reply) => Ok(None),
            _ => Err(self.refused(&reply)),
        }
    }

    /// No bytes of an object, but its state.
    async fn nothing_of(&self, name: &str) -> Result<Option<Blob>, Failure> {
        let head = self.head(name).await?;
        Ok(head.map(|Head { version, encoding, .. }| Blob {
            bytes: Bytes::new(),
            version,
            content_encoding: encoding,
        }))
    }
}

fn wanted(range: &ByteRange) -> Wanted {
    let part = |text: String, most| match HeaderValue::try_from(text) {
        Ok(header) => Wanted::Part(header, most),
        Err(_) => Wanted::Nothing,
    };
    match *range {
        ByteRange::Full | ByteRange::From(0) => Wanted::Whole,
        ByteRange::Bounded(Range { start, end }) if start >= end || start > LAST => Wanted::Nothing,
        ByteRange::From(start) if start > LAST => Wanted::Nothing,
        ByteRange::Suffix(0) => Wanted::Nothing,
        ByteRange::Bounded(Range { start, end }) => {
            let last = (end - 1).min(LAST);
            part(format!("bytes={start}-{last}"), end - start)
        }
        ByteRange::From(start) => part(format!("bytes={start}-"), u64::MAX),
        ByteRange::Suffix(count) => part(format!("bytes=-{}", count.min(LAST)), count),
    }
}

/// The bytes of the range, and no others, of an answer that is whole.
pub(super) fn cut(reply: &Reply, range: &ByteRange) -> Result<Bytes, Failure> {
    let len = reply.body.len() as u64;
    if reply.status == StatusCode::OK {
        // Without a length or chunks the end of the connection is the end of the value, whoever
        // ended it.
        let has_end = reply.headers.contains_key(header::CONTENT_LENGTH)
            || reply.headers.contains_key(header::TRANSFER_ENCODING);
        if !has_end {
            return Err(Failure::strange("a value without its length"));
        }
        // A server may not know ranges. What it sends then is not to fill the memory.
        let is_small = len <= LONGEST_ANSWER || *range == ByteRange::Full;
        if !is_small && *range != ByteRange::From(0) {
            return Err(Failure::new(ErrorKind::Unsupported, "the server reads no ranges"));
        }
        return Ok(range.slice(&reply.body));
    }
    let Some((told, total)) = reply.content_range() else {
        return Err(Failure::strange("a part without Content-Range"));
    };
    let is_ours = match (range, total) {
        (_, Some(total)) => range.resolve(total) == told,
        (ByteRange::Bounded(asked), None) => told.start == asked.start && told.end <= asked.end,
        (ByteRange::From(start), None) => told.start == *start,
        (ByteRange::Full | ByteRange::Suffix(_), None) => false,
    };
    if !is_ours {
        return Err(Failure::strange("another range than was asked for"));
    }
    if told.end - told.start != len {
        let note = format!("{len} bytes came instead of {}", told.end - told.start);
        return Err(Failure::new(ErrorKind::Transient, note));
    }
    Ok(reply.body.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn part(content_range: &'static str, body: &'static str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_static(content_range));
        Reply { status: StatusCode::PARTIAL_CONTENT, headers, body: Bytes::from(body) }
    }

    fn asked(range: ByteRange) -> Option<String> {
        match wanted(&range) {
            Wanted::Whole => Some("whole".into()),
            Wanted::Part(header, _) => Some(header.to_str().unwrap().to_owned()),
            Wanted::Nothing => None,
        }
    }

    #[test]
    fn ranges_are_half_open_here_and_inclusive_there() {
        assert_eq!(asked(ByteRange::Bounded(10..15)).unwrap(), "bytes=10-14");
        assert_eq!(asked(ByteRange::Bounded(0..1)).unwrap(), "bytes=0-0");
        assert_eq!(asked(ByteRange::From(7)).unwrap(), "bytes=7-");
        assert_eq!(asked(ByteRange::Suffix(5)).unwrap(), "bytes=-5");
        assert_eq!(asked(ByteRange::From(0)).unwrap(), "whole");
        let last = i64::MAX - 1;
        assert_eq!(asked(ByteRange::Bounded(1..u64::MAX)).unwrap(), format!("bytes=1-{last}"));
    }

    #[test]
    fn empty_ranges_are_never_sent() {
        for range in [
            ByteRange::Bounded(3..3),
            ByteRange::Bounded(u64::MAX - 1..u64::MAX),
            ByteRange::From(u64::MAX),
            ByteRange::Suffix(0),
        ] {
            assert_eq!(asked(range), None);
        }
    }

    #[test]
    fn a_part_is_taken_only_if_it_is_the_one_that_was_asked_for_and_whole() {
        let cut = |reply: Reply, range| cut(&reply, &range).map_err(|failure| failure.kind);
        let bounded = ByteRange::Bounded;
        assert_eq!(cut(part("bytes 2-4/10", "abc"), bounded(2..5)).unwrap(), "abc");
        assert_eq!(cut(part("bytes 2-4/5", "abc"), bounded(2..99)).unwrap(), "abc");
        assert_eq!(cut(part("bytes 2-4/5", "abc"), ByteRange::Suffix(3)).unwrap(), "abc");
        assert_eq!(cut(part("bytes 2-4/*", "abc"), ByteRange::From(2)).unwrap(), "abc");
        let short = cut(part("bytes 2-4/10", "ab"), bounded(2..5));
        assert_eq!(short.unwrap_err(), ErrorKind::Transient);
        for other in ["bytes 0-2/10", "bytes 2-3/10", "bytes 2-5/10", "none"] {
            let answer = cut(part(other, "abc"), bounded(2..5));
            assert_eq!(answer.unwrap_err(), ErrorKind::Other, "{other}");
        }
    }

    #[test]
    fn a_whole_value_answers_a_range_too_if_its_end_is_known() {
        let mut whole = part("", "0123456789");
        whole.status = StatusCode::OK;
        assert!(cut(&whole, &ByteRange::Full).is_err());
        whole.headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("10"));
        assert_eq!(cut(&whole, &ByteRange::Bounded(2..5)).unwrap(), "234");
        assert_eq!(cut(&whole, &ByteRange::Suffix(2)).unwrap(), "89");
    }
}
