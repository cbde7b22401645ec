//! What each wrapper adds, and that it adds nothing else.
#![expect(clippy::unwrap_used, reason = "the helpers belong to the tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bigarrays_core::backend::{
    BackendError, ByteRange, ConditionalPut, ContentEncoding, DeleteOutcome, ErrorKind,
    KeyValueBackend, KeyValueBackendExt, Operation, Precondition, Put, PutOutcome, Value, Version,
    wait,
};
use bigarrays_core::key::{Key, Prefix};
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::{Fault, Prefixed, ReadOnly, Retry, Rule, Trace};
use futures::stream::StreamExt;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn prefix(text: &str) -> Prefix {
    Prefix::new(text).unwrap()
}

fn put(name: &str, value: &'static str) -> Put {
    Put { key: key(name), value: Value::plain(value) }
}

fn text(store: &impl KeyValueBackend, name: &str) -> Option<String> {
    let bytes = wait(store.get_bytes(&key(name))).unwrap()?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

fn version(store: &impl KeyValueBackend, name: &str) -> Version {
    let meta = wait(store.head(&key(name))).unwrap().unwrap();
    meta.version.unwrap()
}

fn names(store: &impl KeyValueBackend, below: &Prefix) -> Vec<String> {
    let metas = wait(store.list_all(below)).unwrap();
    metas.iter().map(|meta| meta.key.to_string()).collect()
}

mod prefixed {
    use super::*;

    #[test]
    fn a_neighbour_whose_name_begins_alike_is_out_of_reach() {
        let whole = MemoryBackend::new();
        wait(whole.put_batch(vec![put("a/x", "in"), put("ab", "out"), put("b", "out")])).unwrap();
        let part = Prefixed::new(whole.clone(), prefix("a"));
        assert_eq!(names(&part, &Prefix::root()), ["x"]);
        assert_eq!(text(&part, "b"), None);
        assert_eq!(wait(part.delete_prefix(&Prefix::root())).unwrap(), 1);
        assert_eq!(names(&whole, &Prefix::root()), ["ab", "b"]);
    }

    #[test]
    fn answers_name_the_keys_that_were_asked() {
        let whole = MemoryBackend::named("m");
        let part = Prefixed::new(Prefixed::new(whole.clone(), prefix("a")), prefix("b/c"));
        wait(part.put_batch(vec![put("d/x", "1"), put("d/y", "2"), put("e", "3")])).unwrap();
        assert_eq!(names(&part, &prefix("d")), ["d/x", "d/y"]);
        assert_eq!(wait(part.head(&key("e"))).unwrap().unwrap().key, key("e"));
        let got = wait(part.get_batch(&[key("e"), key("none"), key("d/x")]));
        let got: Vec<_> = got.into_iter().map(|blob| blob.unwrap().map(|b| b.bytes)).collect();
        assert_eq!(got, [Some("3".into()), None, Some("1".into())]);
        wait(part.delete_batch(&[key("e"), key("d/x")])).unwrap();
        assert_eq!(names(&whole, &Prefix::root()), ["a/b/c/d/y"]);
        assert_eq!(part.to_string(), "mem://m/a/b/c");
        let root = Prefixed::new(whole, Prefix::root());
        assert_eq!(root.to_string(), "mem://m");
        assert_eq!(names(&root, &Prefix::root()), ["a/b/c/d/y"]);
    }

    #[test]
    fn errors_name_the_callers_key_and_keep_the_cause() {
        let broken = Fault::new(MemoryBackend::new())
            .with(Rule::on(Operation::Get).fail(ErrorKind::Corrupt))
            .with(Rule::on(Operation::List).fail(ErrorKind::Corrupt))
            .with(Rule::on(Operation::Put).keys(|key| key == "a/x").fail(ErrorKind::StorageFull));
        let part = Prefixed::new(broken, prefix("a"));
        let error = wait(part.get_bytes(&key("x"))).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::Corrupt, Some("x")));
        assert_eq!(error.backend(), "mem://a");
        let cause = std::error::Error::source(&error).unwrap();
        let cause = cause.downcast_ref::<BackendError>().unwrap();
        assert_eq!(cause.key(), Some("a/x"));
        let error = wait(part.list_all(&prefix("s"))).unwrap_err();
        assert_eq!(error.key(), Some("s/"));
        let batch = vec![put("w", ""), put("x", "")];
        let error = wait(part.put_batch(batch)).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::StorageFull, Some("x")));
    }

    #[test]
    fn a_key_that_is_too_long_below_the_prefix_is_refused_alone() {
        let deep = vec!["x".repeat(255); 3].join("/") + "/yes";
        let part = Prefixed::new(MemoryBackend::new(), prefix(&deep));
        let long = key(&"y".repeat(255));
        wait(part.put_always(&key("a"), "1")).unwrap();
        let error = wait(part.put_always(&long, "1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
        assert_eq!(error.key(), Some(long.as_str()));
        let answers = wait(part.get_batch(&[long.clone(), key("a"), long]));
        assert!(answers[0].is_err() && answers[1].is_ok() && answers[2].is_err());
    }
}

mod read_only {
    use super::*;

    #[test]
    fn every_write_is_refused_and_every_read_passes() {
        let memory = MemoryBackend::new();
        wait(memory.put_always(&key("a"), "1")).unwrap();
        let store = ReadOnly::new(memory.clone());
        let capabilities = store.capabilities();
        assert!(!capabilities.writable);
        assert_eq!(capabilities.conditional_put, ConditionalPut::Unsupported);
        let error = wait(store.put_always(&key("a"), "2")).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::ReadOnly, Some("a")));
        let error = wait(store.delete(&key("a"), Precondition::Always)).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::ReadOnly, Some("a")));
        let error = wait(store.put_batch(vec![put("b", "")])).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::ReadOnly, Some("b")));
        wait(store.delete_batch(&[key("a")])).unwrap_err();
        assert_eq!(text(&store, "a").unwrap(), "1");
        assert_eq!(memory.len(), 1);
    }
}

