//! Who may use the gateway.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use crate::error::ServeError;

/// Access keys and their secrets.
#[derive(Clone)]
pub struct Credentials(BTreeMap<String, String>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Credentials {
    /// One pair.
    #[must_use]
    pub fn one(access_key: &str, secret_key: &str) -> Self {
        Self(BTreeMap::from([(access_key.to_owned(), secret_key.to_owned())]))
    }

    /// The pairs of a file: an access key and its secret a line, with a space or a colon between
    /// them; empty lines and those that begin with `#` are left out.
    ///
    /// # Errors
    /// [`ServeError::File`] if it cannot be read, or is not such a file.
    pub fn read(path: &Path) -> Result<Self, ServeError> {
        let text = fs::read_to_string(path).map_err(|error| ServeError::file(path, error))?;
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let pairs: Option<BTreeMap<String, String>> = lines
            .map(|line| {
                let (key, secret) = line.split_once([':', ' ', '\t'])?;
                let (key, secret) = (key.trim(), secret.trim());
                (!key.is_empty() && !secret.is_empty()).then(|| (key.to_owned(), secret.to_owned()))
            })
            .collect();
        match pairs {
            Some(pairs) if !pairs.is_empty() => Ok(Self(pairs)),
            _ => Err(ServeError::file(path, "a line is an access key, a space and its secret")),
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret of an access key.
    pub(crate) fn secret(&self, access_key: &str) -> Option<&str> {
        self.0.get(access_key).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_pair_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        fs::write(&path, "# ours\nakey asecret\nbkey:b:secret\n").unwrap();
        let credentials = Credentials::read(&path).unwrap();
        assert_eq!(credentials.secret("akey"), Some("asecret"));
        assert_eq!(credentials.secret("bkey"), Some("b:secret"));
        assert_eq!(format!("{credentials:?}"), r#"{"akey", "bkey"}"#);
        for text in ["", "only", "a:\n"] {
            fs::write(&path, text).unwrap();
            assert!(Credentials::read(&path).is_err(), "{text}");
        }
    }
}
