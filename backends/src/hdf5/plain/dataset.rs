//! Cutting boxes out of a dataset.

use std::fmt;
use std::path::Path;

use bigarrays_core::BoundingBox;
use bigarrays_core::backend::ErrorKind;
use bigarrays_info::DataType;
use bytes::Bytes;
use ndarray::{ArrayView, ArrayViewMut4, IxDyn, ShapeBuilder};

use super::axes::Axes;
use super::layout::Layout;
use super::show::Boxes;
use crate::hdf5::direct::{DatasetMap, DirectDataset, H5Error, Snapshot, Storage};

/// A dataset of an HDF5 file as a volume.
#[derive(Debug)]
pub struct PlainDataset {
    pub(super) dataset: DirectDataset,
    pub(super) name: String,
    pub(super) layout: Layout,
    /// What the values were when it was opened.
    pub(super) element: DataType,
}

impl PlainDataset {
    /// What the dimensions of the dataset were taken for.
    #[must_use]
    pub const fn axes(&self) -> &Axes {
        &self.layout.axes
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dataset.path()
    }

    /// The dataset's path in the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks at one state of the file, in which the dataset must still be what it was.
    fn look<T>(&self, mut look: impl FnMut(&Snapshot) -> Result<T, H5Error>) -> Result<T, H5Error> {
        let found = self.dataset.read(|snapshot| {
            let map = snapshot.map();
            if map.shape != self.layout.shape || map.data_type != self.element {
                let what = "the dataset was replaced by another one; open it again";
                return Err(H5Error::new(ErrorKind::Other, what));
            }
            look(snapshot)
        })?;
        found.ok_or_else(|| H5Error::new(ErrorKind::NotFound, "the file is gone"))
    }

    /// Whether any value of a box was written, or would be seen if it was not.
    fn is_stored(&self, map: &DatasetMap, voxels: &BoundingBox) -> bool {
        if map.fill.iter().any(|&byte| byte != 0) {
            return true;
        }
        match &map.storage {
            Storage::Compact(_) | Storage::Contiguous { offset: Some(_) } => true,
            Storage::Contiguous { offset: None } => false,
            Storage::Chunked { chunk, table, .. } => {
                let (first, past) = self.layout.of_file(voxels);
                let low: Vec<u64> = first.iter().zip(chunk).map(|(at, len)| at / len).collect();
                let high: Vec<u64> =
                    past.iter().zip(chunk).map(|(at, len)| at.div_ceil(*len)).collect();
                any_place(&low, &high, |at| table.find(at).is_some())
            }
        }
    }

    /// The values of a box of the file, dense in its own order; `None` if none was written.
    fn values(
        &self,
        snapshot: &Snapshot,
        voxels: &BoundingBox,
    ) -> Result<Option<Vec<u8>>, H5Error> {
        let map = snapshot.map();
        if !self.is_stored(map, voxels) {
            return Ok(None);
        }
        let (first, past) = self.layout.of_file(voxels);
        if let Some(chunk) = map.chunk()
            && is_one_chunk(chunk, &first, &past)
        {
            let at: Vec<u64> = first.iter().zip(chunk).map(|(at, len)| at / len).collect();
            let mut values = Vec::new();
            snapshot.read_chunk(&at, &mut values)?;
            return Ok(Some(values));
        }
        let len =
            first.iter().zip(&past).try_fold(self.element.size() as u64, |len, (first, past)| {
                len.checked_mul(past.checked_sub(*first)?)
            });
        let mut values = zeros(len)?;
        snapshot.read_box(&first, &past, &mut values)?;
        Ok(Some(values))
    }

    /// Turns values in the file's order to Fortran order.
    fn turn(&self, values: &[u8], voxels: &BoundingBox) -> Result<Vec<u8>, H5Error> {
        let [x, y, z] = voxels.shape();
        let shape = [x, y, z, self.layout.size()[3]];
        // The values are in memory, so each extent fits.
        let shape = shape.map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        match self.layout.data_type.size() {
            1 => turn::<1>(&self.layout.axes, values, shape),
            2 => turn::<2>(&self.layout.axes, values, shape),
            4 => turn::<4>(&self.layout.axes, values, shape),
            _ => turn::<8>(&self.layout.axes, values, shape),
        }
    }
}

/// Whether a box is exactly one chunk, none of it cut.
fn is_one_chunk(chunk: &[u64], first: &[u64], past: &[u64]) -> bool {
    let sides = chunk.iter().zip(first).zip(past);
    sides.into_iter().all(|((&len, &first), &past)| first % len == 0 && past - first == len)
}

fn zeros(len: Option<u64>) -> Result<Vec<u8>, H5Error> {
    let mut zeros = Vec::new();
    let len = len.and_then(|len| usize::try_from(len).ok());
    match len.filter(|&len| zeros.try_reserve_exact(len).is_ok()) {
        Some(len) => zeros.resize(len, 0),
        None => {
            let what = "there is no memory for the chunk; choose a smaller one with chunk=x,y,z";
            return Err(H5Error::new(ErrorKind::Other, what));
        }
    }
    Ok(zeros)
}

fn turn<const N: usize>(axes: &Axes, values: &[u8], shape: [usize; 4]) -> Result<Vec<u8>, H5Error> {
    let wrong = |_| H5Error::new(ErrorKind::Corrupt, "a box has another length than its shape");
    let mut turned = zeros(Some(values.len() as u64))?;
    let target = turned.as_chunks_mut::<N>().0;
    let target = ArrayViewMut4::from_shape(shape.f(), target).map_err(wrong)?;
    let mut target = axes.seen_as_file(target);
    let source = ArrayView::from_shape(IxDyn(target.shape()), values.as_chunks::<N>().0);
    target.assign(&source.map_err(wrong)?);
    Ok(turned)
}

impl Boxes for PlainDataset {
    fn holds(&self, voxels: &BoundingBox) -> Result<bool, H5Error> {
        self.look(|snapshot| Ok(self.is_stored(snapshot.map(), voxels)))
    }

    fn read(&self, voxels: &BoundingBox) -> Result<Option<Bytes>, H5Error> {
        let values = self.look(|snapshot| self.values(snapshot, voxels))?;
        let Some(values) = values else { return Ok(None) };
        if self.layout.axes.is_fortran() {
            return Ok(Some(values.into()));
        }
        Ok(Some(self.turn(&values, voxels)?.into()))
    }
}

/// Whether something holds anywhere in a box of places.
fn any_place(low: &[u64], high: &[u64], holds: impl Fn(&[u64]) -> bool) -> bool {
    let mut at = low.to_vec();
    loop {
        if holds(&at) {
            return true;
        }
        let mut axis = at.len();
        loop {
            let Some(next) = axis.checked_sub(1) else { return false };
            axis = next;
            at[axis] += 1;
            if at[axis] < high[axis] {
                break;
            }
            at[axis] = low[axis];
        }
    }
}

impl fmt::Display for PlainDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h5://{}?dataset={}", self.dataset.path().display(), self.name)
    }
}
