//! Boxes of a dataset, whatever way it is stored.

use super::dataset::Snapshot;
use super::error::H5Error;
use super::map::Storage;

impl Snapshot {
    /// Reads the box from `start` to before `end` (in values, HDF5's order) into `out`, which must
    /// have exactly the bytes of its values, dense, the last axis fastest.
    ///
    /// # Errors
    /// [`H5Error`] as [`read_chunk`](Self::read_chunk), and `Unsupported` for a box that is not
    /// inside the dataset or a result of another length.
    pub fn read_box(&self, start: &[u64], end: &[u64], out: &mut [u8]) -> Result<(), H5Error> {
        let size = self.map().data_type.size();
        let shape = &self.map().shape;
        let inside = start.len() == shape.len()
            && end.len() == shape.len()
            && start.iter().zip(end).zip(shape).all(|((a, b), all)| a <= b && b <= all);
        let wanted: Vec<u64> = if inside {
            start.iter().zip(end).map(|(a, b)| b - a).collect()
        } else {
            return Err(H5Error::unsupported(format!("it has no box from {start:?} to {end:?}")));
        };
        let len = wanted.iter().try_fold(size as u64, |len, &axis| len.checked_mul(axis));
        if len != Some(out.len() as u64) {
            return Err(H5Error::unsupported("the result has another length than the box"));
        }
        if out.is_empty() {
            return Ok(());
        }
        match &self.map().storage {
            Storage::Chunked { chunk, .. } => self.gather(chunk, start, end, out),
            _ => {
                let target = Block { start, shape: &wanted };
                let whole = Block { start: &vec![0; shape.len()], shape };
                rows(start, end, &target, &whole, |to, from, len| {
                    let (to, len) = (to * size, len * size);
                    match out.get_mut(to..to + len) {
                        Some(row) => self.read_run(from * size as u64, row),
                        None => Err(H5Error::unsupported("the box is beyond memory")),
                    }
                })
            }
        }
    }

    fn gather(
        &self,
        chunk: &[u64],
        start: &[u64],
        end: &[u64],
        out: &mut [u8],
    ) -> Result<(), H5Error> {
        let size = self.map().data_type.size();
        let wanted: Vec<u64> = start.iter().zip(end).map(|(a, b)| b - a).collect();
        let first: Vec<u64> = start.iter().zip(chunk).map(|(at, len)| at / len).collect();
        let past: Vec<u64> = end.iter().zip(chunk).map(|(at, len)| at.div_ceil(*len)).collect();
        let mut values = Vec::new();
        let mut at = first.clone();
        loop {
            self.read_chunk(&at, &mut values)?;
            let origin: Vec<u64> = at.iter().zip(chunk).map(|(at, len)| at * len).collect();
            let low: Vec<u64> = origin.iter().zip(start).map(|(a, b)| *a.max(b)).collect();
            let ends = origin.iter().zip(chunk).map(|(at, len)| at + len);
            let high: Vec<u64> = ends.zip(end).map(|(a, b)| a.min(*b)).collect();
            let target = Block { start, shape: &wanted };
            let source = Block { start: &origin, shape: chunk };
            rows(&low, &high, &target, &source, |to, from, len| {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                let (to, from, len) = (to * size, from * size, len * size);
                match (out.get_mut(to..to + len), values.get(from..from + len)) {
                    (Some(to), Some(from)) => {
                        to.copy_from_slice(from);
                        Ok(())
                    }
                    _ => Err(H5Error::corrupt("a chunk is shorter than its shape")),
                }
            })?;
            if !advance(&mut at, &first, &past) {
                return Ok(());
            }
        }
    }
}

/// A dense block of values in a space of axes.
struct Block<'a> {
    start: &'a [u64],
    shape: &'a [u64],
}

impl Block<'_> {
    /// How many values lie before a point.
    fn position(&self, point: &[u64]) -> u64 {
        let steps = point.iter().zip(self.start).zip(self.shape);
        steps.fold(0, |position, ((at, start), len)| position * len + (at - start))
    }

    /// How many values lie between neighbours along an axis.
    fn stride(&self, axis: usize) -> u64 {
        self.shape[axis + 1..].iter().product()
    }
}

/// Calls `copy` for each row of a box: where it begins in the target and in the source, and its
/// length, all in values.
fn rows(
    low: &[u64],
    high: &[u64],
    target: &Block<'_>,
    source: &Block<'_>,
    copy: impl FnMut(usize, u64, usize) -> Result<(), H5Error>,
) -> Result<(), H5Error> {
    // Rows that are whole in both blocks lie one behind the other, and so do whole planes.
    let is_whole = |axis: usize| {
        let len = high[axis] - low[axis];
        target.shape[axis] == len && source.shape[axis] == len
    };
    let axes = (1..low.len()).rev().find(|&axis| !is_whole(axis)).map_or(1, |axis| axis + 1);
    let len: u64 = target.shape.iter().skip(axes).product();
    let joined = |values: &[u64]| {
        let mut values: Vec<u64> = values.iter().take(axes).copied().collect();
        values.last_mut().into_iter().for_each(|last| *last *= len);
        values
    };
    let (target, source) = (
        (joined(target.start), joined(target.shape)),
        (joined(source.start), joined(source.shape)),
    );
    let target = Block { start: &target.0, shape: &target.1 };
    let source = Block { start: &source.0, shape: &source.1 };
    each_row(&joined(low), &joined(high), &target, &source, copy)
}

fn each_row(
    low: &[u64],
    high: &[u64],
    target: &Block<'_>,
    source: &Block<'_>,
    mut copy: impl FnMut(usize, u64, usize) -> Result<(), H5Error>,
) -> Result<(), H5Error> {
    let beyond = || H5Error::unsupported("the box is beyond memory");
    let (Some(&row_start), Some(&row_end)) = (low.last(), high.last()) else { return Ok(()) };
    let len = usize::try_from(row_end - row_start).map_err(|_| beyond())?;
    // Rows next to each other along the axis before the last are one step apart in both blocks.
    let axes = low.len();
    let inner = axes.checked_sub(2);
    let count = inner.map_or(1, |axis| high[axis] - low[axis]);
    let to_step = inner.map_or(0, |axis| target.stride(axis));
    let from_step = inner.map_or(0, |axis| source.stride(axis));
    let to_step = usize::try_from(to_step).map_err(|_| beyond())?;
    // The walk is over the axes before these.
    let mut past = high.to_vec();
    for axis in inner.unwrap_or(0)..axes {
        past[axis] = low[axis] + 1;
    }
    let mut at = low.to_vec();
    loop {
        let mut to = usize::try_from(target.position(&at)).map_err(|_| beyond())?;
        let mut from = source.position(&at);
        for _ in 0..count {
            copy(to, from, len)?;
            to += to_step;
            from += from_step;
        }
        if !advance(&mut at, low, &past) {
            return Ok(());
        }
    }
}

/// The next point of a box, the last axis fastest. False after the last one.
fn advance(at: &mut [u64], first: &[u64], past: &[u64]) -> bool {
    for axis in (0..at.len()).rev() {
        at[axis] += 1;
        if at[axis] < past[axis] {
            return true;
        }
        at[axis] = first[axis];
    }
    false
}
