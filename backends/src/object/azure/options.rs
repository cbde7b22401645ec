//! How a container is opened.

use std::env;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bigarrays_core::backend::{
    BackendError, BackendResult, ConditionalPut, ErrorKind, Operation, wait,
};
use http::{Method, StatusCode};
use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::account::{Account, Credential, Given, NoAccount};
use super::requests::{ContainerClient, refusal};
use crate::object::ObjectBackend;
use crate::object::failure::failure;
use crate::object::options::Dialect;
use crate::remote::{Secret, Timeouts, handle, run};

/// The longest value of one request (Put Blob, since version 2019-12-12 of the service).
const MAX_VALUE: u64 = 5000 << 20;

/// How to open a container of Azure Blob Storage; the [module](super) tells where credentials
/// come from.
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `open`"]
pub struct AzureOptions {
    container: String,
    given: Given,
    timeouts: Timeouts,
    create: bool,
    read_only: bool,
    concurrency: NonZeroUsize,
    multipart: u64,
    cache_control: Option<String>,
}

impl AzureOptions {
    /// A container, with credentials of the environment.
    pub fn new(container: impl Into<String>) -> Self {
        Self {
            container: container.into(),
            given: Given { account: None, endpoint: None, credential: Credential::Environment },
            timeouts: Timeouts::default(),
            create: false,
            read_only: false,
            concurrency: NonZeroUsize::new(32).unwrap_or(NonZeroUsize::MIN),
            multipart: 32 << 20,
            cache_control: None,
        }
    }

    /// The account, instead of the environment's.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.given.account = Some(account.into());
        self
    }

    /// Where the account is, for example `http://127.0.0.1:10000/devstoreaccount1`; by default
    /// `https://ACCOUNT.blob.core.windows.net`. With `http://`, anybody on the way can read along.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.given.endpoint = Some(endpoint.into());
        self
    }

    /// The account's key, in base64.
    pub fn key(mut self, key: impl Into<Secret>) -> Self {
        self.given.credential = Credential::Key(key.into());
        self
    }

    /// A shared access signature: `sv=...&sig=...`.
    pub fn signature(mut self, signature: impl Into<Secret>) -> Self {
        let signature: Secret = signature.into();
        let bare = signature.reveal().trim_start_matches('?');
        self.given.credential = Credential::Signature(bare.into());
        self
    }

    /// An OAuth token for the storage service. It is not renewed.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.given.credential = Credential::Token(token.into());
        self
    }

    /// Nobody in particular: for containers that everybody may read.
    pub fn anonymous(mut self) -> Self {
        self.given.credential = Credential::Anonymous;
        self
    }

    /// Whoever this machine is in Azure.
    pub fn managed_identity(mut self) -> Self {
        self.given.credential = Credential::Managed;
        self
    }

    /// How long requests may take.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Whether the container is made if it is not there; false by default. It costs a request.
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether puts and deletes are refused; false by default.
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How many requests are made at once; 32 by default.
    pub const fn concurrency(mut self, concurrency: NonZeroUsize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Values of more bytes are uploaded in parts, if no condition stands; 32 MiB by default.
    pub const fn multipart(mut self, bytes: u64) -> Self {
        self.multipart = bytes;
        self
    }

    /// The header `Cache-Control` of everything that is put; none by default.
    pub fn cache_control(mut self, cache_control: impl Into<String>) -> Self {
        self.cache_control = Some(cache_control.into());
        self
    }

    /// Makes the store. Nothing is asked of it yet, but to [make the container](Self::create).
    ///
    /// # Errors
    /// `InvalidConfig` if an option is wrong or there is no account, `Unauthenticated` if there
    /// are no credentials; what the service says if the container is to be made.
    pub fn open(self) -> BackendResult<ObjectBackend> {
        let name = format!("az://{}", self.container);
        let error =
            |kind, why: String| BackendError::new(kind, &name, Operation::Open).with_note(why);
        if let Some(why) = invalid_container(&self.container) {
            return Err(error(ErrorKind::InvalidConfig, why.into()));
        }
        let account = Account::find(&self.given, &|name| env::var(name).ok());
        let account = account.map_err(|why| match why {
            NoAccount::Invalid(why) => error(ErrorKind::InvalidConfig, why),
            NoAccount::NoCredentials(why) => error(ErrorKind::Unauthenticated, why),
        })?;
        let secrets = account.secrets();
        let fails = |error| failure(error, &name, Operation::Open, &secrets);
        let store = self.store(&account).map_err(|error| {
            BackendError::new(ErrorKind::InvalidConfig, &name, Operation::Open)
                .with_note("the credentials or the endpoint cannot be understood")
                .with_source(fails(error))
        })?;
        let client = self.client(&store, &account).map_err(fails)?;
        if self.create {
            self.make(&client, &name, &secrets)?;
        }
        let mut options = ObjectBackend::builder(Arc::new(store), name)
            .conditional(ConditionalPut::CompareAndSwap)
            .conditional_delete(Arc::new(client))
            .read_only(self.read_only)
            .suffix_ranges(false)
            .marks(true)
            .content_types(true)
            .multipart(self.multipart)
            .concurrency(self.concurrency)
            .max_value_len(MAX_VALUE);
        options.cache_control = self.cache_control;
        options.dialect = Dialect::Azure;
        options.secrets = secrets;
        if self.read_only {
            options.deletes = None;
        }
        options.open()
    }

    fn client_options(&self, account: &Account) -> ClientOptions {
        ClientOptions::new()
            .with_connect_timeout(self.timeouts.connect)
            .with_read_timeout(self.timeouts.idle)
            .with_timeout(self.timeouts.total)
            .with_allow_http(account.endpoint.scheme() == "http")
    }

    fn store(&self, account: &Account) -> object_store::Result<MicrosoftAzure> {
        let once = RetryConfig {
            max_retries: 0,
            retry_timeout: self.timeouts.total,
            backoff: BackoffConfig::default(),
        };
        let builder = MicrosoftAzureBuilder::new()
            .with_container_name(&self.container)
            .with_account(&account.name)
            .with_endpoint(account.endpoint.to_string())
            .with_client_options(self.client_options(account))
            .with_retry(once);
        let builder = match &account.credential {
            Credential::Key(key) => builder.with_access_key(key.reveal()),
            Credential::Signature(sas) => builder.with_config(AzureConfigKey::SasKey, sas.reveal()),
            Credential::Token(token) => builder.with_bearer_token_authorization(token.reveal()),
            Credential::Anonymous => builder.with_skip_signature(true),
            Credential::Principal(settings) => {
                settings.iter().try_fold(builder, |builder, (name, value)| {
                    Ok::<_, object_store::Error>(builder.with_config(name.parse()?, value.reveal()))
                })?
            }
            Credential::Managed | Credential::Environment => builder,
        };
        builder.build()
    }

    /// The client of requests that `object_store` has not.
    fn client(
        &self,
        store: &MicrosoftAzure,
        account: &Account,
    ) -> object_store::Result<ContainerClient> {
        let anonymous = account.credential == Credential::Anonymous;
        let credentials = (!anonymous).then(|| Arc::clone(store.credentials()));
        let options = self.client_options(account);
        ContainerClient::new(&options, credentials, account, &self.container)
    }

    fn make(&self, client: &ContainerClient, name: &str, secrets: &[Secret]) -> BackendResult<()> {
        let runtime = handle().map_err(|error| BackendError::io(name, Operation::Open, error))?;
        let client = client.clone();
        let work = async move { client.send(Method::PUT, None, "restype=container", &[]).await };
        let answer = wait(run(&runtime, work));
        let fails = |error| failure(error, name, Operation::Open, secrets);
        match answer.map_err(fails)? {
            (status, _) if status.is_success() => Ok(()),
            (StatusCode::CONFLICT, body) if body.contains("ContainerAlreadyExists") => Ok(()),
            (status, body) => Err(fails(refusal("", status, body))),
        }
    }
}

