//! A store of your own in 60 lines: here a `HashMap`; yours may be a database, a service, a tape.
//!
//! Six methods are the whole trait. The conformance suite at the end proves them right.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bigarrays::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, Meta, Precondition, PutOutcome,
    Value, Version,
};
use bigarrays::ndarray::Array3;
use bigarrays::{BigArray, DataType, Key, KeyValueBackend, Prefix, VolumeInfo, conformance};
use futures::stream::{self, BoxStream, StreamExt};

/// The last version given, and all values with theirs.
type Values = (u64, HashMap<Key, (u64, Value)>);

#[derive(Debug, Default)]
struct MyStore(Mutex<Values>);

impl MyStore {
    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for MyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("my-store://")
    }
}

fn meta(key: &Key, (version, value): &(u64, Value)) -> Meta {
    Meta {
        key: key.clone(),
        size: value.bytes.len() as u64,
        version: Some(Version::from_u64(*version)),
        content_encoding: value.content_encoding,
    }
}

#[async_trait]
impl KeyValueBackend for MyStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::local()
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        Ok(self.lock().1.get(key).map(|entry| meta(key, entry)))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        Ok(self.lock().1.get(key).map(|(version, value)| Blob {
            bytes: range.slice(&value.bytes),
            version: Some(Version::from_u64(*version)),
            content_encoding: value.content_encoding,
        }))
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let (counter, values) = &mut *self.lock();
        let current = values.get(key).map(|(version, _)| Version::from_u64(*version));
        if !when.holds(current.as_ref()) {
            return Ok(PutOutcome::Conflict);
        }
        *counter += 1;
        values.insert(key.clone(), (*counter, value));
        Ok(PutOutcome::Written { version: Some(Version::from_u64(*counter)) })
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let values = &mut self.lock().1;
        let current = values.get(key).map(|(version, _)| Version::from_u64(*version));
        if !when.holds(current.as_ref()) {
            return Ok(DeleteOutcome::Conflict);
        }
        values.remove(key);
        Ok(DeleteOutcome::Deleted)
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let found: Vec<_> = self
            .lock()
            .1
            .iter()
            .filter(|(key, _)| prefix.contains(key))
            .map(|(key, entry)| Ok(meta(key, entry)))
            .collect();
        stream::iter(found).boxed()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let info = VolumeInfo::builder(DataType::Uint16, [128, 128, 64]).build()?;
    let volume = BigArray::create(MyStore::default(), info)?;
    volume.write([0, 0, 0], Array3::<u16>::from_elem((128, 128, 64), 7).view())?;
    println!("{}", volume.read::<u16>([126..130, 0..1, 0..1])?);

    let store = Arc::new(MyStore::default());
    let report = conformance::run(|| Ok(Arc::clone(&store)));
    println!("{report}");
    report.assert_ok();
    Ok(())
}
