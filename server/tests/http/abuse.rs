//! What clients send who mean harm, or do not know better.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use bigarrays::backends::fs::FsBackend;
use bigarrays_server::{Credentials, Limits, Options, S3Options, Tokens};

use crate::client::{answer, ask, connect, get};
use crate::harness::{anywhere, memory, put, serve, volume};

#[test]
fn no_path_leads_out_of_a_store() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("em")).expect("a folder");
    std::fs::write(dir.path().join("secret"), "secret").expect("written");
    let store = FsBackend::open(dir.path().join("em")).expect("a store");
    let server = serve(&[("em", std::sync::Arc::new(store))], Options::default());
    let absolute = dir.path().join("secret").display().to_string();
    for path in [
        "/em/../secret".to_owned(),
        "/em/%2e%2e/secret".to_owned(),
        "/em/%2E%2e%2fsecret".to_owned(),
        "/em/..%2fsecret".to_owned(),
        "/em/a/..%2f..%2fsecret".to_owned(),
        "/em/%2e%2e%5csecret".to_owned(),
        format!("/em/{absolute}"),
        format!("/em/{}", absolute.replace('/', "%2f")),
        "/em/secret%00".to_owned(),
        "/em/%00".to_owned(),
        "/em/a%0d%0aX-Injected:%201".to_owned(),
        "/em/./../secret".to_owned(),
        "/em//secret".to_owned(),
        "/em/%c0%ae%c0%ae/secret".to_owned(),
        "/../secret".to_owned(),
        "/%2e%2e/secret".to_owned(),
        "/view/../../secret".to_owned(),
        "/view/%2e%2e/%2e%2e/Cargo.toml".to_owned(),
        "/em@unsharded/../secret".to_owned(),
        "/em@pyramid/%2e%2e/secret".to_owned(),
        "/em@/secret".to_owned(),
        "/em@unsharded@pyramid/info".to_owned(),
    ] {
        let answer = get(server.address, &path, &[]);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.header("x-injected").is_none());
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret\n"), "{path}");
    }
}

#[test]
fn other_methods_are_refused_and_change_nothing() {
    let store = memory();
    put(&store, "a", "abc");
    let server = serve(&[("em", store)], Options { writable: true, ..Options::default() });
    for method in ["PUT", "POST", "DELETE", "PATCH", "TRACE", "CONNECT", "FROB"] {
        for path in ["/em/a", "/v1/volumes", "/health"] {
            let answer = ask(server.address, method, path, &["Content-Length: 0"]);
            assert!(matches!(answer.status, 400..=499), "{method} {path}: {}", answer.status);
        }
    }
    assert_eq!(get(server.address, "/em/a", &[]).body, b"abc");
}

#[test]
fn heads_that_are_too_long_or_not_http_are_refused() {
    let server = serve(&[("em", memory())], Options::default());
    let long = format!("X-Long: {}", "x".repeat(1 << 20));
    assert_eq!(get(server.address, "/em/a", &[&long]).status, 431);
    let path = format!("/em/{}", "a/".repeat(40 << 10));
    assert!(matches!(get(server.address, &path, &[]).status, 400..=499));
    let key = format!("/em/{}", "a".repeat(5000));
    assert_eq!(get(server.address, &key, &[]).status, 404);
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
    {
        let mut stream = connect(server.address);
        stream.write_all(bytes).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("ended");
        assert!(answer(stream, "GET").is_none_or(|answer| answer.status == 400));
    }
    assert_eq!(get(server.address, "/health", &[]).status, 200);
}

