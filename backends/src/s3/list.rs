//! Listing keys, and deleting many at once.

use std::collections::VecDeque;

use bigarrays_core::backend::{ErrorKind, Meta};
use bigarrays_core::key::{Key, Prefix};
use http::StatusCode;
use quick_xml::DeError;
use quick_xml::de;
use s3::command::Command;
use s3::serde_types::{
    DeleteObjectsRequest, DeleteObjectsResult, ListBucketResult, ObjectIdentifier,
};

use super::client::Ask;
use super::failure::Failure;
use super::inner::Inner;
use super::place::Place;

/// The most keys that S3 lists or deletes with one request.
pub(super) const PAGE: usize = 1000;

/// Some keys, and how to ask for the next ones.
pub(super) struct Page {
    pub(super) metas: VecDeque<Meta>,
    pub(super) next: Option<String>,
}

impl Inner {
    pub(super) async fn page(
        &self,
        prefix: &Prefix,
        token: Option<String>,
    ) -> Result<Page, Failure> {
        let command = Command::ListObjectsV2 {
            prefix: self.place.beginning(prefix),
            delimiter: None,
            continuation_token: token.clone(),
            start_after: None,
            max_keys: Some(PAGE),
        };
        let reply = self.ask(Ask::new(command, ""), &[]).await?;
        understand(&self.place, &reply.body, prefix, token)
    }

    /// Deletes up to [`PAGE`] keys with one request. `false`: the server does not know that
    /// request, and nothing is deleted.
    pub(super) async fn delete_many(
        &self,
        names: &[(Key, String)],
    ) -> Result<bool, (Key, Failure)> {
        let Some((first, _)) = names.first() else { return Ok(true) };
        let objects = names.iter().map(|(_, name)| ObjectIdentifier::new(name)).collect();
        let data = DeleteObjectsRequest { objects, quiet: true };
        let ask = Ask::new(Command::DeleteObjects { data }, "");
        let unknown =
            [StatusCode::BAD_REQUEST, StatusCode::NOT_IMPLEMENTED, StatusCode::METHOD_NOT_ALLOWED];
        let reply = self.ask(ask, &unknown).await.map_err(|failure| (first.clone(), failure))?;
        if !reply.status.is_success() {
            return Ok(false);
        }
        let result: DeleteObjectsResult = understood(de::from_reader(&*reply.body))
            .map_err(|failure| (first.clone(), failure))?;
        let failed = result.errors.into_iter().find(|error| error.code != "NoSuchKey");
        let Some(error) = failed else { return Ok(true) };
        let key = names.iter().find(|(_, name)| *name == error.key);
        let key = key.map_or(first, |(key, _)| key).clone();
        let kind = super::failure::kind_of(&error.code, StatusCode::OK);
        Err((key, Failure::new(kind, format!("{}: {}", error.code, error.message))))
    }
}

/// The page that an answer has, asked for by `token`.
pub(super) fn understand(
    place: &Place,
    body: &[u8],
    prefix: &Prefix,
    token: Option<String>,
) -> Result<Page, Failure> {
    let listed: ListBucketResult = understood(de::from_reader(body))?;
    let is_encoded = listed.encoding_type.as_deref() == Some("url");
    let next = match (listed.is_truncated, listed.next_continuation_token) {
        (false, _) => None,
        // The same page again would never end.
        (true, next) if next.is_none() || next == token => {
            return Err(Failure::strange("a listing that does not go on"));
        }
        (true, next) => next,
    };
    let metas = listed.contents.into_iter().filter_map(|object| {
        let name = if is_encoded { decoded(&object.key)? } else { object.key };
        let key = place.key(&name).filter(|key| prefix.contains(key))?;
        // A listing tells neither who wrote a value nor how it is compressed.
        Some(Meta { key, size: object.size, version: None, content_encoding: None })
    });
    Ok(Page { metas: metas.collect(), next })
}

/// Whether a name can be written in XML: no control characters but those that stay themselves.
pub(super) fn fits_xml(name: &str) -> bool {
    !name.chars().any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        && name.trim() == name
}

fn understood<T>(read: Result<T, DeError>) -> Result<T, Failure> {
    read.map_err(|error| {
        Failure::new(ErrorKind::Other, "the server's answer cannot be understood").because(error)
    })
}

/// A name that was encoded for a URL, where `+` is a space; `None` if it is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex =
            tail.get(..2).filter(|hex| first == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (_, Some(byte)) => bytes.push(byte),
            (b'+', None) => bytes.push(b' '),
            (byte, None) => bytes.push(byte),
        }
        rest = if hex.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_listing_are_decoded() {
        assert_eq!(decoded("a%20b+c%2B%C3%BC/%2525%").unwrap(), "a b c+ü/%25%");
        assert_eq!(decoded("%ff"), None);
        assert_eq!(decoded("%+1").unwrap(), "% 1");
    }

    #[test]
    fn names_that_xml_would_change_are_not_written_in_it() {
        assert!(fits_xml("a b/<&>'\"ü😀"));
        for name in ["a\nb", "a\tb", "a\u{1}", " a", "a ", "\u{FFFF}"] {
            assert!(!fits_xml(name), "{name:?}");
        }
    }

    #[test]
    fn a_page_is_read_and_what_is_no_page_is_an_error() {
        let page = "\
            <ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated>\
              <NextContinuationToken>t</NextContinuationToken><EncodingType>url</EncodingType>\
              <Contents><Key>a%20b</Key><Size>3</Size><LastModified>x</LastModified></Contents>\
              </ListBucketResult>";
        let listed: ListBucketResult = de::from_reader(page.as_bytes()).unwrap();
        assert_eq!((listed.contents[0].size, listed.is_truncated), (3, true));
        for bad in ["", "<html>", "<ListBucketResult></ListBucketResult>"] {
            assert!(de::from_str::<ListBucketResult>(bad).is_err(), "{bad}");
        }
    }
}
