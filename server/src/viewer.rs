//! `GET /view/…`: the viewer's page, which is a part of the program.
//!
//! The files are those of `viewer/page/` when the server was built (`build.rs`).

use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::fault::Fault;
use crate::mime;
use crate::path;

include!(concat!(env!("OUT_DIR"), "/page.rs"));

const INDEX: &str = "index.html";

/// The page itself. It is found under a path with a slash at its end, so that what it names is
/// beside it.
pub(crate) async fn index(request: Request) -> Response {
    if !request.uri().path().ends_with('/') {
        return Redirect::permanent("/view/").into_response();
    }
    find(INDEX).unwrap_or_else(|| {
        Fault::not_found("this build has no viewer; open the volume in neuroglancer")
            .into_response()
    })
}

/// A file of the page.
pub(crate) async fn file(request: Request) -> Result<Response, Fault> {
    let absent = || Fault::not_found("the viewer has no such file");
    let place = path::split(request.uri().path()).ok_or_else(absent)?;
    find(&place.rest).ok_or_else(absent)
}

/// A file by its name among those that were built in: no name leads anywhere else.
fn find(name: &str) -> Option<Response> {
    let (name, bytes) = PAGE.iter().find(|(known, _)| *known == name)?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(mime::of_file(name)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(response)
}
