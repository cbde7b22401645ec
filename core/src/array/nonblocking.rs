//! The verbs for callers inside a tokio runtime: each call makes one hop to a thread that may
//! block, and none per chunk.

use ndarray::{Array2, Array4};
use tokio::task::spawn_blocking;

use super::big_array::BigArray;
use super::read::Cutout;
use crate::backend::KeyValueBackend;
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::BoundingBox;

async fn hop<R: Send + 'static>(call: impl FnOnce() -> Result<R> + Send + 'static) -> Result<R> {
    spawn_blocking(call).await.map_err(|source| Error::Abandoned { source })?
}

impl<B: KeyValueBackend> BigArray<B> {
    /// [`read`](Self::read) for asynchronous callers. Must be awaited inside a tokio runtime.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`Error::Abandoned`] if the runtime shuts down.
    pub async fn read_async<T: Element>(
        &self,
        bbox: impl Into<BoundingBox> + Send,
    ) -> Result<Array4<T>> {
        let (array, bbox) = (self.clone(), bbox.into());
        hop(move || array.read(bbox)).await
    }

    /// [`read_dyn`](Self::read_dyn) for asynchronous callers.
    ///
    /// # Errors
    /// As [`read_async`](Self::read_async).
    pub async fn read_dyn_async(&self, bbox: impl Into<BoundingBox> + Send) -> Result<Cutout> {
        let (array, bbox) = (self.clone(), bbox.into());
        hop(move || array.read_dyn(bbox)).await
    }

    /// [`read_points`](Self::read_points) for asynchronous callers.
    ///
    /// # Errors
    /// As [`read_async`](Self::read_async).
    pub async fn read_points_async<T: Element>(&self, points: Vec<[i64; 3]>) -> Result<Array2<T>> {
        let array = self.clone();
        hop(move || array.read_points(&points)).await
    }

    /// [`write`](Self::write) for asynchronous callers; takes the array, for the work outlives a
    /// caller that stops waiting.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`Error::Abandoned`] if the runtime shuts down.
    pub async fn write_async<T: Element>(&self, at: [i64; 3], voxels: Array4<T>) -> Result<()> {
        let array = self.clone();
        hop(move || array.write(at, voxels.view())).await
    }
}
