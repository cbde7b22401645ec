//! A store behind a network, in a protocol of three fields, with flaws of its client.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ContentEncoding, DeleteOutcome,
    ErrorKind, IoModel, KeyValueBackend, KeyValueBackendExt, Meta, Operation, Precondition,
    PutOutcome, Value, Version, wait,
};
use crate::key::{Key, Prefix};
use crate::memory::MemoryBackend;

/// What a client does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Sound,
    /// A reply that ends early is taken for a short value.
    TakesPartsForWholes,
    /// A server out of reach is taken for an empty one.
    TakesFailuresForMissing,
    /// After a lost reply a put is made again whatever its condition.
    PutsTwice,
    /// Whoever is refused is told of permissions.
    ConfusesRefusals,
}

/// A client; each request has a connection of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire {
    pub(super) server: SocketAddr,
    pub(super) password: u8,
    pub(super) flaw: Flaw,
}

pub(super) const PASSWORD: u8 = 42;
const FOUND: u8 = 0;
const ABSENT: u8 = 1;
const CONFLICT: u8 = 2;
const UNKNOWN: u8 = 3;

/// Fields with their lengths, and the length of all before them.
fn message(fields: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for field in fields {
        body.extend_from_slice(&u32::try_from(field.len()).unwrap().to_le_bytes());
        body.extend_from_slice(field);
    }
    let mut whole = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    whole.extend(body);
    whole
}

fn receive(stream: &mut TcpStream, flaw: Flaw) -> io::Result<Vec<Vec<u8>>> {
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let mut body = vec![0; u32::from_le_bytes(len) as usize];
    let mut filled = 0;
    while filled < body.len() {
        match stream.read(&mut body[filled..])? {
            0 if flaw == Flaw::TakesPartsForWholes => break,
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    body.truncate(filled);
    let mut fields = Vec::new();
    let mut rest = &body[..];
    while let Some((len, tail)) = rest.split_first_chunk::<4>() {
        let len = (u32::from_le_bytes(*len) as usize).min(tail.len());
        fields.push(tail[..len].to_vec());
        rest = &tail[len..];
    }
    Ok(fields)
}

/// Serves a store until the process ends.
pub(super) fn serve(store: MemoryBackend) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, store) = (stream.unwrap(), store.clone());
            thread::spawn(move || {
                if let Ok(request) = receive(&mut stream, Flaw::Sound) {
                    let reply = answer(&store, &request);
                    let reply: Vec<&[u8]> = reply.iter().map(Vec::as_slice).collect();
                    let _ = stream.write_all(&message(&reply));
                }
            });
        }
    });
    address
}

/// `[password, verb], key, condition, value` to `[status], version, value`.
fn answer(store: &MemoryBackend, request: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let [head, key, condition, value] = request else { return vec![vec![UNKNOWN]] };
    if head[0] != PASSWORD {
        return vec![vec![UNKNOWN]];
    }
    let text = std::str::from_utf8(key).unwrap();
    let when = match condition.split_first() {
        Some((b'a', _)) => Precondition::IfAbsent,
        Some((b'v', version)) => Precondition::IfVersion(Version::new(version)),
        _ => Precondition::Always,
    };
    if head[1] == b'l' {
        let metas = wait(store.list_all(&Prefix::new(text).unwrap())).unwrap();
        let mut reply = vec![vec![FOUND]];
        reply.extend(metas.into_iter().map(|meta| meta.key.as_str().as_bytes().to_vec()));
        return reply;
    }
    let key = Key::new(text).unwrap();
    match head[1] {
        b'g' => match wait(store.get(&key, ByteRange::Full)).unwrap() {
            None => vec![vec![ABSENT]],
            Some(blob) => {
                let version = blob.version.unwrap().as_bytes().to_vec();
                vec![vec![FOUND], version, blob.bytes.to_vec()]
            }
        },
        b'p' => match wait(store.put(&key, Value::plain(value.clone()), when)).unwrap() {
            PutOutcome::Conflict => vec![vec![CONFLICT]],
            PutOutcome::Written { version } => {
                vec![vec![FOUND], version.unwrap().as_bytes().to_vec()]
            }
        },
        _ => match wait(store.delete(&key, when)).unwrap() {
            DeleteOutcome::Conflict => vec![vec![CONFLICT]],
            DeleteOutcome::Deleted => vec![vec![FOUND]],
        },
    }
}

