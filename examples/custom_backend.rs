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

/// The number of the last overwrite, and each value with the number of its own.
type Values = (u64, HashMap<Key, (u64, Value)>);

#[derive(Debug, Default)]
struct MyStore(Mutex<Values>);

impl fmt::Display for MyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("my-store://")
    }
}

impl MyStore {
    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn meta(key: &Key, (number, Value { bytes, content_encoding }): &(u64, Value)) -> Meta {
    let (size, version) = (bytes.len() as u64, Some(Version::from_u64(*number)));
    Meta { key: key.clone(), size, version, content_encoding: Some(*content_encoding) }
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
        Ok(self.lock().1.get(key).map(|(number, Value { bytes, content_encoding })| Blob {
            bytes: range.slice(bytes),
            version: Some(Version::from_u64(*number)),
            content_encoding: *content_encoding,
        }))
    }
    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        let (number, values) = &mut *self.lock();
        if !when.holds(values.get(key).map(|entry| Version::from_u64(entry.0)).as_ref()) {
            return Ok(PutOutcome::Conflict);
        }
        *number += 1;
        values.insert(key.clone(), (*number, value));
        Ok(PutOutcome::Written { version: Some(Version::from_u64(*number)) })
    }
    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        let values = &mut self.lock().1;
        if !when.holds(values.get(key).map(|entry| Version::from_u64(entry.0)).as_ref()) {
            return Ok(DeleteOutcome::Conflict);
        }
        values.remove(key);
        Ok(DeleteOutcome::Deleted)
    }
    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let values = &self.lock().1;
        let found = values.iter().filter(|(key, _)| prefix.contains(key));
        stream::iter(found.map(|(key, entry)| Ok(meta(key, entry))).collect::<Vec<_>>()).boxed()
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
