//! One stored value: ranges, states, compression.

use std::ops::Range;

use axum::body::Body;
use axum::response::Response;
use bigarrays::backend::{Blob, ByteRange, ContentEncoding, Meta, Version};
use bigarrays::transport::decompress_document;
use bigarrays::{DynBackend, Key};
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::body::pieces;
use crate::budget::Held;
use crate::encodings::accepts;
use crate::fault::Fault;
use crate::mime;
use crate::range::Wanted;
use crate::store::{Pace, ask_little};
use crate::tag::{Form, names, tag};

/// Values up to this are read at once, larger ones in pieces as they are sent.
const AT_ONCE: u64 = 8 << 20;
/// No value is decompressed to more than this for a client that takes no compression.
const MOST_DECOMPRESSED: usize = 256 << 20;
/// A value that is replaced between two questions about it is asked for again so often.
const ATTEMPTS: usize = 4;

/// A request for a value.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) store: &'a DynBackend,
    pub(crate) pace: Option<&'a Pace>,
    pub(crate) key: Key,
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
}

/// What will be sent, before its bytes.
struct Plan {
    form: Form,
    tag: Option<String>,
    encoding: ContentEncoding,
    may_vary: bool,
}

/// Answers a GET or a HEAD.
pub(crate) async fn serve(app: &App, request: Request<'_>) -> Result<Response, Fault> {
    for _ in 0..ATTEMPTS {
        if let Some(answer) = attempt(app, &request).await? {
            return Ok(answer);
        }
    }
    let message = "the value is being replaced again and again; try again";
    Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, message))
}

/// `None` if the value was replaced meanwhile.
async fn attempt(app: &App, request: &Request<'_>) -> Result<Option<Response>, Fault> {
    let header = |name| request.headers.get(name).map(HeaderValue::as_bytes);
    let wanted = Wanted::parse(header(RANGE));
    let is_simple = wanted == Wanted::Whole
        && request.method == Method::GET
        && header(IF_NONE_MATCH).is_none()
        && app.shelf.cache.is_none();
    // A chunk, which is what most requests are for, is one question to the store.
    let (held, blob) = if is_simple {
        let held = hold(app, AT_ONCE).await?;
        let blob = get(request, ByteRange::Bounded(0..AT_ONCE)).await?;
        (Some(held), Some(blob.ok_or_else(Fault::no_value)?))
    } else {
        (None, None)
    };
    let (size, version, encoding) = match blob {
        Some(blob) if (blob.bytes.len() as u64) < AT_ONCE => {
            let plan = plan(request, blob.version.as_ref(), blob.content_encoding);
            if plan.form == Form::Stored {
                let Some(held) = held else { return Ok(None) };
                let bytes = held.with(blob.bytes);
                return respond(app, request, &plan, None, bytes).map(Some);
            }
            (blob.bytes.len() as u64, blob.version, blob.content_encoding)
        }
        _ => {
            let meta = head(request).await?.ok_or_else(Fault::no_value)?;
            (meta.size, meta.version, meta.content_encoding.unwrap_or_default())
        }
    };
    // What was held for a whole value is another amount than what is needed now.
    drop(held);
    let plan = plan(request, version.as_ref(), encoding);
    if let Some(said) = header(IF_NONE_MATCH).and_then(|said| std::str::from_utf8(said).ok())
        && names(said, plan.tag.as_deref())
    {
        return Ok(Some(not_modified(app, request, &plan)));
    }
    let wanted = match header(IF_RANGE).map(std::str::from_utf8) {
        Some(Ok(said)) if !names(said, plan.tag.as_deref()) => Wanted::Whole,
        Some(Err(_)) => Wanted::Whole,
        _ => wanted,
    };
    if plan.form == Form::Decompressed {
        let Some((bytes, held)) = decompressed(app, request, size, version.as_ref()).await? else {
            return Ok(None);
        };
        let len = bytes.len() as u64;
        let Some(range) = wanted.within(len) else { return Ok(Some(unsatisfiable(len))) };
        let part = bytes.slice(in_memory(&range));
        let partial = (wanted != Wanted::Whole).then_some((range, len));
        return respond(app, request, &plan, partial, held.with(part)).map(Some);
    }
    let Some(range) = wanted.within(size) else { return Ok(Some(unsatisfiable(size))) };
    let len = range.end - range.start;
    let partial = (wanted != Wanted::Whole).then(|| (range.clone(), size));
    if request.method == Method::HEAD {
        return headed(app, request, &plan, partial, len).map(Some);
    }
    // A store that makes a whole value for each part of it is not asked part by part.
    if len <= AT_ONCE || !request.store.capabilities().range_reads {
        let held = hold(app, len).await?;
        let asked = if len == size { ByteRange::Full } else { ByteRange::Bounded(range) };
        let blob = get(request, asked).await?;
        return match blob {
            Some(blob) if blob.version == version && blob.bytes.len() as u64 == len => {
                respond(app, request, &plan, partial, held.with(blob.bytes)).map(Some)
            }
            _ => Ok(None),
        };
    }
    let held = hold(app, AT_ONCE).await?;
    let store = DynBackend::clone(request.store);
    let body = pieces(store, request.key.clone(), range, version, held);
    let mut response = headed(app, request, &plan, partial, len)?;
    *response.body_mut() = body;
    Ok(Some(response))
}

async fn hold(app: &App, bytes: u64) -> Result<Held, Fault> {
    app.budget.hold(bytes).await.ok_or_else(|| {
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, "the server is ending; try again")
    })
}