/// The rules of names of containers.
fn invalid_container(name: &str) -> Option<&'static str> {
    let special = matches!(name, "$root" | "$web" | "$logs");
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (3..=63).contains(&name.len()) && name.chars().all(letters);
    let dashes = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    (!special && (!fits || dashes)).then_some(
        "a container is named by 3 to 63 small letters, digits and single dashes between them",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_names_that_azure_takes() {
        for name in ["vol", "a1-b2", "$root", "$web"] {
            assert_eq!(invalid_container(name), None, "{name}");
        }
        for name in ["", "ab", "Vol", "a--b", "-ab", "ab-", "a_b", "a/b", "ü-ü", &"a".repeat(64)]
        {
            assert!(invalid_container(name).is_some(), "{name}");
        }
    }

    #[test]
    fn options_and_stores_never_show_who_asks() {
        let here = "http://127.0.0.1:1/devstoreaccount1";
        let options = AzureOptions::new("vol").endpoint(here);
        let all = [
            options.clone().key("aHVudGVyMg=="),
            options.clone().signature("?sv=1&sig=aHVudGVyMg%3D%3D"),
            options.clone().token("aHVudGVyMg"),
        ];
        for options in all {
            let shown = format!("{options:?}");
            let store = options.open().unwrap();
            let shown = format!("{shown} {store} {store:?} {store:#?}");
            assert!(!shown.contains("aHVudGVyMg"), "{shown}");
        }
        let error = options.key("not base64, hunter2").open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = next {
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            next = error.source();
        }
    }
}
