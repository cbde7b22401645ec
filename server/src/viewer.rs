//! Pages that are a part of the program: `GET /view/…`, the viewer, and `GET /neuroglancer/…`, the
//! real client.
//!
//! The files are those of `viewer/page/`, and with the feature `neuroglancer` those of
//! `viewer/neuroglancer/dist/`, when the server was built (`build.rs`). They hold no data, so they
//! need no token; what they ask for does.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::{Value, json};

use crate::app::App;
use crate::fault::Fault;
use crate::mime;
use crate::path;

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

const INDEX: &str = "index.html";
/// Where the client is for the page, which is at `/view/`.
const EMBEDDED: &str = "../neuroglancer/";
/// Where it is where nobody named another one and this build has none.
const PUBLIC: &str = "https://neuroglancer-demo.appspot.com/";
/// What the page may load: what came with it, and pictures that it makes.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'";

/// Whether this build has the real neuroglancer client.
#[must_use]
pub fn has_neuroglancer() -> bool {
    !NEUROGLANCER.is_empty()
}

/// The address of the neuroglancer client that the viewer's button opens: the one that was asked for,
/// else that of this build (relative to the viewer's page), else the public one.
#[must_use]
pub fn neuroglancer(asked: Option<&str>) -> &str {
    match asked {
        Some(asked) => asked,
        None if has_neuroglancer() => EMBEDDED,
        None => PUBLIC,
    }
}

/// `GET /v1/config`: what the page is to know of the server.
pub(crate) async fn config(State(app): State<App>) -> Json<Value> {
    let client = neuroglancer(app.options.neuroglancer.as_deref());
    Json(json!({ "neuroglancer": client, "pyramid": true }))
}

/// Whether a path is one of a page, which everybody may have.
pub(crate) fn is_page(path: &str) -> bool {
    let first = path.strip_prefix('/').and_then(|path| path.split('/').next());
    matches!(first, Some("view" | "neuroglancer"))
}

/// A file of the viewer.
pub(crate) async fn page(request: Request) -> Result<Response, Fault> {
    let absent = match PAGE.is_empty() {
        true => "this build has no viewer; open the volume in neuroglancer",
        false => "the viewer has no such file",
    };
    let mut response = file(PAGE, &request, absent)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// A file of neuroglancer.
pub(crate) async fn client(request: Request) -> Result<Response, Fault> {
    let absent = match has_neuroglancer() {
        true => "neuroglancer has no such file",
        false => {
            "this build has no neuroglancer: run viewer/build.sh, then build with the feature \
             neuroglancer"
        }
    };
    file(NEUROGLANCER, &request, absent)
}

/// `GET /favicon.ico`: browsers ask for it whatever page they show.
pub(crate) async fn icon() -> Result<Response, Fault> {
    found(PAGE, "icon.svg").ok_or_else(|| Fault::not_found("there is no icon"))
}

/// A file that a path names among those that were built in: none leads anywhere else. The page itself
/// is found under a path with a slash at its end, so that what it names is beside it.
fn file(
    files: &[(&str, &'static [u8])],
    request: &Request,
    absent: &str,
) -> Result<Response, Fault> {
    let absent = || Fault::not_found(absent);
    let path = request.uri().path();
    let place = path::split(path).ok_or_else(absent)?;
    if !path[1..].contains('/') {
        return Ok(Redirect::permanent(&format!("{path}/")).into_response());
    }
    let name = if place.rest.is_empty() { INDEX } else { &*place.rest };
    found(files, name).ok_or_else(absent)
}

fn found(files: &[(&str, &'static [u8])], name: &str) -> Option<Response> {
    let (name, bytes) = files.iter().find(|(known, _)| *known == name)?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(mime::of_file(name)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Names of assets tell what is in them; the others stay while a new build comes.
    let kept = if name.starts_with("assets/") { "max-age=604800, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    Some(response)
}
