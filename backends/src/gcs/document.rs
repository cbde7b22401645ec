//! What the API tells of an object.

use bigarrays_core::backend::{ContentEncoding, ErrorKind, Version};
use serde_json::Value as Json;

use super::failure::Failure;
use crate::remote::{MARK, Mark};

/// The fields that are asked for.
pub(super) const FIELDS: &str = "size,generation,contentEncoding,metadata";

/// An object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) size: u64,
    pub(super) generation: u64,
    pub(super) mark: Option<Mark>,
    /// As it is written; empty for none.
    encoding: String,
}

impl Document {
    /// Understands a whole answer.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let json = parse(body)?;
        Self::of(&json).ok_or_else(garbled)
    }

    /// Understands one object of an answer.
    pub(super) fn of(json: &Json) -> Option<Self> {
        let text = |place: &str| json.pointer(place).and_then(Json::as_str);
        let mark = text(&format!("/metadata/{MARK}"));
        Some(Self {
            // 64-bit numbers are texts in this API.
            size: text("/size")?.parse().ok()?,
            generation: text("/generation")?.parse().ok()?,
            mark: mark.and_then(Mark::parse),
            encoding: text("/contentEncoding").unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn version(&self) -> Version {
        Version::from_u64(self.generation)
    }

    pub(super) fn encoding(&self) -> Result<ContentEncoding, Failure> {
        encoding(&self.encoding)
    }
}

/// Understands a content encoding.
pub(super) fn encoding(token: &str) -> Result<ContentEncoding, Failure> {
    ContentEncoding::from_token(token).ok_or_else(|| {
        let token: String = token.chars().filter(|c| !c.is_control()).take(40).collect();
        Failure::new(ErrorKind::Unsupported, format!("its content encoding {token:?} is not known"))
    })
}

/// The generation that a version stands for; `None` if it is not one of this store.
pub(super) fn generation(version: &Version) -> Option<u64> {
    let bytes = <[u8; 8]>::try_from(version.as_bytes()).ok()?;
    // To the server 0 means that there is no object.
    Some(u64::from_le_bytes(bytes)).filter(|&generation| generation != 0)
}

pub(super) fn parse(body: &[u8]) -> Result<Json, Failure> {
    serde_json::from_slice(body).map_err(|_| garbled())
}

/// An answer that is no answer: something between us and the server, perhaps.
pub(super) fn garbled() -> Failure {
    Failure::transient("the server's answer is not one of this API")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_understood_and_anything_else_is_no_object() {
        let text = br#"{"name":"a","size":"12","generation":"1795273024679486",
            "contentEncoding":"gzip","metadata":{"bigarrays-write":"me after 7"}}"#;
        let document = Document::parse(text).unwrap();
        assert_eq!((document.size, document.generation), (12, 1_795_273_024_679_486));
        assert_eq!(document.encoding().unwrap(), ContentEncoding::Gzip);
        assert_eq!(document.mark, Mark::parse("me after 7"));
        assert_eq!(generation(&document.version()), Some(document.generation));
        for bad in ["", "[]", "{}", r#"{"size":"-1","generation":"1"}"#, r#"{"size":1}"#] {
            assert!(Document::parse(bad.as_bytes()).unwrap_err().is_transient(), "{bad}");
        }
    }

    #[test]
    fn versions_of_other_stores_and_zero_are_no_generations() {
        assert_eq!(generation(&Version::new(b"etag")), None);
        assert_eq!(generation(&Version::from_u64(0)), None);
    }

    #[test]
    fn unknown_encodings_are_refused() {
        assert_eq!(encoding("").unwrap(), ContentEncoding::Identity);
        assert_eq!(encoding("aws-chunked").unwrap_err().kind, ErrorKind::Unsupported);
    }
}
