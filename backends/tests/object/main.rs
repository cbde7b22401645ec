//! Stores of the crate `object_store`: in memory, and in a directory.
#![cfg(all(feature = "object", unix))]
#![expect(clippy::expect_used, reason = "the helpers belong to the tests")]

mod harness;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bigarrays_backends::object::object_store::local::LocalFileSystem;
use bigarrays_backends::object::object_store::memory::InMemory;
use bigarrays_backends::object::object_store::path::Path;
use bigarrays_backends::object::object_store::{
    Attribute, GetOptions, ObjectStore, ObjectStoreExt, PutPayload,
};
use bigarrays_backends::object::{ObjectBackend, ObjectOptions};
use bigarrays_core::backend::{
    ByteRange, ConditionalPut, ContentEncoding, ErrorKind, KeyValueBackend, KeyValueBackendExt,
    Precondition, PutOutcome, Value, wait,
};
use bigarrays_core::conformance::Suite;
use bigarrays_core::{Key, Prefix};
use harness::{Fault, Harness};
use tempfile::TempDir;

fn key(name: &str) -> Key {
    Key::new(name).expect("a key")
}

fn options(store: &Arc<Harness>) -> ObjectOptions {
    let store: Arc<dyn ObjectStore> = Arc::<Harness>::clone(store);
    ObjectBackend::builder(store, "harness://").conditional(ConditionalPut::CompareAndSwap)
}

#[test]
fn a_store_in_memory_conforms() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let open = || {
        ObjectBackend::builder(Arc::clone(&store), "memory://")
            .conditional(ConditionalPut::CompareAndSwap)
            .open()
    };
    Suite::new(open).persistent().run().assert_ok();
}

