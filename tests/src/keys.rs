//! Tests that need credentials in their environment run themselves again with them.

use std::env;
use std::process::Command;

use crate::text;

/// Set in a process that has the keys of the servers in `tests/servers`.
const MARK: &str = "BIGARRAYS_TEST_HAS_KEYS";
const KEYS: [(&str, &str); 5] = [
    (MARK, "yes"),
    ("AWS_ACCESS_KEY_ID", "testaccess"),
    ("AWS_SECRET_ACCESS_KEY", "testsecret1234567890"),
    ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1"),
    (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    ),
];

/// Whether this process has the keys of the test servers. If not, runs the test of that name in
/// a process that has them, and answers false: the caller is done then.
///
/// # Panics
/// If the test fails there; its output is in the message.
#[must_use]
#[expect(clippy::panic, clippy::print_stderr, reason = "for tests")]
pub fn has_keys(test: &str) -> bool {
    if env::var_os(MARK).is_some() {
        return true;
    }
    let program = env::current_exe().unwrap_or_else(|error| panic!("this program: {error}"));
    let output = Command::new(program).args(["--exact", test, "--nocapture"]).envs(KEYS).output();
    let output = output.unwrap_or_else(|error| panic!("no process starts: {error}"));
    if !output.status.success() {
        panic!("{}", text(&output));
    }
    for line in text(&output).lines().filter(|line| line.starts_with("skipped")) {
        eprintln!("{line}");
    }
    false
}

/// The keys, for a process that a test starts.
#[must_use]
pub fn keys() -> impl IntoIterator<Item = (&'static str, &'static str)> {
    KEYS
}
