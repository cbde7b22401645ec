//! Where objects are: their names, and the addresses of the requests about them.

use bigarrays_core::key::{Key, Prefix};
use url::{Host, Url};

/// Google's own server.
const GOOGLE: &str = "https://storage.googleapis.com";
/// The longest name of an object, in bytes.
const MAX_NAME_LEN: usize = 1024;
/// How the objects begin with which a server is tried out; no listing shows them.
pub(super) const PROBE: &str = ".bigarrays-probe-";

/// A server that speaks the JSON API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Without a slash at its end.
    base: String,
    /// Whether it is Google's, which honours all of the API and gets the user's tokens.
    pub(super) is_google: bool,
    /// Whether it is on this machine.
    pub(super) is_loopback: bool,
}

impl Endpoint {
    pub(super) fn google() -> Self {
        Self { base: GOOGLE.to_owned(), is_google: true, is_loopback: false }
    }

    /// Understands the address of a server; `http://` may be left out, as it is in
    /// `STORAGE_EMULATOR_HOST`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&text).map_err(|_| "it is not an address")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("it begins with neither http:// nor https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user's name in it; credentials are given apart");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or a fragment");
        }
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err("it names no host"),
        };
        let is_google = url.scheme() == "https"
            && url.host_str().is_some_and(|host| host.ends_with(".googleapis.com"));
        Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), is_google, is_loopback })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.base
    }

    /// Whether an address that the server gave lies at the server itself.
    pub(super) fn is_at(&self, address: &str) -> bool {
        match (Url::parse(&self.base), Url::parse(address)) {
            (Ok(base), Ok(address)) => base.origin() == address.origin(),
            _ => false,
        }
    }
}

/// A bucket of a server, or the part of it below a prefix.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) endpoint: Endpoint,
    pub(super) bucket: String,
    pub(super) prefix: Prefix,
}

impl Place {
    /// The URL that errors quote.
    pub(super) fn name(&self) -> String {
        let (bucket, prefix) = (&self.bucket, self.prefix.as_str().trim_end_matches('/'));
        let slash = if prefix.is_empty() { "" } else { "/" };
        let shown = format!("gs://{bucket}{slash}{prefix}").replace(char::is_control, "\u{fffd}");
        match self.endpoint.is_google {
            true => shown,
            false => format!("{shown}?endpoint={}", self.endpoint.as_str()),
        }
    }

    /// The name of a key's object, or why there can be none.
    pub(super) fn object(&self, key: &str) -> Result<String, &'static str> {
        let name = format!("{}{key}", self.prefix);
        if name.len() > MAX_NAME_LEN {
            return Err("with the prefix of the store it is longer than 1024 bytes");
        }
        if name.contains(['\n', '\r']) {
            return Err("names of objects have no line breaks");
        }
        if name.starts_with(".well-known/acme-challenge/") {
            return Err("Google keeps such names to itself");
        }
        Ok(name)
    }

    /// The key of an object; `None` for names that are no keys, and for the store's own.
    pub(super) fn key(&self, object: &str) -> Option<Key> {
        let key = Key::new(object.strip_prefix(self.prefix.as_str())?).ok()?;
        let last = key.as_str().rsplit('/').next().unwrap_or_default();
        (!last.starts_with(PROBE)).then_some(key)
    }

    pub(super) fn bucket_url(&self) -> String {
        format!("{}/storage/v1/b/{}", self.endpoint.base, self.bucket)
    }

    pub(super) fn objects_url(&self, query: &[(&str, &str)]) -> String {
        with_query(format!("{}/o", self.bucket_url()), query)
    }

    pub(super) fn object_url(&self, name: &str, query: &[(&str, &str)]) -> String {
        with_query(format!("{}/o/{}", self.bucket_url(), encode(name)), query)
    }

    pub(super) fn upload_url(&self, query: &[(&str, &str)]) -> String {
        let (base, bucket) = (&self.endpoint.base, &self.bucket);
        with_query(format!("{base}/upload/storage/v1/b/{bucket}/o"), query)
    }
}

