//! Servers that do not honour conditions, or only some: what is found out at opening.

use std::collections::BTreeMap;
use std::env;
use std::sync::Mutex;

use bigarrays_backends::s3::{Conditional, Credentials};
use bigarrays_core::Prefix;
use bigarrays_core::backend::{
    ConditionalPut, DeleteOutcome, ErrorKind, KeyValueBackend, KeyValueBackendExt, Precondition,
    PutOutcome, wait,
};

use crate::proxy::{Action, Message, Proxy, answer, refusal};
use crate::{key, options, place, server};

/// Which conditions an invented server honours.
#[derive(Clone, Copy, PartialEq)]
enum Honours {
    Nothing,
    Creation,
    PutsOnly,
    /// None, but it says so.
    Refuses,
}

/// A server with objects in memory, one bucket, and whatever credentials.
fn invent(honours: Honours) -> Proxy {
    let objects = Mutex::new(BTreeMap::<String, Vec<u8>>::new());
    Proxy::start(None, move |request| {
        Action::Answer(serve(&mut objects.lock().unwrap(), request, honours))
    })
}

fn serve(objects: &mut BTreeMap<String, Vec<u8>>, request: &Message, honours: Honours) -> Vec<u8> {
    let name = request.target().to_owned();
    let (none, some) = (request.header("if-none-match"), request.header("if-match"));
    let is_there = objects.contains_key(&name);
    let failed = refusal("412 Precondition Failed", "PreconditionFailed");
    match request.method() {
        "GET" if name.contains("list-type=2") => listing(objects),
        "GET" | "HEAD" => match objects.get(&name) {
            Some(bytes) => answer("200 OK", &[("etag", "\"e\"")], bytes),
            None => refusal("404 Not Found", "NoSuchKey"),
        },
        "PUT" if honours == Honours::Refuses && none.or(some).is_some() => {
            refusal("501 Not Implemented", "NotImplemented")
        }
        "PUT" if none.is_some() && is_there && honours == Honours::Creation => failed,
        "PUT" if honours == Honours::PutsOnly && none.is_some() && is_there => failed,
        "PUT" if honours == Honours::PutsOnly && some.is_some_and(|e| e != "\"e\"") => failed,
        "PUT" => {
            objects.insert(name, request.body.clone());
            answer("200 OK", &[("etag", "\"e\"")], b"")
        }
        "DELETE" => {
            objects.remove(&name);
            answer("204 No Content", &[], b"")
        }
        _ => refusal("400 Bad Request", "Whatever"),
    }
}

fn listing(objects: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let contents = objects.iter().map(|(name, bytes)| {
        let (name, size) = (name.trim_start_matches("/vol/"), bytes.len());
        format!(
            "<Contents><Key>{name}</Key><LastModified>x</LastModified><Size>{size}</Size></Contents>"
        )
    });
    let xml = format!(
        "<ListBucketResult><Name>vol</Name><IsTruncated>false</IsTruncated>{}</ListBucketResult>",
        contents.collect::<String>()
    );
    answer("200 OK", &[], xml.as_bytes())
}

