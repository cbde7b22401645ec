//! Counting voxels: what of each chunk is counted alone and then added up.

use std::collections::HashMap;
use std::fmt::Display;

use bigarrays::Element;
use serde_json::{Value, json};

/// Bytes that a different value takes, generously.
const LABEL_COST: u64 = 64;

/// A voxel as a number.
pub(crate) trait Voxel: Element + Display {
    /// The nearest number.
    fn number(self) -> f64;
    /// The number exactly, of integers.
    fn whole(self) -> Option<i128>;
    /// Tells it from all other values: a NaN equals itself.
    fn identity(self) -> i128;
}

macro_rules! integers {
    ($($T:ty),*) => {$(
        impl Voxel for $T {
            fn number(self) -> f64 {
                approximate(i128::from(self))
            }

            fn whole(self) -> Option<i128> {
                Some(i128::from(self))
            }

            fn identity(self) -> i128 {
                i128::from(self)
            }
        }
    )*};
}

#[expect(clippy::cast_precision_loss, reason = "means and bins of huge labels need not be exact")]
const fn approximate(whole: i128) -> f64 {
    whole as f64
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Voxel for f32 {
    fn number(self) -> f64 {
        f64::from(self)
    }

    fn whole(self) -> Option<i128> {
        None
    }

    fn identity(self) -> i128 {
        self.to_bits().into()
    }
}

impl Voxel for f64 {
    fn number(self) -> f64 {
        self
    }

    fn whole(self) -> Option<i128> {
        None
    }

    fn identity(self) -> i128 {
        self.to_bits().into()
    }
}

/// Counts of voxels.
#[derive(Debug, Clone)]
pub(crate) struct Statistics<T> {
    voxels: u64,
    absent: u64,
    nonzero: u64,
    not_a_number: u64,
    range: Option<(T, T)>,
    /// Exact for integers.
    sum: i128,
    mean: f64,
    /// The sum of squared distances from the mean.
    spread: f64,
}

impl<T> Default for Statistics<T> {
    fn default() -> Self {
        Self {
            voxels: 0,
            absent: 0,
            nonzero: 0,
            not_a_number: 0,
            range: None,
            sum: 0,
            mean: 0.0,
            spread: 0.0,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "means need not be exact")]
impl<T: Voxel> Statistics<T> {
    /// Adds voxels.
    pub(crate) fn add(&mut self, voxels: impl Iterator<Item = T>) {
        let mut row = Self::default();
        for voxel in voxels {
            row.voxels += 1;
            row.nonzero += u64::from(voxel != T::zeroed());
            let number = voxel.number();
            if number.is_nan() {
                row.not_a_number += 1;
                continue;
            }
            row.sum = row.sum.saturating_add(voxel.whole().unwrap_or(0));
            let counted = row.voxels - row.not_a_number;
            let distance = number - row.mean;
            row.mean += distance / counted as f64;
            row.spread += distance * (number - row.mean);
            row.range = Some(match row.range {
                None => (voxel, voxel),
                Some((least, most)) => (
                    if voxel < least { voxel } else { least },
                    if voxel > most { voxel } else { most },
                ),
            });
        }
        self.merge(&row);
    }

    /// Adds voxels that are not stored; as zeros, unless only stored ones count.
    pub(crate) fn add_absent(&mut self, voxels: u64, stored_only: bool) {
        self.absent += voxels;
        if !stored_only && voxels > 0 {
            let zeros = Self { voxels, range: Some((T::zeroed(), T::zeroed())), ..Self::default() };
            self.merge(&zeros);
        }
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn merge(&mut self, other: &Self) {
        let (here, there) = (self.voxels - self.not_a_number, other.voxels - other.not_a_number);
        if there > 0 {
            let (all, distance) = ((here + there) as f64, other.mean - self.mean);
            self.mean += distance * there as f64 / all;
            self.spread +=
                other.spread + distance * distance * (here as f64) * (there as f64) / all;
        }
        self.voxels += other.voxels;
        self.absent += other.absent;
        self.nonzero += other.nonzero;
        self.not_a_number += other.not_a_number;
        self.sum = self.sum.saturating_add(other.sum);
        self.range = match (self.range, other.range) {
            (Some((least, most)), Some((low, high))) => {
                Some((if low < least { low } else { least }, if high > most { high } else { most }))
            }
            (range, None) | (None, range) => range,
        };
    }

    /// The smallest and the greatest value.
    pub(crate) fn range(&self) -> (f64, f64) {
        self.range.map_or((0.0, 0.0), |(least, most)| (least.number(), most.number()))
    }

    fn deviation(&self) -> f64 {
        match self.voxels - self.not_a_number {
            0 => 0.0,
            counted => (self.spread / counted as f64).max(0.0).sqrt(),
        }
    }

    pub(crate) fn facts(&self) -> Value {
        // As text where JSON's numbers would not be exact.
        let value = |value: T| match value.whole() {
            Some(whole) => {
                i64::try_from(whole).map_or_else(|_| json!(whole.to_string()), Value::from)
            }
            None => json!(value.number()),
        };
        json!({
            "voxels": self.voxels,
            "absent": self.absent,
            "nonzero": self.nonzero,
            "nan": self.not_a_number,
            "min": self.range.map(|(least, _)| value(least)),
            "max": self.range.map(|(_, most)| value(most)),
            "mean": self.mean,
            "std": self.deviation(),
            "sum": T::zeroed().whole().map(|_| self.sum.to_string()),
        })
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let (least, most) = match self.range {
            Some((least, most)) => (least.to_string(), most.to_string()),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let mut lines = vec![
            format!("voxels    {}", self.voxels),
            format!("nonzero   {}", self.nonzero),
            format!("smallest  {least}"),
            format!("greatest  {most}"),
            format!("mean      {}", self.mean),
            format!("std       {}", self.deviation()),
        ];
        if self.absent > 0 {
            lines.push(format!("absent    {} voxels of chunks that are not stored", self.absent));
        }
        if self.not_a_number > 0 {
            lines.push(format!("no number {}", self.not_a_number));
        }
        lines
    }
}

/// Different values and how often they are, as many as fit.
#[derive(Debug)]
pub(crate) struct Labels<T> {
    counts: HashMap<i128, (T, u64)>,
    most: u64,
    is_over: bool,
}

impl<T: Voxel> Labels<T> {
    /// Nothing, and room for so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { counts: HashMap::new(), most: bytes / LABEL_COST, is_over: false }
    }

    pub(crate) fn add(&mut self, voxels: impl Iterator<Item = T>) {
        // Neighbours are mostly of one label.
        let mut run: Option<(T, u64)> = None;
        for voxel in voxels {
            match &mut run {
                Some((value, count)) if value.identity() == voxel.identity() => *count += 1,
                _ => {
                    if let Some((value, count)) = run.replace((voxel, 1)) {
                        self.add_many(value, count);
                    }
                }
            }
        }
        if let Some((value, count)) = run {
            self.add_many(value, count);
        }
    }

    pub(crate) fn add_many(&mut self, value: T, count: u64) {
        if self.is_over {
            return;
        }
        self.counts.entry(value.identity()).or_insert((value, 0)).1 += count;
        if self.counts.len() as u64 > self.most {
            self.is_over = true;
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.is_over |= other.is_over;
        for (value, count) in other.counts.into_values() {
            self.add_many(value, count);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// All of them, the smallest first; `None` if there are more than fit.
    pub(crate) fn by_value(&self) -> Option<Vec<(T, u64)>> {
        let mut all: Vec<(T, u64)> = self.counts.values().copied().collect();
        all.sort_by(|(one, _), (other, _)| match (one.whole(), other.whole()) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => one.number().total_cmp(&other.number()),
        });
        (!self.is_over).then_some(all)
    }
}

/// Voxels by bins of values.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    least: f64,
    most: f64,
    counts: Vec<u64>,
}

#[expect(clippy::cast_precision_loss, reason = "bins are numbers of a screen's size")]
impl Histogram {
    pub(crate) fn new((least, most): (f64, f64), bins: usize) -> Self {
        Self { least, most, counts: vec![0; bins] }
    }

    /// Numpy's bins: half-open but for the last.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bins")]
    pub(crate) fn add(&mut self, value: f64, count: u64) {
        if value.is_nan() {
            return;
        }
        let (bins, range) = (self.counts.len(), self.most - self.least);
        let place = match range > 0.0 {
            true => ((value - self.least) / range * bins as f64).floor().max(0.0) as usize,
            false => 0,
        };
        if let Some(bin) = self.counts.get_mut(place.min(bins.saturating_sub(1))) {
            *bin += count;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(here, there)| *here += there);
    }

    fn edge(&self, bin: usize) -> f64 {
        self.least + (self.most - self.least) * bin as f64 / self.counts.len() as f64
    }

    pub(crate) fn facts(&self) -> Value {
        let edges: Vec<f64> = (0..=self.counts.len()).map(|bin| self.edge(bin)).collect();
        json!({ "edges": edges, "voxels": self.counts })
    }

    pub(crate) fn lines(&self, width: u64) -> Vec<String> {
        let most = self.counts.iter().copied().max().unwrap_or(0).max(1);
        let line = |(bin, &count): (usize, &u64)| {
            let stars = u128::from(count) * u128::from(width) / u128::from(most);
            let stars = usize::try_from(stars).unwrap_or(0).max(usize::from(count > 0));
            format!("{:>14.6}  {:<50}  {count}", self.edge(bin), "#".repeat(stars))
        };
        self.counts.iter().enumerate().map(line).collect()
    }
}