/// Whether a text can be the name of a bucket.
pub(super) fn is_bucket(text: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    (3..=222).contains(&text.len())
        && text.chars().all(known)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn with_query(mut url: String, query: &[(&str, &str)]) -> String {
    for (n, (name, value)) in query.iter().enumerate() {
        url.push(if n == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        url.push_str(&encode(value));
    }
    url
}

/// Percent-encodes all but the characters that mean themselves everywhere in a URL, so that a
/// name is one segment of a path, slashes and line feeds included.
fn encode(text: &str) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut encoded = String::with_capacity(text.len() + 16);
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(DIGITS[usize::from(byte >> 4)]);
            encoded.push(DIGITS[usize::from(byte & 15)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(prefix: &str) -> Place {
        let prefix = Prefix::new(prefix).unwrap();
        Place { endpoint: Endpoint::google(), bucket: "brain".into(), prefix }
    }

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        let url = place("").object_url("a/b +&%=?#'~ü\n", &[("alt", "media"), ("x", "a,b(c)/d")]);
        let object = "a%2Fb%20%2B%26%25%3D%3F%23%27~%C3%BC%0A";
        assert_eq!(
            url,
            format!(
                "https://storage.googleapis.com/storage/v1/b/brain/o/{object}\
                 ?alt=media&x=a%2Cb%28c%29%2Fd"
            )
        );
        assert_eq!(Url::parse(&url).unwrap().as_str(), url);
    }

    #[test]
    fn names_that_google_refuses_are_refused_before_anything_is_sent() {
        let place = place("em/v1");
        assert_eq!(place.object("8_8_40/0-64"), Ok("em/v1/8_8_40/0-64".to_owned()));
        for key in ["a\nb", "a\rb", &"k".repeat(1019)] {
            assert!(place.object(key).is_err(), "{key}");
        }
        let root = self::place("");
        assert!(root.object(".well-known/acme-challenge/x").is_err());
        assert!(root.object(".well-known/other").is_ok());
    }

    #[test]
    fn listings_hide_what_is_no_key_and_what_is_the_stores_own() {
        let place = place("em");
        assert_eq!(place.key("em/a/b").unwrap().as_str(), "a/b");
        for hidden in ["em/", "em/a/", "em//a", "emu/a", "em/.bigarrays-probe-1", "em/x/../a"] {
            assert_eq!(place.key(hidden), None, "{hidden}");
        }
    }

    #[test]
    fn addresses_of_servers_are_understood_or_refused_with_the_reason() {
        let base = |text: &str| Endpoint::parse(text).map(|endpoint| endpoint.base);
        assert_eq!(base("127.0.0.1:4443").as_deref(), Ok("http://127.0.0.1:4443"));
        assert_eq!(base("http://[::1]:9/").as_deref(), Ok("http://[::1]:9"));
        assert_eq!(base("https://host/gcs/").as_deref(), Ok("https://host/gcs"));
        for bad in ["", "ftp://host", "http://me:hunter2@host", "http://host?a=b", "http://host#a"]
        {
            assert!(base(bad).is_err(), "{bad}");
        }
        let is_google = |text: &str| Endpoint::parse(text).unwrap().is_google;
        assert!(is_google("https://storage.googleapis.com"));
        assert!(!is_google("http://storage.googleapis.com"));
        assert!(!is_google("https://googleapis.com.evil.org"));
        assert!(!is_google("https://evilgoogleapis.com"));
    }

    #[test]
    fn addresses_elsewhere_are_told_apart() {
        let endpoint = Endpoint::parse("http://127.0.0.1:1/x").unwrap();
        assert!(endpoint.is_at("http://127.0.0.1:1/upload?upload_id=1"));
        assert!(!endpoint.is_at("http://127.0.0.1:2/upload"));
        assert!(!endpoint.is_at("https://127.0.0.1:1/upload"));
        assert!(!endpoint.is_at("nowhere"));
    }

    #[test]
    fn bucket_names_cannot_leave_their_place_in_a_url() {
        assert!(is_bucket("neuroglancer-public-data") && is_bucket("a.b_c-9"));
        for bad in ["", "ab", "a/b", "..", "a%2f", "Upper", "a?b", "-ab", "ab-", "ü12"] {
            assert!(!is_bucket(bad), "{bad}");
        }
    }
}
