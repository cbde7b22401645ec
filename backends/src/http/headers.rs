//! What the headers of an answer say of a value.

use bigarrays_core::backend::{ContentEncoding, Version};
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName,
    LAST_MODIFIED, TRANSFER_ENCODING,
};

use super::date;

/// How Google's storage says that it decompressed a stored value on the way.
const STORED_ENCODING: HeaderName = HeaderName::from_static("x-goog-stored-content-encoding");
/// The length of the value before it was decompressed on the way.
const STORED_LENGTH: HeaderName = HeaderName::from_static("x-goog-stored-content-length");

/// Which bytes of how many an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// First and last byte; `None` where the range lies beyond the value.
    pub(super) span: Option<(u64, u64)>,
    /// Length of the value.
    pub(super) total: Option<u64>,
}

fn text(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The announced length of the body.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_LENGTH)?.parse().ok()
}

/// Whether the end of the body shows.
pub(super) fn ends_visibly(headers: &HeaderMap, version: reqwest::Version) -> bool {
    let chunked = || {
        text(headers, TRANSFER_ENCODING)
            .is_some_and(|coding| coding.to_ascii_lowercase().ends_with("chunked"))
    };
    version >= reqwest::Version::HTTP_2 || length(headers).is_some() || chunked()
}

/// `Content-Range: bytes 0-99/1234`, with `*` for what is not known.
pub(super) fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    let (span, total) = text(headers, CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let span = match span.trim() {
        "*" => None,
        span => {
            let (first, last) = span.split_once('-')?;
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            let fits = first <= last && total.is_none_or(|total: u64| last < total);
            Some(fits.then_some((first, last))?)
        }
    };
    Some(ContentRange { span, total })
}

/// How the value is compressed; an error is the name of what is not known here.
pub(super) fn encoding(headers: &HeaderMap) -> Result<ContentEncoding, String> {
    let all = headers.get_all(CONTENT_ENCODING).iter();
    let all = all.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    let all = all.collect::<Vec<_>>().join(",");
    // Some writers to S3 leave the frame of their upload behind as an encoding.
    let mut codings = all
        .split(',')
        .map(str::trim)
        .filter(|coding| !matches!(*coding, "" | "identity" | "aws-chunked"));
    match (codings.next(), codings.next()) {
        (None, _) => Ok(ContentEncoding::Identity),
        (Some(one), None) => ContentEncoding::from_token(one).ok_or_else(|| one.to_owned()),
        _ => Err(all),
    }
}

/// Whether the server decompressed the stored value on its way here.
pub(super) fn was_decompressed(headers: &HeaderMap) -> bool {
    let stored = text(headers, STORED_ENCODING).unwrap_or("identity");
    !matches!(stored, "" | "identity") && encoding(headers) == Ok(ContentEncoding::Identity)
}

/// Encoding and length of the value as it is stored, also where it was decompressed on the way.
pub(super) fn stored(headers: &HeaderMap) -> Result<(ContentEncoding, Option<u64>), String> {
    if !was_decompressed(headers) {
        return Ok((encoding(headers)?, length(headers)));
    }
    let token = text(headers, STORED_ENCODING).unwrap_or_default();
    let encoding = ContentEncoding::from_token(token).ok_or_else(|| token.to_owned())?;
    Ok((encoding, text(headers, STORED_LENGTH).and_then(|length| length.parse().ok())))
}

/// The state of a value of `len` bytes, if the headers tell it without doubt.
pub(super) fn version(headers: &HeaderMap, len: Option<u64>) -> Option<Version> {
    if let Some(tag) = text(headers, ETAG)
        && tag.starts_with('"')
    {
        return Some(Version::new(tag.as_bytes()));
    }
    let changed = text(headers, LAST_MODIFIED)?;
    let age = date::seconds(text(headers, DATE)?)?.checked_sub(date::seconds(changed)?)?;
    let len = len?;
    // A younger value may change again without another date.
    (age >= 2).then(|| Version::new(format!("{changed} {len}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn ranges_are_understood_or_not_believed() {
        let range = |text| content_range(&headers(&[("content-range", text)]));
        let some = |span, total| Some(ContentRange { span, total });
        assert_eq!(range("bytes 0-99/1234"), some(Some((0, 99)), Some(1234)));
        assert_eq!(range("bytes 5-5/*"), some(Some((5, 5)), None));
        assert_eq!(range("bytes */7"), some(None, Some(7)));
        for text in ["bytes 9-3/20", "bytes 0-20/20", "items 0-1/2", "bytes 0-1", "bytes a-b/c"] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn encodings_are_known_or_named() {
        let of = |text| encoding(&headers(&[("content-encoding", text)]));
        assert_eq!(of("GZip"), Ok(ContentEncoding::Gzip));
        assert_eq!(of("aws-chunked, br"), Ok(ContentEncoding::Brotli));
        assert_eq!(of("identity"), Ok(ContentEncoding::Identity));
        assert_eq!(of("deflate"), Err("deflate".into()));
        assert_eq!(of("gzip, br"), Err("gzip, br".into()));
        assert_eq!(encoding(&HeaderMap::new()), Ok(ContentEncoding::Identity));
    }

    #[test]
    fn only_what_changes_with_every_overwrite_is_a_version() {
        let tag = headers(&[("etag", "\"abc\"")]);
        assert_eq!(version(&tag, None), Some(Version::new(b"\"abc\"")));
        let (then, now) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:39 GMT");
        let old = headers(&[("etag", "W/\"abc\""), ("last-modified", then), ("date", now)]);
        assert_eq!(version(&old, Some(7)), Some(Version::new(format!("{then} 7").as_bytes())));
        assert_eq!(version(&old, None), None);
        let young = headers(&[("last-modified", then), ("date", then)]);
        assert_eq!(version(&young, Some(7)), None);
        assert_eq!(version(&HeaderMap::new(), Some(7)), None);
    }

    #[test]
    fn what_was_decompressed_on_the_way_is_known_by_its_stored_form() {
        let names =
            [("x-goog-stored-content-encoding", "gzip"), ("x-goog-stored-content-length", "20")];
        assert_eq!(stored(&headers(&names)), Ok((ContentEncoding::Gzip, Some(20))));
        assert!(was_decompressed(&headers(&names)));
        let as_stored = headers(&[names[0], ("content-encoding", "gzip")]);
        assert!(!was_decompressed(&as_stored));
    }
}