mod retry {
    use super::*;

    type Waits = Arc<Mutex<Vec<Duration>>>;

    /// A retrying store that notes its waits and never sleeps.
    fn retry<B: KeyValueBackend>(inner: B) -> (Retry<B>, Waits) {
        let waits = Waits::default();
        let log = Arc::clone(&waits);
        let store = Retry::new(inner).sleep_with(move |delay| log.lock().unwrap().push(delay));
        (store, waits)
    }

    #[test]
    fn transient_failures_are_tried_five_times_with_growing_waits() {
        let fault =
            Fault::new(MemoryBackend::new()).fail_first(Operation::Get, 5, ErrorKind::Transient);
        let (store, waits) = retry(fault.clone());
        let error = wait(store.get_bytes(&key("a"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transient);
        assert_eq!(fault.calls(Operation::Get), 5);
        let waits: Vec<_> = waits.lock().unwrap().clone();
        for (wait, base) in waits.iter().zip([100, 200, 400, 800]) {
            let base = Duration::from_millis(base);
            assert!((base..=2 * base).contains(wait), "{waits:?}");
        }
        assert_eq!(waits.len(), 4);
        assert_eq!(text(&store, "a"), None, "the sixth goes well");
    }

    #[test]
    fn no_other_kind_is_tried_again() {
        for kind in [
            ErrorKind::PermissionDenied,
            ErrorKind::Unauthenticated,
            ErrorKind::Unsupported,
            ErrorKind::ReadOnly,
            ErrorKind::StorageFull,
            ErrorKind::InvalidKey,
            ErrorKind::InvalidConfig,
            ErrorKind::Corrupt,
            ErrorKind::Other,
        ] {
            let fault = Fault::new(MemoryBackend::new())
                .fail_first(Operation::Head, 1, kind)
                .fail_first(Operation::Put, 1, kind);
            let (store, waits) = retry(fault.clone());
            assert_eq!(wait(store.head(&key("a"))).unwrap_err().kind(), kind);
            let when = Precondition::IfAbsent;
            assert_eq!(wait(store.put(&key("a"), "1".into(), when)).unwrap_err().kind(), kind);
            assert_eq!(fault.calls(Operation::Put), 1);
            assert!(waits.lock().unwrap().is_empty());
        }
    }

    #[test]
    fn every_operation_recovers() {
        let mut fault = Fault::new(MemoryBackend::new());
        for op in
            [Operation::Head, Operation::Get, Operation::Put, Operation::Delete, Operation::List]
        {
            fault = fault.fail_every(op, 2, ErrorKind::Transient);
        }
        let (store, _) = retry(fault.clone());
        for round in ["1", "2", "3"] {
            wait(store.put_always(&key("a"), round)).unwrap();
            assert_eq!(text(&store, "a").unwrap(), round);
            assert!(wait(store.exists(&key("a"))).unwrap());
            let parts = wait(store.get_ranges(&key("a"), &[0..1, 0..9])).unwrap().unwrap();
            assert_eq!(parts, [round, round]);
            wait(store.put_batch(vec![put("b", "b"), put("c", "c")])).unwrap();
            assert_eq!(names(&store, &Prefix::root()), ["a", "b", "c"]);
            wait(store.delete_batch(&[key("b"), key("c")])).unwrap();
            let _ = wait(store.delete(&key("a"), Precondition::Always)).unwrap();
            assert!(fault.inner().is_empty());
        }
        assert!(fault.injected() > 10);
    }

    #[test]
    fn of_a_batch_only_the_failed_answers_are_asked_again() {
        let trace = Trace::new(MemoryBackend::new());
        wait(trace.put_batch(vec![put("a", "1"), put("b", "2"), put("c", "3")])).unwrap();
        let fault = Fault::new(trace.clone())
            .with(
                Rule::on(Operation::Get).keys(|key| key == "b").first(2).fail(ErrorKind::Transient),
            )
            .with(Rule::on(Operation::Get).keys(|key| key == "c").fail(ErrorKind::Corrupt));
        let (store, waits) = retry(fault);
        let answers = wait(store.get_batch(&[key("b"), key("a"), key("c"), key("b")]));
        let bytes = |n: usize| answers[n].as_ref().unwrap().as_ref().unwrap().bytes.clone();
        assert_eq!([bytes(0), bytes(1), bytes(3)], ["2", "1", "2"]);
        assert_eq!(answers[2].as_ref().unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(waits.lock().unwrap().len(), 1);
        assert_eq!(trace.counts().batch_keys, 3 + 1 + 2);
    }

    #[test]
    fn a_batch_in_which_something_always_fails_ends_one_by_one() {
        let fault = Fault::new(MemoryBackend::new())
            .fail_every(Operation::Put, 10, ErrorKind::Transient)
            .fail_every(Operation::Delete, 10, ErrorKind::Transient);
        let (store, waits) = retry(fault.clone());
        let names: Vec<String> = (0..100).map(|n| format!("k{n}")).collect();
        let puts = names.iter().map(|name| put(name, "1")).collect();
        wait(store.put_batch(puts)).unwrap();
        assert_eq!(fault.inner().len(), 100);
        assert_eq!(waits.lock().unwrap().len(), 2 + 11);
        let keys: Vec<Key> = names.iter().map(|name| key(name)).collect();
        wait(store.delete_batch(&keys)).unwrap();
        assert!(fault.inner().is_empty());
    }

    #[test]
    fn a_listing_that_failed_after_its_first_key_is_not_repeated() {
        let memory = MemoryBackend::new();
        wait(memory.put_batch(vec![put("a", ""), put("b", "")])).unwrap();
        let (store, waits) = retry(Fault::new(memory).lose_reply_nth(Operation::List, 1));
        let root = Prefix::root();
        let items = wait(store.list(&root).collect::<Vec<_>>());
        assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 2);
        assert_eq!(items.iter().filter(|item| item.is_err()).count(), 1);
        assert!(waits.lock().unwrap().is_empty());
    }

    #[test]
    fn a_conditional_put_whose_answer_was_lost_is_found_again() {
        let memory = MemoryBackend::new();
        for (when, value) in
            [(Precondition::IfAbsent, "1"), (Precondition::IfVersion(Version::from_u64(1)), "2")]
        {
            let fault = Fault::new(memory.clone()).lose_reply_nth(Operation::Put, 1);
            let (store, _) = retry(fault.clone());
            let outcome = wait(store.put(&key("a"), value.into(), when)).unwrap();
            let now = version(&memory, "a");
            assert_eq!(outcome, PutOutcome::Written { version: Some(now) });
            assert_eq!(text(&memory, "a").unwrap(), value);
            assert_eq!(fault.calls(Operation::Put), 1, "it is not put again");
        }
    }

    #[test]
    fn a_conditional_put_that_never_arrived_is_repeated() {
        let memory = MemoryBackend::new();
        for when in [Precondition::IfAbsent, Precondition::IfVersion(Version::from_u64(1))] {
            let fault = Fault::new(memory.clone())
                .fail_first(Operation::Put, 2, ErrorKind::Transient)
                .fail_first(Operation::Get, 1, ErrorKind::Transient);
            let (store, waits) = retry(fault.clone());
            let outcome = wait(store.put(&key("a"), "same".into(), when)).unwrap();
            assert!(outcome.is_written());
            assert_eq!(fault.calls(Operation::Put), 3);
            // Two between puts and one for the failed read-back.
            assert_eq!(waits.lock().unwrap().len(), 3);
        }
    }

    #[test]
    fn anothers_value_is_a_conflict_and_stays() {
        for other in [
            Value::plain("theirs"),
            // The same bytes in another encoding are another value.
            Value::encoded("ours", ContentEncoding::Gzip),
        ] {
            let memory = MemoryBackend::new();
            let theirs = memory.clone();
            let seen = other.clone();
            let fault = Fault::new(memory.clone()).with(
                Rule::on(Operation::Put)
                    .keys(move |name| {
                        // They come first, and our request is lost.
                        wait(theirs.put_always(&key(name), seen.clone())).unwrap();
                        true
                    })
                    .first(1)
                    .fail(ErrorKind::Transient),
            );
            let (store, _) = retry(fault);
            let a = key("a");
            let put = store.put(&a, "ours".into(), Precondition::IfAbsent);
            assert_eq!(wait(put).unwrap(), PutOutcome::Conflict);
            let blob = wait(memory.get(&key("a"), ByteRange::Full)).unwrap().unwrap();
            assert_eq!(blob.bytes, other.bytes);
        }
    }

    #[test]
    fn a_conflict_without_a_failure_is_believed_at_once() {
        let memory = MemoryBackend::new();
        wait(memory.put_always(&key("a"), "same")).unwrap();
        let trace = Trace::new(memory);
        let (store, _) = retry(trace.clone());
        let a = key("a");
        let put = store.put(&a, "same".into(), Precondition::IfAbsent);
        assert_eq!(wait(put).unwrap(), PutOutcome::Conflict);
        assert_eq!(trace.counts().requests(), 1);
    }

    #[test]
    fn what_cannot_be_settled_is_the_puts_own_error() {
        let always = |op| Rule::on(op).fail(ErrorKind::Transient);
        let fault = Fault::new(MemoryBackend::new())
            .with(always(Operation::Put))
            .with(always(Operation::Get));
        let (store, waits) = retry(fault.clone());
        let a = key("a");
        let put = store.put(&a, "1".into(), Precondition::IfAbsent);
        let error = wait(put).unwrap_err();
        assert_eq!((error.kind(), error.op()), (ErrorKind::Transient, Operation::Put));
        assert!(error.to_string().contains("could not be read back"), "{error}");
        assert_eq!(waits.lock().unwrap().len(), 4, "one budget for puts and read-backs");
        fault.heal();
        fault.add(Rule::on(Operation::Put).fail(ErrorKind::Transient));
        let a = key("a");
        let put = store.put(&a, "1".into(), Precondition::IfAbsent);
        assert_eq!(wait(put).unwrap_err().op(), Operation::Put);
    }

    #[test]
    fn a_conditional_delete_is_settled_too() {
        let memory = MemoryBackend::new();
        for lost in [true, false] {
            wait(memory.put_always(&key("a"), "1")).unwrap();
            let when = Precondition::IfVersion(version(&memory, "a"));
            let rule = Rule::on(Operation::Delete).nth(1);
            let rule = if lost { rule.lose_reply() } else { rule.fail(ErrorKind::Transient) };
            let (store, _) = retry(Fault::new(memory.clone()).with(rule));
            let outcome = wait(store.delete(&key("a"), when.clone())).unwrap();
            assert_eq!(outcome, DeleteOutcome::Deleted);
            assert!(memory.is_empty());
            let outcome = wait(store.delete(&key("a"), when)).unwrap();
            assert_eq!(outcome, DeleteOutcome::Conflict);
        }
    }
}

mod trace {
    use super::*;

    #[test]
    fn requests_keys_bytes_and_endings_are_counted() {
        let fault =
            Fault::new(MemoryBackend::new())
                .fail_keys(Operation::Get, ErrorKind::Other, |key| key == "bad");
        let store = Trace::new(fault);
        wait(store.put_batch(vec![put("a", "12"), put("b", "345")])).unwrap();
        let _ = wait(store.put(&key("a"), "6".into(), Precondition::IfAbsent)).unwrap();
        let other = store.clone();
        wait(other.get_batch(&[key("a"), key("bad"), key("none")]));
        wait(other.get_ranges(&key("b"), &[0..1, 1..3])).unwrap();
        wait(other.head(&key("none"))).unwrap();
        wait(other.list_all(&Prefix::root())).unwrap();
        let gone = Precondition::IfVersion(Version::from_u64(99));
        let _ = wait(other.delete(&key("a"), gone)).unwrap();
        wait(other.delete_batch(&[key("a")])).unwrap();
        wait(other.get_bytes(&key("bad"))).unwrap_err();
        let counts = store.counts();
        assert_eq!(counts.requests(), 9);
        assert_eq!((counts.put, counts.put_batch, counts.get), (1, 1, 1));
        assert_eq!((counts.get_batch, counts.get_ranges), (1, 1));
        assert_eq!((counts.head, counts.list), (1, 1));
        assert_eq!((counts.delete, counts.delete_batch), (1, 1));
        assert_eq!((counts.batch_keys, counts.listed_keys), (2 + 3 + 1, 2));
        assert_eq!((counts.bytes_written, counts.bytes_read), (2 + 3 + 1, 2 + 3));
        assert_eq!((counts.conflicts, counts.absent, counts.failed), (2, 2, 2));
        assert_eq!(counts.since(&counts).requests(), 0);
    }
}

mod fault {
    use super::*;

    fn outcomes(count: usize, mut call: impl FnMut() -> bool) -> String {
        (0..count).map(|_| if call() { '.' } else { 'x' }).collect()
    }

    #[test]
    fn schedules_count_from_one() {
        let get = || Rule::on(Operation::Get);
        for (rule, expected) in [
            (get(), "xxxxxxx"),
            (get().every(3), "..x..x."),
            (get().every(1), "xxxxxxx"),
            (get().every(0), "......."),
            (get().nth(2), ".x....."),
            (get().nth(0), "......."),
            (get().first(2), "xx....."),
        ] {
            let shown = format!("{rule:?}");
            let store = Fault::new(MemoryBackend::new()).with(rule);
            let got = outcomes(7, || wait(store.get_bytes(&key("a"))).is_ok());
            assert_eq!(got, expected, "{shown}");
            assert_eq!(store.calls(Operation::Get), 7);
            let failures = expected.matches('x').count();
            assert_eq!(store.injected(), u64::try_from(failures).unwrap());
        }
    }

    #[test]
    fn only_matching_keys_count_and_clones_count_together() {
        let store = Fault::new(MemoryBackend::new()).with(
            Rule::on(Operation::Head)
                .keys(|key| key.starts_with("a/"))
                .nth(2)
                .fail(ErrorKind::PermissionDenied),
        );
        let clone = store.clone();
        wait(store.head(&key("b"))).unwrap();
        wait(store.head(&key("a/1"))).unwrap();
        wait(store.head(&key("b"))).unwrap();
        let error = wait(clone.head(&key("a/2"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(error.key(), Some("a/2"));
        assert_eq!(store.injected_in(Operation::Head), 1);
        assert_eq!(store.injected_in(Operation::Get), 0);
    }

    #[test]
    fn a_failure_has_no_effect_and_a_lost_reply_has() {
        let memory = MemoryBackend::new();
        let store = Fault::new(memory.clone())
            .fail_nth(Operation::Put, 1, ErrorKind::StorageFull)
            .lose_reply_nth(Operation::Put, 2)
            .lose_reply_nth(Operation::Delete, 1);
        wait(store.put_always(&key("a"), "1")).unwrap_err();
        assert!(memory.is_empty());
        wait(store.put_always(&key("a"), "2")).unwrap_err();
        assert_eq!(memory.len(), 1);
        wait(store.delete(&key("a"), Precondition::Always)).unwrap_err();
        assert!(memory.is_empty());
        wait(store.put_always(&key("a"), "3")).unwrap();
    }

    #[test]
    fn a_short_read_gives_half_of_what_was_asked_and_no_error() {
        let memory = MemoryBackend::new();
        wait(memory.put_always(&key("a"), "12345678")).unwrap();
        let store = Fault::new(memory).truncate_every(1);
        assert_eq!(text(&store, "a").unwrap(), "1234");
        let part = wait(store.get(&key("a"), ByteRange::From(4))).unwrap();
        assert_eq!(part.unwrap().bytes, "56");
        let parts = wait(store.get_ranges(&key("a"), &[0..4, 7..8])).unwrap();
        assert_eq!(parts.unwrap(), ["12", ""]);
        assert_eq!(wait(store.head(&key("a"))).unwrap().unwrap().size, 8);
    }

    #[test]
    fn in_a_batch_only_the_planned_keys_fail() {
        let memory = MemoryBackend::new();
        let store = Fault::new(memory.clone())
            .fail_nth(Operation::Put, 2, ErrorKind::Other)
            .lose_reply_nth(Operation::Put, 3)
            .fail_nth(Operation::Get, 1, ErrorKind::Other)
            .truncate_nth(2)
            .fail_nth(Operation::Delete, 1, ErrorKind::Other);
        let puts = vec![put("a", "12"), put("b", "12"), put("c", "12"), put("d", "12")];
        let error = wait(store.put_batch(puts)).unwrap_err();
        assert_eq!(error.key(), Some("b"));
        assert_eq!(names(&memory, &Prefix::root()), ["a", "c", "d"]);
        let got = wait(store.get_batch(&[key("a"), key("c"), key("d")]));
        assert!(got[0].is_err());
        assert_eq!(got[1].as_ref().unwrap().as_ref().unwrap().bytes, "1");
        assert_eq!(got[2].as_ref().unwrap().as_ref().unwrap().bytes, "12");
        wait(store.delete_batch(&[key("a"), key("c")])).unwrap_err();
        assert_eq!(names(&memory, &Prefix::root()), ["a", "d"]);
    }

    #[test]
    fn a_plan_can_change_and_end_while_the_store_is_in_use() {
        let store = Fault::new(MemoryBackend::new());
        let held = store.clone();
        wait(store.put_always(&key("a"), "1")).unwrap();
        store.add(Rule::on(Operation::List).fail(ErrorKind::Other));
        wait(held.list_all(&Prefix::root())).unwrap_err();
        store.heal();
        assert_eq!(names(&held, &Prefix::root()), ["a"]);
    }
}
