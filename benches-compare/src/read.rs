//! Reading boxes and voxels.

use std::fs::{File, OpenOptions as FileOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use bigarrays::{BigArray, BoundingBox, ChunkCache, Element, OpenOptions, dispatch};

use crate::Outcome;
use crate::args::{Args, What};
use crate::digest::Digest;
use crate::measure::Report;

/// Where the bytes of the first repetition go.
struct Sink {
    digest: Digest,
    dump: Option<File>,
}

impl Sink {
    fn new(args: &Args) -> Outcome<Self> {
        let dump = args
            .dump
            .as_ref()
            .map(|path| FileOptions::new().create(true).append(true).open(path))
            .transpose()?;
        Ok(Self { digest: Digest::new(args.what == What::Points), dump })
    }

    fn take(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.digest.add(bytes);
        if let Some(dump) = &mut self.dump {
            dump.write_all(bytes)?;
        }
        Ok(())
    }
}

fn volume(args: &Args, url: &str) -> Outcome<BigArray> {
    let cache = (args.cache_bytes > 0).then(|| ChunkCache::new(args.cache_bytes));
    let options = OpenOptions::new().read_only().array(move |options| match &cache {
        Some(cache) => options.chunk_cache(cache.clone()),
        None => options,
    });
    Ok(options.open(url)?)
}

/// All boxes in order, of a volume that is open already.
pub(crate) fn boxes(args: &Args) -> Outcome<Option<Report>> {
    let Some(url) = args.url()? else { return Ok(None) };
    let (boxes, array) = (args.boxes()?, volume(args, &url)?);
    let (mut report, mut sink) = (Report::default(), Sink::new(args)?);
    report.repeat(args.repeat, args.max_seconds, |number| {
        let sink = (number == 0).then_some(&mut sink);
        dispatch!(array.data_type(), T => match args.what == What::Points && args.batch {
            true => batch::<T>(&array, &boxes, sink),
            false => one_by_one::<T>(&array, &boxes, sink),
        })
    })?;
    report.bytes = sink.digest.bytes;
    report.checksum = Some(sink.digest.text());
    Ok(Some(report))
}

fn one_by_one<T: Element>(
    array: &BigArray,
    boxes: &[BoundingBox],
    mut sink: Option<&mut Sink>,
) -> Outcome<Duration> {
    let mut time = Duration::ZERO;
    for &bbox in boxes {
        let begun = Instant::now();
        let voxels = array.read::<T>(bbox)?;
        time += begun.elapsed();
        if let Some(sink) = &mut sink {
            // Fortran order, as it is in memory.
            let bytes = voxels.as_slice_memory_order().ok_or("the result is not dense")?;
            sink.take(bytemuck::cast_slice(bytes))?;
        }
        let begun = Instant::now();
        drop(voxels);
        time += begun.elapsed();
    }
    Ok(time)
}

fn batch<T: Element>(
    array: &BigArray,
    boxes: &[BoundingBox],
    sink: Option<&mut Sink>,
) -> Outcome<Duration> {
    let points: Vec<[i64; 3]> = boxes.iter().map(|bbox| bbox.min).collect();
    let begun = Instant::now();
    let values = array.read_points::<T>(&points)?;
    let mut time = begun.elapsed();
    if let Some(sink) = sink {
        let values: Vec<T> = values.iter().copied().collect();
        sink.take(bytemuck::cast_slice(&values))?;
    }
    let begun = Instant::now();
    drop(values);
    time += begun.elapsed();
    Ok(time)
}

/// Opens from nothing, reads one voxel, and closes.
pub(crate) fn open(args: &Args) -> Outcome<Option<Report>> {
    let Some(url) = args.url()? else { return Ok(None) };
    let boxes = args.boxes()?;
    let (mut report, mut sink) = (Report::default(), Sink::new(args)?);
    report.repeat(args.repeat, args.max_seconds, |number| {
        let mut time = Duration::ZERO;
        for &bbox in &boxes {
            let begun = Instant::now();
            let array = volume(args, &url)?;
            let voxels = array.read_dyn(bbox)?.array;
            time += begun.elapsed();
            if number == 0 {
                sink.take(&voxels.fortran_bytes())?;
            }
            let begun = Instant::now();
            drop((voxels, array));
            time += begun.elapsed();
        }
        Ok(time)
    })?;
    report.bytes = sink.digest.bytes;
    report.checksum = Some(sink.digest.text());
    Ok(Some(report))
}