#[test]
fn a_server_that_ignores_conditions_is_found_out_and_never_overwritten_by_mistake() {
    for honours in [Honours::Nothing, Honours::Refuses] {
        let proxy = invent(honours);
        let store = options(&proxy.endpoint(), &place()).open().unwrap();
        assert_eq!(store.capabilities().conditional_put, ConditionalPut::Unsupported);
        assert!(!store.capabilities().conditional_delete);
        wait(store.put_always(&key("a"), "theirs")).unwrap();
        let before = proxy.seen().len();
        let error = wait(store.put(&key("a"), "mine".into(), Precondition::IfAbsent)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(proxy.seen().len(), before);
        assert_eq!(wait(store.get_bytes(&key("a"))).unwrap().unwrap(), "theirs");
    }
}

#[test]
fn what_is_honoured_in_part_is_declared_in_part() {
    for (honours, level) in [
        (Honours::Creation, ConditionalPut::CreateOnly),
        (Honours::PutsOnly, ConditionalPut::CompareAndSwap),
    ] {
        let proxy = invent(honours);
        let store = options(&proxy.endpoint(), &place()).open().unwrap();
        assert_eq!(store.capabilities().conditional_put, level);
        assert!(!store.capabilities().conditional_delete);
        wait(store.put_always(&key("a"), "x")).unwrap();
        let put = wait(store.put(&key("a"), "y".into(), Precondition::IfAbsent)).unwrap();
        assert_eq!(put, PutOutcome::Conflict);
        let version = wait(store.head(&key("a"))).unwrap().unwrap().version.unwrap();
        let delete = wait(store.delete(&key("a"), Precondition::IfVersion(version)));
        assert_eq!(delete.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(wait(store.exists(&key("a"))).unwrap());
        // A delete of nothing removes nothing, whatever the server honours.
        let absent = wait(store.delete(&key("b"), Precondition::IfAbsent)).unwrap();
        assert_eq!(absent, DeleteOutcome::Deleted);
    }
}

#[test]
fn finding_out_leaves_nothing_and_is_done_once_a_process_and_place() {
    let proxy = invent(Honours::PutsOnly);
    let place = place();
    let open = || options(&proxy.endpoint(), &place).open().unwrap();
    let store = open();
    let asked = proxy.seen().len();
    assert!(asked <= 6, "{asked}");
    assert!(wait(store.list_all(&Prefix::root())).unwrap().is_empty());
    let listed = proxy.seen().len();
    drop((open(), open()));
    assert_eq!(proxy.seen().len(), listed);
    let probe = proxy.seen()[0].target().to_owned();
    assert!(probe.contains(&format!("{place}.bigarrays-probe-")), "{probe}");
    let puts = proxy.seen().into_iter().filter(|request| request.method() == "PUT");
    assert!(puts.into_iter().all(|request| request.target() == probe));
    // Reading asks nothing.
    let reader = options(&proxy.endpoint(), &crate::place()).read_only(true).open().unwrap();
    assert!(!reader.capabilities().writable);
    assert_eq!(proxy.seen().len(), listed);
}

#[test]
fn what_another_process_asks_just_now_is_not_listed() {
    let proxy = invent(Honours::Nothing);
    let place = place();
    let store = options(&proxy.endpoint(), &place).conditional(Conditional::None).open().unwrap();
    wait(store.put_always(&key("a"), "x")).unwrap();
    let above = options(&proxy.endpoint(), &Prefix::root());
    let above = above.conditional(Conditional::None).open().unwrap();
    let error = wait(above.put_always(&key("d/.bigarrays-probe-1"), "x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
    // As if by another process.
    let name = format!("/vol/{place}.bigarrays-probe-2");
    let raw = format!("PUT {name} HTTP/1.1\r\ncontent-length: 0\r\n\r\n");
    let mut stream = std::net::TcpStream::connect(proxy.address).unwrap();
    std::io::Write::write_all(&mut stream, raw.as_bytes()).unwrap();
    std::io::Read::read_to_end(&mut stream, &mut Vec::new()).unwrap();
    assert_eq!(wait(store.list_all(&Prefix::root())).unwrap().len(), 1);
    assert_eq!(wait(above.list_all(&Prefix::root())).unwrap().len(), 1);
}

#[test]
fn the_real_server_honours_all() {
    let Some(endpoint) = server() else { return };
    let proxy = Proxy::start(Some(&endpoint), |_| Action::Pass);
    let store = options(&proxy.endpoint(), &place()).open().unwrap();
    assert_eq!(store.capabilities().conditional_put, ConditionalPut::CompareAndSwap);
    assert!(store.capabilities().conditional_delete);
    assert!(wait(store.list_all(&Prefix::root())).unwrap().is_empty());
}

/// Garage ignores conditions without a word.
#[test]
fn garage_is_found_out() {
    let Ok(endpoint) = env::var("BIGARRAYS_TEST_GARAGE") else {
        eprintln!("skipped: BIGARRAYS_TEST_GARAGE does not name a Garage server");
        return;
    };
    let access = "GK00112233445566778899aabb";
    let secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let options = options(&endpoint, &place()).region("garage");
    let store = options.credentials(Credentials::new(access, secret)).open().unwrap();
    assert_eq!(store.capabilities().conditional_put, ConditionalPut::Unsupported);
    wait(store.put_always(&key("sp ace/ü+%"), "x")).unwrap();
    assert_eq!(wait(store.list_all(&Prefix::root())).unwrap().len(), 1);
    wait(store.delete_batch(&[key("sp ace/ü+%")])).unwrap();
    assert!(wait(store.list_all(&Prefix::root())).unwrap().is_empty());
}
