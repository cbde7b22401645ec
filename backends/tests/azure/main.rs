//! Azure Blob Storage, by Azurite on loopback: its address is in `BIGARRAYS_TEST_AZURE`.
#![cfg(all(feature = "azure", unix))]
#![expect(clippy::expect_used, reason = "the helpers belong to the tests")]

use std::env;
use std::error::Error as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bigarrays_backends::object::ObjectBackend;
use bigarrays_backends::object::azure::AzureOptions;
use bigarrays_backends::remote::Timeouts;
use bigarrays_core::backend::{
    BackendError, ByteRange, ContentEncoding, ErrorKind, KeyValueBackend, KeyValueBackendExt,
    Precondition, Put, Value, wait,
};
use bigarrays_core::conformance::{Job, Suite};
use bigarrays_core::wrap::Retry;
use bigarrays_core::{Key, Prefix};

/// Tells a process that the suite started which container it is to open.
const CONTAINER: &str = "BIGARRAYS_AZURE_CONTAINER";

/// Another key than Azurite's, in its form.
const WRONG_KEY: &str = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnRlcjJodW50ZXIy";

#[expect(clippy::print_stderr, reason = "a test that cannot run here must say so")]
fn server() -> Option<(String, MutexGuard<'static, ()>)> {
    // One test at a time: Azurite does one thing after the other, and some take it long.
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let server = env::var("BIGARRAYS_TEST_AZURE").ok();
    if server.is_none() {
        eprintln!("skipped: BIGARRAYS_TEST_AZURE is not set");
    }
    Some((server?, turn))
}

fn key(name: &str) -> Key {
    Key::new(name).expect("a key")
}

/// A container of this test alone.
fn container() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("object-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn options(server: &str, container: &str) -> AzureOptions {
    AzureOptions::new(container).endpoint(server)
}

/// A new container.
fn fresh(server: &str) -> (String, ObjectBackend) {
    let name = container();
    let store = options(server, &name).create(true).open().expect("the container is made");
    (name, store)
}

/// Timeouts of a test in which the server does not answer.
fn short() -> Timeouts {
    let second = Duration::from_secs(1);
    Timeouts { connect: second, idle: second, total: 5 * second }
}

/// Where the server is, and its address by another way.
fn through(server: &str, way: SocketAddr) -> String {
    let (_, path) =
        server.split_once("://").and_then(|(_, rest)| rest.split_once('/')).expect("a path");
    format!("http://{way}/{path}")
}

fn address(server: &str) -> SocketAddr {
    let rest = server.split_once("://").expect("an address").1;
    rest.split('/').next().expect("a host").parse().expect("an address")
}

/// Not a test when run by hand: the suite runs it in processes of their own.
#[test]
fn a_process_of_the_suite_does_its_job() {
    let (Some(job), Ok(container)) = (Job::from_env(), env::var(CONTAINER)) else { return };
    let server = env::var("BIGARRAYS_TEST_AZURE").expect("a server");
    job.run(&options(&server, &container).open().expect("it opens")).expect("the job is done");
}

#[test]
fn a_container_conforms() {
    let Some((server, _turn)) = server() else { return };
    let (name, _) = fresh(&server);
    let behind = |way| options(&through(&server, way), &name).timeouts(short());
    Suite::new(|| options(&server, &name).multipart(1 << 20).open())
        .persistent()
        .overwrites(150)
        .processes(|| {
            let mut command = Command::new(env::current_exe().expect("this program"));
            command
                .args(["--exact", "a_process_of_the_suite_does_its_job", "--nocapture"])
                .env(CONTAINER, &name);
            command
        })
        .network(address(&server), |way| behind(way).open())
        .stranger(|way| behind(way).key(WRONG_KEY).open())
        .run()
        .assert_ok();
}

