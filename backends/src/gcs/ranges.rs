//! Several parts of one state of an object.

use std::ops::Range;
use std::sync::OnceLock;

use bigarrays_core::Key;
use bigarrays_core::backend::{BackendResult, ByteRange, Operation};
use bytes::Bytes;

use super::bucket::Bucket;
use super::document::generation;
use super::failure::Failure;
use crate::remote::{Parts, read_parts};

impl Bucket {
    /// The first request tells the state; the others ask for that state, side by side.
    pub(super) async fn get_ranges(
        &self,
        key: &Key,
        name: &str,
        ranges: &[Range<u64>],
        width: usize,
    ) -> BackendResult<Option<Vec<Bytes>>> {
        let fail = |failure: Failure| failure.at(self.place.name(), Operation::Get, key);
        let state = &OnceLock::new();
        let get = |range| async move {
            let blob = self.get(name, &ByteRange::Bounded(range), state.get().copied()).await;
            let blob = blob.map_err(fail)?;
            let version = blob.as_ref().and_then(|blob| blob.version.as_ref());
            if let Some(generation) = version.and_then(generation) {
                state.get_or_init(|| generation);
            }
            Ok(blob)
        };
        match read_parts(ranges, width, get).await? {
            Some(Parts::Whole(parts)) => Ok(Some(parts)),
            Some(Parts::Missing) => Ok(None),
            Some(Parts::Torn) => Err(fail(Failure::transient(
                "the value was overwritten between two ranges of one read",
            ))),
            None => {
                let there = self.head(name).await.map_err(fail)?.is_some();
                Ok(there.then(|| vec![Bytes::new(); ranges.len()]))
            }
        }
    }
}
