//! States of values as entity tags (RFC 9110, 8.8.3), for readers and for the gateway.

use bigarrays::backend::Version;

/// In what form a value is sent: two forms of one state are two tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is stored.
    Stored,
    /// Without the compression that it is stored with.
    Decompressed,
}

/// The tag of a state, without quotes. Never of 32 digits: those of S3 clients who know that a tag
/// may be an MD5 sum would compare it.
pub(crate) fn tag(version: &Version, form: Form) -> String {
    let mut tag = String::from(match form {
        Form::Stored => "v",
        Form::Decompressed => "d",
    });
    for byte in version.as_bytes() {
        tag.push(digit(byte >> 4));
        tag.push(digit(byte & 15));
    }
    tag
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

/// The state of a stored value with this tag, or `None` if there can be none.
pub(crate) fn version(tag: &str) -> Option<Version> {
    let digits = tag.strip_prefix('v')?.as_bytes();
    let value =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect();
    bytes.filter(|_| rest.is_empty()).map(|bytes| Version::new(&bytes))
}

/// Whether a header such as `If-None-Match` names a tag. A weak tag counts as the tag.
pub(crate) fn names(header: &str, tag: Option<&str>) -> bool {
    let mut candidates = header.split(',').map(str::trim);
    candidates.any(|candidate| {
        let candidate = candidate.strip_prefix("W/").unwrap_or(candidate);
        candidate == "*" || tag.is_some_and(|tag| candidate.trim_matches('"') == tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_state_and_a_form() {
        let state = Version::new(&[0, 0x1f, 0xff]);
        assert_eq!(tag(&state, Form::Stored), "v001fff");
        assert_eq!(version("v001fff"), Some(state.clone()));
        assert_ne!(tag(&state, Form::Stored), tag(&state, Form::Decompressed));
        for other in ["", "001f", "v0", "vzz", "d00", "v0\u{e9}"] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn headers_name_one_tag_several_or_all() {
        assert!(names("\"v01\"", Some("v01")));
        assert!(names("\"x\", W/\"v01\"", Some("v01")));
        assert!(names("*", None));
        assert!(!names("\"v02\"", Some("v01")));
        assert!(!names("\"v01\"", None));
    }
}
