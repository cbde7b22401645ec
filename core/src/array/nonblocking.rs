//! The verbs for callers inside a tokio runtime: each call makes one hop to a thread that may
//! block, and none per chunk.
//!
//! A thread cannot be stopped from outside. So a future that is dropped tells its call to end: no
//! further chunk is begun, and those under way are finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array2, Array4};
use tokio::task::spawn_blocking;

use super::big_array::BigArray;
use super::options::Progress;
use super::read::Cutout;
use crate::backend::KeyValueBackend;
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::BoundingBox;

/// Passes on how a call comes along, and stops it when nobody waits for it any more.
struct Watched {
    inner: Option<Arc<dyn Progress>>,
    is_dropped: Arc<AtomicBool>,
}

impl Progress for Watched {
    fn advance(&self, chunks: u64, bytes: u64) {
        if let Some(inner) = &self.inner {
            inner.advance(chunks, bytes);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
            || self.inner.as_ref().is_some_and(|inner| inner.is_cancelled())
    }
}

/// Says so when it is dropped: with the future of a call.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<B: KeyValueBackend> BigArray<B> {
    async fn hop<R: Send + 'static>(
        &self,
        call: impl FnOnce(&Self) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let is_dropped = Arc::default();
        let waiting = Waiting(Arc::clone(&is_dropped));
        let watched = Watched { inner: self.progress.clone(), is_dropped };
        let array = self.clone().with_progress(Arc::new(watched));
        let result = spawn_blocking(move || call(&array)).await;
        drop(waiting);
        result.map_err(|source| Error::Abandoned { source })?
    }

    /// [`read`](Self::read) for asynchronous callers. Must be awaited inside a tokio runtime.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`Error::Abandoned`] if the runtime shuts down.
    pub async fn read_async<T: Element>(
        &self,
        bbox: impl Into<BoundingBox> + Send,
    ) -> Result<Array4<T>> {
        let bbox = bbox.into();
        self.hop(move |array| array.read(bbox)).await
    }

    /// [`read_dyn`](Self::read_dyn) for asynchronous callers.
    ///
    /// # Errors
    /// As [`read_async`](Self::read_async).
    pub async fn read_dyn_async(&self, bbox: impl Into<BoundingBox> + Send) -> Result<Cutout> {
        let bbox = bbox.into();
        self.hop(move |array| array.read_dyn(bbox)).await
    }

    /// [`read_points`](Self::read_points) for asynchronous callers.
    ///
    /// # Errors
    /// As [`read_async`](Self::read_async).
    pub async fn read_points_async<T: Element>(&self, points: Vec<[i64; 3]>) -> Result<Array2<T>> {
        self.hop(move |array| array.read_points(&points)).await
    }

    /// [`write`](Self::write) for asynchronous callers; takes the array, for the chunks under way
    /// outlive a caller that stops waiting. The others are left as they were then.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`Error::Abandoned`] if the runtime shuts down.
    pub async fn write_async<T: Element>(&self, at: [i64; 3], voxels: Array4<T>) -> Result<()> {
        self.hop(move |array| array.write(at, voxels.view())).await
    }
}
