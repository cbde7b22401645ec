//! Reading an object or a part of it, as it is stored.

use std::ops::Range;

use bigarrays_core::backend::{Blob, ByteRange, ContentEncoding, ErrorKind, Version};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode};

use super::bucket::Bucket;
use super::checksum;
use super::document::encoding;
use super::failure::Failure;
use super::wire::{Answer, Ask};
use crate::remote::{MARK, Mark};

/// The highest position that a server is asked for; theirs are signed.
const MAX_POSITION: u64 = i64::MAX.unsigned_abs();

/// How a range is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// No bytes: there is no way to ask for none.
    Nothing,
    Whole,
    /// The header, and the most bytes that can come.
    Part(String, u64),
}

impl Wanted {
    fn new(range: &ByteRange) -> Self {
        match *range {
            ByteRange::Full | ByteRange::From(0) => Self::Whole,
            ByteRange::From(start) if start > MAX_POSITION => Self::Nothing,
            ByteRange::From(start) => Self::Part(format!("bytes={start}-"), u64::MAX),
            ByteRange::Suffix(0) => Self::Nothing,
            ByteRange::Suffix(count) => {
                Self::Part(format!("bytes=-{}", count.min(MAX_POSITION)), count)
            }
            ByteRange::Bounded(Range { start, end }) => match end.min(MAX_POSITION) {
                end if start >= end => Self::Nothing,
                end => Self::Part(format!("bytes={start}-{}", end - 1), end - start),
            },
        }
    }
}

/// What a request for bytes ended in.
enum Read {
    Blob(Blob),
    /// The object holds none of the bytes that were asked for.
    Nothing,
    /// There is no such object, or not in the state that was asked for.
    Missing,
}

impl Bucket {
    /// A value or a part of it; of one state, if that is given.
    pub(super) async fn get(
        &self,
        name: &str,
        range: &ByteRange,
        generation: Option<u64>,
    ) -> Result<Option<Blob>, Failure> {
        let read = match Wanted::new(range) {
            Wanted::Nothing => Read::Nothing,
            Wanted::Whole => self.media(name, range, None, u64::MAX, generation).await?,
            Wanted::Part(header, most) => {
                self.media(name, range, Some(&header), most, generation).await?
            }
        };
        match read {
            Read::Blob(blob) => Ok(Some(blob)),
            Read::Missing => Ok(None),
            Read::Nothing => self.nothing_of(name, generation).await,
        }
    }

    /// No bytes of an object, which must be there.
    async fn nothing_of(
        &self,
        name: &str,
        generation: Option<u64>,
    ) -> Result<Option<Blob>, Failure> {
        let Some(document) = self.head(name).await? else {
            return Ok(None);
        };
        if generation.is_some_and(|wanted| wanted != document.generation) {
            return Ok(None);
        }
        let (version, content_encoding) = (Some(document.version()), document.encoding()?);
        Ok(Some(Blob { bytes: Bytes::new(), version, content_encoding }))
    }

    async fn media(
        &self,
        name: &str,
        range: &ByteRange,
        header: Option<&str>,
        most: u64,
        mut generation: Option<u64>,
    ) -> Result<Read, Failure> {
        loop {
            let answer = self.ask(&self.request(name, header, most, generation)?).await?;
            match answer.status {
                StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
                StatusCode::RANGE_NOT_SATISFIABLE => return Ok(Read::Nothing),
                StatusCode::NOT_FOUND => {
                    return self.missing().await.map(|()| Read::Missing);
                }
                _ => return Err(self.refusal(&answer)),
            }
            let told = answer.header("x-goog-generation").and_then(|text| text.parse().ok());
            let Some(state) = told.or(generation) else {
                // A server that does not tell the state is asked for a known one.
                let Some(document) = self.head(name).await? else {
                    return Ok(Read::Missing);
                };
                generation = Some(document.generation);
                continue;
            };
            if generation.is_some_and(|wanted| wanted != state) {
                return Ok(Read::Missing);
            }
            if let Some(mark) = mark(&answer) {
                self.states.note(name, state, &mark.id);
            }
            let content_encoding = stored_encoding(&answer)?;
            let bytes = match answer.status {
                StatusCode::OK => range.slice(whole(&answer)?),
                _ => part(&answer, range)?,
            };
            let version = Some(Version::from_u64(state));
            return Ok(Read::Blob(Blob { bytes, version, content_encoding }));
        }
    }

    fn request(
        &self,
        name: &str,
        range: Option<&str>,
        most: u64,
        generation: Option<u64>,
    ) -> Result<Ask, Failure> {
        let number = generation.map(|generation| generation.to_string());
        let mut query = vec![("alt", "media")];
        if let Some(number) = &number {
            query.push(("generation", number));
        }
        let ask = Ask::new(Method::GET, self.place.object_url(name, &query));
        // Without this the server unpacks what is stored compressed.
        let ask = ask.header(ACCEPT_ENCODING.as_str(), HeaderValue::from_static("gzip"));
        Ok(match range {
            None => ask.limit(most),
            Some(range) => {
                let value = HeaderValue::from_str(range);
                let value = value.map_err(|_| Failure::new(ErrorKind::Other, "a bad range"))?;
                ask.limit(most).header(RANGE.as_str(), value)
            }
        })
    }
}

/// Who wrote the object, where the server tells it with the bytes.
pub(super) fn mark(answer: &Answer) -> Option<Mark> {
    Mark::parse(answer.header(&format!("x-goog-meta-{MARK}"))?)
}

