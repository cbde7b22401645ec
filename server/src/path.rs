//! Paths of requests: a name, and a key behind it.

use std::borrow::Cow;

use bigarrays::Key;
use percent_encoding::percent_decode_str;

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The name of what is served, with the view if one is named.
    pub(crate) name: Cow<'a, str>,
    /// What stands behind it; empty for nothing.
    pub(crate) rest: Cow<'a, str>,
}

/// Takes a path as it was sent apart. `None` for what is not UTF-8 behind its percent signs.
///
/// Each part is decoded once, and what comes out is judged by [`Key::new`]: it refuses `..`, NUL and
/// all else that is no name, in whatever way it was written.
pub(crate) fn split(path: &str) -> Option<Place<'_>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let decode = |text| percent_decode_str(text).decode_utf8().ok();
    Some(Place { name: decode(name)?, rest: decode(rest)? })
}

impl Place<'_> {
    /// The key, if what stands behind the name can be one.
    pub(crate) fn key(&self) -> Option<Key> {
        Key::new(&*self.rest).ok()
    }

    /// The name and the view behind its `@`.
    pub(crate) fn view(&self) -> (&str, Option<&str>) {
        match self.name.split_once('@') {
            Some((name, view)) => (name, Some(view)),
            None => (&self.name, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_name_and_a_key() {
        let place = split("/em@unsharded/8_8_40/0-64_%30-64_0-64").unwrap();
        assert_eq!(place.view(), ("em", Some("unsharded")));
        assert_eq!(place.key().unwrap().as_str(), "8_8_40/0-64_0-64_0-64");
        assert_eq!(split("/em").unwrap().key(), None);
    }

    #[test]
    fn no_spelling_of_an_escape_is_a_key() {
        for path in [
            "/em/../secret",
            "/em/%2e%2e/secret",
            "/em/%2E./secret",
            "/em/a%2f..%2f..%2fsecret",
            "/em//etc/passwd",
            "/em/%2fetc/passwd",
            "/em/a%00b",
            "/em/./info",
            "/em/a/",
            "/em/",
        ] {
            assert_eq!(split(path).and_then(|place| place.key()), None, "{path}");
        }
        assert_eq!(split("/em/%ff%fe"), None);
        // Decoded once: what is left is a name like any other.
        assert_eq!(split("/em/%252e%252e/x").unwrap().key().unwrap().as_str(), "%2e%2e/x");
    }
}
