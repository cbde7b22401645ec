//! URLs of stores and volumes.
//!
//! `scheme://location?name=value`, or a plain path. CloudVolume's `precomputed://` in front and
//! neuroglancer's `|neuroglancer-precomputed:` behind are accepted and mean nothing more.
//! Locations are taken literally, as CloudVolume does; parameters may be percent-encoded.

use std::fmt;

use bigarrays_core::Prefix;

/// A URL taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    scheme: String,
    location: String,
    parameters: Vec<(String, String)>,
}

/// Why a text is not the URL of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot understand the URL {url:?}: {reason}")]
pub struct InvalidUrl {
    /// The text.
    pub url: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Parameters that every store takes.
const COMMON: [&str; 5] = ["prefix", "checksums", "cache", "cache-age", "cache-size"];

const FORMAT_PREFIX: &str = "precomputed://";
const FORMAT_SUFFIX: &str = "|neuroglancer-precomputed:";

impl StoreUrl {
    /// Takes a URL, or a plain path, apart.
    ///
    /// # Errors
    /// [`InvalidUrl`] if there is nothing behind the scheme, or the data format named in it is
    /// another one.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let invalid = |reason: String| InvalidUrl { url: without_secrets(text), reason };
        let mut rest = text.trim();
        rest = rest.strip_prefix(FORMAT_PREFIX).unwrap_or(rest);
        rest = rest.strip_suffix('/').filter(|cut| cut.ends_with(FORMAT_SUFFIX)).unwrap_or(rest);
        rest = rest.strip_suffix(FORMAT_SUFFIX).unwrap_or(rest);
        for format in ["zarr", "zarr2", "zarr3", "n5", "graphene", "boss"] {
            if rest.strip_prefix(format).is_some_and(|rest| rest.starts_with("://")) {
                return Err(invalid(format!(
                    "{format} volumes are not supported; only neuroglancer precomputed ones are"
                )));
            }
        }
        if rest.is_empty() {
            return Err(invalid("it is empty".into()));
        }
        let Some((scheme, location)) =
            rest.split_once("://").filter(|(scheme, _)| is_scheme(scheme))
        else {
            return Ok(Self {
                scheme: "file".into(),
                location: rest.into(),
                parameters: Vec::new(),
            });
        };
        let (location, query) = location.split_once('?').unwrap_or((location, ""));
        if location.is_empty() {
            return Err(invalid(format!("there is nothing behind {scheme}://")));
        }
        let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { scheme: scheme.to_ascii_lowercase(), location: location.into(), parameters })
    }

    /// The scheme in lower case; `file` for a plain path.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands between `://` and `?`: a path, a bucket and path, a name.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// A parameter behind the `?`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter that is `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, InvalidUrl> {
        match self.parameter(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(said) => Err(self.invalid(format!("{name} is true or false, and not {said:?}"))),
        }
    }

    /// The parameters behind the `?` in their order, without those that every store takes.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, _)| !COMMON.contains(name))
    }

    /// The names of all parameters.
    pub(crate) fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(name, _)| name.as_str())
    }

    /// Refuses parameters that a store does not know, so that a slip is not silently ignored.
    ///
    /// # Errors
    /// [`InvalidUrl`] naming the parameter and those that are known.
    pub fn allow_parameters(&self, known: &[&str]) -> Result<(), InvalidUrl> {
        let unknown = self
            .parameters
            .iter()
            .find(|(name, _)| !COMMON.contains(&name.as_str()) && !known.contains(&name.as_str()));
        match unknown {
            None => Ok(()),
            Some((name, _)) => Err(self.invalid(format!(
                "the parameter {name:?} is not known; {}:// takes {}",
                self.scheme,
                [&COMMON[..1], known, &COMMON[1..]].concat().join(", ")
            ))),
        }
    }

    /// An error about this URL.
    #[must_use]
    pub fn invalid(&self, reason: impl Into<String>) -> InvalidUrl {
        InvalidUrl { url: self.to_string(), reason: reason.into() }
    }

    /// Refuses a bucket with a user before it: whatever stands there is not to be shown as its name.
    #[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
    pub(crate) fn check_bucket(&self, bucket: &str) -> Result<(), InvalidUrl> {
        if bucket.contains(['@', ':']) {
            let reason = "a bucket has no user and password before it; credentials come from the \
                          environment, from files or from code";
            return Err(self.invalid(reason));
        }
        Ok(())
    }

    /// The parameter `prefix`, which every store takes: a place inside the store.
    ///
    /// # Errors
    /// [`InvalidUrl`] if it is not a valid prefix.
    pub fn prefix(&self) -> Result<Prefix, InvalidUrl> {
        let prefix = self.parameter("prefix").unwrap_or_default();
        Prefix::new(prefix).map_err(|error| self.invalid(error.to_string()))
    }

    /// The same URL without some of its parameters.
    #[cfg(all(feature = "fs", unix))]
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        let mut rest = self.clone();
        rest.parameters.retain(|(name, _)| !names.contains(&name.as_str()));
        rest
    }

    /// The same store opened `levels` directories further up, and where the volume lies in it;
    /// `None` if there is no way up.
    #[must_use]
    pub(crate) fn up(&self, levels: usize) -> Option<(Self, Prefix)> {
        let mut parent = self.clone();
        if let Some(prefix) = self.parameter("prefix") {
            // The whole prefix becomes the volume's place: its parents are reachable then.
            let root = Prefix::new(prefix).ok()?;
            parent.parameters.retain(|(name, _)| name != "prefix");
            return Some((parent, root));
        }
        // A server in front of the path is no directory, and its user no name of one.
        let (server, path) = self.location.split_at(server_len(&self.location));
        let mut path: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        if path.len() <= levels {
            return None;
        }
        let root = path.split_off(path.len() - levels).join("/");
        parent.location = match path.join("/") {
            top if top.is_empty() => format!("{server}/"),
            path => format!("{server}{path}"),
        };
        Some((parent, Prefix::new(root).ok()?))
    }
}

