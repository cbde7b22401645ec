//! Uploads in parts: files until they are one object.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bigarrays::Key;
use bigarrays::backend::ContentEncoding;
use bytes::Bytes;
use md5::{Digest, Md5};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use sha2::Sha256;

/// Uploads that nobody ends are forgotten after this time.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);
/// Uploads at once.
const MOST: usize = 10_000;
/// All parts of all uploads together have at the most so many times the bytes of one object.
const ROOM: u64 = 16;

/// A part.
#[derive(Debug)]
pub(super) struct Part {
    file: std::fs::File,
    pub(super) len: u64,
    pub(super) tag: String,
}

/// An upload that was begun and not ended.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: Key,
    pub(super) encoding: ContentEncoding,
    pub(super) begun: SystemTime,
    touched: Instant,
    pub(super) parts: BTreeMap<i32, Arc<Part>>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Uploads {
    open: Mutex<HashMap<String, Upload>>,
    count: AtomicU64,
    object: u64,
}

fn no_such_upload() -> S3Error {
    s3_error!(NoSuchUpload, "there is no such upload; it ended, or was never begun")
}

fn io(error: &std::io::Error) -> S3Error {
    S3Error::with_message(S3ErrorCode::InternalError, format!("a part cannot be kept: {error}"))
}

impl Uploads {
    /// For objects of so many bytes.
    pub(super) fn new(object: u64) -> Self {
        Self { open: Mutex::default(), count: AtomicU64::new(0), object }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<String, Upload>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(
        &self,
        bucket: &str,
        key: Key,
        encoding: ContentEncoding,
    ) -> S3Result<String> {
        let number = self.count.fetch_add(1, Relaxed);
        let begun = SystemTime::now();
        // Nobody else's can be named by chance; who may use the gateway may end any.
        let since = begun.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seed = format!("{number} {} {bucket} {key}", since.as_nanos());
        let id: String = Sha256::digest(seed.as_bytes())[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mut open = self.open();
        open.retain(|_, upload| upload.touched.elapsed() < FORGOTTEN);
        if open.len() >= MOST {
            return Err(s3_error!(SlowDown, "too many uploads were begun and not ended"));
        }
        let upload = Upload {
            bucket: bucket.to_owned(),
            key,
            encoding,
            begun,
            touched: Instant::now(),
            parts: BTreeMap::new(),
        };
        open.insert(id.clone(), upload);
        Ok(id)
    }

    /// Looks at an upload of this object.
    pub(super) fn with<T>(
        &self,
        id: &str,
        bucket: &str,
        key: &str,
        look: impl FnOnce(&mut Upload) -> S3Result<T>,
    ) -> S3Result<T> {
        let mut open = self.open();
        let upload = open.get_mut(id).filter(|upload| is_of(upload, bucket, key));
        let upload = upload.ok_or_else(no_such_upload)?;
        upload.touched = Instant::now();
        look(upload)
    }

    /// Keeps a part; its entity tag. It blocks.
    pub(super) fn put(
        &self,
        (id, bucket, key): (&str, &str, &str),
        number: i32,
        bytes: &Bytes,
    ) -> S3Result<String> {
        if !(1..=10_000).contains(&number) {
            return Err(super::failure::invalid("parts have numbers from 1 to 10000"));
        }
        let kept: u64 = {
            let open = self.open();
            let uploads = open.values().flat_map(|upload| upload.parts.values());
            uploads.map(|part| part.len).sum()
        };
        if kept.saturating_add(bytes.len() as u64) > self.object.saturating_mul(ROOM) {
            return Err(s3_error!(SlowDown, "there is no room for more parts; end other uploads"));
        }
        // It has no name, and is gone with the process however that ends.
        let mut file = tempfile::tempfile().map_err(|error| io(&error))?;
        file.write_all(bytes).map_err(|error| io(&error))?;
        let tag: String = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let part = Arc::new(Part { file, len: bytes.len() as u64, tag: tag.clone() });
        let most = self.object;
        self.with(id, bucket, key, |upload| {
            let old = upload.parts.get(&number).map_or(0, |part| part.len);
            let all: u64 = upload.parts.values().map(|part| part.len).sum();
            if all - old + part.len > most {
                let message = format!("an object has {most} bytes at the most here");
                return Err(S3Error::with_message(S3ErrorCode::EntityTooLarge, message));
            }
            upload.parts.insert(number, part);
            Ok(tag)
        })
    }

    /// The parts of an upload that were named, in their order.
    pub(super) fn named(
        &self,
        (id, bucket, key): (&str, &str, &str),
        named: &[(i32, Option<String>)],
    ) -> S3Result<(ContentEncoding, Vec<Arc<Part>>)> {
        self.with(id, bucket, key, |upload| {
            if named.is_empty() || !named.is_sorted_by(|(one, _), (other, _)| one < other) {
                return Err(s3_error!(InvalidPartOrder, "parts are named in their order"));
            }
            let parts = named.iter().map(|(number, tag)| {
                let part = upload.parts.get(number);
                let is_it = |part: &&Arc<Part>| tag.as_ref().is_none_or(|tag| *tag == part.tag);
                part.filter(is_it).cloned().ok_or_else(|| {
                    s3_error!(InvalidPart, "a part that is named was not sent, or is another")
                })
            });
            Ok((upload.encoding, parts.collect::<S3Result<_>>()?))
        })
    }

    /// Forgets an upload.
    pub(super) fn end(&self, id: &str, bucket: &str, key: &str) -> S3Result<()> {
        let mut open = self.open();
        open.get(id).filter(|upload| is_of(upload, bucket, key)).ok_or_else(no_such_upload)?;
        open.remove(id);
        Ok(())
    }

    /// What is said of all uploads to a bucket.
    pub(super) fn of(&self, bucket: &str) -> Vec<(String, Key, SystemTime)> {
        let open = self.open();
        let uploads = open.iter().filter(|(_, upload)| upload.bucket == bucket);
        uploads.map(|(id, upload)| (id.clone(), upload.key.clone(), upload.begun)).collect()
    }
}

fn is_of(upload: &Upload, bucket: &str, key: &str) -> bool {
    upload.bucket == bucket && upload.key.as_str() == key
}

/// Parts as one. It blocks.
pub(super) fn joined(parts: &[Arc<Part>]) -> S3Result<Bytes> {
    let len: u64 = parts.iter().map(|part| part.len).sum();
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    for part in parts {
        let mut file = &part.file;
        file.seek(SeekFrom::Start(0)).map_err(|error| io(&error))?;
        file.read_to_end(&mut bytes).map_err(|error| io(&error))?;
    }
    Ok(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_one_in_their_order_and_only_those_that_are_named() {
        let uploads = Uploads::new(100);
        let key = Key::new("a/b").unwrap();
        let id = uploads.begin("em", key, ContentEncoding::Gzip).unwrap();
        let of = (id.as_str(), "em", "a/b");
        let put = |number, bytes: &'static str| uploads.put(of, number, &Bytes::from(bytes));
        let two = put(2, "two").unwrap();
        put(1, "none").unwrap();
        let one = put(1, "one").unwrap();
        put(3, "three").unwrap();
        let named = uploads.named(of, &[(1, Some(one)), (2, Some(two))]).unwrap();
        assert_eq!((named.0, joined(&named.1).unwrap()), (ContentEncoding::Gzip, "onetwo".into()));
        assert!(uploads.named(of, &[(2, None), (1, None)]).is_err());
        assert!(uploads.named(of, &[(1, None), (7, None)]).is_err());
        assert!(uploads.named(of, &[(1, Some("x".into()))]).is_err());
        assert!(uploads.named((of.0, "other", "a/b"), &[(1, None)]).is_err());
        assert!(uploads.end(of.0, of.1, of.2).is_ok() && uploads.end(of.0, of.1, of.2).is_err());
    }

    #[test]
    fn an_object_in_parts_is_no_longer_than_another() {
        let uploads = Uploads::new(10);
        let id = uploads.begin("em", Key::new("a").unwrap(), ContentEncoding::Identity).unwrap();
        let put = |number, len| uploads.put((&id, "em", "a"), number, &vec![0; len].into());
        assert!(put(1, 8).is_ok() && put(2, 3).is_err() && put(1, 5).is_ok() && put(2, 5).is_ok());
        assert!(put(0, 1).is_err() && put(10_001, 0).is_err());
    }
}
