//! Several stores as one.

use std::sync::Arc;

use bigarrays_core::backend::{
    ByteRange, DeleteOutcome, DynBackend, ErrorKind, KeyValueBackend, KeyValueBackendExt,
    Operation, Precondition, PutOutcome, Version, wait,
};
use bigarrays_core::key::Prefix;
use bigarrays_core::memory::MemoryBackend;
use bigarrays_core::wrap::{Fault, Layered, ReadOnly, Rule, WriteTo};

use crate::{key, put, text};

fn stack(first: impl KeyValueBackend, lower: impl KeyValueBackend) -> Layered {
    Layered::new(Arc::new(first)).over(Arc::new(lower) as DynBackend)
}

fn version(store: &Layered, name: &str) -> Version {
    wait(store.head(&key(name))).unwrap().unwrap().version.unwrap()
}

#[test]
fn the_first_layer_that_has_a_key_answers() {
    let (first, lower) = (MemoryBackend::named("first"), MemoryBackend::named("lower"));
    put(&first, "both", "above");
    put(&lower, "both", "below");
    put(&lower, "old", "below");
    let store = stack(first, lower);
    assert_eq!(store.to_string(), "mem://first over mem://lower");
    assert_eq!(text(&store, "both").unwrap(), "above");
    assert_eq!(text(&store, "old").unwrap(), "below");
    assert_eq!(text(&store, "none"), None);
    let keys = [key("old"), key("none"), key("both"), key("old")];
    let batch = wait(store.get_batch(&keys)).into_iter();
    let batch: Vec<_> = batch.map(|blob| blob.unwrap().map(|blob| blob.bytes)).collect();
    assert_eq!(batch, [Some("below".into()), None, Some("above".into()), Some("below".into())]);
    let parts = wait(store.get_ranges(&key("old"), &[0..2, 3..9])).unwrap().unwrap();
    assert_eq!(parts, ["be", "ow"]);
    let metas = wait(store.list_all(&Prefix::root())).unwrap();
    let listed: Vec<_> = metas.iter().map(|meta| meta.key.as_str()).collect();
    assert_eq!(listed, ["both", "old"]);
    for meta in metas {
        let blob = wait(store.get(&meta.key, ByteRange::Full)).unwrap().unwrap();
        assert_eq!((meta.version, meta.size), (blob.version, blob.bytes.len() as u64));
    }
}

#[test]
fn a_layer_that_fails_is_never_skipped() {
    let lower = MemoryBackend::new();
    put(&lower, "a", "1");
    let broken = || {
        let mut fault = Fault::new(MemoryBackend::new());
        for op in [Operation::Get, Operation::Head, Operation::List] {
            fault = fault.with(Rule::on(op).fail(ErrorKind::Transient));
        }
        fault
    };
    for store in [stack(broken(), lower.clone()), stack(MemoryBackend::new(), broken())] {
        wait(store.get(&key("a"), ByteRange::Full)).unwrap_err();
        wait(store.get_ranges(&key("a"), &[0..1, 5000..9000])).unwrap_err();
        wait(store.head(&key("a"))).unwrap_err();
        wait(store.get_batch(&[key("a")])).remove(0).unwrap_err();
        wait(store.list_all(&Prefix::root())).unwrap_err();
    }
}

#[test]
fn conditions_are_about_what_a_read_sees() {
    let lower = MemoryBackend::new();
    put(&lower, "a", "below");
    let store = stack(MemoryBackend::new(), ReadOnly::new(lower.clone()));
    let swap = |name: &str, when| wait(store.put(&key(name), "new".into(), when)).unwrap();
    assert_eq!(swap("a", Precondition::IfAbsent), PutOutcome::Conflict);
    assert!(swap("b", Precondition::IfAbsent).is_written());
    let below = version(&store, "a");
    assert_eq!(swap("a", Precondition::IfVersion(Version::from_u64(1))), PutOutcome::Conflict);
    assert!(swap("a", Precondition::IfVersion(below.clone())).is_written());
    // Both layers count versions from 1; the old one does not hold above.
    let above = version(&store, "a");
    assert_ne!(above, below);
    assert_eq!(swap("a", Precondition::IfVersion(below)), PutOutcome::Conflict);
    assert!(swap("a", Precondition::IfVersion(above)).is_written());
    assert_eq!(text(&lower, "a").unwrap(), "below");
}

#[test]
fn what_a_lower_layer_has_cannot_be_deleted_above_it() {
    let lower = MemoryBackend::new();
    put(&lower, "a", "below");
    let store = stack(MemoryBackend::new(), lower);
    put(&store, "a", "above");
    put(&store, "b", "above");
    let delete = |name: &str, when| wait(store.delete(&key(name), when));
    let kind = delete("a", Precondition::Always).unwrap_err().kind();
    assert_eq!(kind, ErrorKind::Unsupported);
    let error = wait(store.delete_batch(&[key("b"), key("a")])).unwrap_err();
    assert_eq!(error.key(), Some("a"));
    assert_eq!(text(&store, "b").unwrap(), "above", "nothing was deleted");
    let now = version(&store, "b");
    assert_eq!(delete("b", Precondition::IfAbsent).unwrap(), DeleteOutcome::Conflict);
    assert_eq!(delete("b", Precondition::IfVersion(now)).unwrap(), DeleteOutcome::Deleted);
    assert_eq!(delete("b", Precondition::Always).unwrap(), DeleteOutcome::Deleted);
}

#[test]
fn writes_to_all_layers_show_when_the_last_has_them() {
    let (first, lower) = (MemoryBackend::new(), MemoryBackend::new());
    let fault = Fault::new(first.clone()).fail_nth(Operation::Put, 2, ErrorKind::StorageFull);
    let store = stack(fault, lower.clone()).write_to(WriteTo::All);
    put(&store, "a", "1");
    wait(store.put_always(&key("a"), "2")).unwrap_err();
    assert_eq!(text(&store, "a").unwrap(), "1", "a failed put is not seen");
    put(&store, "a", "3");
    assert_eq!((text(&first, "a"), text(&lower, "a")), (Some("3".into()), Some("3".into())));
    let kind = wait(store.put(&key("a"), "4".into(), Precondition::IfAbsent)).unwrap_err().kind();
    assert_eq!(kind, ErrorKind::Unsupported);
    wait(store.delete_batch(&[key("a")])).unwrap();
    assert!(first.is_empty() && lower.is_empty());
}
