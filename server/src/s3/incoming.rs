//! Bodies: how long, and whether they are what their sums say.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use http::HeaderMap;
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};

use super::failure;

/// What a client says its body is.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) md5: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) trailers: Option<TrailingHeaders>,
}

/// A body that is no longer than `limit`, and has the sums that were said before or behind it.
pub(super) async fn read(body: Option<StreamingBlob>, limit: u64, said: Said) -> S3Result<Bytes> {
    let mut bytes = Vec::new();
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(cut)?;
            if bytes.len() as u64 + piece.len() as u64 > limit {
                let message = format!("an object has {limit} bytes at the most here");
                return Err(S3Error::with_message(s3s::S3ErrorCode::EntityTooLarge, message));
            }
            bytes.extend_from_slice(&piece);
        }
    }
    let bytes = Bytes::from(bytes);
    let trailers = said.trailers.and_then(|trailers| trailers.take()).unwrap_or_default();
    check(&bytes, said.md5.as_deref(), [&said.headers, &trailers])?;
    Ok(bytes)
}

/// What ended a body before its end: a sum of a piece of it that is not right, or the client.
fn cut(error: s3s::StdError) -> S3Error {
    match error.downcast::<S3Error>() {
        Ok(error) => *error,
        Err(error) => {
            let text = error.to_string().to_ascii_lowercase();
            match text.contains("signature") {
                true => {
                    s3_error!(SignatureDoesNotMatch, "a piece of the body is not what was signed")
                }
                false => {
                    s3_error!(IncompleteBody, "the body ended before its end, or came too slowly")
                }
            }
        }
    }
}

fn check(bytes: &[u8], md5: Option<&str>, headers: [&HeaderMap; 2]) -> S3Result<()> {
    if let Some(said) = md5 {
        let said = BASE64_STANDARD.decode(said);
        let said = said.map_err(|_| s3_error!(InvalidDigest, "Content-MD5 is a sum in base64"))?;
        if said != Md5::digest(bytes)[..] {
            return Err(s3_error!(BadDigest, "the body is not what Content-MD5 says"));
        }
    }
    let said = |name: &str| headers.iter().find_map(|headers| headers.get(name));
    let mut hasher = ChecksumHasher {
        crc32: said("x-amz-checksum-crc32").map(|_| Crc32::new()),
        crc32c: said("x-amz-checksum-crc32c").map(|_| Crc32c::new()),
        crc64nvme: said("x-amz-checksum-crc64nvme").map(|_| Crc64Nvme::new()),
        sha1: said("x-amz-checksum-sha1").map(|_| Sha1::new()),
        sha256: said("x-amz-checksum-sha256").map(|_| Sha256::new()),
    };
    hasher.update(bytes);
    let sums = hasher.finalize();
    for (name, sum) in [
        ("x-amz-checksum-crc32", &sums.checksum_crc32),
        ("x-amz-checksum-crc32c", &sums.checksum_crc32c),
        ("x-amz-checksum-crc64nvme", &sums.checksum_crc64nvme),
        ("x-amz-checksum-sha1", &sums.checksum_sha1),
        ("x-amz-checksum-sha256", &sums.checksum_sha256),
    ] {
        if let (Some(said), Some(sum)) = (said(name), sum)
            && said.as_bytes() != sum.as_bytes()
        {
            let message = format!("the body is not what {name} says");
            return Err(S3Error::with_message(s3s::S3ErrorCode::BadDigest, message));
        }
    }
    Ok(())
}

/// How a body is compressed, as its header says. `aws-chunked` is how it was sent, and is undone.
pub(super) fn encoding(header: Option<&str>) -> S3Result<bigarrays::backend::ContentEncoding> {
    let tokens = header.unwrap_or_default().split(',').map(str::trim);
    let mut left = tokens.filter(|token| !token.is_empty() && *token != "aws-chunked");
    let token = left.next().unwrap_or_default().to_ascii_lowercase();
    let encoding = bigarrays::backend::ContentEncoding::from_token(&token);
    match (encoding, left.next()) {
        (Some(encoding), None) => Ok(encoding),
        _ => Err(failure::invalid("a store keeps gzip, br, zstd, xz, bzip2, one of them, or none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays::backend::ContentEncoding;
    use http::HeaderValue;

    #[test]
    fn how_a_body_was_sent_is_not_how_it_is_compressed() {
        let of = |text: &str| encoding(Some(text)).ok();
        assert_eq!(of(""), Some(ContentEncoding::Identity));
        assert_eq!(of("aws-chunked"), Some(ContentEncoding::Identity));
        assert_eq!(of("gzip,aws-chunked"), Some(ContentEncoding::Gzip));
        assert_eq!(of("gzip, br"), None);
        assert_eq!(of("deflate"), None);
    }

    #[test]
    fn sums_that_are_not_right_are_refused() {
        let header = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            headers
        };
        let none = HeaderMap::new();
        // Of "123456789": CRC-32 cbf43926, CRC-32C e3069283.
        for (name, right) in
            [("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32c", "4waSgw==")]
        {
            assert!(check(b"123456789", None, [&header(name, right), &none]).is_ok());
            assert!(check(b"123456780", None, [&none, &header(name, right)]).is_err());
        }
        assert!(check(b"", Some("1B2M2Y8AsgTpgAmY7PhCfg=="), [&none, &none]).is_ok());
        assert!(check(b"x", Some("1B2M2Y8AsgTpgAmY7PhCfg=="), [&none, &none]).is_err());
        assert!(check(b"x", Some("?"), [&none, &none]).is_err());
    }
}
