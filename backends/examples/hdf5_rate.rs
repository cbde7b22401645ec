//! How fast a dataset is read, with several threads: `hdf5_rate FILE DATASET THREADS ROUNDS`.
//!
//! Prints the best time in seconds and the rate in MB/s. `tests/python/hdf5_rate.py` makes the
//! files, runs this beside h5py and compares.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::env;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use bigarrays_backends::hdf5::direct::{DirectDataset, H5Error, Snapshot};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [file, name, threads, rounds] = arguments.as_slice() else {
        return Err("hdf5_rate FILE DATASET THREADS ROUNDS".into());
    };
    let (threads, rounds): (usize, usize) = (threads.parse()?, rounds.parse()?);
    let mut best = Duration::MAX;
    let mut sum = 0_u64;
    let mut len = 0;
    for _ in 0..rounds {
        let begun = Instant::now();
        let dataset = DirectDataset::new(file, name);
        let snapshot = dataset.snapshot()?.ok_or("there is no such file")?;
        let values = read(&snapshot, threads)?;
        best = best.min(begun.elapsed());
        len = values.len();
        sum = values.iter().map(|&value| u64::from(value)).sum();
    }
    let rate = len as f64 / 1e6 / best.as_secs_f64();
    println!("{:.4} s, {rate:.0} MB/s, sum {sum}", best.as_secs_f64());
    Ok(())
}

/// The whole dataset: each thread reads slabs along the first axis, one chunk thick.
fn read(snapshot: &Snapshot, threads: usize) -> Result<Vec<u8>, H5Error> {
    let map = snapshot.map();
    let len = usize::try_from(map.bytes().unwrap_or(0)).unwrap_or(usize::MAX);
    let thick = map.chunk().map_or(1, |chunk| chunk[0]);
    let layer = len / usize::try_from(map.shape[0]).unwrap_or(1);
    let slab = layer * usize::try_from(thick).unwrap_or(1);
    let mut values = vec![0; len];
    let slabs =
        std::sync::Mutex::new((0_u64..).step_by(slab_step(thick)).zip(values.chunks_mut(slab)));
    thread::scope(|scope| {
        let work = || loop {
            let next = slabs.lock().map_or(None, |mut slabs| slabs.next());
            let Some((first, out)) = next else { return Ok(()) };
            let (mut start, mut end) = (vec![0; map.shape.len()], map.shape.clone());
            start[0] = first;
            end[0] = (first + thick).min(map.shape[0]);
            snapshot.read_box(&start, &end, out)?;
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done = done.and(other.join().unwrap_or(Ok(())));
        }
        done
    })?;
    Ok(values)
}

fn slab_step(thick: u64) -> usize {
    usize::try_from(thick).unwrap_or(1).max(1)
}
