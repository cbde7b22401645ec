//! CRC32C as the API writes it: base64 of its four bytes, the highest first.

use http::HeaderMap;

/// The checksum of some bytes.
pub(super) fn crc32c(bytes: &[u8]) -> String {
    base64(crc32c::crc32c(bytes).to_be_bytes())
}

/// The checksum that a server tells of a whole object: `x-goog-hash: crc32c=...,md5=...`.
pub(super) fn told(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all("x-goog-hash").iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).find_map(|hash| hash.trim().strip_prefix("crc32c="))
}

fn base64([a, b, c, d]: [u8; 4]) -> String {
    const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sixths =
        [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63, d >> 2, (d & 3) << 4];
    let symbol = |sixth: u8| char::from(SYMBOLS[usize::from(sixth)]);
    sixths.into_iter().map(symbol).chain(['=', '=']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn checksums_are_written_as_the_api_writes_them() {
        // What a server told of an object that holds "hello".
        assert_eq!(crc32c(b"hello"), "mnG7TA==");
        assert_eq!(base64([0, 0, 0, 0]), "AAAAAA==");
        assert_eq!(base64([255, 255, 255, 255]), "/////w==");
    }

    #[test]
    fn the_checksum_is_found_among_the_hashes() {
        let mut headers = HeaderMap::new();
        assert_eq!(told(&headers), None);
        headers.append("x-goog-hash", HeaderValue::from_static("md5=XUFAKrxLKna5cZ2REBfFkg=="));
        assert_eq!(told(&headers), None);
        headers.append("x-goog-hash", HeaderValue::from_static("crc32c=mnG7TA=="));
        assert_eq!(told(&headers), Some("mnG7TA=="));
        let both = HeaderValue::from_static("crc32c=AAAAAA==, md5=x");
        headers.insert("x-goog-hash", both);
        assert_eq!(told(&headers), Some("AAAAAA=="));
    }
}
