//! What the tests of all stores share.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bigarrays_core::backend::{
    BackendError, ContentEncoding, KeyValueBackend, KeyValueBackendExt, Meta, Precondition,
    PutOutcome, Value, Version, wait,
};
use bigarrays_core::{Key, Prefix};

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

pub(crate) fn put(store: &impl KeyValueBackend, name: &str, value: impl Into<Value>) -> Version {
    match wait(store.put(&key(name), value.into(), Precondition::Always)).unwrap() {
        PutOutcome::Written { version } => version.unwrap(),
        PutOutcome::Conflict => panic!("an unconditional put answered Conflict"),
    }
}

pub(crate) fn refused(store: &impl KeyValueBackend, name: &str, value: &str) -> BackendError {
    let value = Value::plain(value.to_owned());
    wait(store.put(&key(name), value, Precondition::Always)).unwrap_err()
}

pub(crate) fn get(store: &impl KeyValueBackend, name: &str) -> Option<String> {
    let bytes = wait(store.get_bytes(&key(name))).unwrap()?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

pub(crate) fn delete(store: &impl KeyValueBackend, name: &str) {
    let _always = wait(store.delete(&key(name), Precondition::Always)).unwrap();
}

pub(crate) fn metas(store: &impl KeyValueBackend, prefix: &str) -> Vec<Meta> {
    let prefix = if prefix.is_empty() { Prefix::root() } else { Prefix::new(prefix).unwrap() };
    wait(store.list_all(&prefix)).unwrap()
}

/// The listed keys, sorted; compressed ones with their encoding.
pub(crate) fn keys(store: &impl KeyValueBackend, prefix: &str) -> Vec<String> {
    let show = |meta: Meta| match meta.content_encoding.unwrap() {
        ContentEncoding::Identity => meta.key.to_string(),
        encoding => format!("{} ({encoding})", meta.key),
    };
    metas(store, prefix).into_iter().map(show).collect()
}

/// All files below a directory, with their paths, sorted.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                left.push(entry.path());
            } else {
                let path = entry.path();
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

#[expect(clippy::print_stderr, reason = "a test that cannot run here must say so")]
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

/// Says what was measured.
#[expect(clippy::print_stderr, reason = "it is all that a measurement has to give")]
pub(crate) fn say(figure: &str) {
    eprintln!("{figure}");
}

/// Something mounted on a directory, until it is dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// A small file system in memory. `None` if this process may not mount.
    pub(crate) fn tmpfs(directory: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(directory).unwrap();
        let options = format!("size={size}");
        mount(directory, &["-t", "tmpfs", "-o", &options, "tmpfs"])
    }

    /// `directory` seen at `at`, for reading only. `None` if this process may not mount.
    pub(crate) fn read_only(directory: &Path, at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = mount(at, &["--bind", directory.to_str().unwrap()])?;
        mount(at, &["-o", "remount,ro,bind"]).map(std::mem::forget)?;
        Some(mounted)
    }
}

fn mount(at: &Path, arguments: &[&str]) -> Option<Mount> {
    let mounted = Command::new("mount").args(arguments).arg(at).stderr(Stdio::null()).status();
    if mounted.is_ok_and(|status| status.success()) {
        return Some(Mount(at.to_owned()));
    }
    skip("this process may not mount file systems");
    None
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

const CHILD: &str = "BIGARRAYS_TEST_CHILD";

/// What a process that a test started is to do: the words that were given to [`child`].
pub(crate) fn child_job() -> Option<Vec<String>> {
    let job = env::var(CHILD).ok()?;
    Some(job.split('\n').map(ToOwned::to_owned).collect())
}

/// Starts this test program again, to run only the test `a_child_does_its_job`.
pub(crate) fn child(job: &[&str]) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_child_does_its_job", "--nocapture"])
        .env(CHILD, job.join("\n"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until a child has printed so many lines of its own.
pub(crate) fn wait_for_lines(child: &mut Child, count: usize) {
    let output = BufReader::new(child.stdout.as_mut().unwrap());
    let mut own = output.lines().map(Result::unwrap).filter(|line| line.starts_with("wrote"));
    assert!((0..count).all(|_| own.next().is_some()), "the child ended too early");
}

/// Says that a value is written, for [`wait_for_lines`].
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
pub(crate) fn say_wrote(name: &str) {
    println!("wrote {name}");
}

/// A value that shows whether it is whole.
pub(crate) fn sealed(number: usize, len: usize) -> String {
    format!("{number:08}").repeat(1 + len / 8)
}

pub(crate) fn assert_whole(value: &str, len: usize) {
    let number: usize = value.get(..8).unwrap_or_default().parse().unwrap();
    assert!(value == sealed(number, len), "a value is torn");
}
