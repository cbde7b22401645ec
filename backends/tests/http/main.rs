//! Files behind a web server, with the server in the test.
#![cfg(all(feature = "http", feature = "fs", unix))]
#![expect(clippy::expect_used, reason = "the helpers belong to the tests")]

mod server;

use std::env;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bigarrays_backends::fs::{Durability, FsBackend};
use bigarrays_backends::http::{Forbidden, HttpBackend};
use bigarrays_backends::remote::Timeouts;
use bigarrays_core::Key;
use bigarrays_core::backend::{
    BackendError, Blob, ByteRange, ContentEncoding, ErrorKind, KeyValueBackend, Precondition,
    Value, wait,
};
use bigarrays_core::conformance::Suite;
use server::{Habits, Server};
use tempfile::TempDir;

fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a folder")
}

fn writer(dir: &Path) -> FsBackend {
    FsBackend::builder(dir).durability(Durability::None).open().expect("the folder opens")
}

fn key(name: &str) -> Key {
    Key::new(name).expect("a key")
}

fn put(dir: &Path, name: &str, value: impl Into<Value>) {
    let put = writer(dir);
    let put = wait(put.put(&key(name), value.into(), Precondition::Always));
    assert!(put.expect("it is written").is_written());
}

fn get(store: &HttpBackend, name: &str, range: ByteRange) -> Blob {
    wait(store.get(&key(name), range)).expect("an answer").expect("a value")
}

fn refusal(store: &HttpBackend, name: &str, range: ByteRange) -> BackendError {
    wait(store.get(&key(name), range)).expect_err("a refusal")
}

/// A server of a folder with the value `digits`.
fn serving(habits: Habits) -> (TempDir, Server, HttpBackend) {
    let dir = folder();
    put(dir.path(), "digits", "0123456789");
    let server = Server::start(dir.path(), habits);
    let store = HttpBackend::new(&server.url()).expect("it opens");
    (dir, server, store)
}

fn prove(habits: Habits) {
    let dir = folder();
    let server = Server::start(dir.path(), habits);
    Suite::new(|| HttpBackend::new(&server.url()))
        .writer(|| Ok(writer(dir.path())))
        .persistent()
        .overwrites(400)
        .run()
        .assert_ok();
}

#[test]
fn a_server_with_ranges_and_etags_conforms() {
    prove(Habits::default());
}

#[test]
fn a_server_without_ranges_conforms() {
    prove(Habits { ranges: false, ..Habits::default() });
}

#[test]
fn a_server_with_dates_only_conforms() {
    prove(Habits { etags: false, ..Habits::default() });
}

#[test]
fn a_server_that_refuses_head_conforms() {
    prove(Habits { heads: false, ..Habits::default() });
}

#[test]
fn a_server_that_sends_chunks_conforms() {
    prove(Habits { chunked: true, ..Habits::default() });
    prove(Habits { chunked: true, ranges: false, etags: false, heads: false, ..Habits::default() });
}

#[test]
fn a_server_that_negotiates_encodings_conforms() {
    prove(Habits { negotiates: true, ..Habits::default() });
}

#[test]
fn a_server_that_cannot_count_from_the_end_conforms() {
    prove(Habits { wrong_suffixes: true, ..Habits::default() });
}

#[test]
fn a_server_behind_a_bad_network_conforms() {
    let dir = folder();
    let wants = Some(("authorization", "Basic bWU6aHVudGVyMg==".to_owned()));
    let server = Server::start(dir.path(), Habits { wants, ..Habits::default() });
    let open = |address: &str, password: &str| {
        let second = Duration::from_secs(1);
        let timeouts = Timeouts { connect: second, idle: second, total: 5 * second };
        let store = HttpBackend::builder(&format!("http://{address}")).timeouts(timeouts);
        store.login("me", password).open()
    };
    Suite::new(|| open(&server.address().to_string(), "hunter2"))
        .writer(|| Ok(writer(dir.path())))
        .network(server.address(), |way| open(&way.to_string(), "hunter2"))
        .stranger(|way| open(&way.to_string(), "wrong"))
        .run()
        .assert_ok();
}

#[test]
fn a_range_of_a_server_without_ranges_is_cut_out() {
    for chunked in [false, true] {
        let (_dir, server, store) = serving(Habits { ranges: false, chunked, ..Habits::default() });
        for (range, want) in [
            (ByteRange::Bounded(2..5), "234"),
            (ByteRange::From(7), "789"),
            (ByteRange::Suffix(4), "6789"),
            (ByteRange::Bounded(8..99), "89"),
            (ByteRange::Bounded(50..99), ""),
        ] {
            assert_eq!(get(&store, "digits", range).bytes, want);
        }
        assert!(server.asked().iter().all(|ask| ask.header("range").starts_with("bytes=")));
    }
}