impl Wire {
    fn exchange(&self, message: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut stream = TcpStream::connect(self.server)?;
        stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        stream.write_all(message)?;
        receive(&mut stream, self.flaw)
    }

    fn ask(
        &self,
        op: Operation,
        verb: u8,
        key: &str,
        rest: [&[u8]; 2],
    ) -> BackendResult<Vec<Vec<u8>>> {
        let head = [self.password, verb];
        let request = message(&[&head, key.as_bytes(), rest[0], rest[1]]);
        let reply = match self.exchange(&request) {
            Err(_) if self.flaw == Flaw::TakesFailuresForMissing => vec![vec![ABSENT]],
            Err(error) => {
                return Err(BackendError::new(ErrorKind::Transient, self, op).with_source(error));
            }
            Ok(reply) => reply,
        };
        match reply.first().and_then(|status| status.first()) {
            Some(&UNKNOWN) => {
                let kind = match self.flaw {
                    Flaw::ConfusesRefusals => ErrorKind::PermissionDenied,
                    _ => ErrorKind::Unauthenticated,
                };
                Err(BackendError::new(kind, self, op))
            }
            Some(_) => Ok(reply),
            None => Err(BackendError::new(ErrorKind::Transient, self, op)),
        }
    }
}

fn condition(when: &Precondition) -> Vec<u8> {
    match when {
        Precondition::Always => Vec::new(),
        Precondition::IfAbsent => b"a".to_vec(),
        Precondition::IfVersion(version) => [b"v", version.as_bytes()].concat(),
    }
}

#[async_trait]
impl KeyValueBackend for Wire {
    fn capabilities(&self) -> Capabilities {
        Capabilities { io: IoModel::Async, range_reads: false, ..Capabilities::local() }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let blob = self.get(key, ByteRange::Full).await?;
        Ok(blob.map(|blob| Meta {
            key: key.clone(),
            size: blob.bytes.len() as u64,
            version: blob.version,
            content_encoding: Some(blob.content_encoding),
        }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let reply = self.ask(Operation::Get, b'g', key.as_str(), [&[], &[]])?;
        let [_, version, rest @ ..] = &reply[..] else { return Ok(None) };
        let whole = Bytes::from(rest.first().cloned().unwrap_or_default());
        Ok(Some(Blob {
            bytes: range.slice(&whole),
            version: Some(Version::new(version)),
            content_encoding: ContentEncoding::Identity,
        }))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let ask = |when| self.ask(Operation::Put, b'p', key.as_str(), [when, &value.bytes]);
        let reply = match ask(&condition(&when)) {
            Err(error) if self.flaw == Flaw::PutsTwice && error.kind() == ErrorKind::Transient => {
                ask(b"")?
            }
            reply => reply?,
        };
        Ok(match reply.get(1) {
            Some(version) => PutOutcome::Written { version: Some(Version::new(version)) },
            None => PutOutcome::Conflict,
        })
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let rest: [&[u8]; 2] = [&condition(&when), &[]];
        let reply = self.ask(Operation::Delete, b'd', key.as_str(), rest)?;
        Ok(match reply[0][0] {
            CONFLICT => DeleteOutcome::Conflict,
            _ => DeleteOutcome::Deleted,
        })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let reply = match self.ask(Operation::List, b'l', prefix.as_str(), [&[], &[]]) {
            Err(error) => return stream::iter([Err(error)]).boxed(),
            Ok(reply) => reply,
        };
        let meta = |name: Vec<u8>| {
            let key = Key::new(String::from_utf8(name).unwrap()).unwrap();
            Ok(Meta { key, size: 0, version: None, content_encoding: None })
        };
        stream::iter(reply.into_iter().skip(1).map(meta).collect::<Vec<_>>()).boxed()
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wire://{}", self.server)
    }
}