/// The kinds of failure of every operation.
fn kinds(store: &ObjectBackend) -> Vec<(&'static str, ErrorKind)> {
    let (key, keys) = (key("some/key"), [key("some/key")]);
    let always = || Precondition::Always;
    let root = Prefix::root();
    let failures: [(&str, Option<BackendError>); 8] = [
        ("get", wait(store.get(&key, ByteRange::Full)).err()),
        ("get of a range", wait(store.get(&key, ByteRange::Suffix(3))).err()),
        ("head", wait(store.head(&key)).err()),
        ("put", wait(store.put(&key, "x".into(), always())).err()),
        ("create", wait(store.put(&key, "x".into(), Precondition::IfAbsent)).err()),
        ("delete", wait(store.delete(&key, always())).err()),
        ("delete_batch", wait(store.delete_batch(&keys)).err()),
        ("list", wait(store.list_all(&root)).err()),
    ];
    let kind = |(what, failure): (&'static str, Option<BackendError>)| {
        (what, failure.expect("every operation fails").kind())
    };
    failures.into_iter().map(kind).collect()
}

#[test]
fn a_wrong_key_is_told_by_every_operation() {
    let Some((server, _turn)) = server() else { return };
    let (name, _) = fresh(&server);
    let store = options(&server, &name).key(WRONG_KEY).open().expect("it opens");
    for (what, kind) in kinds(&store) {
        assert_eq!(kind, ErrorKind::Unauthenticated, "{what}");
    }
}

#[test]
fn nobody_in_particular_may_not_look_into_a_private_container() {
    let Some((server, _turn)) = server() else { return };
    let (name, _) = fresh(&server);
    let store = options(&server, &name).anonymous().open().expect("it opens");
    for (what, kind) in kinds(&store) {
        let refused = [ErrorKind::Unauthenticated, ErrorKind::PermissionDenied];
        assert!(refused.contains(&kind), "{what}: {kind:?}");
    }
}

#[test]
fn a_container_that_is_not_there_is_no_container_without_keys() {
    let Some((server, _turn)) = server() else { return };
    let store = options(&server, "there-is-none").open().expect("it opens");
    for (what, kind) in kinds(&store) {
        assert_eq!(kind, ErrorKind::NotFound, "{what}");
    }
    let error = wait(store.head(&key("info"))).expect_err("no container");
    assert!(error.to_string().contains("no such container"), "{error}");
}

#[test]
fn nobody_answers_and_that_is_a_failure_for_the_moment() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let server = format!("http://{}/devstoreaccount1", gone.expect("a port"));
    let store = options(&server, "vol").timeouts(short()).open().expect("it opens");
    for (what, kind) in kinds(&store) {
        assert_eq!(kind, ErrorKind::Transient, "{what}");
    }
}

#[test]
fn listings_of_many_pages_are_whole_and_batches_remove_them() {
    let Some((server, _turn)) = server() else { return };
    let (name, _) = fresh(&server);
    // Azurite drops connections when it has much to do.
    let few = NonZeroUsize::new(4).expect("more than none");
    let store = options(&server, &name).concurrency(few).open().expect("it opens");
    let store = Retry::new(store);
    // A page of Azure has 5000 names.
    let names: Vec<Key> = (0..5200).map(|n| key(&format!("many/{}/{n:05}", n % 3))).collect();
    let puts = names.iter().map(|key| Put { key: key.clone(), value: "1".into() });
    wait(store.put_batch(puts.collect())).expect("they are put");
    let many = Prefix::new("many").expect("a prefix");
    let mut listed = wait(store.list_all(&many)).expect("a listing");
    listed.dedup_by(|a, b| a.key == b.key);
    assert_eq!(listed.len(), names.len());
    assert_eq!(wait(store.delete_prefix(&many)).expect("they go"), 5200);
    assert!(wait(store.list_all(&Prefix::root())).expect("a listing").is_empty());
}

