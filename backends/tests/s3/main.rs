//! S3, against a real server (`BIGARRAYS_TEST_S3`) and against inventions.
#![cfg(feature = "s3")]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "the helpers belong to the tests"
)]

mod answers;
mod conforms;
mod inventions;
mod lost;
mod objects;
mod proxy;
mod speed;

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bigarrays_backends::remote::Timeouts;
use bigarrays_backends::s3::{Credentials, S3Backend, S3Options};
use bigarrays_core::backend::{KeyValueBackendExt, wait};
use bigarrays_core::{Key, Prefix};

const BUCKET: &str = "vol";
const SECRET: &str = "testsecret1234567890";

/// The real server, or `None` after a line that says that it is missing.
fn server() -> Option<String> {
    let server = env::var("BIGARRAYS_TEST_S3").ok();
    if server.is_none() {
        eprintln!("skipped: BIGARRAYS_TEST_S3 does not name an S3 server");
    }
    server
}

fn owner() -> Credentials {
    Credentials::new("testaccess", SECRET)
}

/// A place in the bucket that no other test has.
fn place() -> Prefix {
    static PLACES: AtomicU32 = AtomicU32::new(0);
    let place = PLACES.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    let text = format!("test-s3/{}-{}-{place}", now.as_millis(), process::id());
    Prefix::new(text).expect("a prefix")
}

/// How tests open: as the owner, with short waits.
fn options(endpoint: &str, place: &Prefix) -> S3Options {
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        idle: Duration::from_secs(10),
        total: Duration::from_secs(60),
    };
    S3Backend::builder(BUCKET)
        .endpoint(endpoint)
        .region("us-east-1")
        .credentials(owner())
        .prefix(place.clone())
        .timeouts(timeouts)
}

fn key(text: &str) -> Key {
    Key::new(text).expect("a key")
}

/// Removes what a test put.
fn clean(endpoint: &str, place: &Prefix) {
    let store = options(endpoint, place).open().expect("the store opens");
    wait(store.delete_prefix(&Prefix::root())).expect("all is removed");
}
