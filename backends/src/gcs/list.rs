//! Listings, page by page.

use bigarrays_core::backend::Meta;
use http::{Method, StatusCode};
use serde_json::Value as Json;

use super::bucket::Bucket;
use super::document::{Document, garbled, parse};
use super::failure::Failure;
use super::place::Place;
use super::wire::Ask;

/// The most objects that one answer has.
const PAGE: &str = "1000";
const FIELDS: &str = "nextPageToken,items(name,size,generation,contentEncoding)";

/// Some of the keys, and where the next ones begin.
pub(super) struct Page {
    pub(super) metas: Vec<Meta>,
    pub(super) next: Option<String>,
}

impl Bucket {
    /// The objects whose names begin with `prefix`, from a page on. No delimiter is given: then
    /// an answer has no prefixes, which some servers repeat on every page.
    pub(super) async fn page(&self, prefix: &str, from: Option<&str>) -> Result<Page, Failure> {
        let mut query = vec![("fields", FIELDS), ("maxResults", PAGE)];
        if !prefix.is_empty() {
            query.push(("prefix", prefix));
        }
        if let Some(token) = from {
            query.push(("pageToken", token));
        }
        let answer = self.ask(&Ask::new(Method::GET, self.place.objects_url(&query))).await?;
        if answer.status != StatusCode::OK {
            return Err(self.refusal(&answer));
        }
        understand(&self.place, &answer.body, prefix, from)
    }
}

/// The page that an answer has, asked for from `from` on.
pub(super) fn understand(
    place: &Place,
    body: &[u8],
    prefix: &str,
    from: Option<&str>,
) -> Result<Page, Failure> {
    let json = parse(body)?;
    let next = json.get("nextPageToken").and_then(Json::as_str).map(ToOwned::to_owned);
    if next.is_some() && next.as_deref() == from {
        return Err(Failure::transient("the server gives the same page for ever"));
    }
    let mut metas = Vec::new();
    for item in json.get("items").and_then(Json::as_array).into_iter().flatten() {
        metas.extend(meta(place, item, prefix)?);
    }
    Ok(Page { metas, next })
}

/// A listed object; `None` for one that is no key of this store.
fn meta(place: &Place, item: &Json, prefix: &str) -> Result<Option<Meta>, Failure> {
    let name = item.get("name").and_then(Json::as_str).ok_or_else(garbled)?;
    if !name.starts_with(prefix) {
        return Ok(None);
    }
    let Some(key) = place.key(name) else {
        return Ok(None);
    };
    let document = Document::of(item).ok_or_else(garbled)?;
    Ok(Some(Meta {
        key,
        size: document.size,
        version: Some(document.version()),
        // One unknown encoding must not hide all other keys.
        content_encoding: document.encoding().ok(),
    }))
}
