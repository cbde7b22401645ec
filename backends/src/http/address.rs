//! From keys to URLs.

use std::fmt;

use bigarrays_core::Key;
use url::Url;

use crate::remote::Secret;

/// Where a volume is on the web.
///
/// `Display` and `Debug` show neither user nor password nor parameters.
#[derive(Clone)]
pub(super) struct Address {
    /// Without user, parameters and fragment; its path does not end in a slash.
    base: Url,
    query: Option<Secret>,
}

/// A user and a password.
pub(super) type Login = (String, Secret);

/// What a path may hold as it is, beside letters and digits. A plus sign is not among them: some
/// servers take it for a space.
const LITERAL: &[u8] = b"-._~!$&'()*,;=:@";

impl Address {
    /// Takes a URL apart. The errors do not quote it.
    pub(super) fn parse(text: &str) -> Result<(Self, Option<Login>), String> {
        let mut base = Url::parse(text).map_err(|error| error.to_string())?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(format!("{}:// is not a web address", base.scheme()));
        }
        let login = match (base.username(), base.password()) {
            ("", None) => None,
            (user, password) => {
                let password = Secret::new(decoded(password.unwrap_or_default()));
                Some((decoded(user), password))
            }
        };
        let query = base.query().filter(|query| !query.is_empty()).map(Secret::new);
        base.set_query(None);
        base.set_fragment(None);
        // Both fail only for URLs that have no host.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        Ok((Self { base, query }, login))
    }

    /// Parameters that are sent with each request, beside those of the URL.
    pub(super) fn add_query(&mut self, name: &str, value: &str) {
        let before = self.query.as_ref().map_or("", Secret::reveal);
        let mut pairs = url::form_urlencoded::Serializer::new(before.to_owned());
        pairs.append_pair(name, value);
        self.query = Some(Secret::new(pairs.finish()));
    }

    /// The URL of a value.
    pub(super) fn of(&self, key: &Key) -> Url {
        let mut url = self.base.clone();
        let path = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{path}/{}", encoded(key.as_str())));
        url.set_query(self.query.as_ref().map(Secret::reveal));
        url
    }
}

/// A key with everything percent-encoded that could mean something else in a URL.
fn encoded(key: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut path = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'/' || LITERAL.contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push(char::from(DIGITS[usize::from(byte >> 4)]));
            path.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    path
}

/// A percent-encoded user or password as it was meant.
fn decoded(text: &str) -> String {
    // The form's decoder would make spaces of plus signs.
    let text = text.replace('+', "%2B");
    let pair = format!("x={}", text.replace('&', "%26"));
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map_or(text, |(_, value)| value.into_owned())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, key: &str) -> String {
        Address::parse(base).unwrap().0.of(&Key::new(key).unwrap()).to_string()
    }

    #[test]
    fn keys_stand_behind_the_path_and_before_the_parameters() {
        let chunk = "8_8_40/0-64_0-64_-64-0";
        for base in ["http://h:1/a/vol", "http://h:1/a/vol/"] {
            assert_eq!(url(base, chunk), "http://h:1/a/vol/8_8_40/0-64_0-64_-64-0");
        }
        assert_eq!(url("https://h", "info"), "https://h/info");
        assert_eq!(url("https://h/v?sig=a%2Bb&x", "mesh/1:0"), "https://h/v/mesh/1:0?sig=a%2Bb&x");
    }

    #[test]
    fn odd_keys_stay_what_they_are() {
        assert_eq!(url("http://h/v", "%2e%2e/a b"), "http://h/v/%252e%252e/a%20b");
        assert_eq!(url("http://h/v", "q?x#f+\\"), "http://h/v/q%3Fx%23f%2B%5C");
        assert_eq!(url("http://h/v", "ü\n"), "http://h/v/%C3%BC%0A");
    }

    #[test]
    fn user_and_password_leave_the_address() {
        let (address, login) = Address::parse("https://me:hun%2Bter+2@h/v?token=hunter2").unwrap();
        let (user, password) = login.unwrap();
        assert_eq!((user.as_str(), password.reveal()), ("me", "hun+ter+2"));
        assert_eq!(format!("{address} {address:?}"), "https://h/v https://h/v");
        assert!(Address::parse("ftp://h/v").unwrap_err().contains("ftp"));
    }
}
