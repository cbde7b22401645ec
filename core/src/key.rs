//! Names of values in a store.
//!
//! A [`Key`] is a relative path of `/`-separated components, checked once at the border so that
//! no store ever sees `..`, an empty component, a NUL byte or an absolute path.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Longest key in bytes (the limit of S3 and Google Cloud Storage).
pub const MAX_KEY_LEN: usize = 1024;
/// Longest component of a key in bytes (the limit of common file systems).
pub const MAX_COMPONENT_LEN: usize = 255;

/// A validated name of one value in a store, such as `8_8_40/0-64_0-64_0-64`.
///
/// Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// The beginning of keys: empty (every key), or whole components ending in `/`.
///
/// A prefix names a directory: `a/` holds `a/b` and `a/b/c` but not `ab`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Prefix(String);

/// Why a string is not a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {text:?} as a key: {reason}")]
pub struct InvalidKey {
    /// The refused text.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > MAX_KEY_LEN {
        return Err("it is longer than 1024 bytes");
    }
    for component in text.split('/') {
        match component {
            "" => return Err("it has an empty component (a leading, trailing or double slash)"),
            "." | ".." => {
                return Err("it has a `.` or `..` component, which could leave the store");
            }
            _ => {}
        }
        if component.len() > MAX_COMPONENT_LEN {
            return Err("a component is longer than 255 bytes");
        }
        if component.contains('\0') {
            return Err("it contains a NUL byte");
        }
    }
    Ok(())
}

impl Key {
    /// Checks `text` and makes it a key.
    ///
    /// # Errors
    /// [`InvalidKey`] for an empty text, a leading, trailing or double slash, `.` and `..`
    /// components, NUL bytes, components over 255 bytes and keys over 1024 bytes.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidKey> {
        let text = text.as_ref();
        match check(text) {
            Ok(()) => Ok(Self(Arc::from(text))),
            Err(reason) => Err(InvalidKey { text: text.to_owned(), reason }),
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key below `prefix`.
    ///
    /// # Errors
    /// [`InvalidKey`] if the joined key is too long.
    pub fn under(&self, prefix: &Prefix) -> Result<Self, InvalidKey> {
        if prefix.is_root() { Ok(self.clone()) } else { Self::new(format!("{prefix}{self}")) }
    }

    /// What remains after `prefix`, or `None` if the key is not below it.
    #[must_use]
    pub fn strip(&self, prefix: &Prefix) -> Option<Self> {
        if prefix.is_root() {
            return Some(self.clone());
        }
        // The rest of a valid key after whole components is itself valid.
        self.0.strip_prefix(prefix.as_str()).map(|rest| Self(Arc::from(rest)))
    }
}

impl Prefix {
    /// The prefix of every key.
    #[must_use]
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Checks `text` (a directory, with or without its trailing slash; empty = all keys).
    ///
    /// # Errors
    /// [`InvalidKey`] by the rules of [`Key::new`].
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidKey> {
        let text = text.as_ref();
        let bare = text.strip_suffix('/').unwrap_or(text);
        if bare.is_empty() && text.is_empty() {
            return Ok(Self::root());
        }
        check(bare).map_err(|reason| InvalidKey { text: text.to_owned(), reason })?;
        Ok(Self(format!("{bare}/")))
    }

    /// Whether this is the prefix of every key.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The prefix as text: empty, or ending in `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `key` lies below this prefix.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        key.as_str().starts_with(&self.0)
    }

    /// This prefix below another one.
    ///
    /// # Errors
    /// [`InvalidKey`] if the joined prefix is too long.
    pub fn under(&self, parent: &Self) -> Result<Self, InvalidKey> {
        Self::new(format!("{parent}{self}"))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Key {
    type Error = InvalidKey;
    fn try_from(text: &str) -> Result<Self, InvalidKey> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_names_and_unicode_are_keys() {
        for text in ["info", "8_8_40/-13-3_7-23_-64--56", "a/b c/ü/%2e%2e", "..a/b.."] {
            assert_eq!(Key::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        let long = "x".repeat(256);
        let longer = vec!["x".repeat(255); 5].join("/");
        for text in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a\0b", &long, &longer] {
            assert!(Key::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_prefix_is_a_directory_and_not_a_string_prefix() {
        let prefix = Prefix::new("a").unwrap();
        assert!(prefix.contains(&Key::new("a/b").unwrap()));
        assert!(!prefix.contains(&Key::new("ab").unwrap()));
        assert_eq!(Key::new("a/b/c").unwrap().strip(&prefix).unwrap().as_str(), "b/c");
        assert_eq!(Key::new("b/c").unwrap().under(&prefix).unwrap().as_str(), "a/b/c");
        assert!(Prefix::new("/").is_err());
    }
}
