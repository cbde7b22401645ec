//! Windows of voxels become one voxel each: the arithmetic of downsampling.
//!
//! A window is a factor's box of voxels, counted from the array's first voxel; at the far end it
//! has the voxels that there are. Its voxels have an order: x fastest, then y, then z.

use ndarray::{Array4, ArrayView4, ArrayViewMut3, Axis, ShapeBuilder};

use super::numbers::Mean;

/// What a window becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The mean, for images. Of integers it is rounded toward zero, as tinybrain does.
    Mean,
    /// The most frequent value, for segmentations. Of several, the one that comes first in the
    /// window; by a factor of four voxels, such as 2 × 2 × 1, the one whose second voxel comes
    /// first, and where all four differ the last one. So tinybrain has it for 2 × 2 × 1 and
    /// 2 × 2 × 2.
    Mode,
    /// The smallest value.
    Min,
    /// The greatest value.
    Max,
    /// The first voxel.
    Stride,
}

/// What a window becomes, and what zeros mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooling {
    /// What it becomes.
    pub method: Method,
    /// Zeros are background: they count for mean and mode only where there is nothing else.
    pub sparse: bool,
}

impl From<Method> for Pooling {
    fn from(method: Method) -> Self {
        Self { method, sparse: false }
    }
}

/// An array `[x, y, z, c]` with one voxel for each window of `factor` voxels, in Fortran order.
///
/// ```
/// use bigarrays_core::array::{Method, pool};
/// use ndarray::arr2;
///
/// let labels = arr2(&[[1, 1], [2, 1], [7, 0_u32]]).insert_axis(ndarray::Axis(2));
/// let labels = labels.insert_axis(ndarray::Axis(3));
/// let pooled = pool(labels.view(), [2, 2, 1], Method::Mode.into());
/// // A window at the end has the voxels that there are.
/// assert_eq!(pooled.as_slice_memory_order(), Some(&[1, 7][..]));
/// ```
#[must_use]
pub fn pool<T: Mean>(view: ArrayView4<'_, T>, factor: [usize; 3], pooling: Pooling) -> Array4<T> {
    let (x, y, z, channels) = view.dim();
    let [x, y, z] = [(x, factor[0]), (y, factor[1]), (z, factor[2])]
        .map(|(len, factor)| len.div_ceil(factor.max(1)));
    let mut out = Array4::from_elem((x, y, z, channels).f(), T::zeroed());
    for (place, plane) in out.axis_iter_mut(Axis(2)).enumerate() {
        pool_plane(&view, place, factor, pooling, plane);
    }
    out
}

/// One plane `[x, y, c]` of the result, at a place along z.
pub(super) fn pool_plane<T: Mean>(
    view: &ArrayView4<'_, T>,
    place: usize,
    factor: [usize; 3],
    pooling: Pooling,
    mut out: ArrayViewMut3<'_, T>,
) {
    let [fx, fy, fz] = factor.map(|factor| factor.max(1));
    let (_, height, depth, channels) = view.dim();
    let window = Factor { x: fx, voxels: fx * fy * fz };
    let (mut gathered, mut made) = (Vec::new(), Vec::new());
    let mut sums = Vec::new();
    for channel in 0..channels {
        for row in 0..out.len_of(Axis(1)) {
            let lines = (place * fz..(place * fz + fz).min(depth))
                .flat_map(|z| (row * fy..(row * fy + fy).min(height)).map(move |y| (y, z)));
            let lines: Vec<_> = lines
                .map(|(y, z)| {
                    let line = view.index_axis(Axis(3), channel);
                    line.index_axis_move(Axis(2), z).index_axis_move(Axis(1), y)
                })
                .collect();
            // Lines of other strides are brought together first.
            gathered.clear();
            let is_dense = lines.iter().all(|line| line.as_slice().is_some());
            if !is_dense {
                lines.iter().for_each(|line| gathered.extend(line.iter().copied()));
            }
            let rows: Vec<&[T]> = match is_dense {
                true => lines.iter().filter_map(ndarray::ArrayBase::to_slice).collect(),
                false => gathered.chunks(view.dim().0.max(1)).collect(),
            };
            let mut target = out.index_axis_mut(Axis(2), channel);
            let mut target = target.index_axis_mut(Axis(1), row);
            match target.as_slice_mut() {
                Some(target) => pool_rows(&rows, &window, pooling, target, &mut sums),
                None => {
                    made.clear();
                    made.resize(target.len(), T::zeroed());
                    pool_rows(&rows, &window, pooling, &mut made, &mut sums);
                    target.iter_mut().zip(&made).for_each(|(to, &from)| *to = from);
                }
            }
        }
    }
}

/// How many voxels a whole window has, along x and in all.
#[derive(Debug, Clone, Copy)]
struct Factor {
    x: usize,
    voxels: usize,
}

/// One row of the result, of all rows that its windows have.
fn pool_rows<T: Mean>(
    rows: &[&[T]],
    window: &Factor,
    pooling: Pooling,
    out: &mut [T],
    sums: &mut Vec<T::Sum>,
) {
    let factor = window.x;
    match pooling.method {
        Method::Mean if pooling.sparse => sparse_mean(rows, factor, out),
        Method::Mean => mean(rows, factor, out, sums),
        Method::Mode => mode(rows, window, pooling.sparse, out),
        Method::Min => best(rows, factor, out, |new, old| new < old),
        Method::Max => best(rows, factor, out, |new, old| new > old),
        Method::Stride => {
            let first = rows.first().copied().unwrap_or_default();
            out.iter_mut().zip(first.iter().step_by(factor)).for_each(|(to, &from)| *to = from);
        }
    }
}

