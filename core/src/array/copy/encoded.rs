//! Chunks that stay as they are encoded.

use std::sync::{Mutex, PoisonError};

use super::Copier;
use crate::array::put::{Copied, Made};
use crate::backend::KeyValueBackend;
use crate::chunk_store::{Fetched, Found};
use crate::error::Result;
use crate::geometry::BoundingBox;

impl<S: KeyValueBackend, D: KeyValueBackend> Copier<S, D> {
    pub(super) fn copy_encoded(&self, task: &BoundingBox) -> Result<Copied> {
        let made = Mutex::new(Vec::<Made>::new());
        let chunks = self.source.grid().cover(task).zip(self.target.grid().cover(task));
        self.source.with_chunks(chunks, |Fetched { part, key, found }, to_part, scratch| {
            let (from, to) = (&self.source.inner.store, &self.target.inner.store);
            let value = match found {
                Found::Stored(blob) => {
                    let encoded = from.unpack(key, &part.chunk, &blob, scratch)?;
                    Some(to.pack(&to.key(&to_part)?, &to_part.chunk, encoded)?)
                }
                Found::Decoded(voxels) | Found::Span(voxels) => {
                    Some(to.encode(&to.key(&to_part)?, &to_part.chunk, voxels.to_vec())?)
                }
                Found::Absent => {
                    self.source.allow_missing(part, key)?;
                    None
                }
            };
            made.lock().unwrap_or_else(PoisonError::into_inner).push((to_part, value));
            Ok(())
        })?;
        let made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.target.put_all(task, made, self.absent)
    }
}