#[test]
fn who_is_too_slow_is_left() {
    let limits = Limits { timeout: Duration::from_millis(300), ..Limits::default() };
    let store = memory();
    put(&store, "large", vec![7; 64 << 20]);
    let server = serve(&[("em", store)], Options { limits, ..Options::default() });
    // A head that does not come, and one that does not end.
    for begun in ["", "GET /em/a HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = connect(server.address);
        stream.write_all(begun.as_bytes()).expect("sent");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
    }
    // An answer that is not taken: what is read later is cut off.
    let mut stream = connect(server.address);
    stream.write_all(b"GET /em/large HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let taken = server_log_after_a_stall(&mut stream);
    assert!(taken < 64 << 20, "{taken}");
    assert_eq!(get(server.address, "/health", &[]).status, 200);
}

/// Takes nothing until the server must have lost its patience, then all there is.
fn server_log_after_a_stall(stream: &mut std::net::TcpStream) -> usize {
    // The wait is what is tested: a client that stands still.
    std::thread::park_timeout(Duration::from_secs(2));
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes.len()
}

#[test]
fn memory_that_many_wait_for_is_shared_and_none_is_forgotten() {
    let store = memory();
    put(&store, "a", vec![1; 3 << 20]);
    let limits = Limits { memory: 4 << 20, connections: 16, ..Limits::default() };
    let server = serve(&[("em", store)], Options { limits, ..Options::default() });
    let address = server.address;
    let clients: Vec<_> = (0..40)
        .map(|_| std::thread::spawn(move || get(address, "/em/a", &[]).body.len()))
        .collect();
    for client in clients {
        assert_eq!(client.join().expect("answered"), 3 << 20);
    }
}

/// Numbers without a pattern, the same at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (sides.max(1) as u64)).expect("small")
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

/// A request made of pieces that mean something, and of bytes that do not.
fn invented(dice: &mut Dice) -> Vec<u8> {
    const METHODS: [&str; 8] = ["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "POST", "G\u{e9}T"];
    const PIECES: [&str; 36] = [
        "/",
        "/em",
        "/em/",
        "info",
        "8_8_8",
        "/-10-22_0-32_5-37",
        "/v1/",
        "cutout",
        "volumes",
        "?box=",
        "0:1,0:1,6:7",
        "0:64,:,5:6",
        "9999999999999999999:1,0:1,0:1",
        "-1:-2,0:1,0:1",
        "&format=",
        "png",
        "raw",
        "npy",
        "tiff",
        "&scale=",
        "0",
        "99",
        "8,8,8",
        "@unsharded",
        "@pyramid",
        "/16_16_16/",
        "%2e%2e",
        "%2f",
        "%00",
        "%ff",
        "%",
        "/view",
        "..",
        "=",
        "&",
        "/metrics",
    ];
    const HEADERS: [&str; 14] = [
        "Range: bytes=0-10",
        "Range: bytes=-",
        "Range: bytes=5-1,7-",
        "Range: \u{1}",
        "Range: bytes=18446744073709551615-18446744073709551616",
        "If-None-Match: *",
        "If-None-Match: W/\"",
        "If-Range: x",
        "Accept-Encoding: *;q=",
        "Accept-Encoding: gzip;;,",
        "Authorization: Basic ====",
        "Origin: null",
        "Content-Length: 3",
        "Expect: 100-continue",
    ];
    const BEGINNINGS: [&str; 6] = [
        "/",
        "/",
        "/em/info",
        "/em/8_8_8/-10-22_0-32_5-37",
        "/v1/em/cutout?box=0:4,0:4,6:8",
        "/em@pyramid/16_16_16/-5-27_0-32_2-32",
    ];
    let mut request = format!("{} {}", dice.pick(&METHODS), dice.pick(&BEGINNINGS)).into_bytes();
    for _ in 0..dice.roll(7) * dice.roll(2) {
        request.extend_from_slice(dice.pick(&PIECES).as_bytes());
    }
    request.extend_from_slice(b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for _ in 0..dice.roll(4) {
        request.extend_from_slice(dice.pick(&HEADERS).as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    for _ in 0..dice.roll(3) * dice.roll(2) {
        let at = dice.roll(request.len());
        request[at] = u8::try_from(dice.roll(256)).expect("a byte");
    }
    request
}

/// Sends invented requests, from four threads; the statuses that came. None is a failure.
fn send_invented(
    address: SocketAddr,
    each: usize,
    invent: fn(&mut Dice) -> Vec<u8>,
) -> BTreeSet<u16> {
    let workers: Vec<_> = (1..=4_u64)
        .map(|worker| {
            std::thread::spawn(move || {
                let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ worker);
                let mut statuses = BTreeSet::new();
                for _ in 0..each {
                    let request = invent(&mut dice);
                    let mut stream = connect(address);
                    // Some are refused while they are sent.
                    let _ = stream.write_all(&request);
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let Some(answer) = answer(stream, "HEAD") else { continue };
                    let shown = String::from_utf8_lossy(&request).into_owned();
                    // What S3 has and the gateway has not is 501.
                    let is_answer = answer.status < 500 || answer.status == 501;
                    assert!(is_answer, "{} of {shown:?}", answer.status);
                    statuses.insert(answer.status);
                }
                statuses
            })
        })
        .collect();
    workers.into_iter().flat_map(|worker| worker.join().expect("no failure")).collect()
}

#[test]
fn ten_thousand_invented_requests_are_answered_and_none_by_a_failure() {
    let store = memory();
    volume(&store);
    let limits = Limits { cutout: 1 << 20, timeout: Duration::from_secs(20), ..Limits::default() };
    let server = serve(&[("em", store)], Options { limits, ..Options::default() });
    let statuses = send_invented(server.address, 2500, invented);
    assert!(!statuses.contains(&501));
    // They went far enough in to be of use.
    for status in [200, 206, 304, 400, 404, 405, 416] {
        assert!(statuses.contains(&status), "{status} in {statuses:?}");
    }
    assert_eq!(get(server.address, "/health", &[]).status, 200);
}

/// A request to the gateway whose signature nobody made.
fn invented_for_the_gateway(dice: &mut Dice) -> Vec<u8> {
    const METHODS: [&str; 6] = ["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"];
    const PATHS: [&str; 8] =
        ["/", "/em", "/em/", "/em/a", "/em/../a", "/em/%00", "/none/a", "/%ff"];
    const QUERIES: [&str; 10] = [
        "",
        "?",
        "?uploads",
        "?list-type=2&max-keys=-1",
        "?uploadId=x&partNumber=99999999999",
        "?delete",
        "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=1&X-Amz-Date=20260101T000000Z",
        "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=key/20260101/us-east-1/s3/aws4_request&X-Amz-Signature=00&X-Amz-SignedHeaders=host&X-Amz-Expires=9&X-Amz-Date=x",
        "?AWSAccessKeyId=key&Signature=x&Expires=99999999999999999999",
        "?acl&cors&policy",
    ];
    const HEADERS: [&str; 10] = [
        "Authorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000",
        "Authorization: AWS4-HMAC-SHA256 Credential=,,,",
        "Authorization: AWS key:x",
        "Authorization: Bearer x",
        "X-Amz-Date: 20260101T000000Z",
        "X-Amz-Date: \u{1}",
        "X-Amz-Content-SHA256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "X-Amz-Content-SHA256: UNSIGNED-PAYLOAD",
        "X-Amz-Decoded-Content-Length: 99999999999999999999",
        "Content-MD5: x",
    ];
    const BODIES: [&str; 4] = ["", "<Delete>", "<a><b/>", "5;chunk-signature=0\r\nabc"];
    let (method, path, query) = (dice.pick(&METHODS), dice.pick(&PATHS), dice.pick(&QUERIES));
    let body = dice.pick(&BODIES);
    let mut request =
        format!("{method} {path}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for _ in 0..dice.roll(5) {
        request.push_str(dice.pick(&HEADERS));
        request.push_str("\r\n");
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let mut request = request.into_bytes();
    for _ in 0..dice.roll(3) * dice.roll(2) {
        let at = dice.roll(request.len());
        request[at] = u8::try_from(dice.roll(256)).expect("a byte");
    }
    request
}

#[test]
fn the_gateway_answers_invented_requests_and_changes_nothing() {
    let store = memory();
    put(&store, "a", "abc");
    let gateway = S3Options { bind: anywhere(), credentials: Credentials::one("key", "secret") };
    let options = Options { s3: Some(gateway), writable: true, ..Options::default() };
    let server = serve(&[("em", store)], options);
    let gateway = server.s3.expect("a gateway");
    let statuses = send_invented(gateway, 1000, invented_for_the_gateway);
    assert!(statuses.contains(&400) && statuses.contains(&403), "{statuses:?}");
    // Leave for pages of others is asked for without a signature; nothing else is answered.
    let answered = |status: &u16| (200..300).contains(status);
    let preflight =
        ask(gateway, "OPTIONS", "/em/a", &["Origin: x", "Access-Control-Request-Method: GET"]);
    assert!(statuses.iter().all(|status| !answered(status) || *status == preflight.status));
    assert_eq!(get(server.address, "/em/a", &[]).body, b"abc");
}

#[test]
fn a_server_that_ends_answers_what_was_asked_and_takes_no_more() {
    let tokens = Some(Tokens::new(["0123456789abcdef"]));
    let mut server = serve(&[("em", memory())], Options { tokens, ..Options::default() });
    // A connection that is kept open does not keep the server.
    let mut idle = connect(server.address);
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut begun = [0; 12];
    idle.read_exact(&mut begun).expect("answered");
    assert_eq!(&begun, b"HTTP/1.1 200");
    server.end();
    assert!(std::net::TcpStream::connect(server.address).is_err());
}