fn mean<T: Mean>(rows: &[&[T]], factor: usize, out: &mut [T], sums: &mut Vec<T::Sum>) {
    sums.clear();
    sums.resize(out.len(), T::Sum::default());
    for row in rows {
        if factor == 2 {
            let (pairs, rest) = row.as_chunks::<2>();
            for (sum, [a, b]) in sums.iter_mut().zip(pairs) {
                *sum = b.add_to(a.add_to(*sum));
            }
            if let (Some(last), Some(value)) = (sums.last_mut(), rest.first()) {
                *last = value.add_to(*last);
            }
            continue;
        }
        for (sum, window) in sums.iter_mut().zip(row.chunks(factor)) {
            *sum = window.iter().fold(*sum, |sum, value| value.add_to(sum));
        }
    }
    let width = rows.first().map_or(0, |row| row.len());
    let count = (factor * rows.len()) as u64;
    let whole = width / factor;
    for (to, &sum) in out.iter_mut().take(whole).zip(sums.iter()) {
        *to = T::mean(sum, count);
    }
    if let (Some(to), Some(&sum)) = (out.get_mut(whole), sums.get(whole)) {
        *to = T::mean(sum, (width % factor * rows.len()) as u64);
    }
}

fn sparse_mean<T: Mean>(rows: &[&[T]], factor: usize, out: &mut [T]) {
    for (place, to) in out.iter_mut().enumerate() {
        let present = window(rows, place, factor).filter(|value| *value != T::zeroed());
        let (sum, count) = present
            .fold((T::Sum::default(), 0), |(sum, count), value| (value.add_to(sum), count + 1));
        *to = if count == 0 { T::zeroed() } else { T::mean(sum, count) };
    }
}

fn best<T: Mean>(rows: &[&[T]], factor: usize, out: &mut [T], better: impl Fn(T, T) -> bool) {
    for (place, to) in out.iter_mut().enumerate() {
        let choose = |old, new| if better(new, old) { new } else { old };
        *to = window(rows, place, factor).reduce(choose).unwrap_or(T::zeroed());
    }
}

fn mode<T: Mean>(rows: &[&[T]], whole: &Factor, sparse: bool, out: &mut [T]) {
    let factor = whole.x;
    let pairs: Vec<&[[T; 2]]> = match factor {
        2 => rows.iter().map(|row| row.as_chunks::<2>().0).collect(),
        _ => Vec::new(),
    };
    let mut values = Vec::new();
    let mut choose = |place: usize| {
        values.clear();
        match pairs.first() {
            Some(first) if place < first.len() => {
                values.extend(pairs.iter().flat_map(|pairs| pairs[place]));
            }
            _ => values.extend(window(rows, place, factor)),
        }
        let (is_four, last) = (whole.voxels == 4 && values.len() == 4, values.last().copied());
        if sparse {
            values.retain(|value| *value != T::zeroed());
        }
        match is_four {
            // The last one is background: the first that is not.
            true if sparse && last == Some(T::zeroed()) => countless(&values, 0),
            true => countless(&values, values.len().saturating_sub(1)),
            false => most_frequent(&values),
        }
    };
    // Most windows are inside one label: these are told apart without a look at each voxel's place.
    let done = match pairs[..] {
        [a, b] => {
            for (place, ((to, a), b)) in out.iter_mut().zip(a).zip(b).enumerate() {
                let one = a[0];
                let same = a[1] == one && b[0] == one && b[1] == one;
                *to = if same { one } else { choose(place) };
            }
            a.len()
        }
        [a, b, c, d] => {
            let lines = out.iter_mut().zip(a).zip(b).zip(c).zip(d);
            for (place, ((((to, a), b), c), d)) in lines.enumerate() {
                let one = a[0];
                let first = a[1] == one && b[0] == one && b[1] == one;
                let second = c[0] == one && c[1] == one && d[0] == one && d[1] == one;
                *to = if first && second { one } else { choose(place) };
            }
            a.len()
        }
        _ => 0,
    };
    for (place, to) in out.iter_mut().enumerate().skip(done) {
        *to = choose(place);
    }
}

/// Of four values: one that occurs twice, the one whose second comes first; else that at a place.
fn countless<T: Mean>(values: &[T], place: usize) -> T {
    let twice = (1..values.len()).find(|&n| values[..n].contains(&values[n]));
    values.get(twice.unwrap_or(place)).copied().unwrap_or(T::zeroed())
}

/// The most frequent value, of several the one that comes first.
fn most_frequent<T: Mean>(values: &[T]) -> T {
    let (mut best, mut best_count) = (T::zeroed(), 0);
    for (n, &value) in values.iter().enumerate() {
        // What is left cannot win.
        if values.len() - n <= best_count {
            break;
        }
        let count = values[n..].iter().filter(|&&other| other == value).count();
        // A value that was counted before has fewer left.
        if count > best_count {
            (best, best_count) = (value, count);
        }
    }
    best
}

fn window<'a, T: Mean>(
    rows: &'a [&'a [T]],
    place: usize,
    factor: usize,
) -> impl Iterator<Item = T> + 'a {
    rows.iter().flat_map(move |row| row.iter().skip(place * factor).take(factor).copied())
}
