//! What the environment of a program says, tried out in programs of their own.

use std::env;
use std::path::Path;
use std::process::Command;

use bigarrays_backends::gcs::GcsBackend;
use bigarrays_core::backend::{BackendError, ByteRange, KeyValueBackend, wait};

use super::common::{get, key, put};
use super::front::Front;
use super::{BUCKET, anonymous, emulator, place};

const JOB: &str = "BIGARRAYS_GCS_JOB";

/// Not a test when run by hand: the others run it in a program with its own environment. It reads
/// a value, with no more than the environment to go by, and prints what comes.
#[test]
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn a_program_reads_a_value() {
    let Ok(job) = env::var(JOB) else { return };
    let (prefix, endpoint) = job.split_once(' ').unwrap();
    let mut options = GcsBackend::builder(BUCKET).prefix(prefix);
    if !endpoint.is_empty() {
        options = options.endpoint(endpoint);
    }
    match options.open() {
        Err(error) => println!("\ncannot open: {:?}", error.kind()),
        Ok(store) => match wait(store.get(&key("a"), ByteRange::Full)) {
            Ok(blob) => println!("\nread {:?} from {store}", blob.map(|blob| blob.bytes)),
            Err(error) => println!("\ncannot read: {:?}", BackendError::kind(&error)),
        },
    }
}

/// What a program with these variables, and no others of this kind, says.
fn said(prefix: &str, endpoint: &str, variables: &[(&str, &str)], home: &Path) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    for name in [
        "STORAGE_EMULATOR_HOST",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CLOUD_VOLUME_DIR",
        "CLOUDSDK_CONFIG",
    ] {
        command.env_remove(name);
    }
    let output = command
        .args(["--exact", "environment::a_program_reads_a_value", "--nocapture"])
        .env(JOB, format!("{prefix} {endpoint}"))
        .env("HOME", home)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let found = lines.find(|line| line.starts_with("read ") || line.starts_with("cannot "));
    found.unwrap_or_default().to_owned()
}

#[test]
fn the_emulator_of_the_environment_is_asked_without_credentials_and_an_endpoint_wins() {
    let Some(front) = Front::start() else { return };
    let endpoint = emulator().unwrap();
    let prefix = place();
    put(&anonymous(&endpoint, &prefix).open().unwrap(), "a", "1");
    let home = tempfile::tempdir().unwrap();
    let secret = front.file("service.json");
    let secret = ("GOOGLE_APPLICATION_CREDENTIALS", secret.to_str().unwrap());
    let host = |address: &str| -> String {
        let emulator = ("STORAGE_EMULATOR_HOST", address);
        said(&prefix, "", &[emulator, secret], home.path())
    };
    let read = format!("read Some(b\"1\") from gs://{BUCKET}/{prefix}?endpoint={endpoint}");
    assert_eq!(host(&endpoint), read);
    assert_eq!(host(endpoint.trim_start_matches("http://")), read);
    // There are credentials about, and a server that would take them; they are not for it.
    assert_eq!(host(&front.endpoint()), "cannot read: Unauthenticated");
    let emulator = ("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1");
    assert_eq!(said(&prefix, &endpoint, &[emulator, secret], home.path()), read);
    let told = said(&prefix, &front.endpoint(), &[secret], home.path());
    assert_eq!(told, "cannot read: Unauthenticated");
    assert_eq!(front.count("tokens"), 0);
}

#[test]
fn a_bad_address_in_the_environment_is_told() {
    let Some(_) = emulator() else { return };
    let home = tempfile::tempdir().unwrap();
    let emulator = ("STORAGE_EMULATOR_HOST", "ftp://127.0.0.1");
    assert_eq!(said("x", "", &[emulator], home.path()), "cannot open: InvalidConfig");
}

#[test]
fn credentials_lying_about_are_for_google_and_must_be_good() {
    let Some(_) = emulator() else { return };
    let home = tempfile::tempdir().unwrap();
    let secrets = home.path().join(".cloudvolume/secrets");
    std::fs::create_dir_all(&secrets).unwrap();
    std::fs::write(secrets.join(format!("{BUCKET}-google-secret.json")), "not JSON").unwrap();
    // Google's server is not asked: the file is read when the store is opened.
    assert_eq!(said("x", "", &[], home.path()), "cannot open: InvalidConfig");
    let missing = ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json");
    assert_eq!(said("x", "", &[missing], home.path()), "cannot open: InvalidConfig");
}

#[test]
fn a_value_is_read_as_it_was_put() {
    let Some(endpoint) = emulator() else { return };
    let store = anonymous(&endpoint, &place()).open().unwrap();
    put(&store, "a", "1");
    assert_eq!(get(&store, "a").as_deref(), Some("1"));
}
