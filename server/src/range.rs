//! The header `Range` (RFC 9110, 14).

use std::ops::Range;

/// What a request wants of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// From a place to a place, both included, or to the end.
    From(u64, Option<u64>),
    /// The last so many bytes.
    Last(u64),
    /// Something that no value has.
    Malformed,
}

impl Wanted {
    /// What the header says. Several ranges, and other units than bytes, are answered by the whole
    /// value, as a server may.
    pub(crate) fn parse(header: Option<&[u8]>) -> Self {
        let Some(header) = header else { return Self::Whole };
        let Ok(text) = std::str::from_utf8(header) else { return Self::Malformed };
        let Some((unit, ranges)) = text.split_once('=') else { return Self::Malformed };
        if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
            return Self::Whole;
        }
        let Some((first, last)) = ranges.trim().split_once('-') else { return Self::Malformed };
        match (number(first), number(last)) {
            (Some(None), Some(Some(count))) => Self::Last(count),
            (Some(Some(first)), Some(last)) if last.is_none_or(|last| first <= last) => {
                Self::From(first, last)
            }
            _ => Self::Malformed,
        }
    }

    /// The bytes of a value of `len` bytes, half-open; `None` if it has none of them.
    pub(crate) fn within(self, len: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Whole => return Some(0..len),
            Self::From(first, last) => first..last.map_or(len, |last| last.saturating_add(1)),
            Self::Last(count) => len.saturating_sub(count)..len,
            Self::Malformed => return None,
        };
        let range = range.start..range.end.min(len);
        (range.start < range.end).then_some(range)
    }
}

/// `None` for what is no number, `Some(None)` for nothing. A number beyond any length is the
/// longest length.
#[expect(clippy::option_option, reason = "an absent number is not a wrong one")]
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(header: &str, len: u64) -> Option<Range<u64>> {
        Wanted::parse(Some(header.as_bytes())).within(len)
    }

    #[test]
    fn single_ranges_are_clipped_to_the_value() {
        assert_eq!(within("bytes=0-4", 10), Some(0..5));
        assert_eq!(within("bytes=5-", 10), Some(5..10));
        assert_eq!(within("bytes=8-99999999999999999999999", 10), Some(8..10));
        assert_eq!(within("bytes=-3", 10), Some(7..10));
        assert_eq!(within("Bytes = 2 - 3", 10), Some(2..4));
        assert_eq!(within("bytes=-30", 10), Some(0..10));
    }

    #[test]
    fn what_no_value_has_is_not_satisfiable() {
        for header in [
            "bytes=10-",
            "bytes=-0",
            "bytes=5-4",
            "bytes=",
            "bytes=-",
            "bytes",
            "bytes=a-b",
            "bytes=1--2",
            "bytes=+1-2",
            "bytes=\u{661}-",
        ] {
            assert_eq!(within(header, 10), None, "{header}");
        }
        assert_eq!(within("bytes=0-", 0), None);
        assert_eq!(Wanted::parse(Some(&[0xff, b'='])), Wanted::Malformed);
    }

    #[test]
    fn several_ranges_and_other_units_are_the_whole() {
        for header in ["bytes=0-1,3-4", "rows=1-2"] {
            assert_eq!(within(header, 10), Some(0..10), "{header}");
        }
        assert_eq!(Wanted::parse(None), Wanted::Whole);
    }
}
