//! Several stores, one above the other, as one.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

mod versions;
mod write;

use super::generate::generate;
use crate::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, DeleteOutcome,
    DynBackend, ErrorKind, IoModel, KeyValueBackend, Meta, Operation, Precondition, Put,
    PutOutcome, Value,
};
use crate::key::{Key, Prefix};
use versions::mark;

/// Where the writes of a [`Layered`] store go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteTo {
    /// To the first layer; those below are never changed. What is written hides what is below it.
    ///
    /// A value that a lower layer has cannot be deleted, for it would still be there:
    /// `Unsupported`. Conditional puts are honoured as the first layer honours them, and are about
    /// what a read sees; the lower layers must not be changed by others meanwhile.
    #[default]
    First,
    /// To every layer, the lowest first, so that readers see the new value when all have it. After
    /// a failure some have it and some do not: repeat the write. Conditional writes are
    /// `Unsupported`.
    All,
}

/// Several stores as one: a key has the value of the first layer that has it.
///
/// For changes beside a store that must not be changed, for a store that moves, and for copies.
///
/// ```
/// # use std::sync::Arc;
/// # use bigarrays_core::{backend::{KeyValueBackendExt, wait}, key::Key, memory::MemoryBackend};
/// use bigarrays_core::wrap::{Layered, ReadOnly};
///
/// let published = MemoryBackend::named("published");
/// let key = Key::new("info")?;
/// wait(published.put_always(&key, "old"))?;
/// let edits = MemoryBackend::named("edits");
/// let store = Layered::new(Arc::new(edits)).over(Arc::new(ReadOnly::new(published.clone())));
/// wait(store.put_always(&key, "new"))?;
/// assert_eq!(wait(store.get_bytes(&key))?.unwrap(), "new");
/// assert_eq!(wait(published.get_bytes(&key))?.unwrap(), "old");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// - A layer that fails fails the request: it is never taken for one that does not have the key.
/// - A version tells the layer too, so that equal versions of two layers are never confused. The
///   parts of one `get_ranges` come from one layer.
/// - A listing has every key once, with the size and version that a read would see. All keys but
///   those of the lowest layer are in memory while it runs.
/// - If all layers block, this store does; else it is asynchronous, and those layers that block
///   are called inside polls.
#[derive(Debug, Clone)]
pub struct Layered {
    layers: Vec<DynBackend>,
    write_to: WriteTo,
}

impl Layered {
    /// `first`, as yet with nothing below it.
    #[must_use]
    pub fn new(first: DynBackend) -> Self {
        Self { layers: vec![first], write_to: WriteTo::default() }
    }

    /// The same with `lower` below all layers there are.
    #[must_use]
    pub fn over(mut self, lower: DynBackend) -> Self {
        self.layers.push(lower);
        self
    }

    /// Where writes go. Default: [`WriteTo::First`].
    #[must_use]
    pub const fn write_to(mut self, write_to: WriteTo) -> Self {
        self.write_to = write_to;
        self
    }

    /// The layers, the first one first.
    #[must_use]
    pub fn layers(&self) -> &[DynBackend] {
        &self.layers
    }

    fn unsupported(&self, op: Operation, key: &Key, note: &str) -> BackendError {
        BackendError::new(ErrorKind::Unsupported, self, op).with_key(key).with_note(note)
    }

    /// What the first layer that has the key says of it, and which layer that is.
    async fn find(&self, key: &Key) -> BackendResult<Option<(usize, Meta)>> {
        for (place, layer) in self.layers.iter().enumerate() {
            if let Some(meta) = layer.head(key).await? {
                return Ok(Some((place, meta)));
            }
        }
        Ok(None)
    }

