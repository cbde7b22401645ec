//! Doors for the fuzz targets.

use bigarrays_core::backend::{ByteRange, Operation};
use bigarrays_core::key::Prefix;

use super::credentials::{Found, take_secret};
use super::failure::{Failure, refusal};
use super::list::understand;
use super::place::Place;
use super::reply::{Reply, condition};
use super::{ini, read, xml};
use crate::fuzzing::{Answer, check_error};

fn check<T>(place: &Place, result: Result<T, Failure>) -> Option<T> {
    result.map_err(|failure| check_error(&failure.of(place, Operation::Get))).ok()
}

/// Reads what the server answers: as a value, a part of one, a listing, a refusal.
///
/// # Panics
/// If another part is taken for the one asked for, a key is not below what was listed, or an error
/// is long.
pub fn answer(input: &[u8]) {
    let Some(Answer { status, range, headers, body }) = Answer::new(input) else { return };
    let Ok(prefix) = Prefix::new("em/") else { return };
    let Ok(place) = Place::new(None, "bucket", prefix) else { return };
    let reply = Reply { status, headers, body };
    if let Some(part) = check(&place, read::cut(&reply, &range)) {
        assert!(part.len() <= reply.body.len());
        if let ByteRange::Bounded(asked) = range {
            assert!(part.len() as u64 <= asked.end - asked.start, "more than was asked for");
        }
    }
    let _ = (reply.request_id(), reply.region(), reply.content_length(), xml::root(&reply.body));
    let _ = check(&place, reply.encoding());
    if let Some(message) = reply.message() {
        assert!(!message.contains('\n') && message.len() < 2000, "{message:?}");
    }
    if let Some((etag, state)) = reply.version().as_ref().and_then(condition) {
        assert!(!etag.is_empty() && etag != "*", "{etag:?} holds for every state");
        assert!(!state.is_empty());
    }
    let Ok(below) = Prefix::new("8_8_40/") else { return };
    for (below, token) in [(Prefix::root(), None), (below, Some("page".to_owned()))] {
        let page = understand(&place, &reply.body, &below, token.clone());
        let Some(page) = check(&place, page) else { continue };
        assert!(page.next.is_none() || page.next != token, "the same page for ever");
        assert!(page.metas.iter().all(|meta| below.contains(&meta.key)), "a key elsewhere");
    }
    check_error(&refusal(&reply, &place, false).of(&place, Operation::Get));
}

/// Reads the files in which others keep credentials: a profile, and CloudVolume's JSON.
///
/// # Panics
/// If half of a pair is taken for credentials.
pub fn credentials(input: &[u8]) {
    let mut found = Found::default();
    assert_eq!(take_secret(input, &mut found), found.credentials.is_some());
    let Ok(text) = std::str::from_utf8(input) else { return };
    for name in ["aws_access_key_id", "aws_secret_access_key", "region", "endpoint_url"] {
        for section in ["default", "profile lab"] {
            let value = ini::value(text, section, name);
            assert!(value.is_none_or(|value| !value.is_empty() && text.contains(&value)));
        }
    }
}