/// How the object is stored, which must be how it was sent.
pub(super) fn stored_encoding(answer: &Answer) -> Result<ContentEncoding, Failure> {
    let sent = encoding(answer.header(CONTENT_ENCODING.as_str()).unwrap_or_default())?;
    let Some(stored) = answer.header("x-goog-stored-content-encoding") else {
        return Ok(sent);
    };
    let stored = encoding(stored)?;
    if sent == stored {
        return Ok(stored);
    }
    let note =
        "the server packed or unpacked the value on its way, and the stored bytes are wanted";
    Err(Failure::new(ErrorKind::Other, note))
}

/// All bytes of an object, if all arrived as they are stored.
pub(super) fn whole(answer: &Answer) -> Result<&Bytes, Failure> {
    let bytes = &answer.body;
    let length = answer.header("x-goog-stored-content-length");
    if length.is_some_and(|length| length.parse() != Ok(bytes.len() as u64)) {
        return Err(Failure::transient("the answer is shorter than the value"));
    }
    match checksum::told(&answer.headers) {
        Some(told) if told != checksum::crc32c(bytes) => {
            Err(Failure::transient("the bytes changed on their way: their checksum is another one"))
        }
        _ => Ok(bytes),
    }
}

/// The bytes of a part, if they are those that were asked for, and all.
pub(super) fn part(answer: &Answer, range: &ByteRange) -> Result<Bytes, Failure> {
    let told = answer.header(CONTENT_RANGE.as_str());
    // What an emulator says of the end of an empty value.
    if answer.body.is_empty() && told == Some("bytes 0--1/0") {
        return Ok(Bytes::new());
    }
    let told = told.and_then(content_range);
    let (got, total) =
        told.ok_or_else(|| Failure::transient("the server does not say which part it sends"))?;
    if got != range.resolve(total) {
        return Err(Failure::transient("the server sends another part than the one asked for"));
    }
    if answer.body.len() as u64 != got.end - got.start {
        return Err(Failure::transient("the answer is shorter than the part asked for"));
    }
    Ok(answer.body.clone())
}

/// `bytes 1-3/5` as positions and the length of the whole.
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let end = last.checked_add(1).filter(|&end| first < end)?;
    Some((first..end, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http::header::HeaderName;

    fn wanted(range: ByteRange) -> Option<(String, u64)> {
        match Wanted::new(&range) {
            Wanted::Part(header, most) => Some((header, most)),
            Wanted::Nothing | Wanted::Whole => None,
        }
    }

    #[test]
    fn half_open_ranges_are_asked_for_by_their_last_byte_and_empty_ones_never() {
        assert_eq!(wanted(ByteRange::Bounded(1..4)), Some(("bytes=1-3".into(), 3)));
        assert_eq!(wanted(ByteRange::From(5)), Some(("bytes=5-".into(), u64::MAX)));
        assert_eq!(wanted(ByteRange::Suffix(5)), Some(("bytes=-5".into(), 5)));
        let far = wanted(ByteRange::Bounded(1..u64::MAX)).unwrap().0;
        assert_eq!(far, format!("bytes=1-{}", i64::MAX - 1));
        for empty in [
            ByteRange::Bounded(4..4),
            ByteRange::Suffix(0),
            ByteRange::From(u64::MAX),
            ByteRange::Bounded(u64::MAX - 1..u64::MAX),
        ] {
            assert_eq!(Wanted::new(&empty), Wanted::Nothing, "{empty:?}");
        }
        assert_eq!(Wanted::new(&ByteRange::From(0)), Wanted::Whole);
    }

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let pairs = headers
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let headers: HeaderMap = pairs.collect();
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_part_is_taken_only_if_it_is_the_one_asked_for_and_whole() {
        let told = |range: &'static str, body| {
            let answer = answer(206, &[("content-range", range)], body);
            part(&answer, &ByteRange::Bounded(1..9)).map(|bytes| bytes.len())
        };
        assert_eq!(told("bytes 1-4/5", "abcd").unwrap(), 4);
        assert_eq!(told("bytes 1-8/20", "abcdefgh").unwrap(), 8);
        for (range, body) in [
            ("bytes 1-8/20", "abcd"),
            ("bytes 1-4/20", "abcd"),
            ("bytes 0-7/20", "abcdefgh"),
            ("bytes 4-1/20", ""),
            ("bytes 1-18446744073709551615/20", "a"),
            ("bytes */20", ""),
            ("nonsense", "abcdefgh"),
        ] {
            assert!(told(range, body).unwrap_err().is_transient(), "{range}");
        }
    }

    #[test]
    fn a_whole_value_is_taken_only_if_its_length_and_checksum_hold() {
        let hash = ("x-goog-hash", "crc32c=mnG7TA==,md5=XUFAKrxLKna5cZ2REBfFkg==");
        let length = ("x-goog-stored-content-length", "5");
        assert!(whole(&answer(200, &[hash, length], "hello")).is_ok());
        assert!(whole(&answer(200, &[], "hello")).is_ok());
        assert!(whole(&answer(200, &[hash], "hellp")).unwrap_err().is_transient());
        assert!(whole(&answer(200, &[length], "hell")).unwrap_err().is_transient());
    }

    #[test]
    fn bytes_that_were_unpacked_on_their_way_are_not_taken_for_the_stored_ones() {
        let stored = ("x-goog-stored-content-encoding", "gzip");
        let sent = ("content-encoding", "gzip");
        let told =
            |headers: &[(&'static str, &'static str)]| stored_encoding(&answer(200, headers, ""));
        assert_eq!(told(&[stored, sent]).unwrap(), ContentEncoding::Gzip);
        assert_eq!(told(&[sent]).unwrap(), ContentEncoding::Gzip);
        assert_eq!(told(&[]).unwrap(), ContentEncoding::Identity);
        assert!(told(&[stored]).is_err());
    }
}