    fn written(&self) -> &[DynBackend] {
        match self.write_to {
            WriteTo::First => &self.layers[..1],
            WriteTo::All => &self.layers,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl KeyValueBackend for Layered {
    fn capabilities(&self) -> Capabilities {
        let layers: Vec<Capabilities> =
            self.layers.iter().map(KeyValueBackend::capabilities).collect();
        let first = layers[0];
        let written = &layers[..self.written().len()];
        let blocks = layers.iter().all(|layer| layer.io == IoModel::Blocking);
        let is_first = self.write_to == WriteTo::First;
        Capabilities {
            io: if blocks { IoModel::Blocking } else { IoModel::Async },
            concurrency: layers
                .iter()
                .map(|layer| layer.concurrency)
                .min()
                .unwrap_or(first.concurrency),
            writable: written.iter().all(|layer| layer.writable),
            listable: layers.iter().all(|layer| layer.listable),
            range_reads: layers.iter().all(|layer| layer.range_reads),
            prefers_whole: layers.iter().any(|layer| layer.prefers_whole),
            batch_bytes: written
                .iter()
                .map(|layer| layer.batch_bytes)
                .max()
                .unwrap_or(first.batch_bytes),
            conditional_put: if is_first {
                first.conditional_put
            } else {
                ConditionalPut::Unsupported
            },
            conditional_delete: is_first && first.conditional_delete,
            max_value_len: written.iter().filter_map(|layer| layer.max_value_len).min(),
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let found = self.find(key).await?;
        Ok(found.map(|(place, meta)| Meta { version: mark(place, meta.version), ..meta }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        for (place, layer) in self.layers.iter().enumerate() {
            if let Some(blob) = layer.get(key, range.clone()).await? {
                return Ok(Some(Blob { version: mark(place, blob.version), ..blob }));
            }
        }
        Ok(None)
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        match self.write_to {
            WriteTo::First => self.put_first(key, value, when).await,
            WriteTo::All => self.put_all(key, value, when).await,
        }
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        match self.write_to {
            WriteTo::First => self.delete_first(key, when).await,
            WriteTo::All => self.delete_all(key, when).await,
        }
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        generate(move |out| async move {
            if !self.capabilities().listable {
                let error = BackendError::new(ErrorKind::Unsupported, self, Operation::List);
                return out.give(Err(error.with_prefix(prefix))).await;
            }
            let mut seen = HashSet::new();
            let lowest = self.layers.len() - 1;
            for (place, layer) in self.layers.iter().enumerate() {
                let mut metas = layer.list(prefix);
                while let Some(item) = metas.next().await {
                    let meta = match item {
                        Ok(meta) => meta,
                        Err(error) => return out.give(Err(error)).await,
                    };
                    if seen.contains(&meta.key) {
                        continue;
                    }
                    if place < lowest {
                        seen.insert(meta.key.clone());
                    }
                    let version = mark(place, meta.version);
                    out.give(Ok(Meta { version, ..meta })).await;
                }
            }
        })
    }

    async fn get_ranges(
        &self,
        key: &Key,
        ranges: &[Range<u64>],
    ) -> BackendResult<Option<Vec<Bytes>>> {
        for layer in &self.layers {
            if let Some(parts) = layer.get_ranges(key, ranges).await? {
                return Ok(Some(parts));
            }
        }
        Ok(None)
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let mut answers: Vec<BackendResult<Option<Blob>>> = keys.iter().map(|_| Ok(None)).collect();
        for (place, layer) in self.layers.iter().enumerate() {
            // Positions, not keys: a key may be asked twice.
            let open: Vec<usize> =
                (0..keys.len()).filter(|&n| matches!(answers[n], Ok(None))).collect();
            if open.is_empty() {
                break;
            }
            let asked: Vec<Key> = open.iter().map(|&n| keys[n].clone()).collect();
            for (n, answer) in open.into_iter().zip(layer.get_batch(&asked).await) {
                let marked = |blob: Blob| Blob { version: mark(place, blob.version), ..blob };
                answers[n] = answer.map(|blob| blob.map(marked));
            }
        }
        answers
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        for layer in self.written().iter().rev() {
            layer.put_batch(puts.clone()).await?;
        }
        Ok(())
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        if self.write_to == WriteTo::First {
            for key in keys {
                self.require_deletable(key).await?;
            }
        }
        for layer in self.written().iter().rev() {
            layer.delete_batch(keys).await?;
        }
        Ok(())
    }
}

/// All layers: `first over second over third`.
impl fmt::Display for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, layer) in self.layers.iter().enumerate() {
            let between = if place == 0 { "" } else { " over " };
            write!(f, "{between}{layer}")?;
        }
        Ok(())
    }
}
