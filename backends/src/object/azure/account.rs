//! Whose account it is, where it is, and who asks: from options and the environment.

use std::net::IpAddr;

use url::{Host, Url};

use crate::remote::Secret;

/// The account of Azurite, whose key everybody knows.
const EMULATED: &str = "devstoreaccount1";
/// That key, from Azurite's documentation.
const EMULATED_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// Whoever the environment says.
    Environment,
    /// Nobody in particular.
    Anonymous,
    /// The account's key.
    Key(Secret),
    /// A shared access signature.
    Signature(Secret),
    /// An OAuth token.
    Token(Secret),
    /// The identity of this machine in Azure.
    Managed,
    /// A service principal; its settings are those of `object_store`.
    Principal(Vec<(&'static str, Secret)>),
}

/// Where to ask, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) endpoint: Url,
    pub(super) credential: Credential,
}

/// Why there is no account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoAccount {
    /// Something is missing or wrong.
    Invalid(String),
    /// Nobody says who asks.
    NoCredentials(String),
}

/// What was given in code or in a URL.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) account: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) credential: Credential,
}

/// A variable of the environment.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

fn first(environment: Environment<'_>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| environment(name).filter(|value| !value.is_empty()))
}

impl Account {
    pub(super) fn find(given: &Given, environment: Environment<'_>) -> Result<Self, NoAccount> {
        let parts = Connection::parse(environment("AZURE_STORAGE_CONNECTION_STRING"));
        // It counts for its own account only.
        let other = |parts: &Connection| {
            matches!((&given.account, &parts.account), (Some(a), Some(b)) if a != b)
                || (given.endpoint.is_some() && given.endpoint != parts.endpoint)
        };
        let parts = if other(&parts) { Connection::default() } else { parts };
        let endpoint = given.endpoint.clone();
        let endpoint = endpoint.or_else(|| first(environment, &["AZURE_STORAGE_ENDPOINT"]));
        let endpoint = endpoint.or_else(|| parts.endpoint.clone());
        let endpoint = endpoint.map(|text| parse_endpoint(&text)).transpose()?;
        let names = ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"];
        // An endpoint in code or in the URL says more of the account than the environment.
        let named =
            if given.endpoint.is_some() { endpoint.as_ref().and_then(account_of) } else { None };
        let account = given.account.clone().or(named);
        let account = account.or_else(|| first(environment, &names));
        let account = account.or_else(|| parts.account.clone());
        let account = account.or_else(|| endpoint.as_ref().and_then(account_of));
        let Some(name) = account else {
            return Err(NoAccount::Invalid(
                "no account is named: say ?account=NAME, or set AZURE_STORAGE_ACCOUNT_NAME".into(),
            ));
        };
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(NoAccount::Invalid("an account is named by letters and digits".into()));
        }
        let endpoint = match endpoint {
            Some(endpoint) => endpoint,
            None => parse_endpoint(&format!("https://{name}.blob.{}", parts.suffix()))?,
        };
        let credential = match &given.credential {
            Credential::Environment => from_environment(&name, &endpoint, &parts, environment)?,
            credential => credential.clone(),
        };
        Ok(Self { name, endpoint, credential })
    }

    /// The texts that must not show.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        match &self.credential {
            Credential::Key(secret) | Credential::Token(secret) => vec![secret.clone()],
            Credential::Signature(secret) => {
                // The signature proper, in both forms in which it may be quoted.
                let pairs = url::form_urlencoded::parse(secret.reveal().as_bytes());
                let decoded =
                    pairs.filter(|(name, _)| name == "sig").map(|(_, sig)| Secret::new(sig));
                let pairs = secret.reveal().split('&');
                let raw = pairs.filter_map(|pair| pair.strip_prefix("sig=")).map(Secret::new);
                decoded.chain(raw).chain([secret.clone()]).collect()
            }
            Credential::Principal(settings) => {
                let secret = settings.iter().filter(|(name, _)| name.contains("secret"));
                secret.map(|(_, value)| value.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn from_environment(
    account: &str,
    endpoint: &Url,
    parts: &Connection,
    environment: Environment<'_>,
) -> Result<Credential, NoAccount> {
    let keys = ["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCESS_KEY"];
    if let Some(key) = first(environment, &keys).or_else(|| parts.key.clone()) {
        return Ok(Credential::Key(key.into()));
    }
    let signatures = ["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"];
    if let Some(signature) = first(environment, &signatures).or_else(|| parts.signature.clone()) {
        return Ok(Credential::Signature(signature.trim_start_matches('?').into()));
    }
    if let Some(principal) = principal(environment) {
        return Ok(principal);
    }
    if account == EMULATED && is_loopback(endpoint) {
        return Ok(Credential::Key(EMULATED_KEY.into()));
    }
    Err(NoAccount::NoCredentials(format!(
        "there are no credentials for the account {account}: set AZURE_STORAGE_ACCOUNT_KEY or \
         AZURE_STORAGE_SAS_TOKEN, or say ?anonymous=true for a container that is open to all, or \
         ?identity=managed on a machine in Azure"
    )))
}

fn principal(environment: Environment<'_>) -> Option<Credential> {
    let setting = |name: &'static str, variable: &str| {
        let value = first(environment, &[variable])?;
        Some((name, Secret::new(value)))
    };
    let mut settings = vec![
        setting("azure_client_id", "AZURE_CLIENT_ID")?,
        setting("azure_tenant_id", "AZURE_TENANT_ID")?,
    ];
    let token = setting("azure_federated_token_file", "AZURE_FEDERATED_TOKEN_FILE");
    settings.push(token.or_else(|| setting("azure_client_secret", "AZURE_CLIENT_SECRET"))?);
    settings.extend(setting("azure_authority_host", "AZURE_AUTHORITY_HOST"));
    Some(Credential::Principal(settings))
}

fn parse_endpoint(text: &str) -> Result<Url, NoAccount> {
    let invalid = |why: String| NoAccount::Invalid(format!("the endpoint is no address: {why}"));
    let mut url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(invalid("it must begin with https:// or http://".into()));
    }
    if url.query().is_some() || url.password().is_some() || !url.username().is_empty() {
        return Err(invalid("credentials do not belong into it".into()));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The account that an endpoint names: by its host, or at a bare address by its path.
fn account_of(endpoint: &Url) -> Option<String> {
    let account = match endpoint.host()? {
        Host::Domain(host) if host.contains('.') => host.split('.').next()?.to_owned(),
        _ => endpoint.path().rsplit('/').next()?.to_owned(),
    };
    (!account.is_empty()).then_some(account)
}

pub(super) fn is_loopback(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The parts of a connection string.
#[derive(Default)]
struct Connection {
    account: Option<String>,
    key: Option<String>,
    signature: Option<String>,
    endpoint: Option<String>,
    suffix: Option<String>,
}

impl Connection {
    fn parse(text: Option<String>) -> Self {
        let mut parts = Self::default();
        for (name, value) in text.iter().flat_map(|text| text.split(';')).filter_map(|part| {
            let (name, value) = part.trim().split_once('=')?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        }) {
            match name.as_str() {
                "accountname" => parts.account = Some(value),
                "accountkey" => parts.key = Some(value),
                "sharedaccesssignature" => parts.signature = Some(value),
                "blobendpoint" => parts.endpoint = Some(value),
                "endpointsuffix" => parts.suffix = Some(value),
                "usedevelopmentstorage" if value.eq_ignore_ascii_case("true") => {
                    parts.account = Some(EMULATED.into());
                    parts.endpoint = Some(format!("http://127.0.0.1:10000/{EMULATED}"));
                }
                _ => {}
            }
        }
        parts
    }

    fn suffix(&self) -> &str {
        self.suffix.as_deref().unwrap_or("core.windows.net")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(
        account: Option<&str>,
        endpoint: Option<&str>,
        environment: &[(&str, &str)],
    ) -> Result<Account, NoAccount> {
        let given = Given {
            account: account.map(Into::into),
            endpoint: endpoint.map(Into::into),
            credential: Credential::Environment,
        };
        let variable = |name: &str| {
            environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        Account::find(&given, &variable)
    }

    fn shown(account: &Account) -> (String, String) {
        (account.name.clone(), account.endpoint.to_string())
    }

    fn key(text: &str) -> Credential {
        Credential::Key(Secret::new(text))
    }

    #[test]
    fn an_account_is_found_by_its_name_its_endpoint_or_the_environment() {
        let key_only = ("AZURE_STORAGE_ACCOUNT_KEY", "k");
        let found = find(Some("lab"), None, &[key_only]).unwrap();
        assert_eq!(shown(&found), ("lab".into(), "https://lab.blob.core.windows.net/".into()));
        assert_eq!(found.credential, key("k"));
        let found = find(None, None, &[key_only, ("AZURE_STORAGE_ACCOUNT_NAME", "env")]).unwrap();
        assert_eq!(found.name, "env");
        let far = Some("https://far.blob.core.chinacloudapi.cn/");
        let found = find(None, far, &[key_only, ("AZURE_STORAGE_ACCOUNT_NAME", "env")]).unwrap();
        assert_eq!(found.name, "far");
        let found = find(None, Some("http://127.0.0.1:1/devstoreaccount1"), &[]).unwrap();
        assert_eq!(found.name, "devstoreaccount1");
        assert_eq!(found.credential, key(EMULATED_KEY));
        assert!(is_loopback(&found.endpoint));
    }

    #[test]
    fn a_connection_string_is_understood_and_counts_for_its_own_account() {
        let text = "DefaultEndpointsProtocol=https;AccountName=lab;AccountKey=a+b/c==;\
                    EndpointSuffix=core.usgovcloudapi.net";
        let variable = ("AZURE_STORAGE_CONNECTION_STRING", text);
        let found = find(None, None, &[variable]).unwrap();
        let place = "https://lab.blob.core.usgovcloudapi.net/";
        assert_eq!(shown(&found), ("lab".into(), place.into()));
        assert_eq!(found.credential, key("a+b/c=="));
        let other = find(Some("other"), None, &[variable]).unwrap_err();
        assert!(matches!(other, NoAccount::NoCredentials(_)));
        let local = ("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true");
        let found = find(None, None, &[local]).unwrap();
        assert_eq!(found.endpoint.as_str(), "http://127.0.0.1:10000/devstoreaccount1");
        let signed = (
            "AZURE_STORAGE_CONNECTION_STRING",
            "BlobEndpoint=https://lab.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=x%3D",
        );
        let found = find(None, None, &[signed]).unwrap();
        assert_eq!(found.credential, Credential::Signature("sv=1&sig=x%3D".into()));
        let secrets = found.secrets();
        assert!(secrets.iter().any(|secret| secret.reveal() == "x="));
        assert!(secrets.iter().any(|secret| secret.reveal() == "x%3D"));
    }

    #[test]
    fn a_principal_is_taken_if_it_is_whole() {
        let whole = [
            ("AZURE_CLIENT_ID", "i"),
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_SECRET", "hunter2"),
        ];
        let found = find(Some("lab"), None, &whole).unwrap();
        assert!(matches!(&found.credential, Credential::Principal(all) if all.len() == 3));
        assert_eq!(found.secrets(), [Secret::new("hunter2")]);
        assert!(!format!("{found:?}").contains("hunter2"));
        assert!(find(Some("lab"), None, &whole[..2]).is_err());
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_with_advice() {
        let message = |answer: Result<Account, NoAccount>| match answer.unwrap_err() {
            NoAccount::Invalid(text) | NoAccount::NoCredentials(text) => text,
        };
        assert!(message(find(None, None, &[])).contains("?account=NAME"));
        assert!(message(find(Some("lab"), None, &[])).contains("AZURE_STORAGE_SAS_TOKEN"));
        assert!(message(find(Some("a/b"), None, &[])).contains("letters and digits"));
        for endpoint in ["nowhere", "ftp://host", "https://u:hunter2@h/", "https://h/?sig=hunter2"]
        {
            let text = message(find(Some("lab"), Some(endpoint), &[]));
            assert!(text.contains("no address") && !text.contains("hunter2"), "{text}");
        }
    }
}