/// How long `http://host` is in front of a location; 0 where there is no such thing.
fn server_len(location: &str) -> usize {
    match location.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        Some((scheme, rest)) => {
            scheme.len() + "://".len() + rest.split('/').next().unwrap_or_default().len()
        }
        None => 0,
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
}

/// What stands instead of a secret.
const HIDDEN: &str = "***";

/// Whether a parameter of this name lets its holder in: signatures, tokens, keys.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let whole = ["sig", "signature", "token", "key", "auth", "password", "credential"];
    let part = ["secret", "token", "signature", "password", "credential", "api_key", "apikey"];
    whole.contains(&name.as_str()) || part.iter().any(|part| name.contains(part))
}

/// Where a colon in the place of a host can only be before a port, or in a password.
const NETWORK: [&str; 5] = ["http", "https", "s3", "gs", "az"];

/// The value of a parameter as it is shown: no secret, and no user of another address.
fn shown_value(name: &str, value: &str) -> String {
    if is_secret(name) {
        HIDDEN.to_owned()
    } else if name == "endpoint" || value.contains("://") {
        without_user("http", value)
    } else {
        value.to_owned()
    }
}

/// Whether all parameters belong to a server: one without a value may be a token itself.
fn is_web(scheme: &str) -> bool {
    NETWORK[..2].iter().any(|known| known.eq_ignore_ascii_case(scheme))
}

/// A location without the user and password that may stand before its host, also where the
/// password has characters that should have been encoded.
fn without_user(scheme: &str, location: &str) -> String {
    // Other URLs may stand behind the first scheme.
    let (mut scheme, mut rest) = (scheme, location);
    while let Some((next, behind)) = rest.split_once("://").filter(|(next, _)| is_scheme(next)) {
        (scheme, rest) = (next, behind);
    }
    let front = &location[..location.len() - rest.len()];
    let host = rest.split('/').next().unwrap_or_default();
    if let Some((user, _)) = host.rsplit_once('@') {
        return format!("{front}{HIDDEN}{}", &rest[user.len()..]);
    }
    let is_network = NETWORK.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    match rest.rsplit_once('@') {
        _ if !is_network || !is_cut_password(host) => location.to_owned(),
        Some((_, behind)) => format!("{front}{HIDDEN}@{behind}"),
        None => format!("{front}{HIDDEN}"),
    }
}

/// Whether what should be a host is a user and the beginning of a password: a colon stands in it,
/// and no port behind.
fn is_cut_password(host: &str) -> bool {
    let port = host.rsplit_once(':').filter(|_| !host.starts_with('['));
    port.is_some_and(|(_, port)| !port.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Any text that was meant as a URL, fit to be shown: passwords and signatures are `***`.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let (location, query) = text.split_once('?').unwrap_or((text, ""));
    let shown = match location.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", without_user(scheme, rest)),
        None => location.to_owned(),
    };
    // The query is the rest of a password then.
    let query = if shown.ends_with(HIDDEN) && !query.is_empty() { HIDDEN } else { query };
    let is_web = is_web(shown.split_once("://").map_or("", |(scheme, _)| scheme));
    let hide = |pair: &str| {
        let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
        match (decoded, pair.split_once('=')) {
            (Some((name, value)), Some((raw, _))) => match shown_value(&name, &value) {
                shown if shown == value => pair.to_owned(),
                shown => format!("{raw}={shown}"),
            },
            (_, None) if is_web && !pair.is_empty() => HIDDEN.to_owned(),
            _ => pair.to_owned(),
        }
    };
    match query {
        "" => shown,
        query => format!("{shown}?{}", query.split('&').map(hide).collect::<Vec<_>>().join("&")),
    }
}

