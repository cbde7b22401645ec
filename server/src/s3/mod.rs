//! The gateway: any store as a bucket.
//!
//! Each name that is served is a bucket, and its store's keys are the objects. `s3s` knows
//! signatures and documents; what is done to a store is here.
//!
//! | room | what it does |
//! |---|---|
//! | `credentials` | who may ask |
//! | `gateway` | the operations, one line each |
//! | `objects` | reading, writing, deleting and copying one object |
//! | `incoming` | bodies: how long, how slow, and whether they are what their sums say |
//! | `list` | pages of keys, in order |
//! | `parts` | uploads in parts |
//! | `failure` | what went wrong, as S3 says it |
//!
//! A store keeps bytes and their compression. So `Content-Encoding` is kept; the type is told by the
//! name, `Cache-Control` is the server's, and metadata of users are not kept. An entity tag is the
//! store's state of the value and no MD5 sum; the time of every object is that of the server's start.

mod credentials;
mod failure;
mod gateway;
mod incoming;
mod list;
mod objects;
mod parts;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleError;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode};
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use s3s::validation::NameValidation;
use s3s::{HttpError, S3Result, s3_error};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use crate::app::{self, App};
use crate::error::ServeError;
use crate::fault::{Fault, Inside};
use crate::metrics;
use crate::options::S3Options;
use gateway::Gateway;

pub use credentials::Credentials;

/// Bytes of a document that a client sends: of a thousand keys to delete, of ten thousand parts.
const LONGEST_DOCUMENT: usize = 4 << 20;
/// What signatures in a body add to it, at the most: a line to 8 KiB.
const SIGNED: u64 = 16;
/// An upload may take so many times what another request may: each of its pieces is waited for no
/// longer than that.
const PATIENCE: u32 = 20;

/// The service of the gateway's port.
pub(crate) fn router(app: &App, options: &S3Options) -> Result<Router, ServeError> {
    if options.credentials.is_empty() {
        return Err(ServeError::NoCredentials);
    }
    let mut builder = S3ServiceBuilder::new(Gateway::new(App::clone(app)));
    builder.set_auth(Keys(options.credentials.clone()));
    builder.set_validation(AnyName);
    let mut config = S3Config::default();
    config.xml_max_body_size = LONGEST_DOCUMENT;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    let limits = app.options.limits;
    let longest = limits.request.saturating_add(limits.request / SIGNED).saturating_add(1 << 20);
    let longest = usize::try_from(longest).unwrap_or(usize::MAX);
    let service = HandleError::new(builder.build(), failed);
    let total = limits.timeout.saturating_mul(PATIENCE);
    Ok(Router::new()
        .fallback_service(service)
        .layer(middleware::from_fn_with_state(App::clone(app), hold))
        .layer(RequestBodyTimeoutLayer::new(limits.timeout))
        .layer(RequestBodyLimitLayer::new(longest))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, total))
        .layer(app::cors(&app.options.cors))
        .layer(middleware::from_fn_with_state(App::clone(app), metrics::count_s3)))
}

/// What is not S3's to answer.
async fn failed(error: HttpError) -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Inside(format!("{error:?}")));
    response
}

/// Room in memory for what is sent, before any of it is read.
async fn hold(State(app): State<App>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::PUT | Method::POST) {
        // The layers before this one hide that there is no body, which a signature must know.
        let (parts, _) = request.into_parts();
        return next.run(Request::from_parts(parts, Body::empty())).await;
    }
    let said =
        request.headers().get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    let Some(len): Option<u64> = said else {
        let message = "the length of what is sent must be said (Content-Length)";
        return Fault::new(StatusCode::LENGTH_REQUIRED, message).into_response();
    };
    // Documents are small; what they ask for is counted where it is done.
    if len < LONGEST_DOCUMENT as u64 / 4 {
        return next.run(request).await;
    }
    // Once as it comes, once as it is checked and stored.
    let held = app.budget.hold(len.saturating_mul(2)).await;
    let response = next.run(request).await;
    drop(held);
    response
}

/// Secrets by their keys.
struct Keys(Credentials);

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.secret(access_key) {
            Some(secret) => Ok(SecretKey::from(secret)),
            None => Err(s3_error!(InvalidAccessKeyId, "there is no such access key")),
        }
    }
}

/// Names of buckets are those that are served: whether there is one is found out there.
struct AnyName;

impl NameValidation for AnyName {
    fn validate_bucket_name(&self, name: &str) -> bool {
        !name.is_empty()
    }
}
