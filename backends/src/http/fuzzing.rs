//! A door for the fuzz targets.

use std::time::Duration;

use bigarrays_core::backend::Operation;

use super::address::Address;
use super::failure::{refused, unknown_encoding};
use super::{date, headers, request};
use crate::fuzzing::{Answer, check_error};
use crate::remote::retry_after;

/// Reads what the answer of a web server says of a value.
///
/// # Panics
/// If a range is believed that is not the one asked for, or an error is long.
pub fn answer(input: &[u8]) {
    let Some(Answer { status, range, headers, body }) = Answer::new(input) else { return };
    if let Some(told) = headers::content_range(&headers) {
        if let Some((first, last)) = told.span {
            assert!(first <= last && told.total.is_none_or(|total| last < total), "{told:?}");
        }
        if let Some((len, total)) = request::matching(&range, told) {
            let span = told.span.map(|(first, last)| last - first + 1);
            assert_eq!((span, told.total), (Some(len), total), "{range:?} {told:?}");
        }
    }
    assert!(retry_after(&headers).is_none_or(|wait| wait <= Duration::from_mins(5)));
    let _ = headers::ends_visibly(&headers, reqwest::Version::HTTP_11);
    let version = headers::version(&headers, headers::length(&headers));
    assert!(version.is_none_or(|version| !version.as_bytes().is_empty()));
    let _ = std::str::from_utf8(&body).map(date::seconds);
    let Ok((at, _)) = Address::parse("http://host/path") else { return };
    if let Err(name) = headers::stored(&headers) {
        check_error(&unknown_encoding(&at, Operation::Get, &name));
    }
    check_error(&refused(&at, Operation::Get, status, &headers));
}
