//! Doors to what parses bytes that others wrote, for the fuzz targets; nothing here is an API.
//!
//! Each function takes one input and panics if the parser breaks a promise. An answer of a server
//! is an input of this form:
//!
//! | byte | what it chooses |
//! |---|---|
//! | 0 | the status: 200, 206, 308, 404, 412, 503, `byte % 6` |
//! | 1 | what was asked for: all, from, the last, a range, `byte % 4` |
//! | 2, 3 | the numbers of that |
//! | 4.. | headers, one a line, an empty line, and the body |

#[cfg(feature = "remote")]
pub(crate) use remote::Answer;

#[cfg(feature = "gcs")]
pub use crate::gcs::fuzzing::{answer as gcs_answer, credentials as gcs_credentials};
#[cfg(feature = "hdf5")]
pub use crate::hdf5::cuboids::fuzzing::{config as hdf5_config, name as hdf5_name};
#[cfg(feature = "hdf5")]
pub use crate::hdf5::direct::fuzzing::file as hdf5_file;
#[cfg(feature = "http")]
pub use crate::http::fuzzing::answer as http_answer;
#[cfg(feature = "s3")]
pub use crate::s3::fuzzing::{answer as s3_answer, credentials as s3_credentials};
#[cfg(feature = "hdf5")]
pub use crate::sections::fuzzing::registry as sections_registry;

/// The longest text of an error, whatever bytes it is about.
#[cfg(any(feature = "remote", feature = "hdf5"))]
const LONGEST: usize = 2000;

/// Checks that an error can be shown on a screen.
#[cfg(any(feature = "remote", feature = "hdf5"))]
pub(crate) fn check_error(error: &dyn std::error::Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        let shown = error.to_string();
        assert!(!shown.is_empty() && shown.len() < LONGEST, "an error of {} bytes", shown.len());
        next = error.source();
    }
}

#[cfg(feature = "remote")]
mod remote {
    use bigarrays_core::backend::ByteRange;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    const STATUS: [u16; 6] = [200, 206, 308, 404, 412, 503];

    /// What a server answers, and what it was asked for.
    pub(crate) struct Answer {
        pub(crate) status: StatusCode,
        pub(crate) range: ByteRange,
        pub(crate) headers: HeaderMap,
        pub(crate) body: Bytes,
    }

    impl Answer {
        /// Takes an input apart; lines that are no headers are passed over.
        pub(crate) fn new(input: &[u8]) -> Option<Self> {
            let ([status, kind, start, len], rest) = input.split_first_chunk()?;
            let status = STATUS[usize::from(*status) % STATUS.len()];
            let (start, len) = (u64::from(*start), u64::from(*len));
            let range = match kind % 4 {
                0 => ByteRange::Full,
                1 => ByteRange::From(start),
                2 => ByteRange::Suffix(len),
                _ => ByteRange::Bounded(start..start + len),
            };
            let end = rest.windows(2).position(|pair| pair == b"\n\n");
            let (head, body) = match end {
                Some(end) => (&rest[..end], &rest[end + 2..]),
                None => (rest, &[][..]),
            };
            let mut headers = HeaderMap::new();
            for line in head.split(|byte| *byte == b'\n') {
                let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
                let name = HeaderName::from_bytes(&line[..colon]);
                let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
                if let (Ok(name), Ok(value)) = (name, value) {
                    let _ = headers.try_append(name, value);
                }
            }
            let status = StatusCode::from_u16(status).unwrap_or_default();
            Some(Self { status, range, headers, body: Bytes::copy_from_slice(body) })
        }
    }
}
