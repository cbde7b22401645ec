//! Sending a value: in one request, or in parts.

use std::sync::Arc;

use bigarrays_core::backend::Value;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value as Json};

use super::bucket::Bucket;
use super::checksum;
use super::document::Document;
use super::failure::Failure;
use super::pieces::Pieces;
use super::wire::{Answer, Ask};
use crate::remote::{MARK, Mark, unique};

/// What our values are to whoever looks at them in a browser.
pub(super) const CONTENT_TYPE_OF_VALUES: &str = "application/octet-stream";
/// Up to here a conditional put is one request, which all servers honour; then it is in parts.
const MAX_CONDITIONAL: u64 = 256 << 20;

/// A value on its way to a name.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) value: Value,
    /// The generation that must be there, 0 for none, and who writes.
    pub(super) when: Option<(u64, Mark)>,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Sent {
    /// The value is stored.
    Stored(Document),
    /// The condition does not hold.
    Refused,
}

impl Upload {
    pub(super) fn len(&self) -> u64 {
        self.value.bytes.len() as u64
    }

    /// The condition as the API has it.
    pub(super) fn condition(&self) -> Option<String> {
        self.when.as_ref().map(|(generation, _)| generation.to_string())
    }

    /// What is to be kept beside the bytes.
    pub(super) fn document(&self, cache_control: Option<&str>) -> String {
        let mut document = Map::new();
        let mut set = |name: &str, value: Json| document.insert(name.to_owned(), value);
        set("name", self.name.as_str().into());
        set("contentType", CONTENT_TYPE_OF_VALUES.into());
        // The server refuses bytes that changed on their way.
        set("crc32c", checksum::crc32c(&self.value.bytes).into());
        match self.value.content_encoding.token() {
            "" => {}
            token => drop(set("contentEncoding", token.into())),
        }
        if let Some(cache_control) = cache_control {
            set("cacheControl", cache_control.into());
        }
        if let Some((_, mark)) = &self.when {
            set(
                "metadata",
                [(MARK.to_owned(), Json::from(mark.to_string()))].into_iter().collect(),
            );
        }
        Json::Object(document).to_string()
    }
}

impl Bucket {
    /// Sends a value once.
    pub(super) async fn upload(self: &Arc<Self>, upload: &Upload) -> Result<Sent, Failure> {
        let in_parts = match &upload.when {
            None => upload.len() > self.uploads.resumable_above,
            // Emulators do not look at the condition of an upload in parts.
            Some(_) => self.place.endpoint.is_google && upload.len() > MAX_CONDITIONAL,
        };
        if in_parts {
            self.upload_in_parts(upload).await
        } else {
            self.upload_at_once(upload).await
        }
    }

    pub(super) async fn upload_at_once(&self, upload: &Upload) -> Result<Sent, Failure> {
        let boundary = unique();
        let kind = format!("multipart/related; boundary={boundary}");
        let kind = HeaderValue::try_from(kind);
        let kind = kind.map_err(|error| Failure::transient("a bad boundary").because(error))?;
        let document = upload.document(self.uploads.cache_control.as_deref());
        let head = format!(
            "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{document}\r\n\
             --{boundary}\r\nContent-Type: {CONTENT_TYPE_OF_VALUES}\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let body = Pieces::new([Bytes::from(head), upload.value.bytes.clone(), Bytes::from(tail)]);
        let url = self.upload_url("multipart", upload);
        let ask = Ask::new(Method::POST, url).header(CONTENT_TYPE.as_str(), kind).body(body);
        let answer = self.ask(&ask).await?;
        match answer.status {
            StatusCode::OK | StatusCode::CREATED => stored(&answer, upload),
            StatusCode::PRECONDITION_FAILED => Ok(Sent::Refused),
            _ => Err(self.refusal(&answer)),
        }
    }

    pub(super) fn upload_url(&self, kind: &str, upload: &Upload) -> String {
        let condition = upload.condition();
        let mut query = vec![("uploadType", kind), ("fields", super::document::FIELDS)];
        if let Some(generation) = &condition {
            query.push(("ifGenerationMatch", generation));
        }
        self.place.upload_url(&query)
    }
}

/// The object that an upload became, if it is whole.
pub(super) fn stored(answer: &Answer, upload: &Upload) -> Result<Sent, Failure> {
    let document = Document::parse(&answer.body)?;
    if document.size == upload.len() {
        return Ok(Sent::Stored(document));
    }
    let (size, len) = (document.size, upload.len());
    Err(Failure::transient(format!("the server stored {size} bytes of {len}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays_core::backend::ContentEncoding;

    #[test]
    fn all_that_is_kept_beside_a_value_is_sent_with_it() {
        let mark = Mark::parse("me after 7").unwrap();
        let value = Value::encoded("hello", ContentEncoding::Gzip);
        let upload = Upload { name: "a/\"b".into(), value, when: Some((7, mark)) };
        let document: Json = serde_json::from_str(&upload.document(Some("no-cache"))).unwrap();
        assert_eq!(
            document,
            serde_json::json!({
                "name": "a/\"b",
                "contentType": "application/octet-stream",
                "contentEncoding": "gzip",
                "cacheControl": "no-cache",
                "crc32c": "mnG7TA==",
                "metadata": {"bigarrays-write": "me after 7"},
            })
        );
        let plain = Upload { name: "a".into(), value: "hello".into(), when: None };
        let document: Json = serde_json::from_str(&plain.document(None)).unwrap();
        assert_eq!(document.as_object().unwrap().len(), 3);
    }
}
