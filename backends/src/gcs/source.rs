//! Where tokens come from.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bigarrays_core::backend::ErrorKind;
use gcp_auth::{CustomServiceAccount, MetadataServiceAccount, TokenProvider};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Uri};
use reqwest::Client;
use serde_json::Value as Json;

use super::failure::Failure;
use crate::remote::{Secret, kind_of_status};

/// Where tokens are made if a file of credentials does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// A token as it was given.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) token: Secret,
    /// How long it holds, if that is known.
    pub(super) life: Option<Duration>,
}

/// What a caller gives to make tokens.
pub(super) type Provider = dyn Fn() -> Result<Fetched, Failure> + Send + Sync;

/// Something that makes tokens.
pub(super) struct Source {
    kind: Kind,
    scope: &'static str,
}

enum Kind {
    /// The file of a service account.
    Account(Secret),
    User(User),
    Metadata,
    Given(Arc<Provider>),
}

struct User {
    client: Client,
    token_uri: String,
    /// The form that is sent.
    form: Secret,
}

impl Source {
    /// Tokens by the text of a file of credentials.
    pub(super) fn of_json(
        text: &str,
        scope: &'static str,
        client: &Client,
    ) -> Result<Self, Failure> {
        // Whatever is wrong is told without the text, which is a secret.
        let invalid = |what: &str| Failure::new(ErrorKind::InvalidConfig, what);
        let mut json: Json =
            serde_json::from_str(text).map_err(|_| invalid("the credentials are not JSON"))?;
        let uri = match json.get("token_uri") {
            None | Some(Json::Null) => TOKEN_URI.to_owned(),
            Some(uri) => uri.as_str().unwrap_or_default().to_owned(),
        };
        let is_http = uri.parse::<Uri>().is_ok_and(|uri| {
            uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))
        });
        if !is_http {
            return Err(invalid("the token_uri of the credentials is not an address"));
        }
        let kind = match json.get("type").and_then(Json::as_str) {
            Some("service_account") => {
                json["token_uri"] = uri.into();
                account(&json)?
            }
            Some("authorized_user") => Kind::User(user(&json, uri, client)?),
            Some(other) => {
                let other: String = other.chars().filter(|c| !c.is_control()).take(40).collect();
                return Err(invalid(&format!(
                    "credentials of the type {other:?} are not known, only service_account and \
                     authorized_user; for others give a provider of tokens"
                )));
            }
            None => return Err(invalid("the credentials do not say their type")),
        };
        Ok(Self { kind, scope })
    }

    pub(super) fn metadata(scope: &'static str) -> Self {
        Self { kind: Kind::Metadata, scope }
    }

    pub(super) fn given(provider: Arc<Provider>) -> Self {
        Self { kind: Kind::Given(provider), scope: "" }
    }

    #[cfg(test)]
    pub(super) fn test(
        give: impl Fn() -> Result<Fetched, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self::given(Arc::new(give))
    }

    /// Gets a token that was not given before.
    pub(super) async fn fetch(&self) -> Result<Fetched, Failure> {
        let fetched = match &self.kind {
            Kind::Account(json) => {
                let json = json.clone();
                // Reading the key and the system's certificates takes a while.
                let account = blocking(move || CustomServiceAccount::from_json(json.reveal()));
                by_gcp_auth(account.await?.map_err(unusable)?, self.scope).await
            }
            Kind::User(user) => user.fetch().await,
            Kind::Metadata => match MetadataServiceAccount::new().await {
                Ok(server) => by_gcp_auth(server, self.scope).await,
                Err(error) => Err(refused(error)),
            },
            Kind::Given(provider) => {
                let provider = Arc::clone(provider);
                blocking(move || provider()).await?
            }
        };
        tracing::debug!(target: "bigarrays::gcs", source = ?self, ok = fetched.is_ok(), "token");
        fetched
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Account(_) => "service account",
            Kind::User(_) => "user",
            Kind::Metadata => "metadata server",
            Kind::Given(_) => "given by the program",
        })
    }
}

/// Runs what may take a while where it holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failure::new(ErrorKind::Other, "the provider of tokens panicked"))
}

/// A new provider each time: one that has made a token keeps it until its end, also if the server
/// refuses it.
async fn by_gcp_auth(
    provider: impl TokenProvider,
    scope: &'static str,
) -> Result<Fetched, Failure> {
    let token = provider.token(&[scope]).await.map_err(refused)?;
    let end = token.expires_at().timestamp_millis();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let left = i128::from(end) - i128::try_from(now).unwrap_or(i128::MAX);
    let life = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    Ok(Fetched { token: token.as_str().into(), life: Some(life) })
}

fn account(json: &Json) -> Result<Kind, Failure> {
    for field in ["client_email", "private_key"] {
        if !json.get(field).is_some_and(Json::is_string) {
            let note = format!("the service account has no {field}");
            return Err(Failure::new(ErrorKind::InvalidConfig, note));
        }
    }
    let text = json.to_string();
    CustomServiceAccount::from_json(&text).map_err(unusable)?;
    Ok(Kind::Account(text.into()))
}

fn unusable(error: gcp_auth::Error) -> Failure {
    let note = "the service account cannot be used";
    Failure::new(ErrorKind::InvalidConfig, note).because(error)
}

/// Why there is no token. The library tries a few times and does not say whether the server was
/// out of order or refused the key, except if there was no answer.
fn refused(error: gcp_auth::Error) -> Failure {
    let failure = match &error {
        gcp_auth::Error::Http(..) | gcp_auth::Error::Other(..) => {
            Failure::transient("the server that makes tokens cannot be reached")
        }
        _ => Failure::new(
            ErrorKind::Unauthenticated,
            "no token was given for the credentials; see whether the key is still valid, and \
             whether the clock of this machine is right",
        ),
    };
    failure.because(error)
}

fn user(json: &Json, token_uri: String, client: &Client) -> Result<User, Failure> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    for field in ["client_id", "client_secret", "refresh_token"] {
        let Some(text) = json.get(field).and_then(Json::as_str) else {
            let note = format!("the user's credentials have no {field}");
            return Err(Failure::new(ErrorKind::InvalidConfig, note));
        };
        form.append_pair(field, text);
    }
    Ok(User { client: client.clone(), token_uri, form: form.finish().into() })
}

impl User {
    /// RFC 6749, section 6.
    async fn fetch(&self) -> Result<Fetched, Failure> {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let request = self.client.post(&self.token_uri).header(CONTENT_TYPE, form);
        let answer = request.body(self.form.reveal().to_owned()).send().await;
        let answer = answer.map_err(Failure::of_request)?;
        let status = answer.status();
        if !status.is_success() {
            let kind = match kind_of_status(status) {
                ErrorKind::Transient => ErrorKind::Transient,
                _ => ErrorKind::Unauthenticated,
            };
            let note = format!(
                "the server that makes tokens answered {}; sign in anew with `gcloud auth \
                 application-default login`",
                status.as_u16()
            );
            return Err(Failure::new(kind, note));
        }
        let garbled = || Failure::transient("the server that makes tokens gave none");
        given(&answer.bytes().await.map_err(|_| garbled())?).ok_or_else(garbled)
    }
}

/// The token in a server's answer, if there is one.
pub(super) fn given(answer: &[u8]) -> Option<Fetched> {
    let json: Json = serde_json::from_slice(answer).ok()?;
    let token = json.get("access_token").and_then(Json::as_str)?;
    let life = json.get("expires_in").and_then(Json::as_u64).map(Duration::from_secs);
    Some(Fetched { token: token.into(), life })
}