#[test]
fn a_store_with_all_options_conforms() {
    let store = Harness::new(Fault::None);
    let open = || {
        let deletes: Arc<Harness> = Arc::clone(&store);
        options(&store)
            .conditional_delete(deletes)
            .marks(true)
            .content_types(true)
            .cache_control("no-cache")
            .multipart(1 << 20)
            .open()
    };
    Suite::new(open).persistent().run().assert_ok();
    assert!(store.uploads.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_store_of_which_nothing_is_known_conforms() {
    let store: Arc<dyn ObjectStore> = Harness::new(Fault::NoSuffixes);
    Suite::new(|| ObjectBackend::new(Arc::clone(&store), "harness://")).run().assert_ok();
}

#[test]
fn a_store_that_is_only_read_conforms() {
    let store = Harness::new(Fault::None);
    Suite::new(|| options(&store).read_only(true).open())
        .writer(|| options(&store).open())
        .run()
        .assert_ok();
}

#[test]
fn a_directory_conforms() {
    let dir = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a folder");
    let open = || {
        let store = LocalFileSystem::new_with_prefix(dir.path()).expect("the folder opens");
        ObjectBackend::builder(Arc::new(store), "file://here")
            .conditional(ConditionalPut::CreateOnly)
            .open()
    };
    Suite::new(open).persistent().run().assert_ok();
}

#[test]
fn a_probe_finds_what_is_honoured_and_leaves_nothing() {
    let probed = |store: Arc<dyn ObjectStore>| {
        let found = ObjectBackend::builder(Arc::clone(&store), "probed://").probe().open();
        let found = found.expect("it opens");
        assert!(wait(found.list_all(&Prefix::root())).expect("a listing").is_empty());
        found.capabilities().conditional_put
    };
    let dir = TempDir::new().expect("a folder");
    let directory = LocalFileSystem::new_with_prefix(dir.path()).expect("the folder opens");
    assert_eq!(probed(Arc::new(InMemory::new())), ConditionalPut::CompareAndSwap);
    assert_eq!(probed(Arc::new(directory)), ConditionalPut::CreateOnly);
    assert_eq!(probed(Harness::new(Fault::IgnoresConditions)), ConditionalPut::Unsupported);
    assert_eq!(probed(Harness::new(Fault::Forbids)), ConditionalPut::Unsupported);
    let unreachable = Harness::new(Fault::LosesPuts(99));
    let error = ObjectBackend::builder(unreachable, "probed://").probe().open().expect_err("no");
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
}

#[test]
fn a_lost_answer_of_a_conditional_put_is_settled_by_its_mark() {
    for lost in 1..3 {
        let store = Harness::new(Fault::LosesAnswers(lost));
        let marked = options(&store).marks(true).open().expect("it opens");
        let put = wait(marked.put(&key("a"), "mine".into(), Precondition::IfAbsent));
        let PutOutcome::Written { version: Some(version) } = put.expect("an answer") else {
            panic!("it was written and told otherwise");
        };
        assert_eq!(store.puts.load(Ordering::Relaxed), 1);
        let head = wait(marked.head(&key("a"))).expect("an answer").expect("a value");
        assert_eq!(head.version.as_ref(), Some(&version));
        let when = Precondition::IfVersion(version);
        assert!(wait(marked.put(&key("a"), "more".into(), when)).expect("an answer").is_written());
    }
    // Without a mark nobody can tell.
    let store = Harness::new(Fault::LosesAnswers(1));
    let bare = options(&store).open().expect("it opens");
    let error = wait(bare.put(&key("a"), "mine".into(), Precondition::IfAbsent)).expect_err("lost");
    assert_eq!((error.kind(), error.key()), (ErrorKind::Transient, Some("a")));
}

#[test]
fn a_lost_put_is_sent_again_and_a_conflict_stays_one() {
    let store = Harness::new(Fault::LosesPuts(2));
    let marked = options(&store).marks(true).open().expect("it opens");
    let put = || wait(marked.put(&key("a"), "mine".into(), Precondition::IfAbsent));
    assert!(put().expect("an answer").is_written());
    assert_eq!(store.puts.load(Ordering::Relaxed), 3);
    assert_eq!(put().expect("an answer"), PutOutcome::Conflict);
}

#[test]
fn what_is_put_has_its_attributes() {
    let store = Harness::new(Fault::None);
    let open = options(&store).content_types(true).cache_control("no-cache").marks(true);
    let open = open.open().expect("it opens");
    let gzip = Value::encoded("{}", ContentEncoding::Gzip);
    assert!(
        wait(open.put(&key("a/info"), gzip, Precondition::IfAbsent)).expect("put").is_written()
    );
    let attributes = async {
        let get = store.get_opts(&Path::from("a/info"), GetOptions::default()).await;
        get.expect("it is there").attributes
    };
    let attributes = wait(attributes);
    for (name, want) in [
        (Attribute::ContentEncoding, "gzip"),
        (Attribute::ContentType, "application/json"),
        (Attribute::CacheControl, "no-cache"),
    ] {
        assert_eq!(attributes.get(&name).map(AsRef::as_ref), Some(want));
    }
    let mark = attributes.get(&Attribute::Metadata("bigarrayswrite".into()));
    assert!(mark.is_some_and(|mark| mark.len() > 30), "{mark:?}");
}

#[test]
fn an_answer_with_other_bytes_than_asked_is_not_believed() {
    let store = Harness::new(Fault::ShortRanges);
    let open = options(&store).open().expect("it opens");
    wait(open.put_always(&key("a"), "0123456789")).expect("put");
    let error = wait(open.get(&key("a"), ByteRange::Bounded(2..6))).expect_err("it is short");
    assert_eq!(error.kind(), ErrorKind::Other, "{error}");
}

#[test]
fn objects_whose_names_are_no_keys_are_not_listed() {
    let store = Harness::new(Fault::None);
    let long = "x".repeat(300);
    for name in ["dir/one", &format!("dir/{long}"), "dir/two"] {
        let path = Path::parse(name).expect("a path");
        wait(store.put(&path, PutPayload::from_static(b"1"))).expect("put");
    }
    let open = options(&store).open().expect("it opens");
    let listed = wait(open.list_all(&Prefix::new("dir").expect("a prefix"))).expect("a listing");
    let names: Vec<_> = listed.iter().map(|meta| meta.key.as_str()).collect();
    assert_eq!(names, ["dir/one", "dir/two"]);
}

#[test]
fn a_value_over_the_limit_is_refused_before_it_is_sent() {
    let store = Harness::new(Fault::None);
    let open = options(&store).max_value_len(10).open().expect("it opens");
    let error = wait(open.put_always(&key("a"), "01234567890")).expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(store.puts.load(Ordering::Relaxed), 0);
}
