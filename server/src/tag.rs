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

/// The tag of a state, without quotes: a number and a dash. Clients of S3 take a tag for the MD5
/// sum of the value, unless it has a dash; CloudVolume takes one for the sum of its parts, unless
/// there is nothing behind the dash.
pub(crate) fn tag(version: &Version, form: Form) -> String {
    let mut tag = String::from(match form {
        Form::Stored => "1",
        Form::Decompressed => "d1",
    });
    for byte in version.as_bytes() {
        for place in [100, 10, 1] {
            tag.push(char::from(b'0' + byte / place % 10));
        }
    }
    tag.push('-');
    tag
}

/// The state of a stored value with this tag, or `None` if there can be none.
pub(crate) fn version(tag: &str) -> Option<Version> {
    let digits = tag.strip_prefix('1')?.strip_suffix('-')?.as_bytes();
    let (bytes, rest) = digits.as_chunks::<3>();
    let byte = |digits: &[u8; 3]| {
        let is_number = digits.iter().all(u8::is_ascii_digit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
        digits.parse::<u8>().ok()
    };
    let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
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
        assert_eq!(tag(&state, Form::Stored), "1000031255-");
        assert_eq!(version("1000031255-"), Some(state.clone()));
        assert_ne!(tag(&state, Form::Stored), tag(&state, Form::Decompressed));
        for other in ["", "1", "-", "000031255-", "100-", "1256-", "1+12-", "d1000-", "1\u{e9}0-"] {
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
