//! The front before the emulator that checks tokens, and what it tells of itself.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use bigarrays_backends::gcs::{Credentials, GcsBackend, GcsOptions};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{BUCKET, common, emulator};

pub(crate) struct Front {
    child: Child,
    directory: TempDir,
    pub(crate) address: SocketAddr,
    /// The prefix of this test.
    pub(crate) place: String,
}

impl Front {
    /// Starts a front of this test's own; `None` if there is nothing to start it with.
    pub(crate) fn start() -> Option<Self> {
        let backend = emulator()?;
        let Ok(python) = env::var("BIGARRAYS_PYTHON") else {
            common::skip("BIGARRAYS_PYTHON names no Python");
            return None;
        };
        let directory = TempDir::new().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/python/gcs_front.py");
        let mut child = Command::new(python)
            .args([script, backend.trim_start_matches("http://")])
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Some(port) = line.trim().strip_prefix("ready ") else {
            let _ = child.wait();
            common::skip("the front of this test does not start; has Python `cryptography`?");
            return None;
        };
        let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
        Some(Self { child, directory, address, place: super::place() })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// A store that comes through this front with a file of credentials.
    pub(crate) fn options(&self, file: &str) -> GcsOptions {
        self.as_who(Credentials::file(self.file(file)))
    }

    pub(crate) fn as_who(&self, credentials: Credentials) -> GcsOptions {
        GcsBackend::builder(BUCKET)
            .endpoint(self.endpoint())
            .prefix(&self.place)
            .credentials(credentials)
    }

    pub(crate) fn open(&self) -> GcsBackend {
        self.options("service.json").open().unwrap()
    }

    /// Changes what will happen.
    pub(crate) fn control(&self, wanted: &Json) {
        ask(self.address, "POST", "/__control", &wanted.to_string());
    }

    /// Of the requests of this method with this text in their address so many fail in this way.
    pub(crate) fn break_next(&self, method: &str, contains: &str, times: u64, how: &Json) {
        let fault = json!({"method": method, "contains": contains, "times": times, "how": how});
        self.control(&json!({ "fault": fault }));
    }

    pub(crate) fn state(&self) -> Json {
        serde_json::from_str(&ask(self.address, "GET", "/__state", "")).unwrap()
    }

    pub(crate) fn count(&self, of: &str) -> u64 {
        self.state()[of].as_u64().unwrap()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request, and the body of its answer.
pub(crate) fn ask(server: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    let len = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\
         Content-Length: {len}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
