//! The header `Accept-Encoding` (RFC 9110, 12.5.3).

use bigarrays::backend::ContentEncoding;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Whether a client takes a value in this compression. One that says nothing takes none: few that
/// do not ask for a compression know one.
pub(crate) fn accepts(headers: &HeaderMap, encoding: ContentEncoding) -> bool {
    if encoding == ContentEncoding::Identity {
        return true;
    }
    let said = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let mut any = None;
    for part in said.flat_map(|value| value.split(',')) {
        let (token, parameters) = part.split_once(';').unwrap_or((part, ""));
        let token = token.trim().to_ascii_lowercase();
        let wanted = !is_zero(parameters);
        if token == "*" {
            any = Some(wanted);
        } else if !token.is_empty() && ContentEncoding::from_token(&token) == Some(encoding) {
            return wanted;
        }
    }
    any.unwrap_or(false)
}

/// Whether a weight is 0: not at all.
fn is_zero(parameters: &str) -> bool {
    let weight = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>())
    });
    matches!(weight, Some(Ok(weight)) if weight <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(header: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, http::HeaderValue::from_static(header));
        accepts(&headers, ContentEncoding::Gzip)
    }

    #[test]
    fn a_compression_is_taken_by_name_or_by_star() {
        for header in ["gzip", "deflate, GZIP", "x-gzip;q=0.5", "*", "br;q=0, gzip"] {
            assert!(accepted(header), "{header}");
        }
    }

    #[test]
    fn a_compression_that_is_not_named_or_has_no_weight_is_not_taken() {
        for header in ["", "br", "gzip;q=0", "gzip; Q = 0.000, *", "*;q=0", "identity", "gzip2"] {
            assert!(!accepted(header), "{header}");
        }
        assert!(!accepts(&HeaderMap::new(), ContentEncoding::Gzip));
        assert!(accepts(&HeaderMap::new(), ContentEncoding::Identity));
    }
}