async fn get(request: &Request<'_>, range: ByteRange) -> Result<Option<Blob>, Fault> {
    let key = request.key.clone();
    // What may be long is never read where others wait.
    let is_short =
        matches!(&range, ByteRange::Bounded(range) if range.end - range.start <= AT_ONCE);
    let pace = request.pace.filter(|_| is_short);
    let answer = ask_little(pace, request.store, move |store| {
        Box::pin(async move { store.get(&key, range).await })
    });
    Ok(answer.await?)
}

async fn head(request: &Request<'_>) -> Result<Option<Meta>, Fault> {
    let key = request.key.clone();
    let answer = ask_little(request.pace, request.store, move |store| {
        Box::pin(async move { store.head(&key).await })
    });
    Ok(answer.await?)
}

/// Which form is sent: a range is one of the voxels' bytes, not of what they are compressed to.
fn plan(request: &Request<'_>, version: Option<&Version>, encoding: ContentEncoding) -> Plan {
    let is_compressed = encoding != ContentEncoding::Identity;
    let passes = accepts(request.headers, encoding) && !request.headers.contains_key(RANGE);
    let form = if is_compressed && !passes { Form::Decompressed } else { Form::Stored };
    let sent = if form == Form::Stored { encoding } else { ContentEncoding::Identity };
    let tag = version.map(|version| tag(version, form));
    Plan { form, tag, encoding: sent, may_vary: is_compressed }
}

/// A whole value without its compression, or `None` if it is another by now.
async fn decompressed(
    app: &App,
    request: &Request<'_>,
    stored: u64,
    version: Option<&Version>,
) -> Result<Option<(Bytes, Held)>, Fault> {
    let too_large = || {
        let message = format!(
            "the value is compressed and has more than {MOST_DECOMPRESSED} bytes without; take it as \
             it is stored (Accept-Encoding)"
        );
        Fault::new(StatusCode::NOT_ACCEPTABLE, message)
    };
    if stored > MOST_DECOMPRESSED as u64 {
        return Err(too_large());
    }
    // Most are a few times longer; of those that are not, all is asked for at once.
    let guess = stored.saturating_mul(8).max(1 << 20);
    for limit in [guess.min(MOST_DECOMPRESSED as u64), MOST_DECOMPRESSED as u64] {
        let held = hold(app, limit.saturating_add(stored)).await?;
        let Some(blob) = get(request, ByteRange::Full).await? else {
            return Err(Fault::no_value());
        };
        if blob.version.as_ref() != version {
            return Ok(None);
        }
        let limit = usize::try_from(limit).unwrap_or(MOST_DECOMPRESSED);
        let undone =
            spawn_blocking(move || decompress_document(blob.content_encoding, &blob.bytes, limit));
        let message = "what is stored there is damaged";
        let inside = |error: &dyn std::error::Error| {
            Fault::inside(StatusCode::INTERNAL_SERVER_ERROR, message, error)
        };
        match undone.await.map_err(|error| inside(&error))? {
            Ok(bytes) => return Ok(Some((bytes, held))),
            Err(bigarrays::codec::CodecError::TooLong { .. }) => {}
            Err(error) => return Err(inside(&error)),
        }
    }
    Err(too_large())
}

/// Positions in a value that is in memory.
fn in_memory(range: &Range<u64>) -> Range<usize> {
    let at = |at| usize::try_from(at).unwrap_or(usize::MAX);
    at(range.start)..at(range.end)
}

fn respond(
    app: &App,
    request: &Request<'_>,
    plan: &Plan,
    partial: Option<(Range<u64>, u64)>,
    bytes: Bytes,
) -> Result<Response, Fault> {
    let mut response = headed(app, request, plan, partial, bytes.len() as u64)?;
    if request.method != Method::HEAD {
        *response.body_mut() = Body::from(bytes);
    }
    Ok(response)
}

/// An answer without its body.
fn headed(
    app: &App,
    request: &Request<'_>,
    plan: &Plan,
    partial: Option<(Range<u64>, u64)>,
    len: u64,
) -> Result<Response, Fault> {
    let mut response = Response::new(Body::empty());
    describe(app, request, plan, response.headers_mut());
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, len.into());
    let mime = mime::of_value(request.key.as_str());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if plan.encoding != ContentEncoding::Identity {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(plan.encoding.token()));
    }
    if let Some((range, size)) = partial {
        let said = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
        let said = HeaderValue::try_from(said).map_err(|error| {
            Fault::inside(StatusCode::INTERNAL_SERVER_ERROR, "no such range can be said", &error)
        })?;
        headers.insert(CONTENT_RANGE, said);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// What is said of a value also where it is not sent.
fn describe(app: &App, request: &Request<'_>, plan: &Plan, headers: &mut HeaderMap) {
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if plan.may_vary {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    let tag = plan.tag.as_ref().and_then(|tag| HeaderValue::try_from(format!("\"{tag}\"")).ok());
    if let Some(tag) = tag {
        headers.insert(ETAG, tag);
    }
    let is_description = mime::is_description(request.key.as_str());
    headers.insert(CACHE_CONTROL, app.cache_control(is_description));
}

fn not_modified(app: &App, request: &Request<'_>, plan: &Plan) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    describe(app, request, plan, response.headers_mut());
    response
}

fn unsatisfiable(size: u64) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    if let Ok(said) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(CONTENT_RANGE, said);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
