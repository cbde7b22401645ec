//! Answers that get lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use bigarrays_backends::s3::{Conditional, S3Backend};
use bigarrays_core::backend::{
    ByteRange, ErrorKind, KeyValueBackend, KeyValueBackendExt, Precondition, PutOutcome, Value,
    Version, wait,
};

use crate::proxy::{Action, Message, Proxy, refusal};
use crate::{clean, key, options, place, server};

/// A proxy that does `what` with the first `count` requests that `which` says, and passes others.
fn first(endpoint: &str, count: usize, which: fn(&Message) -> bool, what: fn() -> Action) -> Proxy {
    let left = AtomicUsize::new(count);
    Proxy::start(Some(endpoint), move |request| {
        let one = |n: usize| n.checked_sub(1);
        if which(request) && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one).is_ok() {
            return what();
        }
        Action::Pass
    })
}

fn is_put(request: &Message) -> bool {
    request.method() == "PUT"
}

fn open(proxy: &Proxy, place: &bigarrays_core::Prefix) -> S3Backend {
    options(&proxy.endpoint(), place).conditional(Conditional::Trust).open().unwrap()
}

fn version(store: &S3Backend, name: &str) -> Version {
    wait(store.get(&key(name), ByteRange::Full)).unwrap().unwrap().version.unwrap()
}

#[test]
fn a_creation_whose_answer_is_lost_is_written_once() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let proxy = first(&endpoint, 1, is_put, || Action::LoseAnswer);
    let store = open(&proxy, &place);
    let put = wait(store.put(&key("a"), "mine".into(), Precondition::IfAbsent)).unwrap();
    assert_eq!(put, PutOutcome::Written { version: Some(version(&store, "a")) });
    assert_eq!(proxy.count("PUT"), 1);
    clean(&endpoint, &place);
}

#[test]
fn a_swap_that_did_not_arrive_is_sent_again_and_one_that_did_is_not() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let busy = || Action::Answer(refusal("503 Slow Down", "SlowDown"));
    for (what, puts) in [(busy as fn() -> Action, 2), (|| Action::LoseAnswer, 1)] {
        let direct = options(&endpoint, &place).open().unwrap();
        wait(direct.put_always(&key("a"), "old")).unwrap();
        let proxy = first(&endpoint, 1, is_put, what);
        let store = open(&proxy, &place);
        let when = Precondition::IfVersion(version(&store, "a"));
        assert!(wait(store.put(&key("a"), "new".into(), when)).unwrap().is_written());
        assert_eq!(wait(store.get_bytes(&key("a"))).unwrap().unwrap(), "new");
        assert_eq!(proxy.count("PUT"), puts);
    }
    clean(&endpoint, &place);
}

#[test]
fn who_overtook_a_put_that_did_not_arrive_won() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let direct = options(&endpoint, &place).open().unwrap();
    wait(direct.put_always(&key("a"), "old")).unwrap();
    let old = version(&direct, "a");
    let (other, same) = (options(&endpoint, &place).open().unwrap(), old.clone());
    // The first put never arrives, and meanwhile another client swaps three times.
    let puts = AtomicUsize::new(0);
    let proxy = Proxy::start(Some(&endpoint), move |request| {
        if !is_put(request) || puts.fetch_add(1, Ordering::SeqCst) > 0 {
            return Action::Pass;
        }
        let mut version = same.clone();
        for value in ["1", "2", "3"] {
            let when = Precondition::IfVersion(version);
            match wait(other.put(&key("a"), value.into(), when)).unwrap() {
                PutOutcome::Written { version: Some(next) } => version = next,
                other => panic!("{other:?}"),
            }
        }
        Action::Answer(refusal("500 Internal Server Error", "InternalError"))
    });
    let store = open(&proxy, &place);
    let put = wait(store.put(&key("a"), "mine".into(), Precondition::IfVersion(old))).unwrap();
    assert_eq!(put, PutOutcome::Conflict);
    assert_eq!(proxy.count("PUT"), 1);
    assert_eq!(wait(direct.get_bytes(&key("a"))).unwrap().unwrap(), "3");
    clean(&endpoint, &place);
}

#[test]
fn what_cannot_be_found_out_is_told_as_such() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let proxy =
        first(&endpoint, usize::MAX, |request| request.method() != "GET", || Action::LoseAnswer);
    let store = open(&proxy, &place);
    let error = wait(store.put(&key("a"), "mine".into(), Precondition::IfAbsent)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
    assert!(error.to_string().contains("could not be found out"), "{error}");
    assert_eq!(proxy.count("PUT"), 4);
    clean(&endpoint, &place);
}

#[test]
fn a_long_creation_whose_last_answer_is_lost_is_not_sent_again() {
    let Some(endpoint) = server() else { return };
    let place = place();
    let is_end =
        |request: &Message| request.target().contains("uploadId=") && request.method() == "POST";
    let proxy = first(&endpoint, 1, is_end, || Action::LoseAnswer);
    let options = options(&proxy.endpoint(), &place).multipart_threshold(1 << 20);
    let store = options.conditional(Conditional::Trust).open().unwrap();
    let value = Value::plain(vec![3; 6 << 20]);
    assert!(wait(store.put(&key("a"), value, Precondition::IfAbsent)).unwrap().is_written());
    let begun =
        proxy.seen().iter().filter(|request| request.target().ends_with("?uploads=")).count();
    let begun = begun + proxy.seen().iter().filter(|r| r.target().ends_with("?uploads")).count();
    assert_eq!(begun, 1);
    let size = wait(store.head(&key("a"))).unwrap().unwrap().size;
    assert_eq!(size, 6 << 20);
    clean(&endpoint, &place);
}
