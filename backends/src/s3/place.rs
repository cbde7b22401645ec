//! Where a store is: server, bucket, and the place in the bucket.

use std::fmt;

use bigarrays_core::key::{InvalidKey, Key, Prefix};
use url::Url;

use crate::remote::unique;

/// Names of the store itself end in a component that begins like this.
const OWN: &str = ".bigarrays-probe-";

/// Server, bucket and prefix. `Display` is a URL that opens the same place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Scheme and host, and a path if the server has one; `None` is Amazon's own.
    pub(super) endpoint: Option<String>,
    pub(super) bucket: String,
    pub(super) prefix: Prefix,
}

impl Place {
    /// Checks a place.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn new(
        endpoint: Option<&str>,
        bucket: &str,
        prefix: Prefix,
    ) -> Result<Self, String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if bucket.is_empty() || !bucket.chars().all(is_name) || bucket.starts_with('.') {
            return Err(format!("{bucket:?} cannot be the name of a bucket"));
        }
        let endpoint = endpoint.map(check_endpoint).transpose()?;
        Ok(Self { endpoint, bucket: bucket.to_owned(), prefix })
    }

    /// Whether the server is Amazon's.
    pub(super) fn is_amazon(&self) -> bool {
        let host = |endpoint: &String| {
            let url = Url::parse(endpoint).ok()?;
            let host = url.host_str()?.to_ascii_lowercase();
            Some(host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
        };
        self.endpoint.as_ref().is_none_or(|endpoint| host(endpoint) == Some(true))
    }

    /// The name of a key in the bucket.
    ///
    /// # Errors
    /// For names of the store itself, those that become too long, and, but for Amazon, those with
    /// a backslash: some servers store them under a slash.
    pub(super) fn name(&self, key: &Key) -> Result<String, InvalidKey> {
        let refuse = |reason| Err(InvalidKey { text: key.to_string(), reason });
        if is_own(key) {
            return refuse("names that begin like this belong to the store itself");
        }
        if key.as_str().contains('\\') && !self.is_amazon() {
            return refuse("it has a backslash, which some servers take for a slash");
        }
        Ok(key.under(&self.prefix)?.as_str().to_owned())
    }

    /// The beginning of the names of all keys below a prefix.
    pub(super) fn beginning(&self, prefix: &Prefix) -> String {
        format!("{}{prefix}", self.prefix)
    }

    /// The key of a name in the bucket; `None` if it is not one of ours: a directory that
    /// somebody marked, a name that is not valid for us, or one of the store itself.
    pub(super) fn key(&self, name: &str) -> Option<Key> {
        let key = Key::new(name.strip_prefix(self.prefix.as_str())?).ok()?;
        (!is_own(&key)).then_some(key)
    }

    /// A name for a value that finds out what the server honours. No key has it.
    pub(super) fn probe(&self) -> String {
        format!("{}{OWN}{}", self.prefix, unique())
    }
}

fn is_own(key: &Key) -> bool {
    let last = key.as_str().rsplit('/').next();
    last.is_some_and(|name| name.starts_with(OWN))
}

fn check_endpoint(text: &str) -> Result<String, String> {
    // What cannot be read as a URL may hold a password anywhere, and is not shown.
    let url = Url::parse(text).map_err(|error| format!("the endpoint is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("the endpoint must begin with http:// or https:// and name a host".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an endpoint has no user and password; give credentials instead".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an endpoint has no ? and no #".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("s3://")?;
        if let Some(endpoint) = &self.endpoint {
            write!(f, "{endpoint}/")?;
        }
        write!(f, "{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint: Option<&str>, prefix: &str) -> Place {
        Place::new(endpoint, "vol", Prefix::new(prefix).unwrap()).unwrap()
    }

    #[test]
    fn keys_are_names_below_the_prefix_and_back() {
        let key = Key::new("8_8_40/0-64").unwrap();
        for (prefix, name) in [("", "8_8_40/0-64"), ("a/b", "a/b/8_8_40/0-64")] {
            let place = place(None, prefix);
            assert_eq!(place.name(&key).unwrap(), name);
            assert_eq!(place.key(name), Some(key.clone()));
        }
        let place = place(None, "a");
        for name in ["a/", "a//b", "ab/c", "b", "a/x/", "a/../b"] {
            assert_eq!(place.key(name), None, "{name}");
        }
        assert_eq!(place.beginning(&Prefix::new("x").unwrap()), "a/x/");
    }

    #[test]
    fn a_backslash_is_for_amazon_only() {
        let key = Key::new("a\\b").unwrap();
        assert_eq!(place(None, "x").name(&key).unwrap(), "x/a\\b");
        assert!(place(Some("http://127.0.0.1:1"), "x").name(&key).is_err());
    }

    #[test]
    fn names_of_the_store_itself_are_no_keys() {
        let place = place(None, "a");
        let probe = place.probe();
        assert!(probe.starts_with("a/.bigarrays-probe-") && probe != place.probe());
        assert_eq!(place.key(&probe), None);
        assert!(place.name(&Key::new(&probe[2..]).unwrap()).is_err());
    }

    #[test]
    fn a_place_shows_as_the_url_that_opens_it() {
        assert_eq!(place(None, "a/b").to_string(), "s3://vol/a/b/");
        let local = place(Some("http://127.0.0.1:1/"), "");
        assert_eq!(local.to_string(), "s3://http://127.0.0.1:1/vol/");
        assert!(!local.is_amazon() && place(None, "").is_amazon());
        assert!(place(Some("https://s3.eu-west-1.amazonaws.com"), "").is_amazon());
        assert!(!place(Some("https://amazonaws.com.example.org"), "").is_amazon());
    }

    #[test]
    fn what_cannot_be_a_place_is_refused_without_showing_secrets() {
        let root = Prefix::root;
        for bucket in ["", "a/b", "a b", "..", "ü"] {
            assert!(Place::new(None, bucket, root()).is_err(), "{bucket}");
        }
        for endpoint in
            ["host", "ftp://host", "http://u:hunter2@h", "http://h?x=hunter2", "http://"]
        {
            let error = Place::new(Some(endpoint), "vol", root()).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
