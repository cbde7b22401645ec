//! The command under test, run line by line in a folder of its own. What goes wrong here fails the
//! test.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "test helpers may fail a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::{command, text};

/// The command in a folder of its own.
#[derive(Debug)]
pub struct Bench {
    command: PathBuf,
    dir: tempfile::TempDir,
}

impl Bench {
    /// A new folder, if the command is here.
    #[must_use]
    pub fn new() -> Option<Self> {
        Some(Self { command: command()?, dir: tempfile::tempdir().expect("a folder") })
    }

    /// The command.
    #[must_use]
    pub fn command(&self) -> &Path {
        &self.command
    }

    /// A path in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a line, words apart by spaces.
    #[must_use]
    pub fn run(&self, line: &str) -> Output {
        Command::new(&self.command)
            .args(line.split_whitespace())
            .current_dir(self.dir.path())
            .output()
            .expect("the command starts")
    }

    /// Runs a line that must succeed; what it printed on standard output.
    #[expect(clippy::must_use_candidate, reason = "often only the success matters")]
    pub fn succeeds(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", text(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a line that must fail with this exit status and say all these words.
    pub fn fails(&self, status: i32, line: &str, words: &[&str]) {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{line}: {}", text(&output));
        for word in words {
            assert!(said.contains(word), "{line}: {word:?} is not in:\n{said}");
        }
    }

    /// The JSON that a line prints.
    #[must_use]
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.succeeds(&format!("{line} --json"))).expect("JSON")
    }

    /// All files with their bytes: to see that nothing changed.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(dir: &Path, all: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(dir).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    walk(&path, all);
                } else {
                    all.push((path.clone(), fs::read(&path).expect("a file")));
                }
            }
        }
        let mut all = Vec::new();
        walk(self.dir.path(), &mut all);
        all.sort();
        all
    }

    /// Writes an `.npy` of little-endian voxels in Fortran order.
    pub fn npy(&self, name: &str, descr: &str, shape: &str, data: &[u8]) {
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': True, 'shape': ({shape}), }}");
        while !(header.len() + 11).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        fs::write(self.path(name), bytes).expect("written");
    }
}

/// The voxels of an `.npy` file that the command wrote.
#[must_use]
pub fn payload(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).expect("a file");
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[10 + header..].to_vec()
}

/// Bytes that count up, again and again.
#[must_use]
pub fn ramp(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 251).expect("small")).collect()
}
