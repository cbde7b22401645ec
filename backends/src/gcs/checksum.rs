//! CRC32C as the API writes it: base64 of its four bytes, the highest first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

/// The checksum of some bytes.
pub(super) fn crc32c(bytes: &[u8]) -> String {
    STANDARD.encode(crc32c::crc32c(bytes).to_be_bytes())
}

/// The checksum that a server tells of a whole object: `x-goog-hash: crc32c=...,md5=...`.
pub(super) fn told(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all("x-goog-hash").iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).find_map(|hash| hash.trim().strip_prefix("crc32c="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn checksums_are_written_as_the_api_writes_them() {
        // What a server told of an object that holds "hello".
        assert_eq!(crc32c(b"hello"), "mnG7TA==");
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
