//! A store in memory with the habits and faults of others.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bigarrays_backends::object::ConditionalDelete;
use bigarrays_backends::object::object_store::memory::InMemory;
use bigarrays_backends::object::object_store::path::Path;
use bigarrays_backends::object::object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, UpdateVersion,
};
use futures::stream::{BoxStream, StreamExt};
use tokio::sync::RwLock;

/// What is wrong with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Conditions of puts are not looked at.
    IgnoresConditions,
    /// Nothing may be written.
    Forbids,
    /// There are no suffix ranges.
    NoSuffixes,
    /// So many answers to puts that were done are lost.
    LosesAnswers(u64),
    /// So many puts are lost.
    LosesPuts(u64),
    /// Ranges are one byte short.
    ShortRanges,
}

/// The store, and how often it was asked for what.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) store: InMemory,
    pub(crate) fault: Fault,
    /// Held alone by a conditional delete.
    lock: RwLock<()>,
    pub(crate) puts: AtomicU64,
    pub(crate) uploads: AtomicU64,
}

impl Harness {
    pub(crate) fn new(fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            store: InMemory::new(),
            fault,
            lock: RwLock::default(),
            puts: AtomicU64::new(0),
            uploads: AtomicU64::new(0),
        })
    }
}

impl std::fmt::Display for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("harness")
    }
}

fn broken() -> Error {
    Error::Generic {
        store: "harness",
        source: io::Error::from(io::ErrorKind::ConnectionReset).into(),
    }
}

fn forbidden(location: &Path) -> Error {
    Error::PermissionDenied { path: location.to_string(), source: "no".into() }
}

#[async_trait]
impl ObjectStore for Harness {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        let _guard = self.lock.read().await;
        let number = self.puts.fetch_add(1, Ordering::Relaxed);
        match self.fault {
            Fault::Forbids => return Err(forbidden(location)),
            Fault::IgnoresConditions => options.mode = PutMode::Overwrite,
            Fault::LosesPuts(count) if number < count => return Err(broken()),
            _ => {}
        }
        let done = self.store.put_opts(location, payload, options).await?;
        match self.fault {
            Fault::LosesAnswers(count) if number < count => Err(broken()),
            _ => Ok(done),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.uploads.fetch_add(1, Ordering::Relaxed);
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        match (&mut options.range, self.fault) {
            (Some(GetRange::Suffix(_)), Fault::NoSuffixes) => {
                return Err(Error::NotSupported { source: "no suffixes".into() });
            }
            (Some(GetRange::Bounded(range)), Fault::ShortRanges) => range.end -= 1,
            _ => {}
        }
        self.store.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        if self.fault == Fault::Forbids {
            return locations.map(|location| Err(forbidden(&location?))).boxed();
        }
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

#[async_trait]
impl ConditionalDelete for Harness {
    async fn delete_if(&self, location: &Path, version: &UpdateVersion) -> Result<()> {
        let _guard = self.lock.write().await;
        let path = location.to_string();
        if self.store.head(location).await?.e_tag != version.e_tag {
            return Err(Error::Precondition { path, source: "another state".into() });
        }
        self.store.delete(location).await
    }
}
