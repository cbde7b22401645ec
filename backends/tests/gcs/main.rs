//! Google Cloud Storage against an emulator, and against a front that checks tokens as Google
//! does: fake-gcs-server at `BIGARRAYS_TEST_GCS`, Python with `cryptography` at
//! `BIGARRAYS_PYTHON`.
#![cfg(all(feature = "gcs", unix))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers belong to the tests")]

#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod environment;
mod front;
mod objects;
mod tokens;
mod uploads;

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bigarrays_backends::gcs::{Credentials, GcsBackend, GcsOptions};
use bigarrays_backends::remote::Timeouts;

/// The bucket that the emulator has.
const BUCKET: &str = "vol";

/// The emulator, if there is one.
fn emulator() -> Option<String> {
    let found = env::var("BIGARRAYS_TEST_GCS").ok();
    if found.is_none() {
        common::skip("BIGARRAYS_TEST_GCS names no server");
    }
    found
}

/// A prefix that no other run uses.
fn place() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("gcs-tests/{}-{now:x}-{count}", std::process::id())
}

fn anonymous(endpoint: &str, prefix: &str) -> GcsOptions {
    GcsBackend::builder(BUCKET)
        .endpoint(endpoint)
        .credentials(Credentials::anonymous())
        .prefix(prefix)
}

/// Short enough for a network that is broken on purpose.
fn impatient() -> Timeouts {
    let second = Duration::from_secs(1);
    Timeouts { connect: second, idle: second, total: 10 * second }
}