/// The URL without secrets: they are shown as `***`.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = without_user(&self.scheme, &self.location);
        write!(f, "{}://{shown}", self.scheme)?;
        if shown.ends_with(HIDDEN) && !self.parameters.is_empty() {
            write!(f, "?{HIDDEN}")?;
        } else if !self.parameters.is_empty() {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &self.parameters {
                match value.as_str() {
                    "" if is_web(&self.scheme) => query.append_key_only(HIDDEN),
                    value => query.append_pair(name, &shown_value(name, value)),
                };
            }
            write!(f, "?{}", query.finish())?;
        }
        Ok(())
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String) {
        let url = StoreUrl::parse(text).unwrap();
        (url.scheme, url.location)
    }

    #[test]
    fn plain_paths_and_urls_and_format_marks_are_understood() {
        let file = |path: &str| ("file".to_owned(), path.to_owned());
        assert_eq!(parts("/data/volume"), file("/data/volume"));
        assert_eq!(parts("rel/vol?x"), file("rel/vol?x"));
        assert_eq!(parts("file:///data/volume/"), file("/data/volume/"));
        assert_eq!(parts("precomputed://file:///d/v"), file("/d/v"));
        assert_eq!(parts("file:///d/v|neuroglancer-precomputed:"), file("/d/v"));
        assert_eq!(parts("file:///d/v|neuroglancer-precomputed:/"), file("/d/v"));
        assert_eq!(parts("SQLite://rel.db"), ("sqlite".into(), "rel.db".into()));
        assert_eq!(parts("mem://a/b"), ("mem".into(), "a/b".into()));
        let url = StoreUrl::parse("sqlite:///f.db?prefix=a%20b/c&x=1").unwrap();
        assert_eq!((url.location(), url.parameter("prefix")), ("/f.db", Some("a b/c")));
        assert_eq!(StoreUrl::parse(&url.to_string()).unwrap(), url);
    }

    #[test]
    fn what_is_not_a_volume_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("sqlite://", "nothing behind"),
            ("zarr://gs://b/x", "zarr volumes are not supported"),
        ] {
            let error = StoreUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let url = StoreUrl::parse("sqlite://f?perfix=a").unwrap();
        let error = url.allow_parameters(&["durability"]).unwrap_err().to_string();
        assert!(error.contains("\"perfix\"") && error.contains("prefix, durability"), "{error}");
    }

    #[test]
    fn passwords_and_signatures_show_nowhere() {
        for text in [
            "https://user:hunter2@host/volume",
            "s3://http://me:hunter2@127.0.0.1:1/bucket/a",
            "https://host/volume?X-Amz-Signature=hunter2&a=1",
            "az://container/a?sig=hunter2",
            "h5://u:hunter2@x",
            "https://me:hunter2@gs://",
            "https://me:pass/hunter2@host/volume",
            "https://me:hunter2/x@host/volume",
            "https://me:pass?hunter2@host/volume",
            "https://me:hunter2?word@host/volume",
            "gs://s3://http://me:hunter2@host/volume",
            "https://host/volume?hunter2",
            "s3://vol/em?endpoint=http://me:hunter2@host",
            "gs://vol/em?endpoint=http%3A%2F%2Fme%3Ahunter2%40host&prefix=a",
            "az://vol/em?endpoint=me:hunter2@host",
            "https://host/volume?X-Amz-Signatur%65=hunter2",
        ] {
            let url = StoreUrl::parse(text).unwrap();
            let error = url.invalid("no").to_string();
            let shown = format!("{url} {url:?} {error} {}", without_secrets(text));
            assert!(!shown.contains("hunter2") && shown.contains("***"), "{shown}");
        }
        let error = StoreUrl::parse("zarr://u:hunter2@host/a?token=hunter2").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        for plain in [
            "s3://bucket/a@b?prefix=c",
            "http://[::1]:80/a@b",
            "http://host:8080/a@b?c=d",
            "s3://http://host:80/vol",
            "file://a:b/c",
        ] {
            assert_eq!(without_secrets(plain), plain);
            assert_eq!(StoreUrl::parse(plain).unwrap().to_string(), plain);
        }
    }

    #[test]
    fn a_store_further_up_knows_where_the_volume_was() {
        let up = |text: &str, levels| {
            StoreUrl::parse(text)
                .unwrap()
                .up(levels)
                .map(|(url, root)| (url.to_string(), root.to_string()))
        };
        assert_eq!(up("/data/set/vol", 1), Some(("file:///data/set".into(), "vol/".into())));
        assert_eq!(up("file:///vol/", 1), Some(("file:///".into(), "vol/".into())));
        assert_eq!(
            up("sqlite:///f.db?prefix=a/b", 1),
            Some(("sqlite:///f.db".into(), "a/b/".into()))
        );
        assert_eq!(up("vol", 1), None);
        assert_eq!(
            up("s3://http://host:1/bucket/vol", 1),
            Some(("s3://http://host:1/bucket".into(), "vol/".into()))
        );
        assert_eq!(up("s3://http://me:hunter2@host", 1), None);
    }
}
