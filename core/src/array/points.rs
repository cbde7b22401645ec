//! Reading single voxels, many at a time.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayViewMut1, Axis};

use super::big_array::BigArray;
use super::options::OutOfBounds;
use crate::backend::KeyValueBackend;
use crate::chunk_store::{Fetched, Found, shape_in_memory};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::geometry::{BoundingBox, ChunkPart};

/// A voxel and the row that its channels go to.
type Wanted<'a, T> = ([i64; 3], ArrayViewMut1<'a, T>);

impl<B: KeyValueBackend> BigArray<B> {
    /// Reads single voxels: row n of the answer has the channels of point n. Each chunk is read
    /// once, however many points it holds, and points may repeat.
    ///
    /// A point outside the volume has the fill value, or is an error if the options say so
    /// ([`OutOfBounds::Fill`]; both others refuse it, for a row cannot be cropped).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_points<T: Element>(&self, points: &[[i64; 3]]) -> Result<Array2<T>> {
        self.require_type::<T>()?;
        let (fill, channels) = (self.fill::<T>(), self.channels());
        let mut values = Array2::from_elem((points.len(), channels), fill);

        let mut by_cell: BTreeMap<[u64; 3], Vec<Wanted<'_, T>>> = BTreeMap::new();
        for (&point, row) in points.iter().zip(values.axis_iter_mut(Axis(0))) {
            match self.grid().cell_of(point) {
                // z first: chunks of one plane are neighbours in most stores.
                Some([x, y, z]) => by_cell.entry([z, y, x]).or_default().push((point, row)),
                None if self.inner.options.bounds == OutOfBounds::Fill => {}
                None => return Err(self.point_outside(point)),
            }
        }
        let chunks = by_cell.into_iter().map(|([z, y, x], rows)| {
            let cell = [x, y, z];
            let chunk = self.grid().chunk_box(cell);
            (ChunkPart { cell, chunk, part: chunk }, rows)
        });
        self.with_chunks(chunks, |Fetched { part, key, found }, rows, scratch| {
            self.go_on()?;
            let voxels: &[u8] = match &found {
                Found::Absent => return self.allow_missing(part, key),
                Found::Stored(blob) => self.inner.store.decode(key, &part.chunk, blob, scratch)?,
                Found::Decoded(voxels) | Found::Span(voxels) => voxels,
            };
            for (point, row) in rows {
                pick(voxels, &part.chunk, point, row);
            }
            self.report(1, 0);
            Ok(())
        })?;
        Ok(values)
    }

    fn point_outside(&self, point: [i64; 3]) -> Error {
        let requested = BoundingBox::at(point, [1; 3]).unwrap_or(BoundingBox::new(point, point));
        Error::OutOfBounds { requested, bounds: self.bounds(), hint: "; ask for points inside" }
    }
}

/// Copies all channels of one voxel out of a chunk.
fn pick<T: Element>(
    voxels: &[u8],
    chunk: &BoundingBox,
    point: [i64; 3],
    row: ArrayViewMut1<'_, T>,
) {
    let [nx, ny, nz] = shape_in_memory(chunk);
    // The point is inside the chunk, which is in memory.
    let place =
        |axis: usize| usize::try_from(point[axis].abs_diff(chunk.min[axis])).unwrap_or(usize::MAX);
    let first = place(0) + nx * (place(1) + ny * place(2));
    let size = size_of::<T>();
    for (channel, value) in row.into_iter().enumerate() {
        let at = (first + nx * ny * nz * channel) * size;
        *value = bytemuck::pod_read_unaligned(&voxels[at..at + size]);
    }
}
