//! What the answers of servers mean: kinds, notes, and that secrets are in none.

use std::error::Error as _;
use std::time::{Duration, Instant};

use bigarrays_backends::remote::Timeouts;
use bigarrays_backends::s3::{Conditional, Credentials, S3Backend, S3Options};
use bigarrays_core::Prefix;
use bigarrays_core::backend::{
    BackendError, ByteRange, ErrorKind, KeyValueBackend, KeyValueBackendExt, Precondition, wait,
};

use crate::proxy::{Action, Proxy, answer, refusal};
use crate::{key, options, place, server};

/// A store whose server answers everything like this.
fn with(reply: Vec<u8>) -> (S3Backend, Proxy) {
    let proxy = Proxy::start(None, move |_| Action::Answer(reply.clone()));
    (quick(&proxy.endpoint()).open().unwrap(), proxy)
}

fn quick(endpoint: &str) -> S3Options {
    options(endpoint, &Prefix::root()).conditional(Conditional::Trust)
}

/// Waits that are short, also for a busy machine.
fn impatient(endpoint: &str) -> S3Options {
    let timeouts = Timeouts {
        connect: Duration::from_millis(500),
        idle: Duration::from_millis(500),
        total: Duration::from_secs(5),
    };
    quick(endpoint).timeouts(timeouts)
}

fn get(store: &S3Backend) -> BackendError {
    wait(store.get(&key("a"), ByteRange::Full)).unwrap_err()
}

#[test]
fn codes_have_kinds_and_are_told_with_the_request() {
    for (status, code, kind) in [
        ("403 Forbidden", "SignatureDoesNotMatch", ErrorKind::Unauthenticated),
        ("403 Forbidden", "InvalidAccessKeyId", ErrorKind::Unauthenticated),
        ("400 Bad Request", "ExpiredToken", ErrorKind::Unauthenticated),
        ("400 Bad Request", "TokenRefreshRequired", ErrorKind::Unauthenticated),
        ("403 Forbidden", "AccessDenied", ErrorKind::PermissionDenied),
        ("404 Not Found", "NoSuchBucket", ErrorKind::NotFound),
        ("503 Service Unavailable", "SlowDown", ErrorKind::Transient),
        ("500 Internal Server Error", "InternalError", ErrorKind::Transient),
        ("301 Moved", "PermanentRedirect", ErrorKind::InvalidConfig),
        ("400 Bad Request", "Whatever", ErrorKind::Other),
    ] {
        let (store, proxy) = with(refusal(status, code));
        let error = get(&store);
        assert_eq!(error.kind(), kind, "{code}");
        let text = error.to_string();
        assert!(text.contains(code) && text.contains("R1"), "{text}");
        assert_eq!(proxy.seen().len(), 1, "{code}");
    }
}

#[test]
fn a_busy_server_says_how_long_to_wait() {
    let (store, _proxy) = with(answer("503 Slow Down", &[("retry-after", "7")], b""));
    assert_eq!(get(&store).retry_after(), Some(Duration::from_secs(7)));
}

#[test]
fn the_right_region_is_told() {
    let headers = [("x-amz-bucket-region", "eu-central-1")];
    let (store, _proxy) = with(answer("301 Moved Permanently", &headers, b""));
    let error = get(&store);
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("eu-central-1"), "{error}");
}

#[test]
fn something_else_at_the_address_is_not_an_empty_volume() {
    for body in ["<html>not found</html>", "", "{}"] {
        let (store, _proxy) = with(answer("404 Not Found", &[], body.as_bytes()));
        let error = get(&store);
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("is there an S3 server"), "{error}");
        assert_eq!(wait(store.head(&key("a"))).unwrap_err().kind(), ErrorKind::NotFound);
        let root = Prefix::root();
        assert!(wait(store.list_all(&root)).is_err());
    }
    let (store, _proxy) = with(answer("200 OK", &[], b"<html>welcome</html>"));
    assert!(wait(store.list_all(&Prefix::root())).is_err());
}

