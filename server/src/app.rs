//! Which path is answered by whom, and what every request passes through.

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use std::time::Duration;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::timeout::TimeoutLayer;

use crate::budget::Budget;
use crate::fault::Fault;
use crate::metrics::{self, Metrics};
use crate::options::{Cors, Options};
use crate::path;
use crate::served::Shelf;
use crate::value;
use crate::{cutout, openapi, token, viewer, volumes};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) shelf: Shelf,
    pub(crate) options: Options,
    pub(crate) budget: Budget,
    pub(crate) metrics: Metrics,
}

/// A pointer to it.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Shared>);

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn new(shelf: Shelf, options: Options) -> Self {
        let budget = Budget::new(options.limits.memory);
        Self(Arc::new(Shared { shelf, options, budget, metrics: Metrics::default() }))
    }

    /// For how long others may keep a value. A description is asked for again each time, which an
    /// entity tag makes cheap; of what needs a token, nobody in between keeps a copy.
    pub(crate) fn cache_control(&self, is_description: bool) -> HeaderValue {
        let whose = if self.options.tokens.is_some() { "private" } else { "public" };
        let age = self.options.max_age.as_secs();
        let said = match is_description || self.options.writable || age == 0 {
            true => format!("{whose}, no-cache"),
            false => format!("{whose}, max-age={age}"),
        };
        HeaderValue::try_from(said).unwrap_or(HeaderValue::from_static("no-store"))
    }
}

/// The service of the port that readers ask.
pub(crate) fn router(app: &App) -> Router {
    let timeout = app.options.limits.timeout;
    let routes = Router::new()
        .route("/", get(volumes::page))
        .route("/health", get(health))
        .route("/metrics", get(counts))
        .route("/openapi.json", get(openapi::document))
        .route("/favicon.ico", get(viewer::icon))
        .route("/v1/volumes", get(volumes::list))
        .route("/v1/{*rest}", get(cutout::answer))
        .route("/v1/config", get(viewer::config))
        .route("/view", get(viewer::page))
        .route("/view/", get(viewer::page))
        .route("/view/{*file}", get(viewer::page))
        .route("/neuroglancer", get(viewer::client))
        .route("/neuroglancer/", get(viewer::client))
        .route("/neuroglancer/{*file}", get(viewer::client))
        .fallback(stored)
        .with_state(App::clone(app));
    // The last one is passed first.
    routes
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, timeout))
        .layer(middleware::from_fn_with_state(App::clone(app), token::check))
        .layer(cors(&app.options.cors))
        .layer(middleware::from_fn_with_state(App::clone(app), metrics::count))
}

/// Whether it lives.
async fn health() -> &'static str {
    "ok\n"
}

async fn counts(State(app): State<App>) -> impl IntoResponse {
    let cache = app.shelf.cache.as_ref().map(bigarrays::wrap::SharedCache::hits_and_misses);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.text(cache))
}

/// A stored value: every path that is not the server's own.
async fn stored(State(app): State<App>, request: Request) -> Result<Response, Fault> {
    let (parts, _) = request.into_parts();
    let (method, headers) = (&parts.method, &parts.headers);
    if *method == Method::OPTIONS || !matches!(*method, Method::GET | Method::HEAD) {
        return Ok(other_method(method));
    }
    let absent = || Fault::not_found("no path is written so");
    let place = path::split(parts.uri.path()).ok_or_else(absent)?;
    let (name, view) = place.view();
    let store = app.shelf.store(name, view)?;
    let Some(key) = place.key() else {
        return match place.rest.is_empty() {
            true => Ok(volumes::page(State(App::clone(&app))).await.into_response()),
            false => Err(Fault::no_value()),
        };
    };
    let pace = app.shelf.pace(name, view);
    value::serve(&app, value::Request { store, pace, key, method, headers }).await
}

/// What may be asked for is said to who asks for something else.
fn other_method(method: &Method) -> Response {
    let mut response = match *method {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => {
            let message = "values are only read here; the gateway writes";
            Fault::new(StatusCode::METHOD_NOT_ALLOWED, message).into_response()
        }
    };
    let allowed = HeaderValue::from_static("GET, HEAD, OPTIONS");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

/// What pages of other origins may do: read, with any headers they like.
pub(crate) fn cors(who: &Cors) -> CorsLayer {
    let origin = match who {
        // Without an origin that is allowed no header is set.
        Cors::None => return CorsLayer::new(),
        Cors::Any => AllowOrigin::any(),
        Cors::Origin(origin) => AllowOrigin::exact(origin.clone()),
    };
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::HEAD, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            ACCEPT_RANGES,
            CACHE_CONTROL,
            CONTENT_ENCODING,
            CONTENT_LENGTH,
            CONTENT_RANGE,
            ETAG,
            HeaderName::from_static(cutout::SHAPE),
            HeaderName::from_static(cutout::DTYPE),
            HeaderName::from_static(cutout::OFFSET),
        ])
        .max_age(Duration::from_secs(24 * 3600))
}
