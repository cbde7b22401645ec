//! Keys and prefixes as paths of `object_store`, which keep every byte or are refused.

use bigarrays_core::key::{InvalidKey, Key, Prefix};
use object_store::path::Path;

use super::options::Dialect;

/// The path of a key.
pub(super) fn of_key(key: &Key, dialect: Dialect) -> Result<Path, InvalidKey> {
    of(key.as_str(), dialect)
}

/// The path of a prefix; `None` for that of all keys.
pub(super) fn of_prefix(prefix: &Prefix, dialect: Dialect) -> Result<Option<Path>, InvalidKey> {
    let text = prefix.as_str().trim_end_matches('/');
    if text.is_empty() { Ok(None) } else { of(text, dialect).map(Some) }
}

fn of(text: &str, dialect: Dialect) -> Result<Path, InvalidKey> {
    let invalid = |reason| InvalidKey { text: text.to_owned(), reason };
    if let Some(reason) = forbidden(text, dialect) {
        return Err(invalid(reason));
    }
    match Path::parse(text) {
        Ok(path) if path.as_ref() == text => Ok(path),
        Ok(_) => Err(invalid("object_store would change it")),
        Err(_) => Err(invalid("object_store refuses it: it has control characters")),
    }
}

#[cfg(feature = "azure")]
fn forbidden(text: &str, dialect: Dialect) -> Option<&'static str> {
    if dialect == Dialect::Any {
        return None;
    }
    if text.contains('\\') {
        return Some("Azure takes a backslash for a slash");
    }
    if text.split('/').any(|component| component.ends_with('.')) {
        return Some("Azure drops the dot at the end of a component");
    }
    let unnamed = |c| matches!(c, '\u{80}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    text.contains(unnamed).then_some("Azure refuses control characters")
}

#[cfg(not(feature = "azure"))]
const fn forbidden(_text: &str, _dialect: Dialect) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str, dialect: Dialect) -> Option<String> {
        let key = Key::new(key).unwrap();
        of_key(&key, dialect).ok().map(|path| path.as_ref().to_owned())
    }

    #[test]
    fn a_key_is_kept_verbatim_or_refused() {
        for key in ["8_8_40/0-64_0-64_0-64", "a%2Fb/%", "ü/ 日 ", "q?x#f&*[]{}\"'", "dot.", "b\\"]
        {
            assert_eq!(path(key, Dialect::Any).as_deref(), Some(key));
        }
        for key in ["tab\there", "line\nbreak", "a/\u{7f}"] {
            assert_eq!(path(key, Dialect::Any), None);
        }
    }

    #[cfg(feature = "azure")]
    #[test]
    fn what_azure_would_change_is_refused() {
        for key in ["b\\c", "dot./a", "a/dot.", "\u{81}", "\u{ffff}"] {
            assert_eq!(path(key, Dialect::Azure), None);
        }
        assert!(path(".hidden/..dots", Dialect::Azure).is_some());
    }
}
