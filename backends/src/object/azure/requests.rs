//! Requests that `object_store` has no word for: signed and sent with its own means.
//!
//! The requests are described in Microsoft's REST reference of Blob Storage (Delete Blob, Create
//! Container).

use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, IF_MATCH};
use http::{Method, StatusCode};
use object_store::azure::{AzureAuthorizer, AzureCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector,
};
use object_store::path::Path;
use object_store::{ClientOptions, Error, Result, UpdateVersion};
use url::Url;

use super::account::Account;
use crate::object::ConditionalDelete;

const STORE: &str = "MicrosoftAzure";
/// The version of the service for requests that nobody signs.
const API: (&str, &str) = ("x-ms-version", "2023-11-03");
/// An object goes with its snapshots, or it does not go.
const SNAPSHOTS: (HeaderName, &str) = (HeaderName::from_static("x-ms-delete-snapshots"), "include");

/// A client of one container.
#[derive(Clone)]
pub(super) struct ContainerClient {
    http: HttpClient,
    credentials: Option<AzureCredentialProvider>,
    account: String,
    container: Url,
}

impl ContainerClient {
    pub(super) fn new(
        options: &ClientOptions,
        credentials: Option<AzureCredentialProvider>,
        account: &Account,
        container: &str,
    ) -> Result<Self> {
        let http = ReqwestConnector::default().connect(options)?;
        let mut url = account.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(container);
        }
        Ok(Self { http, credentials, account: account.name.clone(), container: url })
    }

    /// Sends a request without a body; the answer's status and text.
    pub(super) async fn send(
        &self,
        method: Method,
        location: Option<&Path>,
        query: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<(StatusCode, String)> {
        let mut url = self.container.clone();
        if let (Some(location), Ok(mut path)) = (location, url.path_segments_mut()) {
            path.extend(location.parts());
        }
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method;
        *request.uri_mut() = url.as_str().parse().map_err(generic)?;
        let put = request.headers_mut();
        put.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        for (name, value) in headers {
            put.insert(name, HeaderValue::from_str(value).map_err(generic)?);
        }
        match &self.credentials {
            Some(credentials) => {
                let credential = credentials.get_credential().await?;
                AzureAuthorizer::new(&credential, &self.account).try_authorize(&mut request)?;
            }
            None => {
                put.insert(HeaderName::from_static(API.0), HeaderValue::from_static(API.1));
            }
        }
        let answer = self.http.execute(request).await.map_err(generic)?;
        let status = answer.status();
        let body = answer.into_body().bytes().await.map_err(generic)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

#[async_trait]
impl ConditionalDelete for ContainerClient {
    async fn delete_if(&self, location: &Path, version: &UpdateVersion) -> Result<()> {
        let state = version.e_tag.as_deref().unwrap_or_default();
        let headers = [(IF_MATCH, state), SNAPSHOTS];
        match self.send(Method::DELETE, Some(location), "", &headers).await? {
            (status, _) if status.is_success() => Ok(()),
            (status, body) => Err(refusal(location.as_ref(), status, body)),
        }
    }
}

impl fmt::Debug for ContainerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Credentials of object_store show themselves.
        f.debug_struct("ContainerClient")
            .field("container", &self.container.as_str())
            .finish_non_exhaustive()
    }
}

fn generic(source: impl StdError + Send + Sync + 'static) -> Error {
    Error::Generic { store: STORE, source: Box::new(source) }
}

/// A refusal, as `object_store` tells it.
pub(super) fn refusal(path: &str, status: StatusCode, body: String) -> Error {
    let path = path.to_owned();
    let source = Box::new(Refusal { status, body });
    match status {
        StatusCode::NOT_FOUND => Error::NotFound { path, source },
        StatusCode::PRECONDITION_FAILED => Error::Precondition { path, source },
        StatusCode::CONFLICT => Error::AlreadyExists { path, source },
        StatusCode::FORBIDDEN => Error::PermissionDenied { path, source },
        StatusCode::UNAUTHORIZED => Error::Unauthenticated { path, source },
        _ => Error::Generic { store: STORE, source },
    }
}

/// An answer that is not what was asked for.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    body: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", crate::object::failure::REFUSAL, self.status, self.body)
    }
}

impl StdError for Refusal {}
