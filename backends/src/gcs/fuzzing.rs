//! Doors for the fuzz targets.

use std::sync::LazyLock;

use bigarrays_core::backend::Operation;
use bigarrays_core::key::Prefix;
use reqwest::Client;

use super::document::{Document, generation};
use super::failure::Failure;
use super::list::understand;
use super::place::{Endpoint, Place};
use super::source::{Source, given};
use super::tokens::token_of;
use super::wire::Answer;
use super::{read, resumable};
use crate::fuzzing::check_error;

fn check<T>(result: Result<T, Failure>) -> Option<T> {
    result.map_err(|failure| check_error(&failure.of("gs://bucket", Operation::Get))).ok()
}

/// Reads what the server answers: as a value, a part of one, a listing, a token, a refusal.
///
/// # Panics
/// If another part is taken for the one asked for, a key is not below what was listed, or an error
/// is long.
pub fn answer(input: &[u8]) {
    let Some(told) = crate::fuzzing::Answer::new(input) else { return };
    let crate::fuzzing::Answer { status, range, headers, body } = told;
    let answer = Answer { status, headers, body };
    if let Some(part) = check(read::part(&answer, &range)) {
        assert_eq!(part, answer.body, "a part is all that was sent");
    }
    let _ = check(read::whole(&answer));
    let _ = check(read::stored_encoding(&answer));
    if let Some(mark) = read::mark(&answer) {
        assert!(!mark.to_string().is_empty());
    }
    assert!(check(resumable::position(&answer, 1000)).is_none_or(|at| at <= 1000));
    if let Some(document) = check(Document::parse(&answer.body)) {
        let known = generation(&document.version());
        assert!(document.generation == 0 || known == Some(document.generation));
        let _ = check(document.encoding());
    }
    let Ok(prefix) = Prefix::new("em/") else { return };
    let place = Place { endpoint: Endpoint::google(), bucket: "b".into(), prefix };
    for (below, from) in [("em/", None), ("em/8_8_40/", Some("page"))] {
        let Some(page) = check(understand(&place, &answer.body, below, from)) else { continue };
        assert!(page.next.is_none() || page.next.as_deref() != from, "the same page for ever");
        for meta in page.metas {
            assert!(format!("em/{}", meta.key).starts_with(below), "{} is elsewhere", meta.key);
        }
    }
    if let Some(fetched) = given(&answer.body) {
        let _ = check(token_of(fetched));
    }
    check_error(&Failure::of_answer(&answer).of("gs://bucket", Operation::Get));
}

/// Reads a file of credentials.
///
/// # Panics
/// If an error is long, or shows the text.
pub fn credentials(input: &[u8]) {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);
    let Ok(text) = std::str::from_utf8(input) else { return };
    let _ = check(Source::of_json(text, "scope", &CLIENT));
}
