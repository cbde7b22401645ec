//! Who the store is at the server.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bigarrays_core::backend::ErrorKind;
use reqwest::Client;

use super::discover::{Found, Surroundings};
use super::failure::Failure;
use super::source::{Fetched, Provider, Source};
use crate::remote::Secret;

/// Who the store is at the server. `Debug` shows no secrets.
///
/// Files are the JSON ones of a service account or, as `gcloud auth application-default login`
/// writes them, of a user.
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    Surroundings,
    Anonymous,
    File(PathBuf),
    Json(Secret),
    Metadata,
    Provider(Arc<Provider>),
}

impl Credentials {
    /// What the surroundings of the program offer; the default. The first that exists:
    ///
    /// 1. the file that `GOOGLE_APPLICATION_CREDENTIALS` names;
    /// 2. CloudVolume's `BUCKET-google-secret.json`, then `google-secret.json`, each in
    ///    `$CLOUD_VOLUME_DIR/secrets`, `~/.cloudvolume/secrets`, `~/.cloudfiles/secrets`,
    ///    `/secrets`;
    /// 3. `application_default_credentials.json` of gcloud (in `$CLOUDSDK_CONFIG` or
    ///    `~/.config/gcloud`);
    /// 4. the metadata server, if the firmware says that this is a machine of Google;
    /// 5. nothing: requests are anonymous.
    ///
    /// They are offered to Google's servers only: to another endpoint requests are anonymous
    /// unless credentials are given.
    #[must_use]
    pub const fn surroundings() -> Self {
        Self(Kind::Surroundings)
    }

    /// Nobody: no `Authorization` is sent. For public buckets and emulators.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self(Kind::Anonymous)
    }

    /// A file of credentials.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into()))
    }

    /// The text of a file of credentials.
    #[must_use]
    pub fn json(text: impl Into<Secret>) -> Self {
        Self(Kind::Json(text.into()))
    }

    /// The service account of the machine that this program runs on, by Google's metadata server.
    #[must_use]
    pub const fn metadata_server() -> Self {
        Self(Kind::Metadata)
    }

    /// Tokens of the program's own making. `give` is called for the first token and whenever the
    /// server refused the last one; it may block.
    #[must_use]
    pub fn tokens<E: Into<Box<dyn StdError + Send + Sync>>>(
        give: impl Fn() -> Result<Secret, E> + Send + Sync + 'static,
    ) -> Self {
        let fetch = move || match give() {
            Ok(token) => Ok(Fetched { token, life: None }),
            Err(error) => {
                let note = "the program gave no token";
                Err(Failure::new(ErrorKind::Unauthenticated, note).because(Wrapped(error.into())))
            }
        };
        Self(Kind::Provider(Arc::new(fetch)))
    }

    /// Where tokens for a bucket come from; `None` if there are to be none.
    pub(super) fn source(
        &self,
        bucket: &str,
        scope: &'static str,
        client: &Client,
        ours: bool,
    ) -> Result<Option<Source>, Failure> {
        let of_file = |path: &Path| of_file(path, scope, client);
        match &self.0 {
            Kind::Anonymous => Ok(None),
            Kind::File(path) => of_file(path).map(Some),
            Kind::Json(text) => Source::of_json(text.reveal(), scope, client).map(Some),
            Kind::Metadata => Ok(Some(Source::metadata(scope))),
            Kind::Provider(provider) => Ok(Some(Source::given(Arc::clone(provider)))),
            // What was not meant for a server of somebody else is not shown to it.
            Kind::Surroundings if !ours => Ok(None),
            Kind::Surroundings => match Surroundings::real().find(bucket) {
                Some(Found::File(path)) => of_file(&path).map(Some),
                Some(Found::Metadata) => Ok(Some(Source::metadata(scope))),
                None => Ok(None),
            },
        }
    }
}

fn of_file(path: &Path, scope: &'static str, client: &Client) -> Result<Source, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let note = format!("the credentials in {path:?} cannot be read");
        Failure::new(ErrorKind::InvalidConfig, note).because(error)
    })?;
    let source = Source::of_json(&text, scope, client);
    source.map_err(|failure| failure.advise(&format!("the file is {path:?}")))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Surroundings => f.write_str("Credentials(surroundings)"),
            Kind::Anonymous => f.write_str("Credentials(anonymous)"),
            Kind::File(path) => write!(f, "Credentials({path:?})"),
            Kind::Json(_) => f.write_str("Credentials(***)"),
            Kind::Metadata => f.write_str("Credentials(metadata server)"),
            Kind::Provider(_) => f.write_str("Credentials(given by the program)"),
        }
    }
}

/// An error of the program's own, as one that has a type.
#[derive(Debug)]
struct Wrapped(Box<dyn StdError + Send + Sync>);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Wrapped {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
