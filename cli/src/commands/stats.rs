//! `bigarrays stats`: counts of voxels, streamed.

use std::io::{BufWriter, Write};
use std::sync::{Mutex, PoisonError};

use bigarrays::array::Mean;
use bigarrays::{BigArray, BoundingBox, dispatch};
use serde_json::{Value, json};

use crate::args::StatsArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::statistics::{Histogram, Labels, Statistics, Voxel};
use crate::values;
use crate::volume;

/// Labels that are shown.
const SHOWN: usize = 10;
/// Columns of the longest bar of a histogram.
const BAR: u64 = 50;

/// What was counted, in numbers that print as they are.
struct Counted {
    facts: Value,
    lines: Vec<String>,
}

pub(crate) fn run(args: &StatsArgs, console: Console) -> Result<(), CliError> {
    let (scale, memory) = (values::scale(args.scale.as_deref()), args.memory.0);
    let chunks = usize::try_from(memory / 2).unwrap_or(usize::MAX);
    let array = volume::reader()
        .array(move |options| options.scale(scale.clone()).memory(chunks))
        .open(&args.url)?;
    let bbox = args.bbox.map_or(array.bounds(), |bbox| bbox.within(array.bounds()));
    let bbox = array.bounds().intersection(&bbox);
    if bbox.is_empty() {
        return Err(CliError::refused(format!(
            "the box has no voxel of the volume {}",
            array.bounds(),
        )));
    }
    let counted = dispatch!(array.data_type(), T => count::<T>(args, &array, bbox, console)?);
    let facts = json!({
        "url": args.url.to_string(),
        "scale": array.scale().key,
        "box": { "min": bbox.min, "max": bbox.max },
        "statistics": counted.facts,
    });
    console.facts(&facts, &counted.lines.join("\n"));
    Ok(())
}

fn count<T: Voxel + Mean>(
    args: &StatsArgs,
    array: &BigArray,
    bbox: BoundingBox,
    console: Console,
) -> Result<Counted, CliError> {
    let channels = array.channels() as u64;
    let with_labels = args.unique || args.labels.is_some();
    let total = Mutex::new((Statistics::<T>::default(), Labels::<T>::new(args.memory.0 / 2)));
    let bar = console.bar("counting", array.chunk_count(bbox));
    array.clone().with_progress(bar).visit::<T>(bbox, |part, voxels| {
        let mut statistics = Statistics::default();
        let mut labels = Labels::new(u64::MAX);
        match voxels {
            Some(voxels) => {
                for row in voxels.lanes(ndarray::Axis(0)) {
                    statistics.add(row.iter().copied());
                    if with_labels {
                        labels.add(row.iter().copied());
                    }
                }
            }
            None => {
                let absent = u64::try_from(part.voxels()).unwrap_or(u64::MAX);
                statistics.add_absent(absent.saturating_mul(channels), args.stored);
                if with_labels && !args.stored {
                    labels.add_many(T::zeroed(), absent.saturating_mul(channels));
                }
            }
        }
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        total.0.merge(&statistics);
        total.1.merge(labels);
        Ok(())
    })?;
    let (statistics, labels) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut counted = Counted { facts: statistics.facts(), lines: statistics.lines() };
    if let Some(bins) = args.histogram {
        let histogram = histogram(args, array, bbox, &statistics, bins.get(), console)?;
        counted.facts["histogram"] = histogram.facts();
        counted.lines.extend(histogram.lines(BAR));
    }
    if with_labels {
        tell_labels(args, &labels, &mut counted)?;
    }
    Ok(counted)
}

/// A second look, for where the bins lie is known only after the first.
fn histogram<T: Voxel + Mean>(
    args: &StatsArgs,
    array: &BigArray,
    bbox: BoundingBox,
    statistics: &Statistics<T>,
    bins: usize,
    console: Console,
) -> Result<Histogram, CliError> {
    let empty = || Histogram::new(statistics.range(), bins);
    let channels = array.channels() as u64;
    let total = Mutex::new(empty());
    let bar = console.bar("counting", array.chunk_count(bbox));
    array.clone().with_progress(bar).visit::<T>(bbox, |part, voxels| {
        let mut histogram = empty();
        match voxels {
            Some(voxels) => voxels.iter().for_each(|voxel| histogram.add(voxel.number(), 1)),
            None if args.stored => {}
            None => {
                let absent = u64::try_from(part.voxels()).unwrap_or(u64::MAX);
                histogram.add(0.0, absent.saturating_mul(channels));
            }
        }
        total.lock().unwrap_or_else(PoisonError::into_inner).merge(&histogram);
        Ok(())
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn tell_labels<T: Voxel>(
    args: &StatsArgs,
    labels: &Labels<T>,
    counted: &mut Counted,
) -> Result<(), CliError> {
    let Some(sorted) = labels.by_value() else {
        return Err(CliError::refused(format!(
            "there are more than {} different values, which do not fit in --memory; give more, or a smaller --box",
            labels.len(),
        )));
    };
    counted.facts["unique"] = json!(sorted.len());
    counted.lines.push(format!("{} different values", sorted.len()));
    let mut frequent = sorted.clone();
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    frequent.truncate(SHOWN);
    let facts: Vec<Value> = frequent
        .iter()
        .map(|(value, count)| json!({ "value": value.to_string(), "voxels": count }))
        .collect();
    counted.facts["most_frequent"] = json!(facts);
    counted
        .lines
        .extend(frequent.iter().map(|(value, count)| format!("  {value}: {count} voxels")));
    if let Some(path) = &args.labels {
        let failed = || CliError::file("write", path);
        let mut file = BufWriter::new(std::fs::File::create(path).map_err(failed())?);
        for (value, count) in &sorted {
            writeln!(file, "{value},{count}").map_err(failed())?;
        }
        file.flush().map_err(failed())?;
    }
    Ok(())
}
