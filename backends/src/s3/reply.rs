//! The answer to a request.

use std::ops::Range;

use bigarrays_core::backend::{ContentEncoding, ErrorKind, Version};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::failure::Failure;
use super::xml;
use crate::remote::{MARK, Mark};

/// The longest part of a server's message that is passed on.
const LONGEST_MESSAGE: usize = 300;

/// Status, headers and the whole body.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The error code of the server.
    pub(super) fn code(&self) -> Option<String> {
        xml::text_of(&self.body, "Code").filter(|code| !code.is_empty())
    }

    /// What the server says of its error, shortened to one line.
    pub(super) fn message(&self) -> Option<String> {
        let text = xml::text_of(&self.body, "Message")?;
        let line: String = text.chars().take(LONGEST_MESSAGE).collect();
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        (!line.is_empty()).then_some(line)
    }

    pub(super) fn request_id(&self) -> Option<String> {
        let in_header = self.header("x-amz-request-id").map(str::to_owned);
        in_header.or_else(|| xml::text_of(&self.body, "RequestId")).filter(|id| !id.is_empty())
    }

    /// The region in which the bucket is, if the server says so.
    pub(super) fn region(&self) -> Option<String> {
        let in_header = self.header("x-amz-bucket-region").map(str::to_owned);
        in_header.or_else(|| xml::text_of(&self.body, "Region"))
    }

    /// Who wrote the value.
    pub(super) fn mark(&self) -> Option<Mark> {
        Mark::parse(self.header(format!("x-amz-meta-{MARK}"))?)
    }

    /// The ETag, and who wrote the value: the ETag alone is the same for equal bytes.
    pub(super) fn version(&self) -> Option<Version> {
        let etag = self.header(header::ETAG).filter(|etag| !etag.is_empty())?;
        Some(version(etag, self.mark().as_ref()))
    }

    /// How the value is compressed.
    pub(super) fn encoding(&self) -> Result<ContentEncoding, Failure> {
        let Some(text) = self.headers.get(header::CONTENT_ENCODING) else {
            return Ok(ContentEncoding::Identity);
        };
        // `aws-chunked` is how the bytes came to the server, and some servers keep it.
        let text = text.to_str().unwrap_or("?");
        let mut tokens = text
            .split(',')
            .map(str::trim)
            .filter(|t| !matches!(*t, "" | "identity" | "aws-chunked"));
        let token = tokens.next().unwrap_or_default();
        let one = ContentEncoding::from_token(&token.to_ascii_lowercase());
        one.filter(|_| tokens.next().is_none()).ok_or_else(|| {
            let note = format!("its Content-Encoding {text:?} is not one that is known here");
            Failure::new(ErrorKind::Unsupported, note)
        })
    }

    /// Which bytes of how many these are (`Content-Range`).
    pub(super) fn content_range(&self) -> Option<(Range<u64>, Option<u64>)> {
        let text = self.header(header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
        let (range, total) = text.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let range = first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
        Some((range, total.parse().ok())).filter(|(range, _)| !range.is_empty())
    }

    /// The length that a HEAD tells.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.trim().parse().ok()
    }
}

/// The version of a value with this ETag and writer.
pub(super) fn version(etag: &str, mark: Option<&Mark>) -> Version {
    match mark {
        Some(mark) => Version::new(format!("{etag}\n{mark}").as_bytes()),
        None => Version::new(etag.as_bytes()),
    }
}

/// The ETag of a version as a condition, and what the state is called (see [`Mark::after`]). `None`
/// for a version that no value of this store can have.
pub(super) fn condition(version: &Version) -> Option<(HeaderValue, String)> {
    let text = std::str::from_utf8(version.as_bytes()).ok()?;
    let (etag, state) = text.split_once('\n').unwrap_or((text, text));
    let bare = etag.strip_prefix("W/").unwrap_or(etag);
    let bare = bare.strip_prefix('"').and_then(|b| b.strip_suffix('"')).unwrap_or(bare);
    // `*` holds for every state, and a list for several.
    if bare.is_empty() || bare == "*" || bare.contains(['"', ',']) {
        return None;
    }
    Some((HeaderValue::from_str(etag).ok()?, state.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(headers: &[(&'static str, &'static str)], body: &'static str) -> Reply {
        let headers = headers.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        Reply { status: StatusCode::OK, headers: headers.collect(), body: Bytes::from(body) }
    }

    #[test]
    fn content_encodings_are_the_stored_ones() {
        let of = |text: &'static str| reply(&[("content-encoding", text)], "").encoding();
        assert_eq!(of("gzip").unwrap(), ContentEncoding::Gzip);
        assert_eq!(of("br,aws-chunked").unwrap(), ContentEncoding::Brotli);
        assert_eq!(of("").unwrap(), ContentEncoding::Identity);
        assert_eq!(reply(&[], "").encoding().unwrap(), ContentEncoding::Identity);
        for unknown in ["compress", "gzip, br"] {
            assert_eq!(of(unknown).unwrap_err().kind, ErrorKind::Unsupported);
        }
    }

    #[test]
    fn content_ranges_are_half_open() {
        let of = |text: &'static str| reply(&[("content-range", text)], "").content_range();
        assert_eq!(of("bytes 2-4/10"), Some((2..5, Some(10))));
        assert_eq!(of("bytes 0-0/*"), Some((0..1, None)));
        for bad in
            ["bytes */10", "bytes 2-0/3", "bytes 1-18446744073709551615/3", "items 1-2/3", ""]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_version_is_the_etag_and_the_writer() {
        let plain = reply(&[("etag", "\"abc\"")], "").version().unwrap();
        assert_eq!(plain.as_bytes(), b"\"abc\"");
        let marked =
            reply(&[("etag", "\"abc\""), ("x-amz-meta-bigarrays-write", "me after x")], "");
        let (etag, state) = condition(&marked.version().unwrap()).unwrap();
        assert_eq!((etag.to_str().unwrap(), state.as_str()), ("\"abc\"", "me after x"));
        assert_eq!(condition(&plain).unwrap().1, "\"abc\"");
        assert_eq!(reply(&[], "").version(), None);
    }

    #[test]
    fn a_version_of_another_store_is_no_condition() {
        for bytes in [&b"*"[..], b"", b"\"*\"", b"\"a\", \"b\"", b"\xff", b"\0\0", b"\"a\nb\n"] {
            assert_eq!(condition(&Version::new(bytes)), None, "{bytes:?}");
        }
    }

    #[test]
    fn messages_are_one_short_line() {
        let error = reply(&[], "<Error><Code>X</Code><Message>a\n  b</Message></Error>");
        assert_eq!(error.message().as_deref(), Some("a b"));
        assert_eq!(error.code().as_deref(), Some("X"));
        assert_eq!(reply(&[], "<html>").code(), None);
    }
}