#[test]
fn short_answers_are_never_values() {
    let cut = answer("200 OK", &[("content-length", "100")], &[1; 50]);
    let endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello".to_vec();
    let chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec();
    let part = answer("206 Partial Content", &[("content-range", "bytes 0-99/100")], &[1; 50]);
    for reply in [cut, endless, chunk, part] {
        let (store, _proxy) = with(reply);
        for range in [ByteRange::Full, ByteRange::Bounded(0..100)] {
            let got = wait(store.get(&key("a"), range));
            assert!(got.is_err(), "{got:?}");
        }
    }
}

#[test]
fn a_silent_server_is_left_in_time_and_nobody_at_all_is_temporary() {
    let proxy = Proxy::start(None, |_| Action::Hang);
    let store = impatient(&proxy.endpoint()).open().unwrap();
    let begun = Instant::now();
    assert_eq!(get(&store).kind(), ErrorKind::Transient);
    // A value that the server takes, but to which it never answers.
    let long = vec![1; 1 << 20];
    let error = wait(store.put_always(&key("a"), long)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = impatient(&format!("http://{free}")).open().unwrap();
    assert_eq!(get(&store).kind(), ErrorKind::Transient);
    assert_eq!(wait(store.head(&key("a"))).unwrap_err().kind(), ErrorKind::Transient);
}

#[test]
fn a_missing_bucket_is_told_and_what_to_do() {
    let Some(endpoint) = server() else { return };
    let options = S3Backend::builder("no-such-bucket").endpoint(&endpoint);
    let options = options.credentials(crate::owner()).conditional(Conditional::Trust);
    let store = options.open().unwrap();
    // The real server makes a bucket when something is put into it.
    let (strict, _proxy) = with(refusal("404 Not Found", "NoSuchBucket"));
    for error in [
        wait(store.head(&key("a"))).unwrap_err(),
        get(&store),
        wait(store.list_all(&Prefix::root())).unwrap_err(),
        wait(strict.put_always(&key("a"), "x")).unwrap_err(),
        wait(strict.put(&key("a"), "x".into(), Precondition::IfAbsent)).unwrap_err(),
        wait(strict.delete(&key("a"), Precondition::Always)).unwrap_err(),
        wait(strict.delete_batch(&[key("a")])).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("must be made first"), "{error}");
    }
}

#[test]
fn a_wrong_secret_costs_one_request() {
    let Some(endpoint) = server() else { return };
    let place = place();
    for (access, secret) in [("testaccess", "hunter2"), ("nobody", "hunter2")] {
        let proxy = Proxy::start(Some(&endpoint), |_| Action::Pass);
        let options =
            options(&proxy.endpoint(), &place).credentials(Credentials::new(access, secret));
        let store = options.clone().conditional(Conditional::Trust).open().unwrap();
        assert_eq!(get(&store).kind(), ErrorKind::Unauthenticated);
        assert_eq!(proxy.seen().len(), 1);
        let error = wait(store.put(&key("a"), "x".into(), Precondition::IfAbsent)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert_eq!(proxy.seen().len(), 2);
        // To find out what the server honours is refused at once too.
        let error = options.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert_eq!(proxy.seen().len(), 3);
    }
}

#[test]
fn secrets_show_nowhere() {
    let given = Credentials::new("hunter2", "hunter2").with_session_token("hunter2");
    let busy = refusal("403 Forbidden", "SignatureDoesNotMatch");
    let proxy = Proxy::start(None, move |_| Action::Answer(busy.clone()));
    let options = quick(&proxy.endpoint()).credentials(given.clone());
    let mut shown = format!("{given:?} {given:#?} {options:?} {options:#?}");
    let store = options.open().unwrap();
    shown += &format!("{store} {store:?} {store:#?}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = quick(&format!("http://{free}")).credentials(given).open().unwrap();
    for store in [&store, &nobody] {
        for error in [
            get(store),
            wait(store.put_always(&key("a"), "x")).unwrap_err(),
            wait(store.list_all(&Prefix::root())).unwrap_err(),
        ] {
            shown += &format!("{error} {error:?} {error:#?}");
            let mut cause = error.source();
            while let Some(error) = cause {
                shown += &format!("{error} {error:?}");
                cause = error.source();
            }
        }
    }
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(proxy.seen().iter().all(|request| !request.target().contains("hunter2")));
}
