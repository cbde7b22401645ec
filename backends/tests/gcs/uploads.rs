//! Long values in parts, and answers that get lost.

use bigarrays_backends::gcs::GcsBackend;
use bigarrays_core::backend::{ErrorKind, KeyValueBackend, Precondition, PutOutcome, Value, wait};
use bytes::Bytes;
use serde_json::json;

use super::common::{get, key, put, refused};
use super::front::Front;
use super::{anonymous, emulator, place};

const UNIT: u64 = 256 * 1024;

/// A value of a length in which every place is another one.
fn long(len: u64) -> Bytes {
    (0..len).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect()
}

fn in_parts(front: &Front) -> GcsBackend {
    front.options("service.json").resumable_above(UNIT).part(UNIT).open().unwrap()
}

fn holds(store: &GcsBackend, name: &str, value: &Bytes) {
    let blob = wait(store.get(&key(name), bigarrays_core::backend::ByteRange::Full));
    assert!(blob.unwrap().unwrap().bytes == *value);
}

#[test]
fn an_emulator_takes_long_values_in_parts() {
    let Some(endpoint) = emulator() else { return };
    let store = anonymous(&endpoint, &place()).resumable_above(UNIT).part(UNIT).open().unwrap();
    for len in [UNIT, UNIT + 1, 2 * UNIT, 5 * UNIT + 7] {
        let value = long(len);
        let name = format!("{len}");
        put(
            &store,
            &name,
            Value::encoded(value.clone(), bigarrays_core::backend::ContentEncoding::Zstd),
        );
        holds(&store, &name, &value);
    }
    assert!(super::common::keys(&store, "").iter().all(|key| key.ends_with(" (zstd)")));
}

#[test]
fn parts_are_sent_one_after_the_other_and_none_twice() {
    let Some(front) = Front::start() else { return };
    let store = in_parts(&front);
    let value = long(3 * UNIT + 5);
    put(&store, "a", value.clone());
    holds(&store, "a", &value);
    let wanted =
        json!([[0, UNIT], [UNIT, 2 * UNIT], [2 * UNIT, 3 * UNIT], [3 * UNIT, 3 * UNIT + 5]]);
    assert_eq!(front.state()["parts"], wanted);
    // Up to the threshold, and on a condition, it is one request.
    put(&store, "b", long(UNIT));
    let outcome = wait(store.put(&key("c"), value.clone().into(), Precondition::IfAbsent)).unwrap();
    assert!(outcome.is_written());
    assert_eq!(front.state()["parts"], wanted);
}

#[test]
fn after_a_failure_only_what_did_not_arrive_is_sent_again() {
    let Some(front) = Front::start() else { return };
    let value = long(4 * UNIT);
    let ends = |parts: &serde_json::Value| -> Vec<u64> {
        parts.as_array().unwrap().iter().map(|part| part[1].as_u64().unwrap()).collect()
    };
    for (n, how) in [json!("before"), json!("after"), json!(503)].into_iter().enumerate() {
        let store = in_parts(&front);
        let (parts, questions) = (ends(&front.state()["parts"]).len(), front.count("questions"));
        front.break_next("PUT", "upload_id", 2, &how);
        let name = format!("{n}");
        put(&store, &name, value.clone());
        holds(&store, &name, &value);
        let sent = ends(&front.state()["parts"]);
        assert_eq!(sent[parts..], [UNIT, 2 * UNIT, 3 * UNIT, 4 * UNIT], "{how}");
        assert!(front.count("questions") > questions);
    }
    // The server may keep less than it was sent.
    let store = in_parts(&front);
    front.control(&json!({"take": UNIT / 2}));
    put(&store, "a", value.clone());
    holds(&store, "a", &value);
    // One of each store's trial when it was opened, and no other.
    assert_eq!(front.count("cancelled"), 4);
}

#[test]
fn an_upload_that_is_given_up_leaves_the_old_value_and_no_session() {
    let Some(front) = Front::start() else { return };
    let store = in_parts(&front);
    put(&store, "a", "old");
    let before = front.count("cancelled");
    front.break_next("PUT", "upload_id", 1000, &json!(503));
    let text = "x".repeat(usize::try_from(2 * UNIT).unwrap());
    assert_eq!(refused(&store, "a", &text).kind(), ErrorKind::Transient);
    front.break_next("PUT", "upload_id", 1, &json!(403));
    assert_eq!(refused(&store, "a", &text).kind(), ErrorKind::PermissionDenied);
    assert_eq!(get(&store, "a").as_deref(), Some("old"));
    // The server is told so by itself, but not before the put has failed.
    while front.count("cancelled") < before + 2 {
        std::thread::yield_now();
    }
}

#[test]
fn a_lost_answer_of_a_conditional_put_is_settled_by_who_wrote() {
    let Some(front) = Front::start() else { return };
    let store = front.open();
    let mut version = None;
    for (n, how) in [json!("after"), json!("before"), json!("after"), json!(503)].iter().enumerate()
    {
        let when = version.take().map_or(Precondition::IfAbsent, Precondition::IfVersion);
        front.break_next("POST", "uploadType=multipart", 1, how);
        let value = Value::plain(format!("{n}"));
        match wait(store.put(&key("a"), value, when)).unwrap() {
            PutOutcome::Written { version: told } => version = told,
            PutOutcome::Conflict => panic!("a put that lost its answer {how} was told a conflict"),
        }
        assert_eq!(get(&store, "a"), Some(format!("{n}")));
    }
    // Who comes too late is told so, also if the first answer was lost.
    front.break_next("POST", "uploadType=multipart", 1, &json!("before"));
    let late = wait(store.put(&key("a"), "late".into(), Precondition::IfAbsent));
    assert!(!late.is_ok_and(|outcome| outcome.is_written()));
    assert_eq!(get(&store, "a").as_deref(), Some("3"));
}