#[test]
fn an_answer_with_other_bytes_than_asked_is_not_believed() {
    let (_dir, _server, store) = serving(Habits { wrong_ranges: true, ..Habits::default() });
    let error = refusal(&store, "digits", ByteRange::Bounded(2..5));
    assert_eq!(error.kind(), ErrorKind::Other, "{error}");
}

#[test]
fn a_reply_that_is_cut_is_a_transient_failure() {
    for chunked in [false, true] {
        let (_dir, _server, store) = serving(Habits { cut: true, chunked, ..Habits::default() });
        for range in [ByteRange::Full, ByteRange::Bounded(2..9), ByteRange::Suffix(6)] {
            let error = refusal(&store, "digits", range);
            assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
        }
        let cut = Habits { cut: true, chunked, ranges: false, ..Habits::default() };
        let (_dir, _server, store) = serving(cut);
        let error = refusal(&store, "digits", ByteRange::From(2));
        assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    }
}

#[test]
fn a_reply_whose_end_cannot_be_seen_is_refused() {
    let (_dir, _server, store) = serving(Habits { endless: true, ..Habits::default() });
    for range in [ByteRange::Full, ByteRange::From(1)] {
        let error = refusal(&store, "digits", range);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

#[test]
fn a_value_replaced_between_two_ranges_is_a_transient_failure() {
    let (dir, _server, store) = serving(Habits { restless: true, ..Habits::default() });
    put(dir.path(), "long", vec![7; 100_000]);
    let error = wait(store.get_ranges(&key("long"), &[0..4, 90_000..90_004])).expect_err("torn");
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    assert_eq!(error.key(), Some("long"));
}

#[test]
fn a_young_value_without_etag_is_read_with_one_request() {
    let (dir, server, store) = serving(Habits { etags: false, ..Habits::default() });
    put(dir.path(), "long", vec![7; 100_000]);
    assert_eq!(get(&store, "long", ByteRange::Full).version, None);
    server.asked();
    let parts = wait(store.get_ranges(&key("long"), &[0..4, 90_000..90_004])).expect("an answer");
    assert_eq!(parts.expect("parts"), [vec![7; 4], vec![7; 4]]);
    let ranges: Vec<_> = server.asked().iter().map(|ask| ask.header("range").to_owned()).collect();
    assert_eq!(ranges, ["bytes=0-3", "bytes=0-90003"]);
}

#[test]
fn statuses_have_their_kinds_and_notes() {
    let (_dir, server, store) = serving(Habits::default());
    for (status, kind) in [
        (400, ErrorKind::Other),
        (401, ErrorKind::Unauthenticated),
        (403, ErrorKind::PermissionDenied),
        (429, ErrorKind::Transient),
        (500, ErrorKind::Transient),
        (503, ErrorKind::Transient),
        (301, ErrorKind::Other),
    ] {
        let headers = vec![("Retry-After".to_owned(), "7".to_owned())];
        server.set(Habits { status: Some(status), headers, ..Habits::default() });
        let error = refusal(&store, "digits", ByteRange::Full);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert!(wait(store.head(&key("digits"))).is_err());
    }
    for status in [404, 410] {
        server.set(Habits { status: Some(status), ..Habits::default() });
        assert!(wait(store.get(&key("digits"), ByteRange::Full)).expect("an answer").is_none());
        assert!(wait(store.head(&key("digits"))).expect("an answer").is_none());
    }
}

#[test]
fn forbidden_means_missing_only_for_those_who_say_so() {
    let (_dir, server, store) = serving(Habits { status: Some(403), ..Habits::default() });
    let error = refusal(&store, "digits", ByteRange::Full);
    assert!(error.to_string().contains("missing=403"), "{error}");
    let store = HttpBackend::builder(&server.url()).forbidden(Forbidden::Missing).open();
    let store = store.expect("it opens");
    for range in [ByteRange::Full, ByteRange::From(3)] {
        assert!(wait(store.get(&key("digits"), range)).expect("an answer").is_none());
    }
    assert!(wait(store.head(&key("digits"))).expect("an answer").is_none());
}

#[test]
fn a_stored_encoding_comes_with_the_stored_bytes() {
    let (dir, server, store) = serving(Habits::default());
    let gzip = Value::encoded("compressed bytes", ContentEncoding::Gzip);
    put(dir.path(), "packed", gzip);
    let expect = || {
        for (range, want) in [
            (ByteRange::Full, "compressed bytes"),
            (ByteRange::Bounded(3..9), "presse"),
            (ByteRange::Suffix(5), "bytes"),
        ] {
            let blob = get(&store, "packed", range);
            assert_eq!(
                (&*blob.bytes, blob.content_encoding),
                (want.as_bytes(), ContentEncoding::Gzip)
            );
        }
        let meta = wait(store.head(&key("packed"))).expect("an answer").expect("a value");
        assert_eq!((meta.size, meta.content_encoding), (16, Some(ContentEncoding::Gzip)));
    };
    expect();
    server.set(Habits { negotiates: true, ..Habits::default() });
    expect();
    server.set(Habits { decompresses: true, ..Habits::default() });
    expect();
}

#[test]
fn a_range_is_never_one_of_a_compression_on_the_way() {
    let (_dir, server, store) = serving(Habits { encoding: Some("gzip"), ..Habits::default() });
    assert_eq!(get(&store, "digits", ByteRange::Full).content_encoding, ContentEncoding::Gzip);
    server.asked();
    let part = get(&store, "digits", ByteRange::From(4));
    assert_eq!((&*part.bytes, part.content_encoding), (&b"456789"[..], ContentEncoding::Identity));
    assert_eq!(server.asked()[0].header("accept-encoding"), "identity");
    let meta = wait(store.head(&key("digits"))).expect("an answer").expect("a value");
    assert_eq!((meta.size, meta.content_encoding), (10, Some(ContentEncoding::Identity)));
}

#[test]
fn an_unknown_encoding_is_refused_by_name() {
    let headers = vec![("Content-Encoding".to_owned(), "deflate".to_owned())];
    let (_dir, _server, store) = serving(Habits { headers, ..Habits::default() });
    let error = refusal(&store, "digits", ByteRange::Full);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("deflate"), "{error}");
}

fn to(url: &str) -> Habits {
    let headers = vec![("Location".to_owned(), url.to_owned())];
    Habits { status: Some(302), headers, ..Habits::default() }
}

#[test]
fn redirects_are_followed_but_not_for_ever_and_without_secrets() {
    let (dir, target, _) = serving(Habits::default());
    // Another name of the same machine is another host.
    let elsewhere = format!("http://localhost:{}/digits", target.address().port());
    let server = Server::start(dir.path(), to(&elsewhere));
    let url = format!("http://me:hunter2@{}?token=hunter2", server.address());
    let store = HttpBackend::new(&url).expect("it opens");
    assert_eq!(get(&store, "any", ByteRange::Bounded(2..4)).bytes, "23");
    let first = &server.asked()[0];
    assert!(first.target.ends_with("?token=hunter2") && !first.header("authorization").is_empty());
    let second = format!("{:?}", target.asked());
    let leaks = second.contains("hunter2") || second.contains("authorization");
    assert!(!leaks && second.contains("bytes=2-3"), "{second}");
    // Round in a circle.
    server.set(to(&format!("{}/digits", server.url())));
    let error = refusal(&store, "any", ByteRange::Full);
    assert_eq!(error.kind(), ErrorKind::Other, "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    assert_eq!(server.asked().len(), 11);
}

#[test]
fn passwords_tokens_and_parameters_are_sent_and_never_shown() {
    let (_dir, server, _) = serving(Habits::default());
    let address = server.address();
    let wants = |text: &str| Habits {
        wants: Some(("authorization", text.to_owned())),
        ..Habits::default()
    };
    server.set(wants("Basic bWU6aHVudGVyMg=="));
    let url = format!("http://me:hunter2@{address}/?sig=hunter2");
    let basic = HttpBackend::new(&url).expect("it opens");
    assert_eq!(get(&basic, "digits", ByteRange::Full).bytes, "0123456789");
    assert_eq!(server.asked()[0].target, "/digits?sig=hunter2");
    server.set(wants("Bearer hunter2"));
    let options = HttpBackend::builder(&server.url()).bearer("hunter2").parameter("key", "hunter2");
    let mut shown = format!("{options:?}");
    let bearer = options.open().expect("it opens");
    assert_eq!(get(&bearer, "digits", ByteRange::Full).bytes, "0123456789");
    for store in [&basic, &bearer] {
        shown.push_str(&format!("{store} {store:?} {store:#?}"));
        for habits in [wants("another"), Habits { cut: true, ..Habits::default() }] {
            server.set(habits);
            let mut next: Option<&dyn std::error::Error> =
                Some(&refusal(store, "digits", ByteRange::Full));
            while let Some(error) = next {
                shown.push_str(&format!("{error} {error:?}"));
                next = error.source();
            }
        }
    }
    let refused = HttpBackend::new("http://me:hunter2@[nonsense/?token=hunter2").expect_err("no");
    shown.push_str(&format!("{refused} {refused:?}"));
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
    server.set(wants("another"));
    assert_eq!(refusal(&basic, "digits", ByteRange::Full).kind(), ErrorKind::Unauthenticated);
}

#[test]
fn a_server_that_says_nothing_is_left_in_time() {
    let (_dir, server, _) = serving(Habits { stalls: true, ..Habits::default() });
    let short = Duration::from_millis(150);
    for timeouts in [
        Timeouts { idle: short, ..Timeouts::default() },
        Timeouts { total: short, ..Timeouts::default() },
    ] {
        let store = HttpBackend::builder(&server.url()).timeouts(timeouts).open();
        let begun = Instant::now();
        let error = refusal(&store.expect("it opens"), "digits", ByteRange::Full);
        assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
        assert!(error.to_string().contains("too long"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_server_that_is_not_there_is_a_transient_failure() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port");
    let store = HttpBackend::new(&format!("http://{gone}/volume")).expect("it opens");
    let error = refusal(&store, "digits", ByteRange::Full);
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[test]
fn an_address_that_is_none_does_not_open() {
    for url in ["ftp://host/volume", "no address", "http://"] {
        let error = HttpBackend::new(url).expect_err("it does not open");
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    }
}

/// A server with TLS, in Python, until it is dropped.
struct Safe {
    child: Child,
    url: String,
    certificate: String,
}

impl Safe {
    /// `None` if there is no Python for tests.
    fn start() -> Option<Self> {
        const PROGRAM: &str = r#"
import datetime, http.server, ssl, sys, tempfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as form
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
made = made.serial_number(7).not_valid_before(now - day).not_valid_after(now + day)
made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
pem = made.sign(key, hashes.SHA256()).public_bytes(form.Encoding.PEM)
secret = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        body = b"0123456789"
        self.send_response(302 if self.path == "/down" else 200)
        if self.path == "/down": self.send_header("Location", "http://localhost:1/digits")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
with tempfile.NamedTemporaryFile() as file:
    file.write(secret + pem)
    file.flush()
    tls.load_cert_chain(file.name)
server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_port, pem.decode(), sep="\n", flush=True)
server.serve_forever()
"#;
        let python = env::var("BIGARRAYS_PYTHON").ok()?;
        let mut child = Command::new(python)
            .args(["-c", PROGRAM])
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut lines = output.lines().map(|line| line.expect("a line"));
        let url = format!("https://localhost:{}", lines.next().expect("a port"));
        let mut certificate = String::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            certificate.push_str(&line);
            certificate.push('\n');
        }
        Some(Self { child, url, certificate })
    }
}

impl Drop for Safe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::print_stderr, reason = "a test that cannot run here must say so")]
#[test]
fn a_server_must_prove_who_it_is_and_not_send_us_to_where_nobody_does() {
    let Some(server) = Safe::start() else {
        eprintln!("skipped: BIGARRAYS_PYTHON is not set");
        return;
    };
    let trusting = HttpBackend::builder(&server.url).root_certificate(server.certificate.as_str());
    let trusting = trusting.open().expect("it opens");
    assert_eq!(get(&trusting, "digits", ByteRange::Bounded(2..4)).bytes, "23");
    let down = refusal(&trusting, "down", ByteRange::Full);
    assert_eq!(down.kind(), ErrorKind::Other, "{down}");
    assert!(down.to_string().contains("there we do not go"), "{down}");
    let stranger = HttpBackend::new(&server.url).expect("it opens");
    let unproved = refusal(&stranger, "digits", ByteRange::Full);
    assert_eq!(unproved.kind(), ErrorKind::Other, "{unproved}");
    assert!(unproved.to_string().contains("prove who it is"), "{unproved}");
    let error = HttpBackend::builder(&server.url).root_certificate("no certificate").open();
    assert_eq!(error.expect_err("it is none").kind(), ErrorKind::InvalidConfig);
}