#[test]
fn a_long_value_goes_in_parts_with_its_encoding() {
    let Some((server, _turn)) = server() else { return };
    let (name, _) = fresh(&server);
    let store = options(&server, &name).multipart(1 << 20).open().expect("it opens");
    let bytes: Vec<u8> = (0..20_000_003_u32).map(|n| (n / 7).to_le_bytes()[0]).collect();
    let value = Value::encoded(bytes.clone(), ContentEncoding::Zstd);
    let put = wait(store.put(&key("long"), value, Precondition::Always)).expect("put");
    assert!(put.is_written());
    let blob = wait(store.get(&key("long"), ByteRange::Full)).expect("an answer").expect("a value");
    assert!(blob.bytes == bytes && blob.content_encoding == ContentEncoding::Zstd);
    let end = wait(store.get(&key("long"), ByteRange::Suffix(5))).expect("an answer");
    let end = end.expect("a value");
    assert_eq!((&end.bytes[..], end.version), (&bytes[bytes.len() - 5..], blob.version));
}

/// A shared access signature of a container with these permissions, made by Python.
fn signature(container: &str, permissions: &str) -> Option<String> {
    const PROGRAM: &str = r#"
import base64, hashlib, hmac, sys, urllib.parse
container, permissions = sys.argv[1:]
key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
until, version = "2099-01-01T00:00:00Z", "2020-12-06"
lines = [permissions, "", until, "/blob/devstoreaccount1/" + container, "", "", "", version, "c"]
text = "\n".join(lines + [""] * 7)
sig = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest())
print(urllib.parse.urlencode(dict(sv=version, se=until, sr="c", sp=permissions, sig=sig.decode())))
"#;
    let python = env::var("BIGARRAYS_PYTHON").unwrap_or_else(|_| "python3".into());
    let output =
        Command::new(python).args(["-c", PROGRAM, container, permissions]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[test]
fn a_signature_lets_in_as_far_as_it_goes_and_never_shows() {
    let Some((server, _turn)) = server() else { return };
    let (name, owner) = fresh(&server);
    wait(owner.put_always(&key("old"), "old")).expect("put");
    let Some(all) = signature(&name, "racwdl") else { return };
    let store = options(&server, &name).signature(format!("?{all}")).open().expect("it opens");
    assert!(
        wait(store.put(&key("new"), "n".into(), Precondition::IfAbsent)).expect("put").is_written()
    );
    assert_eq!(wait(store.list_all(&Prefix::root())).expect("a listing").len(), 2);
    wait(store.delete_batch(&[key("new")])).expect("it goes");
    let reader = signature(&name, "rl").expect("a signature");
    let secret = reader.rsplit("sig=").next().expect("a signature").split('&').next().expect("it");
    let store = options(&server, &name).signature(reader.as_str()).open().expect("it opens");
    assert_eq!(wait(store.get_bytes(&key("old"))).expect("an answer").expect("a value"), "old");
    let mut shown = format!("{store} {store:?}");
    let denied = wait(store.put_always(&key("x"), "x")).expect_err("it may only read");
    assert_eq!(denied.kind(), ErrorKind::PermissionDenied, "{denied}");
    let forged = reader.replace("sp=rl", "sp=rwl");
    let store = options(&server, &name).signature(forged).open().expect("it opens");
    let forged = wait(store.get_bytes(&key("old"))).expect_err("it is forged");
    assert_eq!(forged.kind(), ErrorKind::Unauthenticated, "{forged}");
    for error in [&denied, &forged] {
        shown.push_str(&format!("{error} {error:?}"));
        let mut source = error.source();
        while let Some(error) = source {
            shown.push_str(&format!("{error} {error:?}"));
            source = error.source();
        }
    }
    let decoded = secret.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    assert!(!shown.contains(secret) && !shown.contains(&decoded), "{shown}");
}

#[test]
fn making_a_container_that_is_there_is_no_failure() {
    let Some((server, _turn)) = server() else { return };
    let (name, store) = fresh(&server);
    wait(store.put_always(&key("kept"), "kept")).expect("put");
    let again = options(&server, &name).create(true).open().expect("it opens");
    assert_eq!(wait(again.get_bytes(&key("kept"))).expect("an answer").expect("a value"), "kept");
    let error = options(&server, &name).key(WRONG_KEY).create(true).open().expect_err("a stranger");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
}
